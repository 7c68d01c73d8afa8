"""The pairs of `whitebox.optimize` under constraints, and in parts that agree."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from pairs.strategies import numbers
from whitebox import optimize, reference

slow = reference.optimize

POINT = st.lists(numbers(-10, 10), min_size=1, max_size=6)


@st.composite
def boxed(draw: st.DrawFn) -> tuple[list[float], list[float], list[float]]:
    """A point and bounds around another one."""
    x = draw(POINT)
    low = draw(st.lists(numbers(-5, 5), min_size=len(x), max_size=len(x)))
    return x, low, [a + draw(st.floats(0, 5)) for a in low]


@st.composite
def programmes(draw: st.DrawFn) -> tuple[Any, ...]:
    """A strictly convex quadratic programme with an inner point."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    p = draw(st.integers(0, n - 1))
    B, x = rng.standard_normal((n, n)), rng.standard_normal(n)
    G, A = rng.standard_normal((m, n)), rng.standard_normal((p, n))
    return B @ B.T + 0.5 * np.eye(n), rng.standard_normal(n), G, G @ x + rng.random(m) + 0.1, A, A @ x


@st.composite
def bounded(draw: st.DrawFn) -> tuple[Any, ...]:
    """A well-conditioned programme with upper bounds, and with a given sum where there are two variables."""
    P, q, *_ = draw(programmes())
    n = min(len(q), 2)
    x = np.array(draw(st.lists(st.floats(-2, 2), min_size=n, max_size=n)))
    room = np.array(draw(st.lists(st.floats(0.1, 2), min_size=n, max_size=n)))
    A = np.ones((n - 1, n)) / 2
    return P[:n, :n] / np.abs(P).max() + np.eye(n), q[:n], np.eye(n), x + room, A, A @ x


def _fast_qp(P: Any, q: Any, G: Any, h: Any, A: Any, b: Any) -> Any:
    equalities = {"A": A, "b": b} if len(b) else {}
    return optimize.solve_qp(P, q, G, h, **equalities)


def _newton_on(P: Any, q: Any, A: Any, b: Any) -> Any:
    """A quartic under linear constraints, for both."""

    def objective(x: Any) -> Any:
        return float(x @ P @ x / 2 + q @ x + (x**4).sum() / 4), P @ x + q + x**3

    minimum = optimize.lagrange_newton(
        objective, lambda x, m: P + np.diag(3 * x**2), lambda x: (A @ x - b, A), np.zeros(len(q)), tol=1e-11
    )
    return minimum.x, minimum.equality_multipliers


def _slow_newton_on(P: Any, q: Any, A: Any, b: Any) -> Any:
    def objective(x: list[float]) -> Any:
        point = np.array(x)
        return float(point @ P @ point / 2 + q @ point + (point**4).sum() / 4), (P @ point + q + point**3).tolist()

    return slow.lagrange_newton(
        objective,
        lambda x, m: (P + np.diag(3 * np.array(x) ** 2)).tolist(),
        lambda x: ((A @ np.array(x) - b).tolist(), A.tolist()),
        [0.0] * len(q),
    )


def _objective(P: Any, q: Any) -> tuple[Any, Any]:
    return (
        lambda x: (float(x @ P @ x / 2 + q @ x), P @ x + q),
        lambda x: (float(np.array(x) @ P @ np.array(x) / 2 + q @ np.array(x)), (P @ np.array(x) + q).tolist()),
    )


def _slow_augmented(P: Any, q: Any, G: Any, h: Any, A: Any, b: Any) -> Any:
    return slow.augmented_lagrangian(
        _objective(P, q)[1],
        [0.0] * len(q),
        lambda x: ((A @ np.array(x) - b).tolist(), A.tolist()),
        lambda x: ((G @ np.array(x) - h).tolist(), G.tolist()),
    )


def _augmented(P: Any, q: Any, G: Any, h: Any, A: Any, b: Any) -> Any:
    found = optimize.augmented_lagrangian(
        _objective(P, q)[0],
        np.zeros(len(q)),
        equalities=(lambda x: (A @ x - b, A)) if len(b) else None,
        inequalities=lambda x: (G @ x - h, G),
        tol=1e-8,
    )
    return found.x, found.equality_multipliers, found.inequality_multipliers


