"""Quantisation: bounds of the error, exact zeros, exact integers, and levels where the paper has them."""

from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import StateError
from whitebox.nn import Embedding, LayerNorm, Linear, Module, Sequential
from whitebox.quantize.groupwise import dequantize_groupwise, quantize_groupwise, to_q4_1
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
    QuantizedLinear,
    memory,
    quantize,
)
from whitebox.quantize.nf4 import (
    NF4_LARGEST_ERROR,
    NF4_LEVELS,
    dequantize_double,
    dequantize_nf4,
    double_quantize,
    nearest_levels,
    normal_float_levels,
    quantize_nf4,
)
from whitebox.transformers import gguf
from whitebox.transformers.llama import Llama, LlamaConfig

# Dettmers et al. 2023: QLoRA, appendix E.
PUBLISHED = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
]  # fmt: skip


def matrices() -> st.SearchStrategy[np.ndarray]:
    """Matrices of very different magnitudes, constant ones and zeros among them."""

    @st.composite
    def drawn(draw: st.DrawFn) -> np.ndarray:
        rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
        rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
        values = rng.standard_normal((rows, columns)) * 10.0 ** draw(st.integers(-6, 6))
        values += draw(st.sampled_from([0.0, 3.0, -1e4]))
        if draw(st.booleans()):
            values[0] = draw(st.sampled_from([0.0, 7.0]))
        return values.astype(draw(st.sampled_from([np.float32, np.float64])))

    return drawn()


# ---- eight bits


def test_nothing_moves_by_more_than_half_a_step_and_zero_stays() -> None:
    @EXAMPLES
    @given(matrices(), st.sampled_from([None, 0, 1, -1]), st.booleans())
    def holds(x: np.ndarray, axis: int | None, symmetric: bool) -> None:
        packed = quantize_int8(x, axis=axis, symmetric=symmetric)
        found = dequantize_affine(packed)
        assert found.dtype == x.dtype
        steps = packed.scale if axis is None else packed.scale.reshape((-1, 1) if axis == 0 else (1, -1))
        slack = 8 * np.finfo(x.dtype).eps * np.abs(x)
        assert (np.abs(found - x) <= steps / 2 + slack).all()
        assert (found[x == 0] == 0).all()
        assert packed.zero_point.dtype == packed.values.dtype == np.int8
        if symmetric:
            assert packed.values.min() >= -127

    holds()


def test_levels_are_quantised_to_themselves() -> None:
    levels = np.arange(-128, 128).astype(np.int8)
    for zero in (-128, -5, 0, 127):
        packed = Quantized(levels, np.array(0.37), np.array(zero, np.int8))
        np.testing.assert_array_equal(quantize_affine(dequantize_affine(packed), 0.37, zero).values, levels)


def test_halves_are_rounded_to_the_even_integer() -> None:
    assert quantize_affine([-1.5, -0.5, 0.5, 1.5, 2.5, 0.75, -0.75], 1.0).values.tolist() == [-2, 0, 0, 2, 2, 1, -1]


def test_a_row_that_is_small_keeps_its_digits_per_channel() -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((6, 40)) * np.array([1e-4, 1e-2, 1, 10, 1e2, 1e4])[:, None]

    def errors(axis: int | None) -> np.ndarray:
        found = dequantize_affine(quantize_int8(weight, axis=axis))
        return np.abs(found - weight).max(axis=1) / np.abs(weight).max(axis=1)

    assert (errors(0) <= 0.5 / 127 + 1e-12).all()
    assert (errors(None)[:3] > 0.9).all()
    assert Int8Weight(weight).scale.shape == (6,)
    np.testing.assert_array_equal(Int8Weight(weight).unpack(), dequantize_affine(quantize_int8(weight, axis=0)))


def test_a_range_without_zero_is_widened_to_it() -> None:
    scale, zero = affine_parameters([3.0, -9.0], [6.0, -3.0])
    assert zero.tolist() == [-128, 127]
    np.testing.assert_allclose(scale, [6 / 255, 9 / 255])


