from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whitebox import optimize
from whitebox.errors import InfeasibleError, UnboundedError

POINTS = arrays(float, st.integers(1, 8), elements=st.floats(-10, 10))
CENTRE = np.linspace(-0.5, 0.5, 8)
PROJECTIONS = {
    "box": lambda x: optimize.project_box(x, -1.0, 0.5),
    "ball": lambda x: optimize.project_ball(x, 1.5, CENTRE[: len(x)]),
    "simplex": lambda x: optimize.project_simplex(x, 2.0),
    "l1 ball": lambda x: optimize.project_l1_ball(x, 1.5),
}
INSIDE = {
    "box": lambda x: ((x >= -1) & (x <= 0.5)).all(),
    "ball": lambda x: ((x - CENTRE[: len(x)]) ** 2).sum() <= 1.5**2 + 1e-9,
    "simplex": lambda x: (x >= 0).all() and abs(x.sum() - 2) < 1e-9,
    "l1 ball": lambda x: np.abs(x).sum() <= 1.5 + 1e-9,
}


@pytest.mark.parametrize("name", PROJECTIONS)
@EXAMPLES
@given(POINTS, st.integers(0, 2**31))
def test_a_projection_is_in_the_set_stays_there_and_makes_no_acute_angle(name: str, x, seed: int) -> None:
    project = PROJECTIONS[name]
    nearest = project(x)
    assert INSIDE[name](nearest)
    np.testing.assert_allclose(project(nearest), nearest, atol=1e-9)
    # The set lies behind the plane through the projection: (x - Πx) · (y - Πx) ≤ 0 for every y of it.
    for _ in range(3):
        other = project(np.random.default_rng(seed).normal(size=len(x)) * 5)
        assert (x - nearest) @ (other - nearest) <= 1e-8
        assert np.linalg.norm(nearest - other) <= np.linalg.norm(x - other) + 1e-9


@st.composite
def programmes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    p = draw(st.integers(0, n - 1))
    rank = draw(st.integers(0, n))
    B, x = rng.standard_normal((n, rank)), rng.standard_normal(n)
    G, A = rng.standard_normal((m, n)), rng.standard_normal((p, n))
    # Bounded below: a box around everything.
    G = np.vstack([G, np.eye(n), -np.eye(n)])
    h = np.concatenate([G[:m] @ x + rng.random(m) * draw(st.sampled_from([0.0, 1.0])), np.abs(x) + 2, np.abs(x) + 2])
    return B @ B.T, rng.standard_normal(n), G, h, A, A @ x


def solved(P, q, G, h, A, b):
    return optimize.solve_qp(P, q, G, h, **({"A": A, "b": b} if len(b) else {}))


@EXAMPLES
@given(programmes())
def test_a_programmes_solution_satisfies_karush_kuhn_and_tucker_and_has_no_gap(programme) -> None:
    P, q, G, h, A, b = programme
    found = solved(*programme)
    x, z, y = found.x, found.inequality_multipliers, found.equality_multipliers
    size = 1 + np.abs(q).max() + np.abs(h).max()
    assert found.converged
    assert np.abs(P @ x + q + G.T @ z + A.T @ y).max() <= 1e-7 * size
    assert (G @ x - h).max() <= 1e-7 * size
    assert np.abs(A @ x - b).max(initial=0) <= 1e-7 * size
    assert z.min() >= 0
    assert z @ (h - G @ x) <= 1e-6 * size
    dual = -x @ P @ x / 2 - h @ z - b @ y
    assert found.value == pytest.approx(dual, abs=1e-6 * size)
    # And no point that satisfies the constraints is lower.
    rng = np.random.default_rng(0)
    for other in x + rng.normal(size=(20, len(x))):
        if not len(b) and (G @ other <= h).all():
            assert other @ P @ other / 2 + q @ other >= found.value - 1e-6 * size


