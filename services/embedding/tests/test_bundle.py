"""Models are built once, verified every time, and never half there."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from whitebox_embedding import bundle as bundles
from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.bundle import Bundle, ModelChoice, ensure_bundle
from whitebox_embedding.errors import ModelError
from whitebox_embedding.model_folder import sha256_file

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "white", "box", "every", "part"]


@pytest.fixture
def own_model(tmp_path, tiny_weights, tiny) -> Path:
    """A model folder that a user might bring."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path / "my-encoder"
    folder.mkdir()
    save_file(dict(tiny_weights), folder / "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": tiny.dimensions,
        "num_hidden_layers": tiny.layers,
        "num_attention_heads": tiny.heads,
        "max_position_embeddings": tiny.max_tokens,
        "layer_norm_eps": tiny.epsilon,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "LICENSE").write_text("Do as you like.")
    return folder


@pytest.fixture
def builds(monkeypatch) -> list[int]:
    """Grows by one entry with every graph that is built."""
    made: list[int] = []
    build = bundles.build_graph

    def counted(*arguments):
        made.append(1)
        return build(*arguments)

    monkeypatch.setattr(bundles, "build_graph", counted)
    return made


@pytest.fixture
def ensure(tmp_path, own_model) -> Callable[..., Bundle]:
    def open_own(**choice) -> Bundle:
        return ensure_bundle(tmp_path / "data", ModelChoice(path=own_model, **choice), HuggingFaceTokenizer)

    return open_own


def test_the_probe_vector_is_what_the_engine_gives(bundle, tokenizer, encoder):
    ids = tokenizer.encode([bundle.manifest.probe])[0].ids
    vector = encoder.encode(ids[np.newaxis], np.array([len(ids)], np.int32))[0]
    np.testing.assert_allclose(vector, bundle.probe_vector, atol=1e-6)


def test_a_bundle_is_self_contained(bundle):
    assert {file.name for file in bundle.path.iterdir()} == {
        "manifest.json", "model.onnx", "model.safetensors", "tokenizer.json", "LICENSE", "NOTICE",
    }  # fmt: skip


def test_the_default_model_is_served_from_its_bundle_without_its_weights(data_dir, bundle, monkeypatch):
    monkeypatch.setattr(bundles, "default_folder", lambda: pytest.fail("the weights were asked for"))
    assert ensure_bundle(data_dir, ModelChoice(), HuggingFaceTokenizer) == bundle


def test_a_users_model_is_built_named_after_its_folder_and_works(ensure, own_model):
    own = ensure()
    assert own.manifest.model == "my-encoder"
    assert own.manifest.weights_sha256 == sha256_file(own_model / "model.safetensors")
    assert (own.path / "LICENSE").read_text() == "Do as you like."
    tokenizer = HuggingFaceTokenizer(own.tokenizer_path, own.manifest.max_tokens)
    ids = tokenizer.encode([own.manifest.probe])[0].ids
    vector = OnnxEncoder(own.graph_path).encode(ids[np.newaxis], np.array([len(ids)], np.int32))[0]
    np.testing.assert_allclose(vector, own.probe_vector, atol=2e-6)


def test_a_model_is_built_once(ensure, builds):
    assert ensure() == ensure()
    assert len(builds) == 1


def test_precisions_have_bundles_and_names_of_their_own(ensure):
    exact, rounded = ensure(name="mine"), ensure(name="mine", precision="int8")
    assert exact.path != rounded.path
    assert (exact.manifest.model, rounded.manifest.model) == ("mine", "mine-int8")


def test_another_tokenizer_makes_another_bundle(ensure, own_model):
    before = ensure()
    text = (own_model / "tokenizer.json").read_text().replace('"every"', '"each"')
    (own_model / "tokenizer.json").write_text(text)
    assert ensure().path != before.path


def test_renaming_a_model_rebuilds_nothing(ensure, builds):
    ensure(name="one")
    assert ensure(name="two").manifest.model == "two"
    assert len(builds) == 1


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_bundle_is_rebuilt(ensure, builds, name, damage):
    good = ensure()
    file = good.path / name
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\0" + content[1:])
    again = ensure()
    assert again == good
    assert file.read_bytes() == content
    assert len(builds) == 2
    assert [path.name for path in again.path.parent.iterdir()] == [again.path.name]


def test_processes_that_build_at_the_same_time_agree(ensure):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ensure(), range(4)))
    assert all(other == made[0] for other in made)
    assert [path.name for path in made[0].path.parent.iterdir()] == [made[0].path.name]


def test_a_build_that_fails_leaves_nothing(ensure, tmp_path, monkeypatch):
    def fail(*_):
        raise ModelError("no")

    monkeypatch.setattr(bundles, "build_graph", fail)
    with pytest.raises(ModelError, match="no"):
        ensure()
    assert list((tmp_path / "data" / "models").iterdir()) == []


def test_weights_other_than_the_pinned_ones_are_refused(ensure, own_model):
    digest = sha256_file(own_model / "model.safetensors")
    assert ensure(weights_sha256=digest).manifest.weights_sha256 == digest
    with pytest.raises(ModelError, match=rf"SHA-256 is {digest}, the setting allows only {'0' * 64}"):
        ensure(weights_sha256="0" * 64)


def test_a_default_model_with_other_weights_is_refused(own_model, tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "default_folder", lambda: own_model)
    with pytest.raises(ModelError, match=r"model\.safetensors has SHA-256 .*, expected 53aa5117"):
        ensure_bundle(tmp_path, ModelChoice(), HuggingFaceTokenizer)


def test_a_data_folder_that_cannot_be_written_is_named(own_model, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="WHITEBOX_EMBEDDING_DATA_DIR"):
        ensure_bundle(tmp_path / "file", ModelChoice(path=own_model), HuggingFaceTokenizer)


def test_a_tokenizer_that_is_none_is_refused(ensure, own_model):
    (own_model / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="not a usable tokenizer"):
        ensure()


def test_a_graph_that_is_none_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="ONNX Runtime cannot load"):
        OnnxEncoder(tmp_path / "model.onnx")