def test_integer_products_are_exact_however_long_the_rows() -> None:
    rng = np.random.default_rng(0)
    for length in (1, 257, 258, 259, 5000, 33_000):
        x, weight = (rng.integers(-128, 128, (3, length)).astype(np.int8) for _ in range(2))
        x[0], weight[0] = -128, -128
        zeros = np.array([127, -128, 5])
        wide = (x.astype(np.int64) - zeros[:, None]) @ (weight.astype(np.int64) - 127).T
        np.testing.assert_array_equal(integer_product(x, weight, x_zero=zeros, weight_zero=127), wide)


def test_observers_find_ranges_in_parts_as_in_the_whole() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal(500) * scale for scale in (0.01, 1, 0.1, 30)]
    whole = np.concatenate(parts)
    seen = MinMaxObserver()
    for part in parts:
        seen.observe(part)
    assert seen.range() == (whole.min(), whole.max())
    # 99 % of the numbers, and half of the others beyond each end, to a bin of the histogram.
    quantiles = np.quantile(whole, [0.005, 0.995])
    percentile = PercentileObserver(99, bins=4096)
    for part in parts:
        percentile.observe(part)
    np.testing.assert_allclose(percentile.range(), quantiles, atol=4 * np.abs(whole).max() / 1024)
    assert PercentileObserver(100).observe(whole).range() == seen.range()


def test_the_observer_of_least_squares_beats_the_extremes_where_there_are_outliers() -> None:
    rng = np.random.default_rng(0)
    x = np.append(rng.standard_normal(400_000), 25.0)
    for symmetric in (False, True):

        def mean_square(ends: tuple[float, float], symmetric: bool = symmetric) -> float:
            packed = quantize_affine(x, *affine_parameters(*ends, symmetric=symmetric))
            return float(np.mean((dequantize_affine(packed) - x) ** 2))

        extremes = mean_square(MinMaxObserver().observe(x).range())
        least = mean_square(MSEObserver(symmetric=symmetric).observe(x).range())
        assert least < 0.85 * extremes
    # Without outliers it gives away nothing to speak of.
    even = np.linspace(-1, 1, 10_001)
    low, high = MSEObserver().observe(even).range()
    assert min(-low, high) > 0.97


# ---- NormalFloat


def test_the_levels_are_the_published_ones() -> None:
    np.testing.assert_allclose(normal_float_levels(), PUBLISHED, rtol=0, atol=2e-7)
    np.testing.assert_allclose(NF4_LEVELS, PUBLISHED, rtol=0, atol=2e-7)
    for bits in range(2, 9):
        levels = normal_float_levels(bits)
        assert len(levels) == 2**bits
        assert (np.diff(levels) > 0).all()
        assert levels[0] == -1
        assert levels[2 ** (bits - 1) - 1] == 0
        assert levels[-1] == 1


def test_each_number_gets_the_nearest_level_and_blocks_keep_their_largest() -> None:
    @EXAMPLES
    @given(matrices(), st.sampled_from([2, 4, 64]))
    def holds(x: np.ndarray, block: int) -> None:
        packed = quantize_nf4(x, block=block)
        found = dequantize_nf4(packed)
        assert found.shape == x.shape
        flat, ours = x.astype(np.float32).ravel(), found.ravel()
        for place, largest in enumerate(packed.absmax):
            part = slice(place * block, (place + 1) * block)
            assert largest == np.abs(flat[part]).max()
            bound = NF4_LARGEST_ERROR * largest * (1 + 1e-6)
            assert (np.abs(flat[part] - ours[part]) <= bound).all()
            every = np.abs(flat[part][:, None] - NF4_LEVELS * largest)
            np.testing.assert_allclose(
                np.abs(flat[part] - ours[part]), every.min(axis=1), rtol=1e-5, atol=1e-6 * largest
            )

    holds()