@EXAMPLES
@given(programmes(), st.floats(0.1, 10))
def test_a_programme_does_not_care_for_the_units_of_its_objective(programme, scale: float) -> None:
    P, q, *rest = programme
    first, then = solved(P, q, *rest), solved(scale * P, scale * q, *rest)
    assert then.value == pytest.approx(scale * first.value, abs=1e-6 * max(1, scale) * (1 + np.abs(q).sum()))


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_programmes_without_solution_are_told_apart(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(n)
    B = rng.standard_normal((n, n))
    with pytest.raises(InfeasibleError, match="no x satisfies"):
        optimize.solve_qp(B @ B.T, a, np.stack([a, -a]), [1.0, -2.0])  # at most 1 and at least 2
    with pytest.raises(InfeasibleError, match="contradict"):
        optimize.solve_qp(B @ B.T, a, A=np.stack([a, a]), b=[0.0, 1.0])
    with pytest.raises(UnboundedError, match="for ever"):
        optimize.solve_qp(np.zeros((n, n)), np.abs(a) + 0.1, np.eye(n), np.ones(n))


def test_multipliers_are_what_a_unit_more_would_save() -> None:
    rng = np.random.default_rng(0)
    B, q = rng.standard_normal((5, 5)), rng.standard_normal(5)
    G, h = rng.standard_normal((6, 5)), rng.random(6)
    at = lambda h: optimize.solve_qp(B @ B.T + np.eye(5), q, G, h, tol=1e-12)  # noqa: E731
    found = at(h)
    for k in range(6):
        step = 1e-4 * np.eye(6)[k]
        slope = (at(h + step).value - at(h - step).value) / 2e-4
        assert slope == pytest.approx(-found.inequality_multipliers[k], abs=1e-6)


def rosenbrock(x):
    a, b = x[:-1], x[1:]
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[1:] += 200 * (b - a**2)
    return float((100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()), gradient


@pytest.mark.parametrize("project", [PROJECTIONS["box"], PROJECTIONS["ball"], PROJECTIONS["simplex"]])
def test_projected_gradients_end_where_no_step_leads_down(project) -> None:
    found = optimize.projected_gradient(rosenbrock, np.zeros(6), project, tol=1e-7)
    assert found.converged
    np.testing.assert_allclose(project(found.x - found.gradient), found.x, atol=1e-6)
    np.testing.assert_allclose(project(found.x), found.x, atol=1e-9)
    assert found.value == rosenbrock(found.x)[0]


def test_newton_on_the_lagrangian_takes_one_step_for_a_parabola_and_few_on_a_circle() -> None:
    rng = np.random.default_rng(0)
    B, q, A = rng.standard_normal((6, 6)), rng.standard_normal(6), rng.standard_normal((2, 6))
    P = B @ B.T + np.eye(6)
    found = optimize.lagrange_newton(
        lambda x: (float(x @ P @ x / 2 + q @ x), P @ x + q), lambda x, m: P, lambda x: (A @ x - 1, A), np.zeros(6)
    )
    assert found.iterations == 1
    np.testing.assert_allclose(P @ found.x + q + A.T @ found.equality_multipliers, 0, atol=1e-9)
    np.testing.assert_allclose(A @ found.x, 1, atol=1e-9)
    # The largest coordinate sum on a sphere; from the wrong side, where the Hessian has to be shifted.
    sphere = optimize.lagrange_newton(
        lambda x: (-float(x.sum()), -np.ones(3)),
        lambda x, m: 2 * m[0] * np.eye(3),
        lambda x: ([x @ x - 3], [2 * x]),
        [-1.0, -1.2, -0.9],
    )
    assert sphere.converged
    np.testing.assert_allclose(sphere.x, 1, atol=1e-7)
    assert sphere.equality_multipliers[0] == pytest.approx(0.5)


def test_second_order_corrections_keep_the_steps_long_on_curved_constraints() -> None:
    # Powell's example of Maratos's effect: near the circle full steps raise both the objective and the violation.
    found = optimize.lagrange_newton(
        lambda x: (float(2 * (x @ x - 1) - x[0]), 4 * x - np.array([1.0, 0.0])),
        lambda x, m: (4 + 2 * m[0]) * np.eye(2),
        lambda x: ([x @ x - 1], [2 * x]),
        [np.cos(0.1), np.sin(0.1)],
        multipliers=[-1.5],
    )
    assert found.converged
    assert found.iterations <= 5
    np.testing.assert_allclose(found.x, [1, 0], atol=1e-8)


def test_an_augmented_lagrangian_proves_its_minimum_with_multipliers() -> None:
    found = optimize.augmented_lagrangian(
        rosenbrock,
        np.zeros(4),
        equalities=lambda x: ([x[0] + x[3] - 1.0], [[1.0, 0, 0, 1.0]]),
        inequalities=lambda x: (
            [x @ x - 1.0, -x[2], x[1] - 5],
            np.stack([2 * x, [0, 0, -1.0, 0], [0, 1.0, 0, 0]]),
        ),
        # What differences of values of about 3 resolve on every processor.
        tol=1e-6,
    )
    assert found.converged
    x, lam, mu = found.x, found.equality_multipliers, found.inequality_multipliers
    jacobian = np.stack([2 * x, [0, 0, -1.0, 0], [0, 1.0, 0, 0]])
    np.testing.assert_allclose(rosenbrock(x)[1] + lam[0] * np.array([1.0, 0, 0, 1]) + jacobian.T @ mu, 0, atol=3e-6)
    assert x[0] + x[3] == pytest.approx(1, abs=3e-6)
    assert x @ x <= 1 + 3e-6
    assert mu.min() >= 0
    assert mu[2] == 0
    assert mu @ [x @ x - 1, -x[2], x[1] - 5] == pytest.approx(0, abs=1e-5)


def test_multipliers_make_a_moderate_penalty_exact() -> None:
    found = optimize.augmented_lagrangian(
        lambda x: (float(x @ x), 2 * x), [3.0, 0.0], equalities=lambda x: ([x.sum() - 2], np.ones((1, 2))), max_iter=12
    )
    assert found.converged
    np.testing.assert_allclose(found.x, 1, atol=1e-6)
    assert found.equality_multipliers[0] == pytest.approx(-2, abs=1e-5)


def test_balancing_keeps_the_multipliers() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 5)), rng.standard_normal(20)
    # From a weight far too small; without balance it takes thousands of steps, with multipliers lost it drifts.
    found = optimize.lasso_admm(X, y, 1.0, rho=1e-3, max_iter=400)
    assert found.converged
    np.testing.assert_allclose(found.x, optimize.lasso_admm(X, y, 1.0).x, atol=1e-6)


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 5), st.booleans())
def test_the_lassos_residual_correlates_with_no_column_by_more_than_the_penalty(seed: int, penalty, wide: bool) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((8, 14) if wide else (20, 5)), rng.standard_normal(8 if wide else 20)
    found = optimize.lasso_admm(X, y, penalty, tol=1e-9)
    correlation = X.T @ (y - X @ found.x)
    assert found.converged
    assert np.abs(correlation).max() <= penalty + 1e-5
    active = found.x != 0
    np.testing.assert_allclose(correlation[active], penalty * np.sign(found.x[active]), atol=1e-5)
    # Duality: the projection of the residual onto the feasible set of the dual has the same value.
    residual = y - X @ found.x
    primal = residual @ residual / 2 + penalty * np.abs(found.x).sum()
    scaled = residual * min(1.0, penalty / np.abs(correlation).max())
    assert primal - (y @ y / 2 - (y - scaled) @ (y - scaled) / 2) <= 1e-4 * (1 + primal)