@st.composite
def regressions(draw: st.DrawFn) -> tuple[Any, Any, float]:
    """Well-conditioned rows, a target, and a penalty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 4))
    X = np.eye(6, n) + 0.4 * rng.standard_normal((6, n))
    return X, 3 * rng.standard_normal(6), draw(st.floats(0, 3))


@st.composite
def curves(draw: st.DrawFn) -> tuple[list[float], list[float], float]:
    """Scales, shares below one, and a budget."""
    n = draw(st.integers(1, 3))
    scale = draw(st.lists(st.floats(0.5, 4), min_size=n, max_size=n))
    return scale, draw(st.lists(st.floats(0.2, 0.8), min_size=n, max_size=n)), draw(st.floats(0.5, 8))


def _curve(name: str) -> Pair:
    def evaluated(module: Any, scale: Any, other: Any, x: Any) -> Any:
        made = getattr(module, name)(scale, other)
        return made.value(x), made.slope(x)

    return Pair(
        f"optimize.admm.{name}",
        lambda scale, other, budget: evaluated(slow, scale, other, [budget] * len(scale)),
        lambda scale, other, budget: evaluated(optimize, scale, other, np.full(len(scale), budget)),
        curves(),
        rtol=1e-12,
        atol=1e-14,
    )


PAIRS = [
    Pair("optimize.projections.project_box", slow.project_box, optimize.project_box, boxed()),
    Pair(
        "optimize.projections.project_ball",
        lambda x, c, size: slow.project_ball(x, size[0] - c[0], c),
        lambda x, c, size: optimize.project_ball(x, size[0] - c[0], c),
        boxed(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "optimize.projections.project_simplex",
        slow.project_simplex,
        optimize.project_simplex,
        st.tuples(POINT, st.floats(0.1, 10)),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "optimize.projections.project_l1_ball",
        slow.project_l1_ball,
        optimize.project_l1_ball,
        st.tuples(POINT, st.floats(0.1, 10)),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "optimize.constrained.projected_gradient",
        lambda P, q, *_: slow.projected_gradient(_objective(P, q)[1], [0.0] * len(q), slow.project_simplex),
        lambda P, q, *_: optimize.projected_gradient(_objective(P, q)[0], np.zeros(len(q)), optimize.project_simplex).x,
        programmes(),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "optimize.constrained.lagrange_newton",
        lambda P, q, G, h, A, b: _slow_newton_on(P, q, np.ones((1, len(q))), np.ones(1)),
        lambda P, q, G, h, A, b: _newton_on(P, q, np.ones((1, len(q))), np.ones(1)),
        programmes(),
        rtol=1e-8,
        atol=1e-8,
    ),
    Pair(
        "optimize.constrained.augmented_lagrangian",
        _slow_augmented,
        _augmented,
        bounded(),
        rtol=2e-3,
        atol=2e-3,
    ),
    Pair(
        "optimize.quadratic_program.solve_qp",
        lambda P, q, G, h, A, b: slow.solve_qp(
            P.tolist(), q.tolist(), (G.tolist(), h.tolist()), (A.tolist(), b.tolist())
        )[:2],
        lambda *drawn: (_fast_qp(*drawn).x, _fast_qp(*drawn).inequality_multipliers),
        programmes(),
        rtol=1e-4,
        atol=1e-4,
    ),
    Pair(
        "optimize.admm.soft_threshold",
        slow.soft_threshold,
        optimize.soft_threshold,
        st.tuples(POINT, st.floats(0, 5)),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "optimize.admm.lasso_admm",
        lambda X, y, penalty: slow.lasso_admm(X.tolist(), y.tolist(), penalty, steps=400),
        lambda X, y, penalty: optimize.lasso_admm(X, y, penalty).x,
        regressions(),
        rtol=1e-5,
        atol=1e-5,
    ),
    Pair(
        "optimize.admm.consensus_admm",
        lambda X, y, _: slow.consensus_admm(
            [
                lambda v, rho, i=i, row=row: _weighted_anchor(np.array(v), rho, row, y[i]).tolist()
                for i, row in enumerate(X)
            ],
            X.shape[1],
            steps=200,
        ),
        lambda X, y, _: (
            optimize.consensus_admm(
                [lambda v, rho, i=i, row=row: _weighted_anchor(v, rho, row, y[i]) for i, row in enumerate(X)],
                X.shape[1],
            ).x
        ),
        regressions(),
        rtol=1e-5,
        atol=1e-5,
    ),
    Pair(
        "optimize.admm.water_filling",
        lambda scale, half, budget: slow.water_filling(slow.LogReturns(scale, half), budget),
        lambda scale, half, budget: optimize.water_filling(optimize.LogReturns(scale, half), budget).amounts,
        curves(),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "optimize.admm.allocate_budget",
        lambda scale, half, budget: slow.allocate_budget(slow.LogReturns(scale, half), budget, steps=60),
        lambda scale, half, budget: optimize.allocate_budget(optimize.LogReturns(scale, half), budget).amounts,
        curves().filter(lambda drawn: len(drawn[0]) <= 2),
        rtol=1e-2,
        atol=1e-2,
    ),
    *map(_curve, ("LogReturns", "PowerReturns", "SaturatingReturns")),
]


def _weighted_anchor(v: Any, rho: float, row: Any, target: float) -> Any:
    """The minimum of the sum of w (x - target)²/2, with w = row² + 1/2, and of ρ/2 ‖x - v‖²."""
    weights = row**2 + 0.5
    return (weights * target + rho * v) / (weights + rho)