def test_normal_weights_lose_less_than_on_even_levels() -> None:
    weight = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    ours = np.square(dequantize_nf4(quantize_nf4(weight)) - weight).mean()
    blocks = weight.reshape(-1, 64)
    step = np.abs(blocks).max(axis=1, keepdims=True) / 7.5
    even = np.square((np.floor(blocks / step) + 0.5) * step - blocks).mean()
    assert ours < 0.93 * even
    # All codes are used, as evenly as levels for a normal distribution can be in blocks of 64.
    counts = np.bincount(nearest_levels(blocks / np.abs(blocks).max(axis=1, keepdims=True)).ravel(), minlength=16)
    assert counts.min() > 4096 / 16 / 4


def test_scales_of_scales_cost_little_and_move_little() -> None:
    rng = np.random.default_rng(0)
    absmax = np.abs(rng.standard_normal(1000)).astype(np.float32) + 2
    packed = double_quantize(absmax)
    assert packed.values.nbytes + packed.scale.nbytes + 4 < 0.27 * absmax.nbytes
    bound = np.repeat(packed.scale, 256)[:1000] / 2
    assert (np.abs(dequantize_double(packed) - absmax) <= bound * (1 + 1e-4)).all()
    assert (dequantize_double(double_quantize([0.0, 0.0, 9.0])) >= 0).all()
    weight = rng.standard_normal((64, 128)).astype(np.float32)
    both = [memory(QuantizedLinear(NF4Weight(weight, double=double))).bits_per_number for double in (False, True)]
    assert both == [4.5, 4 + 8 / 64 + 32 * 2 / 64 / 128]
    assert np.abs(NF4Weight(weight).unpack() - NF4Weight(weight, double=False).unpack()).max() < 0.02


# ---- groups of four bits


def test_groups_keep_to_half_of_their_stored_step() -> None:
    @EXAMPLES
    @given(
        st.integers(0, 1 << 30), st.sampled_from([32, 64, 128]), st.integers(-9, 3), st.sampled_from([0.0, 5.0, -900.0])
    )
    def holds(seed: int, group: int, magnitude: int, shift: float) -> None:
        x = np.random.default_rng(seed).standard_normal((2, 2 * group)) * 10.0**magnitude + shift
        packed = quantize_groupwise(x, group=group)
        error = np.abs(dequantize_groupwise(packed) - x).reshape(2, 2, group).max(axis=-1)
        assert (error <= packed.scale.astype(np.float64) / 2 + 1e-6 * np.abs(x).max()).all()
        assert packed.codes.nbytes == x.size // 2

    holds()


def test_the_packed_bytes_are_gguf_s() -> None:
    x = np.random.default_rng(0).standard_normal((3, 96)).astype(np.float32)
    x[0] = 0.25
    packed = quantize_groupwise(x)
    decode = gguf._ENCODINGS[3].decode
    np.testing.assert_array_equal(decode(to_q4_1(packed)).reshape(3, 96), dequantize_groupwise(packed))
    # What uses all sixteen levels of its group is quantised to itself.
    levels = np.tile(np.arange(16) * 0.5 - 3, 12).reshape(2, 96)
    np.testing.assert_array_equal(dequantize_groupwise(quantize_groupwise(levels)), levels)


# ---- models