def test_a_penalty_above_every_correlation_leaves_nothing() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((10, 4)), rng.standard_normal(10)
    assert (optimize.lasso_admm(X, y, np.abs(X.T @ y).max() * 1.001).x == 0).all()
    exact = optimize.lasso_admm(X, y, 0.0, tol=1e-11).x
    np.testing.assert_allclose(X.T @ (y - X @ exact), 0, atol=1e-7)


def test_agreement_is_the_minimum_of_the_sum_and_its_multipliers_cancel() -> None:
    rng = np.random.default_rng(0)
    weights, anchors = rng.random((5, 3)) + 0.2, rng.standard_normal((5, 3))
    proximals = [lambda v, rho, w=w, a=a: (w * a + rho * v) / (w + rho) for w, a in zip(weights, anchors, strict=True)]
    found = optimize.consensus_admm(proximals, 3, max_iter=300)
    assert found.converged
    np.testing.assert_allclose(found.x, (weights * anchors).sum(axis=0) / weights.sum(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.dual.sum(axis=0), 0, atol=1e-9)
    # Minus each multiplier is the gradient of its function.
    np.testing.assert_allclose(-found.dual, weights * (found.x - anchors), atol=1e-6)


def test_consensus_with_projections_finds_a_point_of_all_sets() -> None:
    found = optimize.consensus_admm(
        [lambda v, rho: optimize.project_ball(v, 1.0), lambda v, rho: optimize.project_box(v, 0.5, 2.0)], 3
    )
    assert found.converged
    assert (found.x >= 0.5 - 1e-6).all()
    assert found.x @ found.x <= 1 + 1e-5


@st.composite
def returns(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12))
    scale, other = rng.uniform(0.5, 5, n), rng.uniform(0.2, 0.8, n)
    kind = draw(st.sampled_from([optimize.LogReturns, optimize.PowerReturns, optimize.SaturatingReturns]))
    return kind(scale, other if kind is optimize.PowerReturns else 4 * other), draw(st.floats(0.5, 30))


