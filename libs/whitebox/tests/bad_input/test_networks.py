"""What `whitebox.nn` and `whitebox.transformers` do with what they should not be given."""

from __future__ import annotations

import json
import struct
from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError, StateError
from whitebox.nn import (
    Embedding,
    LayerNorm,
    Linear,
    Module,
    Parameter,
    RMSNorm,
    Sequential,
    layer_norm,
    linear,
    rms_norm,
)  # fmt: skip
from whitebox.safetensors import load_safetensors, save_safetensors
from whitebox.transformers.attention import (
    MultiHeadAttention,
    Visibility,
    attention,
    merge_heads,
    rotary,
    split_heads,
    tiled_attention,
)  # fmt: skip
from whitebox.transformers.bert import Bert, BertConfig, MaskedLanguageModel, SequenceClassifier, mean_pooling
from whitebox.transformers.cache import ContiguousCache
from whitebox.transformers.generation import Drafted, Written, generate, speculate
from whitebox.transformers.gguf import GGUF, Encoding, open_gguf
from whitebox.transformers.llama import Llama, LlamaConfig, gguf_config, streamed_log_probabilities
from whitebox.transformers.sampling import Sampling, draw_from, log_probabilities
from whitebox.transformers.tokenizer import BytePairTokenizer, WordPieceTokenizer, merge, split_words

