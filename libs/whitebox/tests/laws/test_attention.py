from __future__ import annotations

import itertools
import tracemalloc
from contextlib import nullcontext

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, gradcheck, no_grad
from whitebox.transformers.attention import MultiHeadAttention, attention, rotary, tiled_attention


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape) * scale, requires_grad=True)


def by_definition(q, k, v, *, causal=False, window=None, bias=None):
    """Equation 1 of the paper, head by head and query by query."""
    batch, heads, n, width = q.shape
    m, share = k.shape[2], q.shape[1] // k.shape[1]
    result = np.empty((batch, heads, n, v.shape[-1]))
    for b in range(batch):
        for h in range(heads):
            for i in range(n):
                here = i + m - n
                seen = [j for j in range(m) if not causal or (j <= here and (window is None or j > here - window))]
                scores = np.array([q[b, h, i] @ k[b, h // share, j] / np.sqrt(width) for j in seen])
                if bias is not None:
                    scores += bias[b, h, i][seen]
                p = np.exp(scores - scores.max())
                result[b, h, i] = (p / p.sum()) @ v[b, h // share][seen]
    return result


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, dict]:
    groups, share, n = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 7))
    m = n + draw(st.integers(0, 4))
    batch, width, out = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 4])), draw(st.integers(1, 3))
    causal = draw(st.booleans())
    options = {"causal": causal, "window": draw(st.sampled_from([None, 1, 3])) if causal else None}
    scale = draw(st.sampled_from([0.1, 1.0, 30.0]))
    q = drawn(batch, groups * share, n, width, seed=1, scale=scale)
    return q, drawn(batch, groups, m, width, seed=2, scale=scale), drawn(batch, groups, m, out, seed=3), options


@EXAMPLES
@given(problems())
def test_attention_is_what_its_equation_says(problem) -> None:
    q, k, v, options = problem
    expected = by_definition(q.data, k.data, v.data, **options)
    np.testing.assert_allclose(attention(q, k, v, **options).data, expected, rtol=1e-9, atol=1e-12)


@EXAMPLES
@given(problems(), st.integers(1, 5))
def test_tiles_of_any_size_give_the_same_result_and_the_same_gradients(problem, tile: int) -> None:
    q, k, v, options = problem
    plain, tiled = attention(q, k, v, **options), tiled_attention(q, k, v, **options, tile=tile)
    np.testing.assert_allclose(tiled.data, plain.data, rtol=1e-9, atol=1e-12)
    gradients = []
    for result in (plain, tiled):
        for one in (q, k, v):
            one.zero_grad()
        result.backward(np.cos(np.arange(result.size)).reshape(result.shape))
        gradients.append([one.grad for one in (q, k, v)])
    for ours, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"causal": True, "window": 2}])
@pytest.mark.parametrize("function", [attention, tiled_attention])
def test_gradients_are_those_of_differences(function, options) -> None:
    q, k, v = drawn(1, 4, 3, 2), drawn(1, 2, 5, 2, seed=1), drawn(1, 2, 5, 3, seed=2)
    assert gradcheck(lambda q, k, v: function(q, k, v, **options), q, k, v)


def test_a_bias_hides_what_it_makes_very_small() -> None:
    q, k, v = drawn(2, 2, 3, 4), drawn(2, 2, 5, 4, seed=1), drawn(2, 2, 5, 4, seed=2)
    bias = np.zeros((2, 1, 1, 5))
    bias[0, ..., 3:] = -1e30
    found = attention(q, k, v, bias=bias).data
    np.testing.assert_allclose(found[0], attention(q[:1], k[:1, :, :3], v[:1, :, :3]).data[0])
    np.testing.assert_allclose(found[1], attention(q[1:], k[1:], v[1:]).data[0])
    every = np.random.default_rng(0).standard_normal((2, 2, 3, 5))
    expected = by_definition(q.data, k.data, v.data, bias=every)
    np.testing.assert_allclose(attention(q, k, v, bias=every).data, expected)


def test_equal_keys_give_the_mean_and_one_key_gives_its_value() -> None:
    q, v = drawn(1, 1, 2, 4), drawn(1, 1, 3, 2, seed=1)
    same = Tensor(np.ones((1, 1, 3, 4)))
    np.testing.assert_allclose(attention(q, same, v).data[0, 0, 0], v.data[0, 0].mean(axis=0))
    np.testing.assert_allclose(attention(q, same[:, :, :1], v[:, :, :1]).data[0, 0, 0], v.data[0, 0, 0])


def test_the_order_of_the_keys_does_not_matter() -> None:
    q, k, v = drawn(1, 2, 4, 4), drawn(1, 2, 6, 4, seed=1), drawn(1, 2, 6, 4, seed=2)
    order = np.random.default_rng(0).permutation(6)
    np.testing.assert_allclose(attention(q, k[:, :, order], v[:, :, order]).data, attention(q, k, v).data)