@settings(EXAMPLES, max_examples=15)
@given(returns())
def test_a_budget_is_spent_where_the_next_unit_returns_most_and_bargaining_comes_to_the_same(drawn) -> None:
    curves, budget = drawn
    filled, bargained = optimize.water_filling(curves, budget), optimize.allocate_budget(curves, budget, tol=1e-9)
    for found in (filled, bargained):
        assert found.converged
        assert found.amounts.sum() == pytest.approx(budget, rel=1e-6)
        assert found.amounts.min() >= 0
        slopes = curves.slope(found.amounts)
        spent = found.amounts > 1e-6 * budget
        np.testing.assert_allclose(slopes[spent], found.price, rtol=1e-3)
        assert (slopes[~spent] <= found.price * (1 + 1e-3)).all()
        assert found.total == pytest.approx(float(curves.value(found.amounts).sum()))
    assert bargained.total == pytest.approx(filled.total, rel=1e-6)
    np.testing.assert_allclose(bargained.amounts, filled.amounts, atol=1e-3 * budget)


def test_bargaining_balances_the_budget() -> None:
    found = optimize.allocate_budget(optimize.LogReturns([1.0, 2.0, 0.1], [1.0, 1.0, 1.0]), 4.0, max_iter=200)
    assert found.converged
    np.testing.assert_allclose(found.amounts, [1, 3, 0], atol=1e-6)


def test_slopes_are_derivatives_of_values_and_spending_inverts_them() -> None:
    scale, other, x = np.array([1.0, 3.0]), np.array([0.3, 0.6]), np.array([0.7, 2.0])
    for kind in (optimize.LogReturns, optimize.PowerReturns, optimize.SaturatingReturns):
        curves = kind(scale, other)
        difference = (curves.value(x + 1e-6) - curves.value(x - 1e-6)) / 2e-6
        np.testing.assert_allclose(curves.slope(x), difference, rtol=1e-7)
        for k, slope in enumerate(curves.slope(x)):
            assert curves.spend(slope)[k] == pytest.approx(x[k])