RNG = np.random.default_rng(0)
X = Tensor(np.ones((2, 3), np.float32))
FOUR = Tensor(np.ones((1, 4, 2, 2)))
BERT = Bert(BertConfig(9, 4, 1, 2, 8, max_position_embeddings=5), rng=RNG)
LLAMA = Llama(LlamaConfig(9, 4, 8, 1, 2, 1, max_position_embeddings=5), rng=RNG)
PIECES = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}
REFUSED = [
    ("no features", partial(Linear, 0, 3, rng=RNG), RangeError, "in_features"),
    ("no outputs", partial(Linear, 3, 0, rng=RNG), RangeError, "out_features"),
    ("another width", partial(Linear(4, 2, rng=RNG), X), ShapeError, "takes 4 features"),
    ("a width to normalise that differs", partial(LayerNorm(4), X), ShapeError, r"\(4,\)"),
    ("a width to scale that differs", partial(RMSNorm(4), X), ShapeError, r"\(4,\)"),
    ("an empty table", partial(Embedding, 0, 3, rng=RNG), RangeError, "count"),
    ("rows by fractions", partial(Embedding(3, 2, rng=RNG), [0.5]), DtypeError, "whole numbers"),
    ("a row that is none", partial(Embedding(3, 2, rng=RNG), [3]), RangeError, "3 rows"),
    ("a row below 0", partial(Embedding(3, 2, rng=RNG), [-1]), RangeError, "-1"),
    ("a parameter of words", partial(Parameter, ["a"]), DtypeError, "real numbers"),
    ("a module that computes nothing", partial(Module(), X), NotImplementedError, "no forward"),
    ("a state that lacks names", partial(Linear(2, 1, rng=RNG).load_state_dict, {}), StateError, "missing: weight"),
    (
        "a state with other names",
        partial(Linear(2, 1, bias=False, rng=RNG).load_state_dict, {"weight": [[1, 2]], "gain": 1}),
        StateError,
        "unknown: gain",
    ),
    (
        "a state of other shapes",
        partial(Linear(2, 1, bias=False, rng=RNG).load_state_dict, {"weight": [[1, 2, 3]]}),
        ShapeError,
        r"\(1, 2\), got \(1, 3\)",
    ),
    ("attention without heads", partial(attention, X, X, X), ShapeError, "batch, heads"),
    ("keys of another width", partial(attention, FOUR, FOUR[..., :1], FOUR), ShapeError, "width"),
    ("heads that cannot be shared", partial(attention, FOUR, FOUR[:, :3], FOUR[:, :3]), ShapeError, "multiple"),
    ("no keys", partial(attention, FOUR, FOUR[:, :, :0], FOUR[:, :, :0]), ShapeError, "no key"),
    ("no tile", partial(tiled_attention, FOUR, FOUR, FOUR, tile=0), RangeError, "tile"),
    ("a window that sees the future", partial(Visibility, window=3), RangeError, "causal"),
    ("an empty window", partial(Visibility, causal=True, window=0), RangeError, "window"),
    ("pairs of three", partial(rotary, Tensor(np.ones((2, 3))), np.arange(2)), ShapeError, "even"),
    ("heads that do not divide", partial(MultiHeadAttention, 6, 4, rng=RNG), RangeError, "divide"),
    ("key heads that do not divide", partial(MultiHeadAttention, 8, 4, key_heads=3, rng=RNG), RangeError, "shared"),
    ("a BERT of odd heads", partial(BertConfig, hidden_size=10, num_attention_heads=3), RangeError, "divide"),
    ("an unknown activation", partial(BertConfig, hidden_act="relu6"), RangeError, "relu6"),
    ("a text too long for BERT", partial(BERT, np.zeros((1, 6), int)), ShapeError, "1 to 5"),
    ("a row of tokens", partial(BERT, [1, 2]), ShapeError, "rows"),
    ("a token that is none", partial(BERT, [[9]]), RangeError, "9 rows"),
    ("a length beyond the row", partial(BERT, [[1, 2]], [3]), RangeError, "1 to 2"),
    ("lengths of other rows", partial(BERT, [[1, 2]], [1, 1]), ShapeError, r"\(1,\)"),
    ("weights of another model", partial(BERT.load_published, {"a": [1.0]}), StateError, "is missing"),
    ("a Llama of odd heads", partial(LlamaConfig, hidden_size=10, num_attention_heads=3), RangeError, "split"),
    ("a text too long for Llama", partial(LLAMA, np.zeros((1, 6), int)), ShapeError, "1 to 5"),
    (
        "no room in a cache",
        partial(ContiguousCache, layers=1, batch=1, heads=1, width=1, capacity=0),
        RangeError,
        "cap",
    ),
    ("a vocabulary without specials", partial(WordPieceTokenizer, {"a": 0}), StateError, r"no \[UNK\]"),
    (
        "a limit below the specials",
        partial(WordPieceTokenizer(PIECES).encode, "a", max_tokens=1),
        RangeError,
        "at least",
    ),
    ("a piece that is none", partial(WordPieceTokenizer(PIECES).decode, [9]), RangeError, "9 is no piece"),
    ("a token that has no bytes", partial(BytePairTokenizer({"a": 0}, []).decode, [1]), RangeError, "1 is no token"),
    ("a prompt of nothing", lambda: next(generate(LLAMA, [], max_tokens=1)), EmptyInputError, "prompt"),
    ("nothing drafted", lambda: next(speculate(LLAMA, LLAMA, [1], max_tokens=1, ahead=0)), RangeError, "ahead"),
    ("nothing to score", partial(streamed_log_probabilities, "/dev/null", [1, 2], 2), RangeError, "1 to 1"),
    ("a first token to score", partial(streamed_log_probabilities, "/dev/null", [1, 2], 0), RangeError, "got 0"),
    ("an empty file to score with", partial(streamed_log_probabilities, "/dev/null", [1, 2], 1), StateError, "GGUF"),
    ("no temperature", partial(Sampling, temperature=np.nan), RangeError, "temperature"),
    ("logits without rows", partial(log_probabilities, [1.0], [0]), ShapeError, "fit"),
    ("words to save", partial(save_safetensors, "/dev/null", {"a": ["x"]}), DtypeError, "a holds"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("no rows", lambda: linear(Tensor(np.ones((0, 3))), Tensor(np.ones((2, 3)))).shape, (0, 2)),
    ("a constant vector", lambda: layer_norm(Tensor([[5.0, 5.0]]), Tensor([1.0, 1.0]), Tensor([0.0, 0.0]), 1e-5).data, [[0.0, 0.0]]),
    ("zeros to scale", lambda: rms_norm(Tensor([[0.0, 0.0]]), Tensor([1.0, 1.0]), 1e-5).data, [[0.0, 0.0]]),
    ("no layers", lambda: Sequential()(Tensor([1.0])).data, [1.0]),
    ("one head", lambda: merge_heads(split_heads(Tensor(np.ones((1, 2, 3))), 1)).shape, (1, 2, 3)),
    ("a text of one token", lambda: BERT([[1]], [1]).shape, (1, 1, 4)),
    ("a mean of one token", lambda: mean_pooling(Tensor([[[3.0, 4.0]]]), [1]).data.round(12), [[0.6, 0.8]]),
    ("hidden words of one token", lambda: MaskedLanguageModel(BERT, rng=RNG)([[1]]).shape, (1, 1, 9)),
    ("a class of one token", lambda: SequenceClassifier(BERT, 3, rng=RNG)([[1]]).shape, (1, 3)),
    ("an empty text", lambda: WordPieceTokenizer(PIECES).encode(""), [1, 2]),
    ("an unknown word", lambda: WordPieceTokenizer(PIECES).encode("zebra"), [1, 0, 2]),
    ("a word of a thousand letters", lambda: WordPieceTokenizer(PIECES).encode("a" * 1000), [1, 0, 2]),
    ("no bytes", lambda: BytePairTokenizer({"a": 0}, []).encode(""), []),
    ("bytes without a token", lambda: BytePairTokenizer({"a": 0}, []).encode("abaé"), [0, 0]),
    ("nothing to join", lambda: merge([], {}), []),
    ("nothing to split", lambda: list(split_words("")), []),
    ("a certain draw", lambda: draw_from(np.array([0.0, 1.0]), 0.999), 1),
    ("how drafting starts", lambda: Drafted().accepted, 0),
    ("what is written", lambda: Written(3, -0.5).token, 3),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)


def safetensors(header: object, data: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes"),
        (b"\xff" * 16, "header would have"),
        (safetensors(b"{"), "no safetensors file"),
        (safetensors(b"\xff\xfe"), "no safetensors file"),
        (safetensors([1]), "no object"),
        (safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}), "described wrongly"),
        (safetensors({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}), "described wrongly"),
        (safetensors({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 8]}}), "described wrongly"),
        (safetensors({"a": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 4]}}), "described wrongly"),
        (safetensors({"a": 5}), "described wrongly"),
    ],
)
def test_a_damaged_safetensors_file_is_refused(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(StateError, match=message):
        load_safetensors(path)


def test_what_is_saved_is_loaded_again_and_readable_by_others(tmp_path) -> None:
    safe = pytest.importorskip("safetensors.numpy")
    tensors = {
        "a": RNG.standard_normal((2, 3)).astype(np.float32),
        "b": np.arange(4),
        "none": np.zeros((0, 2)),
        "c": np.array(True),
    }
    save_safetensors(tmp_path / "ours", tensors)
    safe.save_file(tensors, tmp_path / "theirs")
    for found in (
        load_safetensors(tmp_path / "ours"),
        load_safetensors(tmp_path / "theirs"),
        safe.load_file(tmp_path / "ours"),
    ):
        assert found.keys() == tensors.keys()
        for name, array in tensors.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def gguf(
    entries: bytes = b"",
    count: int = 0,
    tensors: bytes = b"",
    tensor_count: int = 0,
    data: bytes = b"",
    version: int = 3,
) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, tensor_count, count) + entries + tensors
    return head + b"\0" * (-len(head) % 32) + data


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def described(name: str, shape: tuple[int, ...], kind: int, offset: int = 0) -> bytes:
    return (
        text(name)
        + struct.pack("<I", len(shape))
        + struct.pack(f"<{len(shape)}Q", *shape)
        + struct.pack("<IQ", kind, offset)
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GGUF", "4 bytes"),
        (b"ELF!" + b"\0" * 30, "begins with"),
        (gguf(version=9), "version 9"),
        (gguf(count=1), "."),
        (gguf(text("a") + struct.pack("<I", 77), 1), "type 77"),
        (gguf(struct.pack("<Q", 1 << 60), 1), "length"),
        (gguf(text("a") + struct.pack("<IIQ", 9, 9, 1), 1), "list of type 9"),
        (gguf(text("a") + struct.pack("<IIQ", 9, 4, 1 << 40), 1), "length"),
        (gguf(tensors=described("t", (32,), 99), tensor_count=1), "type 99"),
        (gguf(tensors=described("t", (1,) * 9, 0), tensor_count=1), "9 dimensions"),
        (gguf(tensors=described("t", (1 << 62, 1 << 62), 0), tensor_count=1), "does not fit"),
        (gguf(tensors=described("t", (33,), 3), tensor_count=1, data=b"\0" * 64), "does not fit"),
    ],
)
def test_a_damaged_gguf_file_is_refused(tmp_path, content: bytes, message: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(StateError, match=message):
        open_gguf(path)


def test_every_packing_gives_the_numbers_that_its_definition_says(tmp_path) -> None:
    d, m = np.float16(0.5), np.float16(-3)
    nibbles = np.arange(32) % 16
    packed = (nibbles[:16] | nibbles[16:] << 4).astype(np.uint8).tobytes()
    fifth = np.packbits(np.arange(32) % 3 == 0, bitorder="little").tobytes()
    high = nibbles + 16 * (np.arange(32) % 3 == 0)
    eight = (np.arange(32) - 16).astype(np.int8)
    cases = {
        2: (d.tobytes() + packed, 0.5 * (nibbles - 8)),
        3: (d.tobytes() + m.tobytes() + packed, 0.5 * nibbles - 3),
        6: (d.tobytes() + fifth + packed, 0.5 * (high - 16)),
        7: (d.tobytes() + m.tobytes() + fifth + packed, 0.5 * high - 3),
        8: (d.tobytes() + eight.tobytes(), 0.5 * eight),
        0: (np.arange(32, dtype="<f4").tobytes(), np.arange(32)),
        1: (np.arange(32, dtype="<f2").tobytes(), np.arange(32)),
        30: ((np.arange(32, dtype="<f4").view("<u4") >> 16).astype("<u2").tobytes(), np.arange(32)),
    }
    for kind, (data, expected) in cases.items():
        path = tmp_path / f"{kind}.gguf"
        path.write_bytes(gguf(tensors=described("t", (16, 2), kind), tensor_count=1, data=data))
        file = open_gguf(path)
        assert isinstance(file, GGUF)
        assert file.shapes["t"] == (2, 16)
        np.testing.assert_array_equal(file.tensor("t"), expected.reshape(2, 16), err_msg=file.encodings["t"])
    with pytest.raises(StateError, match="no tensor 'u'"):
        file.tensor("u")
    with pytest.raises(StateError, match="not a llama"):
        gguf_config(file)
    with pytest.raises(StateError, match="not a gpt2"):
        BytePairTokenizer.from_gguf(file)
    assert Encoding("F32", 1, 4, lambda blocks: blocks).numbers == 1
