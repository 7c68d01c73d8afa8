"""Pairs of `whitebox.quantize`, `whitebox.peft` and `whitebox.preference`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from pairs.strategies import matrices, numbers
from whitebox import peft, preference, quantize, reference
from whitebox.autograd import Tensor
from whitebox.nn import Linear


def _tuples(*parts: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*parts)


BYTES = st.integers(-128, 127)
SCALES = st.sampled_from([0.001, 0.1, 0.5, 3.0])
# Far enough from the middles of two levels in units of any largest value: thousandths.
THOUSANDTHS = st.integers(-3000, 3000).map(lambda one: one / 1000)


def _fast_parameters(low: float, high: float, symmetric: bool) -> tuple[float, int]:
    scale, zero = quantize.int8.affine_parameters(low, high, symmetric=symmetric)
    return scale.item(), zero.item()


def _fast_quantized(x: list[float], scale: float, zero: int) -> list[int]:
    return quantize.int8.quantize_affine(x, scale, zero).values.tolist()


def _fast_dequantized(values: list[int], scale: float, zero: int) -> list[float]:
    packed = quantize.int8.Quantized(np.array(values, np.int8), np.array(scale), np.array(zero, np.int8))
    return quantize.int8.dequantize_affine(packed).tolist()


def _fast_product(x: list[list[int]], weight: list[list[int]], x_zero: int, weight_zero: int) -> list[list[int]]:
    left, right = np.array(x, np.int8), np.array(weight, np.int8)
    return quantize.int8.integer_product(left, right, x_zero=x_zero, weight_zero=weight_zero).tolist()


def _fast_nf4(x: list[float], block: int) -> tuple[list[int], list[float]]:
    packed = quantize.nf4.quantize_nf4(x, block=block)
    codes = np.stack([packed.codes >> 4, packed.codes & 15], axis=1).ravel()
    return codes[: len(x)].tolist(), packed.absmax.tolist()


def _round_trip_nf4(x: list[float], block: int) -> list[float]:
    return quantize.nf4.dequantize_nf4(quantize.nf4.quantize_nf4(x, block=block)).tolist()


def _reference_trip_nf4(x: list[float], block: int) -> list[float]:
    return reference.quantize.nf4.dequantize_nf4(*reference.quantize.nf4.quantize_nf4(x, block), block)


def _fast_double(absmax: list[float], block: int) -> tuple[list[int], list[float], float]:
    values, scale, mean, _ = quantize.nf4.double_quantize(absmax, block=block)
    return values.tolist(), scale.tolist(), float(mean)


def _fast_groups(x: list[float]) -> tuple[list[int], list[float], list[float]]:
    codes, scale, minimum = quantize.groupwise.quantize_groupwise(x)
    return np.concatenate([codes & 15, codes >> 4], axis=1).ravel().tolist(), scale.tolist(), minimum.tolist()


def _round_trip_groups(x: list[float]) -> list[float]:
    return quantize.groupwise.dequantize_groupwise(quantize.groupwise.quantize_groupwise(x)).tolist()


def _reference_trip_groups(x: list[float]) -> list[float]:
    return reference.quantize.groupwise.dequantize_groupwise(*reference.quantize.groupwise.quantize_groupwise(x))


@st.composite
def adapted(draw: st.DrawFn) -> tuple[Any, ...]:
    """Weight, A, B, alpha and x."""
    m, d, r = draw(st.sampled_from([(3, 2, 2), (2, 3, 1), (4, 4, 3), (1, 1, 1), (3, 1, 1), (1, 3, 1), (2, 2, 2)]))

    def matrix(rows: int, columns: int) -> list[list[float]]:
        row = st.lists(numbers(-4, 4), min_size=columns, max_size=columns)
        return draw(st.lists(row, min_size=rows, max_size=rows))

    return matrix(m, d), matrix(r, d), matrix(m, r), draw(st.sampled_from([0.5, 1.0, 8.0])), matrix(1, d)[0]


def _reference_lora(weight: Any, a: Any, b: Any, alpha: float, x: list[float]) -> tuple[Any, Any]:
    layer = reference.peft.lora.LoRALinear(weight, a, b, alpha)
    return layer.forward(x), layer.merged()


def _fast_lora(weight: Any, a: Any, b: Any, alpha: float, x: list[float]) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    base = Linear(len(x), len(weight), bias=False, rng=rng, dtype=np.float64)
    base.weight.data = np.array(weight)
    layer = peft.lora.LoRALinear(base, rank=len(a), alpha=alpha, rng=rng)
    layer.lora_A.data, layer.lora_B.data = np.array(a), np.array(b)
    beside = layer(Tensor(x)).data
    layer.merge()
    return beside, base.weight.data


@st.composite
def scored(draw: st.DrawFn) -> tuple[Any, ...]:
    """Logits, ids and marks of rows in which at least one token counts."""
    rows, length, vocabulary = draw(st.integers(1, 3)), draw(st.integers(2, 4)), draw(st.integers(1, 4))
    score = st.lists(numbers(-30, 30), min_size=vocabulary, max_size=vocabulary)
    logits = [[draw(score) for _ in range(length)] for _ in range(rows)]
    ids = [[draw(st.integers(0, vocabulary - 1)) for _ in range(length)] for _ in range(rows)]
    marks = [[draw(st.booleans()) for _ in range(length)] for _ in range(rows)]
    marks[0][-1] = True
    return logits, ids, marks


def _batch(ids: Any, marks: Any) -> Any:
    return preference.sequences.Batch(np.array(ids), np.array(marks))


PAIR = st.lists(st.tuples(*[st.floats(-50, 0)] * 4), min_size=1, max_size=4).map(
    lambda rows: tuple(list(column) for column in zip(*rows, strict=True))
)
BETAS = st.sampled_from([0.05, 0.1, 1.0])

PAIRS = [
    Pair(
        "quantize.int8.affine_parameters",
        both("quantize.int8.affine_parameters")[0],
        _fast_parameters,
        _tuples(numbers(), numbers(), st.booleans()).map(lambda t: (min(t[:2]), max(t[:2]), t[2])),
    ),
    Pair(
        "quantize.int8.quantize_affine",
        both("quantize.int8.quantize_affine")[0],
        _fast_quantized,
        _tuples(st.lists(numbers(), max_size=6), SCALES, BYTES),
    ),
    Pair(
        "quantize.int8.dequantize_affine",
        both("quantize.int8.dequantize_affine")[0],
        _fast_dequantized,
        _tuples(st.lists(BYTES, max_size=6), SCALES, BYTES),
    ),
    Pair(
        "quantize.int8.integer_product",
        both("quantize.int8.integer_product")[0],
        _fast_product,
        _tuples(matrices(BYTES, count=2), BYTES, BYTES).map(lambda t: (*t[0], *t[1:])),
    ),
    Pair(
        "quantize.nf4.normal_float_levels",
        *both("quantize.nf4.normal_float_levels"),
        _tuples(st.integers(2, 8)),
        rtol=1e-12,
        atol=1e-15,
    ),
    Pair("quantize.nf4.nearest_levels", *both("quantize.nf4.nearest_levels"), _tuples(st.lists(THOUSANDTHS))),
    Pair(
        "quantize.nf4.quantize_nf4",
        both("quantize.nf4.quantize_nf4")[0],
        _fast_nf4,
        _tuples(st.lists(THOUSANDTHS, min_size=1, max_size=9), st.sampled_from([2, 4])),
        rtol=1e-6,
    ),
    Pair(
        "quantize.nf4.dequantize_nf4",
        _reference_trip_nf4,
        _round_trip_nf4,
        _tuples(st.lists(THOUSANDTHS, min_size=1, max_size=9), st.sampled_from([2, 4])),
        rtol=1e-6,
    ),
    Pair(
        "quantize.nf4.double_quantize",
        both("quantize.nf4.double_quantize")[0],
        _fast_double,
        # Dyadic numbers whose mean is exact, and quotients whose nearest integers single precision finds too.
        _tuples(st.lists(st.integers(0, 126).map(lambda n: n / 8), min_size=4, max_size=4), st.sampled_from([2, 4])),
        rtol=1e-6,
        atol=1e-30,
    ),
    Pair(
        "quantize.groupwise.quantize_groupwise",
        both("quantize.groupwise.quantize_groupwise")[0],
        _fast_groups,
        _tuples(st.lists(numbers(), min_size=32, max_size=32)),
    ),
    Pair(
        "quantize.groupwise.dequantize_groupwise",
        _reference_trip_groups,
        _round_trip_groups,
        _tuples(st.lists(numbers(), min_size=32, max_size=32)),
        rtol=1e-6,
        atol=1e-3,
    ),
    Pair("peft.lora.LoRALinear", _reference_lora, _fast_lora, adapted(), rtol=1e-9, atol=1e-9),
    Pair(
        "preference.sequences.token_log_probabilities",
        lambda logits, ids, marks: reference.preference.sequences.token_log_probabilities(logits[0], ids[0]),
        lambda logits, ids, marks: (
            preference.sequences.token_log_probabilities(Tensor(np.array(logits[0])), np.array(ids[0])).data
        ),
        scored(),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "preference.sequences.sequence_log_probabilities",
        both("preference.sequences.sequence_log_probabilities")[0],
        lambda logits, ids, marks: (
            preference.sequences.sequence_log_probabilities(lambda _: Tensor(np.array(logits)), _batch(ids, marks)).data
        ),
        scored(),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "preference.sft.sft_loss",
        both("preference.sft.sft_loss")[0],
        lambda logits, ids, marks: preference.sft.sft_loss(
            lambda _: Tensor(np.array(logits)), _batch(ids, marks)
        ).item(),
        scored(),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "preference.dpo.implicit_rewards",
        both("preference.dpo.implicit_rewards")[0],
        lambda policy, start, beta: preference.dpo.implicit_rewards(policy, start, beta=beta).data,
        _tuples(PAIR, BETAS).map(lambda t: (*t[0][:2], t[1])),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "preference.dpo.dpo_loss",
        lambda rows, beta, smoothing: reference.preference.dpo.dpo_loss(*rows, beta, smoothing),
        lambda rows, beta, smoothing: preference.dpo.dpo_loss(*rows, beta=beta, label_smoothing=smoothing).item(),
        _tuples(PAIR, BETAS, st.sampled_from([0.0, 0.1, 0.4])),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "preference.dpo.ipo_loss",
        lambda rows, beta: reference.preference.dpo.ipo_loss(*rows, beta),
        lambda rows, beta: preference.dpo.ipo_loss(*rows, beta=beta).item(),
        _tuples(PAIR, BETAS),
        rtol=1e-9,
        atol=1e-12,
    ),
]
