"""Pairs of `whitebox.nn`: steps over several parameters, padding, stopping."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import nn, reference
from whitebox.optimize.first_order import GradientDescent

NUMBERS = st.floats(-3, 3) | st.integers(-2, 2).map(float)
Vectors = list[list[float]]


@st.composite
def descents(draw: st.DrawFn) -> tuple[Vectors, list[list[list[float] | None]], float, float | None]:
    """Vectors, their gradients at each of a few steps, some missing; a rate, and a norm to clip by."""
    widths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    vectors = [draw(st.lists(NUMBERS, min_size=width, max_size=width)) for width in widths]
    steps = [
        [draw(st.none() | st.lists(NUMBERS, min_size=width, max_size=width)) for width in widths]
        for _ in range(draw(st.integers(1, 3)))
    ]
    return vectors, steps, draw(st.floats(0.01, 2)), draw(st.none() | st.floats(0.1, 5))


def _reference_steps(vectors: Vectors, steps: Any, rate: float, max_norm: float | None) -> tuple[list[float], Any]:
    optimizer = reference.nn.Optimizer(vectors, rate, max_norm)
    return [optimizer.step(gradients) for gradients in steps], list(chain(*optimizer.parameters))


def _fast_steps(vectors: Vectors, steps: Any, rate: float, max_norm: float | None) -> tuple[list[float], Any]:
    parameters = [nn.Parameter(np.array(vector)) for vector in vectors]
    optimizer = nn.Optimizer(parameters, GradientDescent(rate), max_norm=max_norm)
    norms = []
    for gradients in steps:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else np.array(gradient)
        norms.append(optimizer.step())
    return norms, np.concatenate([parameter.data for parameter in parameters])


def _reference_stop(values: list[float], patience: int, gain: float) -> tuple[list[bool], float, int, int]:
    stopping = reference.nn.EarlyStopping(patience, gain)
    said = [stopping.update(value, epoch) for epoch, value in enumerate(values)]
    return said, stopping.best, stopping.best_epoch, stopping.waited


def _fast_stop(values: list[float], patience: int, gain: float) -> tuple[list[bool], float, int, int]:
    stopping, module = nn.EarlyStopping(patience, minimum_gain=gain), nn.Module()
    said = [stopping.update(value, epoch, module) for epoch, value in enumerate(values)]
    return said, stopping.best, stopping.best_epoch, stopping.waited


PAIRS = [
    Pair("nn.Optimizer", _reference_steps, _fast_steps, descents(), rtol=1e-12, atol=1e-12),
    Pair(
        "nn.EarlyStopping",
        _reference_stop,
        _fast_stop,
        st.tuples(st.lists(NUMBERS, min_size=1, max_size=8), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0])),
    ),
    Pair(
        "nn.pad",
        both("nn.pad")[0],
        lambda sequences, value, side: tuple(nn.pad(sequences, value=value, side=side)),
        st.tuples(
            st.lists(st.lists(st.integers(-9, 9), max_size=4), min_size=1, max_size=4),
            st.integers(-1, 1),
            st.sampled_from(["left", "right"]),
        ),
    ),
]
