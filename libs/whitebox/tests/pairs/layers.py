"""Pairs of `whitebox.nn`: layers and losses on lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import nn, reference
from whitebox.autograd import Tensor

SIZES = st.integers(1, 4)


def arrays(draw: st.DrawFn, *shape: int) -> Any:
    """Numbers from -3 to 3, half of the time whole ones, among which there are ties."""
    drawn = np.random.default_rng(draw(st.integers(0, 2**32))).uniform(-3, 3, shape)
    return (drawn.round() if draw(st.booleans()) else drawn).tolist()


def rows_with(*widths: int, least: int = 1) -> st.SearchStrategy[tuple[Any, ...]]:
    """Rows (n, d), and vectors of d numbers or m · d for each width asked for."""

    @st.composite
    def drawn(draw: st.DrawFn) -> tuple[Any, ...]:
        n, d = draw(st.integers(least, 5)), draw(SIZES)
        return (arrays(draw, n, d), *(arrays(draw, d * width) for width in widths))

    return drawn()


def on_tensors(name: str, count: int) -> Callable[..., Any]:
    """A function of `whitebox.nn`, looked up when called, with its first arguments as tensors."""

    def call(*arguments: Any) -> Any:
        found = getattr(nn, name)(*(Tensor(one) for one in arguments[:count]), *arguments[count:])
        return found.data

    return call


@st.composite
def affine(draw: st.DrawFn) -> tuple[Any, ...]:
    n, d, m = draw(SIZES), draw(SIZES), draw(SIZES)
    return arrays(draw, n, d), arrays(draw, m, d), arrays(draw, m)


@st.composite
def scaled(draw: st.DrawFn) -> tuple[Any, ...]:
    n, d = draw(st.integers(2, 5)), draw(SIZES)
    given = draw(st.booleans())
    variances = [abs(one) for one in arrays(draw, d)]
    return arrays(draw, n, d), arrays(draw, d), arrays(draw, d), 0.1, (arrays(draw, d), variances) if given else None


PLACES = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Any, ...]:
    kernel, dilation, groups = draw(PLACES), draw(PLACES), draw(st.integers(1, 2))
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    image = [
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 2))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    channels, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    options = {"stride": draw(PLACES), "padding": padding, "dilation": dilation, "groups": groups}
    return (
        arrays(draw, groups * channels, *image),
        arrays(draw, groups * outputs, channels, *kernel),
        arrays(draw, groups * outputs),
        options,
    )


@st.composite
def pools(draw: st.DrawFn) -> tuple[Any, ...]:
    kernel, stride = draw(PLACES), draw(PLACES)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    image = [max(1, k - 2 * p) + draw(st.integers(0, 3)) for k, p in zip(kernel, padding, strict=True)]
    return arrays(draw, draw(SIZES), *image), kernel, stride, padding, draw(st.booleans())


@st.composite
def sequences(draw: st.DrawFn, blocks: int) -> tuple[Any, ...]:
    steps, d, h = draw(SIZES), draw(SIZES), draw(st.integers(1, 3))
    shapes = ((blocks * h, d), (blocks * h, h), (blocks * h,), (blocks * h,))
    return arrays(draw, steps, d), [arrays(draw, *shape) for shape in shapes]


def recurrent(name: str) -> Callable[..., Any]:
    def call(x: Any, weights: list[Any]) -> Any:
        layer = getattr(nn, name)(
            len(weights[0][0]), len(weights[1][0]), rng=np.random.default_rng(0), dtype=np.float64
        )
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        layer.load_state_dict(dict(zip(names, weights, strict=True)))
        return layer(Tensor([x]))[0].data[0]

    return call


@st.composite
def labelled(draw: st.DrawFn) -> tuple[Any, ...]:
    n, classes = draw(SIZES), draw(SIZES)
    targets = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    # The first row always counts.
    targets[1:] = [draw(st.sampled_from([target, 9])) for target in targets[1:]]
    weight = draw(st.one_of(st.none(), st.lists(st.floats(0.1, 3), min_size=classes, max_size=classes)))
    return arrays(draw, n, classes), targets, weight, 9, draw(st.sampled_from([0.0, 0.25, 1.0]))


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, ...]:
    n = draw(SIZES)
    targets = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))
    return [100 * one for one in arrays(draw, n)], targets, draw(st.floats(0.1, 5))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, ...]:
    n, d = draw(SIZES), draw(SIZES)
    similar = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return arrays(draw, n, d), arrays(draw, n, d), similar, draw(st.sampled_from([0.5, 1.0, 4.0]))


@st.composite
def keyed(draw: st.DrawFn) -> tuple[Any, ...]:
    n, d = draw(SIZES), draw(SIZES)
    return arrays(draw, n, d), arrays(draw, n + draw(st.integers(0, 2)), d), draw(st.sampled_from([0.1, 1.0, 3.0]))


def _fast_cross_entropy(logits: Any, targets: Any, weight: Any, ignored: int, smoothing: float) -> Any:
    options = {"weight": weight, "ignore_index": ignored, "label_smoothing": smoothing}
    return nn.cross_entropy(Tensor(logits), targets, **options).data


PAIRS = [
    Pair("nn.linear", reference.nn.linear, on_tensors("linear", 3), affine(), 1e-9, 1e-12),
    Pair(
        "nn.layer_norm",
        lambda *a: reference.nn.layer_norm(*a, 0.1),
        lambda *a: on_tensors("layer_norm", 3)(*a, 0.1),
        rows_with(1, 1),
        1e-9,
        1e-12,
    ),
    Pair(
        "nn.rms_norm",
        lambda *a: reference.nn.rms_norm(*a, 0.1),
        lambda *a: on_tensors("rms_norm", 2)(*a, 0.1),
        rows_with(1),
        1e-9,
        1e-12,
    ),
    Pair("nn.batch_norm", reference.nn.batch_norm, on_tensors("batch_norm", 3), scaled(), 1e-9, 1e-12),
    Pair(
        "nn.conv2d",
        lambda x, w, b, options: reference.nn.conv2d(x, w, b, **options),
        lambda x, w, b, options: nn.conv2d(Tensor([x]), Tensor(w), Tensor(b), **options).data[0],
        convolutions(),
        1e-9,
        1e-12,
    ),
    Pair(
        "nn.max_pool2d",
        lambda x, kernel, stride, padding, _: reference.nn.max_pool2d(x, kernel, stride, padding),
        lambda x, kernel, stride, padding, _: nn.max_pool2d(Tensor([x]), kernel, stride=stride, padding=padding).data[
            0
        ],
        pools(),
    ),
    Pair(
        "nn.avg_pool2d",
        reference.nn.avg_pool2d,
        lambda x, kernel, stride, padding, counted: nn.avg_pool2d(
            Tensor([x]), kernel, stride=stride, padding=padding, count_include_pad=counted
        ).data[0],
        pools(),
        1e-9,
        1e-12,
    ),
    Pair("nn.LSTM", lambda x, w: reference.nn.LSTM(*w)(x), recurrent("LSTM"), sequences(4), 1e-9, 1e-12),
    Pair("nn.GRU", lambda x, w: reference.nn.GRU(*w)(x), recurrent("GRU"), sequences(3), 1e-9, 1e-12),
    Pair(
        "nn.mse_loss",
        lambda x, y: reference.nn.mse_loss(x[0], y),
        lambda x, y: nn.mse_loss(Tensor(x[0]), y).data,
        rows_with(1),
        1e-9,
        1e-12,
    ),
    Pair("nn.cross_entropy", reference.nn.cross_entropy, _fast_cross_entropy, labelled(), 1e-9, 1e-12),
    Pair(
        "nn.binary_cross_entropy_with_logits",
        reference.nn.binary_cross_entropy_with_logits,
        lambda z, t, w: nn.binary_cross_entropy_with_logits(Tensor(z), t, pos_weight=w).data,
        answers(),
        1e-9,
        1e-12,
    ),
    Pair(
        "nn.contrastive_loss",
        reference.nn.contrastive_loss,
        lambda a, b, similar, margin: nn.contrastive_loss(Tensor(a), Tensor(b), similar, margin=margin).data,
        pairs(),
        1e-9,
        1e-12,
    ),
    Pair(
        "nn.bpr_loss",
        lambda x, y: reference.nn.bpr_loss(x[0], y),
        lambda x, y: nn.bpr_loss(Tensor(x[0]), y).data,
        rows_with(1),
        1e-9,
        1e-12,
    ),
    Pair(
        "nn.info_nce",
        reference.nn.info_nce,
        lambda q, k, temperature: nn.info_nce(Tensor(q), Tensor(k), temperature=temperature).data,
        keyed(),
        1e-9,
        1e-12,
    ),
]
