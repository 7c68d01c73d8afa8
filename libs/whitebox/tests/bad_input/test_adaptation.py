"""What quantisation, LoRA and the losses of answers and preferences do with what they should not be given."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError, StateError
from whitebox.nn import LayerNorm, Linear, Sequential
from whitebox.peft.lora import (
    LoRALinear,
    adapters,
    apply_lora,
    load_lora,
    merge_lora,
    save_lora,
    unmerge_lora,
    without_adapters,
)
from whitebox.preference.dpo import dpo_loss, implicit_rewards, ipo_loss
from whitebox.preference.sequences import (
    Batch,
    Example,
    pack,
    pad,
    reference_log_probabilities,
    response_log_probabilities,
    sequence_log_probabilities,
    token_log_probabilities,
)
from whitebox.preference.sft import Turn, encode_chat, sft_loss
from whitebox.quantize.groupwise import Groupwise, dequantize_groupwise, quantize_groupwise, to_q4_1
from whitebox.quantize.int8 import (
    MinMaxObserver,
    MSEObserver,
    PercentileObserver,
    Quantized,
    affine_parameters,
    dequantize_affine,
    integer_product,
    quantize_affine,
    quantize_int8,
)
from whitebox.quantize.linear import (
    GroupwiseScheme,
    GroupwiseWeight,
    Int8Scheme,
    Int8Weight,
    NF4Scheme,
    NF4Weight,
    PackedWeight,
    QuantizedLinear,
    memory,
    quantize,
)
from whitebox.quantize.nf4 import (
    NF4,
    DoubleQuantized,
    dequantize_double,
    dequantize_nf4,
    double_quantize,
    nearest_levels,
    normal_float_levels,
    quantize_nf4,
)
from whitebox.transformers.tokenizer import BytePairTokenizer

RNG = np.random.default_rng(0)
BYTES = np.ones((2, 3), np.int8)
FOUR_BITS = quantize_groupwise(np.ones((1, 64)), group=64)
CHATLESS = BytePairTokenizer({"a": 0}, [])
CHATML = BytePairTokenizer({"<|im_start|>": 0, "<|im_end|>": 1}, [], special=["<|im_start|>", "<|im_end|>"])
ONE = Batch(np.array([[0, 1]]), np.array([[False, True]]))
SILENT = Batch(np.array([[0, 1]]), np.array([[True, False]]))
V = np.array([-1.0, -2.0])


def model() -> Sequential:
    return Sequential(Linear(4, 3, rng=RNG), LayerNorm(3))


def adapted() -> Sequential:
    found = model()
    apply_lora(found, ["0"], rank=1, rng=RNG)
    return found


def uniform(ids: np.ndarray) -> Tensor:
    return Tensor(np.zeros((*ids.shape, 4)))


def of_two_ranks() -> Sequential:
    layers = [LoRALinear(Linear(4, 4, rng=RNG), rank=rank, rng=RNG) for rank in (1, 2)]
    return Sequential(*layers)


REFUSED = [
    ("a range that ends before it begins", partial(affine_parameters, 1.0, 0.0), RangeError, "low is above high"),
    ("a range without an end", partial(affine_parameters, 0.0, math.inf), NotFiniteError, "finite"),
    ("ranges of other numbers", partial(affine_parameters, [0.0], [1.0, 2.0]), ShapeError, r"\(1,\) and \(2,\)"),
    ("a NaN to quantise", partial(quantize_affine, [math.nan], 1.0), NotFiniteError, "NaN"),
    ("words to quantise", partial(quantize_affine, ["a"], 1.0), DtypeError, "real numbers"),
    ("a scale of 0", partial(quantize_affine, [1.0], 0.0), RangeError, "positive"),
    ("a scale of NaN", partial(quantize_affine, [1.0], math.nan), RangeError, "positive"),
    ("a zero point beyond eight bits", partial(quantize_affine, [1.0], 1.0, 128), RangeError, "-128 to 127"),
    ("half a zero point", partial(quantize_affine, [1.0], 1.0, 0.5), DtypeError, "integers"),
    ("scales without an axis", partial(quantize_affine, [1.0], [1.0]), ShapeError, "one scale"),
    ("scales of another axis", partial(quantize_affine, np.ones((2, 3)), np.ones(3), axis=0), ShapeError, "2 scales"),
    ("an axis that is none", partial(quantize_int8, np.ones((2, 3)), axis=2), RangeError, "no axis 2"),
    ("nothing for eight bits", partial(quantize_int8, []), EmptyInputError, "nothing"),
    ("an infinity for eight bits", partial(quantize_int8, [math.inf]), NotFiniteError, "infinity"),
    (
        "values with the scales of others",
        partial(dequantize_affine, Quantized(BYTES, np.ones(3), np.zeros(3, np.int8), 0)),
        ShapeError,
        "2 scales",
    ),
    ("floats to multiply as integers", partial(integer_product, np.ones((1, 2)), BYTES), DtypeError, "int8"),
    ("rows of other lengths", partial(integer_product, BYTES, BYTES[:, :2]), ShapeError, "one length"),
    ("a vector to multiply", partial(integer_product, BYTES[0], BYTES), ShapeError, "matrices"),
    ("too long rows", lambda: integer_product(*[np.ones((1, 34_000), np.int8)] * 2), RangeError, "32 bits"),
    ("a zero point beyond", partial(integer_product, BYTES, BYTES, x_zero=200), RangeError, "x_zero"),
    ("zero points of others", partial(integer_product, BYTES, BYTES, weight_zero=[1, 2, 3]), ShapeError, "weight_zero"),
    ("half a zero", partial(integer_product, BYTES, BYTES, x_zero=0.5), DtypeError, "x_zero"),
    ("an observer that saw nothing", MinMaxObserver().range, StateError, "nothing was observed"),
    ("a histogram of nothing", PercentileObserver().observe([]).range, StateError, "nothing was observed"),
    ("an observer of NaN", partial(MSEObserver().observe, [math.nan]), NotFiniteError, "NaN"),
    ("no share of the numbers", partial(PercentileObserver, 0), RangeError, "percentile"),
    ("more than all", partial(PercentileObserver, 101), RangeError, "percentile"),
    ("no bins", partial(MSEObserver, bins=0), RangeError, "bins"),
    ("levels of one bit", partial(normal_float_levels, 1), RangeError, "2 to 8"),
    ("levels of nine bits", partial(normal_float_levels, 9), RangeError, "2 to 8"),
    ("the level of NaN", partial(nearest_levels, [math.nan]), NotFiniteError, "NaN"),
    ("nothing for NF4", partial(quantize_nf4, []), EmptyInputError, "nothing"),
    ("an odd block", partial(quantize_nf4, [1.0], block=3), RangeError, "even"),
    ("what single precision does not hold", partial(quantize_nf4, [1e300]), NotFiniteError, "single precision"),
    ("complex numbers for NF4", partial(quantize_nf4, [1j]), DtypeError, "real"),
    (
        "codes of another shape",
        partial(dequantize_nf4, NF4(np.zeros(1, np.uint8), np.ones(1, np.float32), (4,), 2)),
        ShapeError,
        "2 bytes",
    ),
    ("a table of scales", partial(double_quantize, [[1.0]]), ShapeError, "vector"),
    ("no scales", partial(double_quantize, []), EmptyInputError, "nothing"),
    (
        "scales of scales that are missing",
        partial(dequantize_double, DoubleQuantized(np.zeros(5, np.int8), np.ones(1, np.float32), np.ones((), np.float32), 4)),
        ShapeError,
        "5 values",
    ),
    ("groups of seven", partial(quantize_groupwise, np.ones(7), group=7), RangeError, "32, 64, 128"),
    ("a group that is not full", partial(quantize_groupwise, np.ones(33)), ShapeError, "multiple"),
    ("a single number in groups", partial(quantize_groupwise, 1.0), ShapeError, "multiple"),
    ("nothing in groups", partial(quantize_groupwise, np.ones((0, 32))), EmptyInputError, "nothing"),
    ("words in groups", partial(quantize_groupwise, ["a"]), DtypeError, "real numbers"),
    ("a NaN in a group", partial(quantize_groupwise, np.full(32, math.nan)), NotFiniteError, "NaN"),
    ("too large for half precision", partial(quantize_groupwise, np.full(32, 7e4)), RangeError, "65504"),
    ("minima of other groups", lambda: dequantize_groupwise(Groupwise(FOUR_BITS[0], FOUR_BITS[1], FOUR_BITS[2][:, :0])), ShapeError, "do not fit"),
    ("groups of 64 as Q4_1", partial(to_q4_1, FOUR_BITS), RangeError, "of 64"),
    ("a vector to pack", partial(Int8Weight, np.ones(3)), ShapeError, "matrix"),
    ("a cube to pack", partial(NF4Weight, np.ones((2, 2, 2))), ShapeError, "matrix"),
    ("rows that are no groups", partial(GroupwiseWeight, np.ones((2, 33))), ShapeError, "multiple"),
    ("what packs nothing", PackedWeight((1, 1)).unpack, NotImplementedError, "packs nothing"),
    ("a way that is none", partial(Int8Scheme, "sometimes"), RangeError, "sometimes"),
    ("integers of NormalFloat", partial(QuantizedLinear, NF4Weight(np.ones((1, 2))), dynamic=True), RangeError, "NF4Weight"),
    (
        "both ways at once",
        partial(QuantizedLinear, Int8Weight(np.ones((1, 2))), dynamic=True, input_range=(0.0, 1.0)),
        RangeError,
        "not both",
    ),
    ("inputs of another width", lambda: QuantizedLinear(NF4Weight(np.ones((1, 2))))(Tensor([1.0])), ShapeError, "takes 2"),
    ("a NaN for integers", lambda: QuantizedLinear(Int8Weight(np.ones((1, 1))), dynamic=True)(Tensor([math.nan])), NotFiniteError, "finite"),
    ("a layer that is not there", lambda: quantize(model(), NF4Scheme(), ["9"]), RangeError, "'9'"),
    ("a layer that is none", lambda: quantize(model(), NF4Scheme(), ["layers.1"]), RangeError, "no Linear"),
    ("a name instead of names", lambda: quantize(model(), NF4Scheme(), "0"), RangeError, "a list of names"),
    ("static without calibration", lambda: quantize(model(), Int8Scheme("static")), RangeError, "calibrate"),
    ("calibration for nothing", lambda: quantize(model(), NF4Scheme(), calibrate=lambda _: None), RangeError, "calibrate"),
    ("a width that no group divides", lambda: quantize(model(), GroupwiseScheme()), ShapeError, "multiple"),
    ("no rank", lambda: LoRALinear(Linear(4, 3, rng=RNG), rank=0, rng=RNG), RangeError, "rank"),
    ("a rank above the weight's", lambda: LoRALinear(Linear(4, 3, rng=RNG), rank=4, rng=RNG), RangeError, "at most 3"),
    ("no scale", lambda: LoRALinear(Linear(4, 3, rng=RNG), rank=1, alpha=0, rng=RNG), RangeError, "alpha"),
    ("everything dropped", lambda: LoRALinear(Linear(4, 3, rng=RNG), rank=1, dropout=1, rng=RNG), RangeError, "dropout"),
    ("an unknown start", lambda: LoRALinear(Linear(4, 3, rng=RNG), rank=1, init="ones", rng=RNG), RangeError, "ones"),
    ("adapters on adapters", lambda: apply_lora(adapted(), ["0"], rank=1, rng=RNG), StateError, "already"),
    ("an adapter for a norm", lambda: apply_lora(model(), ["layers.1"], rank=1, rng=RNG), RangeError, "layers.1"),
    ("one target that is not there", lambda: apply_lora(model(), ["0", "q"], rank=1, rng=RNG), RangeError, "'q'"),
    ("a model without adapters", lambda: adapters(model()), StateError, "no adapters"),
    ("nothing to merge", lambda: merge_lora(model()), StateError, "no adapters"),
    ("nothing to unmerge", lambda: unmerge_lora(adapted()), StateError, "not merged"),
    ("nothing to leave out", lambda: without_adapters(model()).__enter__(), StateError, "no adapters"),
    ("nothing to save", lambda: save_lora("/dev/null", model()), StateError, "no adapters"),
    ("adapters of two ranks", lambda: save_lora("/dev/null", of_two_ranks()), StateError, "one rank"),
    ("a folder that is none", lambda: load_lora("/dev/null", model()), OSError, "Not a directory"),
    ("fractions as tokens", partial(Batch, np.ones((1, 2)), np.ones((1, 2), bool)), DtypeError, "whole numbers"),
    ("numbers as marks", partial(Batch, np.ones((1, 2), int), np.ones((1, 2))), DtypeError, "truth values"),
    ("a row instead of rows", partial(Batch, np.ones(2, int), np.ones(2, bool)), ShapeError, "matrices"),
    ("marks of other tokens", partial(Batch, np.ones((1, 2), int), np.ones((1, 3), bool)), ShapeError, "one shape"),
    ("a batch of nothing", partial(Batch, np.ones((1, 0), int), np.ones((1, 0), bool)), EmptyInputError, "nothing"),
    ("nothing to pad", partial(pad, []), EmptyInputError, "no example"),
    ("an example of nothing", partial(pad, [Example([], [])]), EmptyInputError, "example 0"),
    ("too few marks", partial(pad, [Example([1, 2], [True])]), ShapeError, "1 marks"),
    ("rows that are too short", partial(pad, [Example([1, 2], [True, True])], length=1), ShapeError, "rows have 1"),
    ("rows too short to pack", partial(pack, [Example([1, 2], [True, True])], 1), ShapeError, "rows have 1"),
    ("rows of no length", partial(pack, [Example([1], [True])], 0), RangeError, "length"),
    ("targets of other rows", partial(token_log_probabilities, Tensor([[1.0]]), np.array([0, 0])), ShapeError, "fit"),
    ("a target that is no token", partial(token_log_probabilities, Tensor([[1.0]]), np.array([1])), RangeError, "1 tokens"),
    ("a target below 0", partial(token_log_probabilities, Tensor([[1.0]]), np.array([-1])), RangeError, "-1"),
    ("nothing to learn", partial(sft_loss, uniform, SILENT), EmptyInputError, "no token"),
    ("no response at all", partial(sequence_log_probabilities, uniform, SILENT), EmptyInputError, "no token"),
    ("a model of one position", partial(response_log_probabilities, lambda ids: uniform(ids[:, :1]), ONE), ShapeError, r"\(1, 1, 4\)"),
    ("a model without logits", partial(reference_log_probabilities, lambda ids: Tensor([1.0]), ONE), ShapeError, r"\(1,\)"),
    ("a conversation of nothing", partial(encode_chat, [], CHATML), EmptyInputError, "one turn"),
    ("an unknown role", partial(encode_chat, [Turn("robot", "")], CHATML), RangeError, "robot"),
    ("a tokenizer that knows no turns", partial(encode_chat, [Turn("user", "a")], CHATLESS), StateError, "ChatML"),
    ("no pairs", partial(dpo_loss, [], [], [], []), EmptyInputError, "no answer"),
    ("answers without others", partial(dpo_loss, V, V[:1], V, V), ShapeError, r"\(1,\), \(2,\)"),
    ("probabilities of tokens", partial(dpo_loss, *[V[None]] * 4), ShapeError, "vectors"),
    ("no beta", partial(dpo_loss, V, V, V, V, beta=0), RangeError, "beta"),
    ("labels that are wrong by half", partial(dpo_loss, V, V, V, V, label_smoothing=0.6), RangeError, "label_smoothing"),
    ("a beta below 0", partial(ipo_loss, V, V, V, V, beta=-1), RangeError, "beta"),
    ("rewards of others", partial(implicit_rewards, V, V[:1]), ShapeError, "vectors"),
    ("rewards of words", partial(implicit_rewards, ["a"], ["b"]), DtypeError, "real numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("all zeros", lambda: dequantize_affine(quantize_int8(np.zeros((2, 2)), axis=0)), [[0.0, 0.0], [0.0, 0.0]]),
    ("the smallest number", lambda: dequantize_affine(quantize_int8(np.array([5e-324]))), [0.0]),
    ("the largest numbers", lambda: quantize_int8([1.7e308, -1.7e308], symmetric=False).values, [127, -128]),
    ("numbers far beyond the range", lambda: quantize_affine(np.array([3e38, -3e38], np.float32), 1e-30).values, [127, -128]),
    ("no numbers", lambda: quantize_affine(np.zeros((0, 3)), 1.0).values.shape, (0, 3)),
    ("whole numbers", lambda: quantize_int8([127, 1]).values, [127, 1]),
    ("rows of no numbers", lambda: integer_product(np.ones((2, 0), np.int8), np.ones((1, 0), np.int8)), [[0], [0]]),
    ("an observer of zeros", lambda: PercentileObserver().observe([0.0]).range(), (0.0, 0.0)),
    ("one number, seen twice", lambda: MinMaxObserver().observe(3.0).observe([]).range(), (3.0, 3.0)),
    ("squares of zeros", lambda: MSEObserver().observe([0.0, 0.0]).range(), (0.0, 0.0)),
    ("numbers after zeros", lambda: PercentileObserver(100).observe([0.0]).observe([-2.0, 7.0]).range(), (-2.0, 7.0)),
    ("a block of zeros", lambda: dequantize_nf4(quantize_nf4(np.zeros(3))), [0.0, 0.0, 0.0]),
    ("one number", lambda: dequantize_nf4(quantize_nf4(-3.0)), -3.0),
    ("equal scales", lambda: dequantize_double(double_quantize([2.0, 2.0])), [2.0, 2.0]),
    ("a constant group", lambda: dequantize_groupwise(quantize_groupwise(np.full(32, 0.125)))[0], 0.125),
    ("equal bytes", lambda: to_q4_1(quantize_groupwise(np.zeros(32))).sum(), 0),
    ("no inputs", lambda: QuantizedLinear(Int8Weight(np.ones((2, 3))), dynamic=True)(Tensor(np.zeros((0, 3)))).shape, (0, 2)),
    ("zeros as inputs", lambda: QuantizedLinear(Int8Weight(np.ones((1, 3))), dynamic=True)(Tensor(np.zeros((1, 3)))).data, [[0.0]]),
    ("a layer of one number", lambda: memory(Linear(1, 1, bias=False, rng=RNG)), (1, 4)),
    ("no rows for an adapter", lambda: LoRALinear(Linear(3, 2, rng=RNG), rank=1, rng=RNG)(Tensor(np.zeros((0, 3), np.float32))).shape, (0, 2)),
    ("a row without a response", lambda: sequence_log_probabilities(uniform, Batch(np.zeros((2, 2), int), np.array([[True, False], [False, True]]))).data.round(4), [0.0, -1.3863]),
    ("one token, no logits", lambda: token_log_probabilities(Tensor(np.zeros((0, 3))), np.array([], int)).shape, (0,)),
    ("whole numbers as log-probabilities", lambda: round(dpo_loss([0], [0], [0], [0]).item(), 4), 0.6931),
    ("a margin beyond all bounds", lambda: dpo_loss([-1e6], [0.0], [0.0], [0.0], beta=1).item(), 1e6),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
