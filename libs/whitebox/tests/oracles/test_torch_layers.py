"""Layers against PyTorch's with the same weights, forwards and backwards, where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import nn
from whitebox.autograd import Tensor
from whitebox.transformers.attention import MultiHeadAttention, attention, tiled_attention

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
DTYPES = st.sampled_from([np.float32, np.float64])
F = torch.nn.functional


def drawn(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def agrees(ours, theirs, inputs: list[np.ndarray], dtype: Any, weights: list[tuple[Any, Any]] | None = None) -> None:
    """Values, and the gradients of inputs and weights for a gradient that differs everywhere, in the same precision."""
    left = [Tensor(one.astype(dtype), requires_grad=True) for one in inputs]
    right = [torch.tensor(one.astype(dtype), requires_grad=True) for one in inputs]
    for one, other in weights or []:
        one.grad, other.grad = None, None
    results, expected = ours(*left), theirs(*right)
    single = not isinstance(results, tuple)
    results, expected = ([results], [expected]) if single else (results, expected)
    tolerance = {"rtol": 2e-4, "atol": 2e-4} if dtype is np.float32 else {"rtol": 1e-8, "atol": 1e-10}
    total, other_total = Tensor(np.zeros((), dtype)), torch.zeros((), dtype=expected[0].dtype)
    for seed, (found, wanted) in enumerate(zip(results, expected, strict=True)):
        assert found.dtype == dtype
        np.testing.assert_allclose(found.data, wanted.detach().numpy(), **tolerance)
        end = drawn(found.shape, 100 + seed).astype(dtype)
        total, other_total = total + (found * end).sum(), other_total + (wanted * torch.tensor(end)).sum()
    total.backward()
    other_total.backward()
    for one, other in [*zip(left, right, strict=True), *(weights or [])]:
        assert one.grad is not None
        assert one.grad.dtype == dtype
        np.testing.assert_allclose(one.grad, other.grad.numpy(), **tolerance)


def with_weights_of(ours: nn.Module, theirs: Any) -> list[tuple[Any, Any]]:
    """Draws weights for both, and tells which belong together: the names are the same."""
    for seed, parameter in enumerate(theirs.parameters()):
        parameter.data = torch.tensor(drawn(tuple(parameter.shape), 50 + seed)).to(parameter.dtype)
    ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    named = dict(theirs.named_parameters())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return [(parameter, named[name]) for name, parameter in ours.named_parameters()]


def kind(dtype: Any) -> dict[str, Any]:
    return {"dtype": torch.float32 if dtype is np.float32 else torch.float64}


RNG = np.random.default_rng(0)
SIZES = st.integers(1, 5)


@EXAMPLES
@given(st.lists(SIZES, min_size=1, max_size=3), SIZES, SIZES, st.booleans(), DTYPES)
def test_linear(rows: list[int], d: int, m: int, bias: bool, dtype: Any) -> None:
    ours, theirs = nn.Linear(d, m, bias=bias, rng=RNG, dtype=dtype), torch.nn.Linear(d, m, bias=bias, **kind(dtype))
    agrees(ours, theirs, [drawn((*rows, d))], dtype, with_weights_of(ours, theirs))


@EXAMPLES
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), SIZES, DTYPES)
def test_embedding(numbers: list[int], width: int, dtype: Any) -> None:
    ours, theirs = nn.Embedding(7, width, rng=RNG, dtype=dtype), torch.nn.Embedding(7, width, **kind(dtype))
    weights = with_weights_of(ours, theirs)
    agrees(lambda: ours(numbers), lambda: theirs(torch.tensor(numbers)), [], dtype, weights)


@EXAMPLES
@given(SIZES, st.lists(st.integers(2, 5), min_size=1, max_size=2), DTYPES)
def test_layer_norm(rows: int, shape: list[int], dtype: Any) -> None:
    ours, theirs = nn.LayerNorm(tuple(shape), dtype=dtype), torch.nn.LayerNorm(shape, **kind(dtype))
    agrees(ours, theirs, [drawn((rows, 2, *shape))], dtype, with_weights_of(ours, theirs))


@EXAMPLES
@given(SIZES, SIZES, DTYPES)
def test_rms_norm(rows: int, width: int, dtype: Any) -> None:
    ours, theirs = nn.RMSNorm(width, dtype=dtype), torch.nn.RMSNorm(width, eps=1e-5, **kind(dtype))
    agrees(ours, theirs, [drawn((rows, 2, width))], dtype, with_weights_of(ours, theirs))


PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[list[np.ndarray], dict[str, Any]]:
    kernel, dilation, groups = draw(PAIRS), draw(PAIRS), draw(st.integers(1, 3))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    image = [low + draw(st.integers(0, 6)) for low in least]
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    arrays = [drawn((draw(SIZES), groups * channels, *image)), drawn((groups * outputs, channels, *kernel), 1)]
    if draw(st.booleans()):
        arrays.append(drawn((groups * outputs,), 2))
    return arrays, {"stride": draw(PAIRS), "padding": padding, "dilation": dilation, "groups": groups}


@EXAMPLES
@given(convolutions(), DTYPES)
def test_conv2d(problem, dtype: Any) -> None:
    arrays, options = problem
    agrees(lambda *a: nn.conv2d(*a, **options), lambda *a: F.conv2d(*a, **options), arrays, dtype)


def test_conv2d_over_blocks_of_images() -> None:
    arrays = [drawn((37, 6, 12, 12)), drawn((8, 3, 3, 3), 1), drawn((8,), 2)]
    options = {"padding": 1, "groups": 2}
    agrees(lambda *a: nn.conv2d(*a, **options), lambda *a: F.conv2d(*a, **options), arrays, np.float64)


def test_the_convolution_layer_is_the_one_of_the_same_arguments() -> None:
    options: dict[str, Any] = {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2), "groups": 2}
    ours = nn.Conv2d(4, 6, (3, 2), **options, rng=RNG)
    theirs = torch.nn.Conv2d(4, 6, (3, 2), **options)
    agrees(ours, theirs, [drawn((2, 4, 7, 8))], np.float32, with_weights_of(ours, theirs))
    # Drawn from the same distribution.
    limit = 1 / np.sqrt(2 * 3 * 2)
    for draw in (nn.Conv2d(4, 600, (3, 2), groups=2, rng=RNG), torch.nn.Conv2d(4, 600, (3, 2), groups=2)):
        for weight in (draw.weight, draw.bias):
            values = np.asarray(weight.data)
            assert np.abs(values).max() <= limit
            assert np.abs(values).max() > 0.98 * limit
            assert np.abs(values.var() - limit**2 / 3) < 0.1 * limit**2


@st.composite
def pools(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any]]:
    kernel = draw(PAIRS)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    image = [max(1, k - 2 * p) + draw(st.integers(0, 6)) for k, p in zip(kernel, padding, strict=True)]
    stride = draw(st.one_of(st.none(), PAIRS))
    return drawn((draw(SIZES), draw(SIZES), *image)), {"kernel_size": kernel, "stride": stride, "padding": padding}


@EXAMPLES
@given(pools(), st.booleans(), DTYPES)
def test_max_pool2d(problem, ties: bool, dtype: Any) -> None:
    x, options = problem
    x = x.round() if ties else x
    agrees(lambda x: nn.max_pool2d(x, **options), lambda x: F.max_pool2d(x, **options), [x], dtype)
    agrees(nn.MaxPool2d(**options), torch.nn.MaxPool2d(**options), [x], dtype)


@EXAMPLES
@given(pools(), st.booleans(), DTYPES)
def test_avg_pool2d(problem, counted: bool, dtype: Any) -> None:
    x, options = problem
    options |= {"count_include_pad": counted}
    agrees(lambda x: nn.avg_pool2d(x, **options), lambda x: F.avg_pool2d(x, **options), [x], dtype)
    agrees(nn.AvgPool2d(**options), torch.nn.AvgPool2d(**options), [x], dtype)
    agrees(nn.GlobalAvgPool2d(), lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), [x], dtype)


@EXAMPLES
@given(st.sampled_from([(4,), (3, 4), (2, 3, 4)]), SIZES, st.sampled_from([None, 0.1, 0.7]), DTYPES)
def test_batch_norm(shape: tuple[int, ...], channels: int, momentum: float | None, dtype: Any) -> None:
    one, other = (nn.BatchNorm2d, torch.nn.BatchNorm2d) if len(shape) == 3 else (nn.BatchNorm1d, torch.nn.BatchNorm1d)
    ours, theirs = one(channels, momentum=momentum, dtype=dtype), other(channels, momentum=momentum, **kind(dtype))
    weights = with_weights_of(ours, theirs)
    for step in range(3):
        x = drawn((shape[0], channels, *shape[1:]), step) * 3 + step
        agrees(ours, theirs, [x], dtype, weights)
    for name, value in theirs.state_dict().items():
        assert ours.state_dict()[name].dtype == value.numpy().dtype
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-5, atol=1e-6)
    agrees(ours.eval(), theirs.eval(), [drawn((shape[0], channels, *shape[1:]), 9)], dtype, weights)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
@EXAMPLES
@given(SIZES, SIZES, SIZES, SIZES, st.integers(1, 3), st.booleans(), DTYPES)
def test_recurrent(name: str, batch: int, steps: int, d: int, h: int, layers: int, started: bool, dtype: Any) -> None:
    ours = getattr(nn, name)(d, h, layers=layers, rng=RNG, dtype=dtype)
    theirs = getattr(torch.nn, name)(d, h, layers, batch_first=True, **kind(dtype))
    states = [drawn((layers, batch, h), seed) for seed in range(1, 3 if name == "LSTM" else 2)] if started else []

    def run(layer):
        def called(x, *states):
            initial = None if not states else states if name == "LSTM" else states[0]
            outputs, last = layer(x, initial)
            return (outputs, *(last if name == "LSTM" else [last]))

        return called

    weights = with_weights_of(ours, theirs)
    agrees(run(ours), run(theirs), [drawn((batch, steps, d)), *states], dtype, weights)


@pytest.mark.parametrize("function", [attention, tiled_attention])
@EXAMPLES
@given(SIZES, st.integers(1, 2), st.integers(1, 3), SIZES, SIZES, st.booleans(), DTYPES)
def test_attention(function, batch: int, groups: int, share: int, n: int, more: int, causal: bool, dtype: Any) -> None:
    m = n + more
    # PyTorch's own causal mask begins at the first key; the last query stands beside the last key here.
    mask = torch.ones(n, m, dtype=torch.bool).tril(m - n) if causal else None
    agrees(
        lambda q, k, v: function(q, k, v, causal=causal),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True),
        [drawn((batch, groups * share, n, 4)), drawn((batch, groups, m, 4), 1), drawn((batch, groups, m, 3), 2)],
        dtype,
    )


@EXAMPLES
@given(SIZES, SIZES, SIZES, st.booleans(), DTYPES)
def test_multi_head_attention(batch: int, n: int, m: int, crossed: bool, dtype: Any) -> None:
    ours = MultiHeadAttention(8, 2, rng=RNG, dtype=dtype, causal=not crossed)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True, **kind(dtype))
    state = {name: value.numpy() for name, value in theirs.state_dict().items()}
    parts = {"output.weight": state["out_proj.weight"], "output.bias": state["out_proj.bias"]}
    for place, name in enumerate(("query", "key", "value")):
        parts[f"{name}.weight"] = state["in_proj_weight"][8 * place : 8 * place + 8]
        parts[f"{name}.bias"] = state["in_proj_bias"][8 * place : 8 * place + 8]
    ours.load_state_dict(parts)
    if crossed:
        inputs = [drawn((batch, n, 8)), drawn((batch, m, 8), 1)]
        agrees(ours, lambda x, c: theirs(x, c, c, need_weights=False)[0], inputs, dtype)
    else:
        mask = torch.ones(n, n, dtype=torch.bool).triu(1)
        agrees(ours, lambda x: theirs(x, x, x, attn_mask=mask, need_weights=False)[0], [drawn((batch, n, 8))], dtype)
    found = np.concatenate([ours.query.weight.grad, ours.key.weight.grad, ours.value.weight.grad])
    tolerance = 2e-4 if dtype is np.float32 else 1e-9
    np.testing.assert_allclose(found, theirs.in_proj_weight.grad.numpy(), rtol=tolerance, atol=tolerance)