CONFIG = LlamaConfig(40, 64, 128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
SCHEMES = [
    (Int8Scheme(None), 8.65, 0.02),
    (Int8Scheme("dynamic"), 8.65, 0.03),
    (Int8Scheme("dynamic", per_channel=False, symmetric=False), 8.65, 0.04),
    (NF4Scheme(), 4.3, 0.35),
    (NF4Scheme(double=False), 4.6, 0.35),
    (GroupwiseScheme(32), 5.1, 0.35),
    (GroupwiseScheme(64), 4.6, 0.35),
]


def llama() -> Llama:
    return Llama(CONFIG, rng=np.random.default_rng(0)).eval()


def logits(model: Module) -> np.ndarray:
    with no_grad():
        return model(np.arange(24).reshape(2, 12)).data


@pytest.mark.parametrize(("scheme", "bits", "bound"), SCHEMES)
def test_a_quantised_model_computes_nearly_the_same_in_fewer_bits(scheme, bits: float, bound: float) -> None:
    model = llama()
    before, whole = logits(model), memory(model)
    layers = quantize(model, scheme, ["layers.*"])
    assert len(layers) == 14
    assert all(isinstance(layer, QuantizedLinear) for layer in layers.values())
    after = logits(model)
    assert after.dtype == np.float32
    difference = np.sqrt(np.mean((after - before) ** 2) / np.mean(before**2))
    assert 0 < difference < bound
    packed, now = sum(layer.weight.shape[0] * layer.weight.shape[1] for layer in layers.values()), memory(model)
    assert now.numbers == whole.numbers
    assert (now.bytes - 4 * (whole.numbers - packed)) * 8 / packed < bits
    # Saved, and taken over by another model that is quantised alike.
    again = Llama(CONFIG, rng=np.random.default_rng(1)).eval()
    quantize(again, scheme, ["layers.*"])
    again.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(logits(again), after)


def test_static_ranges_are_those_of_calibration() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(Linear(6, 8, rng=rng), Linear(8, 3, rng=rng))
    x = Tensor(rng.standard_normal((50, 6)).astype(np.float32))
    before, first = model(x).data, model.layers[0]
    inner = first(x).data
    layers = quantize(model, Int8Scheme("static"), calibrate=lambda given: given(x))
    np.testing.assert_allclose(model(x).data, before, atol=0.02)
    expected, _ = affine_parameters(np.float32(inner.min()), np.float32(inner.max()))
    assert layers["layers.1"].input_scale == expected
    # What lies beyond is cut, and passes no gradient back.
    one = layers["layers.0"]
    far = Tensor(np.full((1, 6), 100, np.float32), requires_grad=True)
    assert np.abs(one(far).data).max() < np.abs(first(far).data).max() / 5
    one(far).sum().backward()
    assert (far.grad == 0).all()


def test_calibration_that_misses_a_layer_leaves_the_model_as_it_was() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(Linear(6, 8, rng=rng), Linear(8, 3, rng=rng))
    before = list(model.layers)
    with pytest.raises(StateError, match="nothing was observed"):
        quantize(model, Int8Scheme("static"), calibrate=lambda given: given.layers[0](Tensor(np.ones((1, 6)))))
    assert all(now is then for now, then in zip(model.layers, before, strict=True))


def test_gradients_pass_through_packed_weights() -> None:
    rng = np.random.default_rng(0)
    weight, x0 = rng.standard_normal((5, 32)).astype(np.float32), rng.standard_normal((2, 3, 32)).astype(np.float32)
    ends = rng.standard_normal((2, 3, 5)).astype(np.float32)
    for packed, dynamic in ((Int8Weight(weight), True), (Int8Weight(weight), False), (NF4Weight(weight), False), (GroupwiseWeight(weight), False)):  # fmt: skip
        x = Tensor(x0, requires_grad=True)
        QuantizedLinear(packed, dynamic=dynamic)(x).backward(ends)
        np.testing.assert_allclose(x.grad, ends @ packed.unpack(), rtol=1e-5, atol=1e-5)


def test_only_what_fits_is_replaced_and_shared_layers_stay_shared() -> None:
    rng = np.random.default_rng(0)

    class Twice(Module):
        def __init__(self) -> None:
            super().__init__()
            shared = Linear(4, 4, rng=rng)
            self.first, self.table = shared, Embedding(3, 4, rng=rng)
            self.more = {"again": [shared, LayerNorm(4)], "other": (Linear(4, 2, rng=rng),)}

    model = Twice()
    layers = quantize(model, Int8Scheme(), ["first", "other.0"])
    assert list(layers) == ["first", "more.other.0"]
    assert model.first is model.more["again"][0] is layers["first"]
    assert isinstance(model.more["other"], tuple)
    assert isinstance(model.table, Embedding)
