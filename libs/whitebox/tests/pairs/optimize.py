"""The pairs of `whitebox.optimize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import optimize, reference

slow = reference.optimize


@st.composite
def convex(draw: st.DrawFn) -> tuple[Any, Any, list[float]]:
    """Value with gradient, Hessian, and a start, of a smooth, strictly convex function that is no parabola."""
    n = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    A, b = rng.standard_normal((4, n)), rng.standard_normal(n)

    def objective(x: Any) -> tuple[float, Any]:
        z = A @ x
        value = np.logaddexp(0, z).sum() + 0.05 * np.dot(x, x) - b @ x
        return float(value), A.T @ (1 / (1 + np.exp(-z))) + 0.1 * np.asarray(x) - b

    def hessian(x: Any) -> Any:
        p = 1 / (1 + np.exp(-A @ x))
        return (A.T * (p * (1 - p))) @ A + 0.1 * np.eye(n)

    return objective, hessian, draw(st.lists(st.integers(-3, 3).map(float), min_size=n, max_size=n))


def _on_lists(objective: Callable[[Any], Any]) -> Callable[[list[float]], Any]:
    def evaluate(x: list[float]) -> Any:
        value, gradient = objective(np.array(x))
        return value, gradient.tolist()

    return evaluate


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[float]], list[float]]:
    """Gradients of some parameters over time, zeros and wide magnitudes among them, and where the parameters start."""
    n = draw(st.integers(1, 3))
    entries = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-1e3, 1e3, allow_subnormal=False))
    row = st.lists(entries, min_size=n, max_size=n)
    return draw(st.lists(row, min_size=1, max_size=8)), draw(row)


def _trajectory(optimizer: Any, gradients: list[list[float]], start: list[float]) -> Any:
    x, path = np.array(start), []
    state = optimizer.init(x)
    for gradient in gradients:
        x, state = optimizer.step(x, np.array(gradient), state)
        path.append(x)
    return np.array(path)


def _told(optimizer: Any, gradients: list[list[float]], start: list[float]) -> Any:
    columns = []
    for x, column in zip(start, zip(*gradients, strict=True), strict=True):
        path = [x]
        for count in range(1, len(column) + 1):
            path.append(optimizer.step(path[-1], column[:count]))
        columns.append(path[1:])
    return np.array(columns).T


def _stepping(name: str, *arguments: float) -> Pair:
    return Pair(
        f"optimize.first_order.{name}",
        lambda gradients, x: _told(getattr(slow, name)(*arguments), gradients, x),
        lambda gradients, x: _trajectory(getattr(optimize, name)(*arguments), gradients, x),
        histories(),
        rtol=1e-9,
        atol=1e-9,
    )


def _rates(name: str, *strategies: st.SearchStrategy[Any]) -> Pair:
    return Pair(
        f"optimize.schedules.{name}",
        lambda *arguments: [getattr(slow, name)(*arguments)(step) for step in range(9)],
        lambda *arguments: [getattr(optimize, name)(*arguments)(step) for step in range(9)],
        st.tuples(*strategies),
        rtol=1e-12,
        atol=1e-15,
    )


@st.composite
def learnt(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A gradient, and steps with the changes of the gradient of a parabola along them."""
    n = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    B = rng.standard_normal((n, n))
    steps = rng.standard_normal((draw(st.integers(0, 4)), n))
    return rng.standard_normal(n), steps, steps @ (B @ B.T + 0.5 * np.eye(n))


RATE = st.floats(1e-3, 2)
FACTOR = st.floats(0.1, 1)
COUNT = st.integers(1, 5)

PAIRS = [
    _stepping("GradientDescent", 0.1),
    _stepping("Momentum", 0.1, 0.8),
    _stepping("Nesterov", 0.1, 0.8),
    _stepping("AdaGrad", 0.5),
    _stepping("RMSprop", 0.05, 0.9),
    _stepping("Adam", 0.05, 0.8, 0.95),
    _stepping("AdamW", 0.05, 0.8, 0.95, 1e-8, 0.1),
    _stepping("NAdam", 0.05, 0.8, 0.95),
    _rates("StepDecay", RATE, FACTOR, COUNT),
    _rates("ExponentialDecay", RATE, FACTOR),
    _rates("CosineDecay", RATE, COUNT, st.floats(0, 1e-3)),
    Pair(
        "optimize.schedules.WarmUp",
        lambda steps, rate, factor: [slow.WarmUp(steps, slow.ExponentialDecay(rate, factor))(t) for t in range(9)],
        lambda steps, rate, factor: [
            optimize.WarmUp(steps, optimize.ExponentialDecay(rate, factor))(t) for t in range(9)
        ],
        st.tuples(COUNT, RATE, FACTOR),
        rtol=1e-12,
    ),
    Pair(
        "optimize.line_search.armijo",
        lambda objective, _, x: slow.armijo(_on_lists(objective), x, (-4 * objective(np.array(x))[1]).tolist()),
        lambda objective, _, x: optimize.armijo(objective, x, -4 * objective(np.array(x))[1])[:2],
        convex(),
        rtol=1e-12,
    ),
    Pair(
        "optimize.newton",
        lambda objective, hessian, x: slow.newton(_on_lists(objective), lambda z: hessian(np.array(z)).tolist(), x),
        lambda objective, hessian, x: optimize.newton(objective, hessian, x, tol=1e-16).x,
        convex(),
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "optimize.bfgs",
        lambda objective, _, x: slow.bfgs(_on_lists(objective), x),
        lambda objective, _, x: optimize.bfgs(objective, x).x,
        convex(),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "optimize.lbfgs",
        lambda objective, _, x: slow.lbfgs(_on_lists(objective), x),
        lambda objective, _, x: optimize.lbfgs(objective, x).x,
        convex(),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "optimize.two_loop",
        lambda g, s, y: slow.two_loop(g.tolist(), s.tolist(), y.tolist()),
        lambda g, s, y: optimize.two_loop(g, list(s), list(y)),
        learnt(),
        rtol=1e-8,
        atol=1e-8,
    ),
]