def test_nothing_of_the_future_reaches_the_past() -> None:
    k, v = drawn(1, 2, 6, 4, seed=1), drawn(1, 2, 6, 4, seed=2)
    for function in (attention, tiled_attention):
        before = function(k, k, v, causal=True).data
        changed = v.data.copy()
        changed[:, :, 4:] += 100
        after = function(k, k, Tensor(changed), causal=True).data
        np.testing.assert_array_equal(after[:, :, :4], before[:, :, :4])
        assert not np.allclose(after[:, :, 4:], before[:, :, 4:])


def test_huge_scores_do_not_overflow() -> None:
    q = drawn(1, 1, 4, 4, scale=1e4)
    for function in (attention, tiled_attention):
        with np.errstate(over="raise", invalid="raise"):
            result = function(q, q, q)
            result.backward(np.ones(result.shape))
        assert np.isfinite(result.data).all()


def peak_of(function, length: int, *, recorded: bool = False) -> int:
    q = Tensor(np.ones((1, 1, length, 16), np.float32))
    tracemalloc.start()
    with nullcontext() if recorded else no_grad():
        function(q, q, q)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_with_the_length_in_tiles_and_with_its_square_without() -> None:
    tiled = [peak_of(lambda q, k, v: tiled_attention(q, k, v, tile=64), length) for length in (512, 1024, 2048)]
    plain = [peak_of(attention, length) for length in (512, 1024, 2048)]
    for shorter, longer in itertools.pairwise(tiled):
        assert longer < 2.2 * shorter
    for shorter, longer in itertools.pairwise(plain):
        assert longer > 3.5 * shorter
    assert tiled[-1] < plain[-1] / 20


def test_memory_of_the_gradients_grows_with_the_length_too() -> None:
    def forth_and_back(q: Tensor, k: Tensor, v: Tensor) -> None:
        tiled_attention(*(Tensor(x.data, requires_grad=True) for x in (q, k, v)), causal=True, tile=64).backward(v.data)

    peaks = [peak_of(forth_and_back, length, recorded=True) for length in (256, 512, 1024)]
    for shorter, longer in itertools.pairwise(peaks):
        assert longer < 2.2 * shorter


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_products_depend_on_the_distance_alone(interleaved: bool) -> None:
    q, k = drawn(8).reshape(1, 8), drawn(8, seed=1).reshape(1, 8)

    def product(i: int, j: int) -> float:
        left = rotary(q, np.array([i]), interleaved=interleaved)
        return (left * rotary(k, np.array([j]), interleaved=interleaved)).sum().item()

    assert product(3, 1) == pytest.approx(product(103, 101), rel=1e-9)
    assert product(3, 1) != pytest.approx(product(3, 2), rel=1e-3)
    assert product(0, 0) == pytest.approx(float(q.data[0] @ k.data[0]))


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotary_keeps_lengths_and_differentiates(interleaved: bool) -> None:
    x = drawn(2, 3, 6)
    turned = rotary(x, np.array([5, 6, 90]), 100.0, interleaved=interleaved)
    np.testing.assert_allclose(np.linalg.norm(turned.data, axis=-1), np.linalg.norm(x.data, axis=-1))
    assert gradcheck(lambda x: rotary(x, np.array([5, 6, 90]), 100.0, interleaved=interleaved), x)


def test_both_orders_of_pairs_are_the_same_up_to_a_permutation() -> None:
    x = drawn(4, 8)
    order = np.argsort([*range(0, 8, 2), *range(1, 8, 2)], kind="stable")
    halves = rotary(x, np.arange(4)).data
    neighbours = rotary(x[:, order], np.arange(4), interleaved=True).data
    np.testing.assert_allclose(neighbours, halves[:, order])


@pytest.mark.parametrize(
    "options", [{}, {"key_heads": 2}, {"key_heads": 1, "causal": True, "rope_theta": 1e4, "tile": 3}]
)
def test_the_layer_learns_from_all_its_weights(options) -> None:
    layer = MultiHeadAttention(8, 4, **options, rng=np.random.default_rng(0), dtype=np.float64)
    x = drawn(2, 5, 8)
    layer(x).backward(np.ones((2, 5, 8)))
    assert all(np.abs(parameter.grad).max() > 0 for _, parameter in layer.named_parameters() if _ != "key.bias")
    assert gradcheck(layer, drawn(1, 3, 8, seed=4))


def test_cross_attention_looks_at_the_context() -> None:
    layer = MultiHeadAttention(8, 2, rng=np.random.default_rng(0), dtype=np.float64)
    x, context = drawn(1, 2, 8), drawn(1, 7, 8, seed=1)
    assert layer(x, context).shape == (1, 2, 8)
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_allclose(layer(x, context[:, order]).data, layer(x, context).data)
