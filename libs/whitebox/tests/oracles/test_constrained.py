from __future__ import annotations

import numpy as np
import osqp
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso
from whitebox import optimize


def programme(n: int, m: int, p: int, seed: int):
    rng = np.random.default_rng(seed)
    B, x = rng.standard_normal((n, n)), rng.standard_normal(n)
    G, A = rng.standard_normal((m, n)), rng.standard_normal((p, n))
    return B @ B.T / n + 0.01 * np.eye(n), rng.standard_normal(n), G, G @ x + rng.random(m), A, A @ x


@pytest.mark.parametrize(("n", "m", "p"), [(10, 20, 3), (60, 120, 10), (40, 80, 0)])
@pytest.mark.parametrize("seed", range(2))
def test_quadratic_programmes_are_osqps(n: int, m: int, p: int, seed: int) -> None:
    P, q, G, h, A, b = programme(n, m, p, seed)
    ours = optimize.solve_qp(P, q, G, h, **({"A": A, "b": b} if p else {}))
    theirs = osqp.OSQP()
    theirs.setup(
        scipy.sparse.csc_matrix(np.triu(P)),
        q,
        scipy.sparse.csc_matrix(np.vstack([G, A])),
        np.concatenate([np.full(m, -np.inf), b]),
        np.concatenate([h, b]),
        verbose=False,
        eps_abs=1e-9,
        eps_rel=1e-9,
        max_iter=200_000,
    )
    found = theirs.solve(raise_error=True)
    assert ours.converged
    assert ours.value == pytest.approx(found.info.obj_val, abs=1e-6)
    np.testing.assert_allclose(ours.x, found.x, atol=1e-4)
    np.testing.assert_allclose(ours.inequality_multipliers, found.y[:m], atol=1e-4)
    np.testing.assert_allclose(ours.equality_multipliers, found.y[m:], atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_linear_programmes_are_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 12, 25
    G, x = rng.standard_normal((m, n)), rng.random(n)
    h, q = G @ x + rng.random(m), rng.standard_normal(n)
    rows = np.vstack([G, np.eye(n), -np.eye(n)])
    right = np.concatenate([h, np.full(n, 3.0), np.zeros(n)])
    ours = optimize.solve_qp(np.zeros((n, n)), q, rows, right)
    theirs = scipy.optimize.linprog(q, G, h, bounds=[(0, 3)] * n)
    assert ours.value == pytest.approx(theirs.fun, abs=1e-6)
    np.testing.assert_allclose(ours.inequality_multipliers[:m], -theirs.ineqlin.marginals, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_the_lasso_is_scikit_learns(alpha: float) -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), y - y.mean()
    theirs = Lasso(alpha=alpha, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X, y)
    ours = optimize.lasso_admm(X, y, alpha * len(X))
    assert ours.converged
    np.testing.assert_allclose(ours.x, theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.x != 0, theirs.coef_ != 0)
    wide, target = X[:60].T @ np.eye(60), np.random.default_rng(0).standard_normal(10)
    theirs = Lasso(alpha=0.05, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(wide, target)
    found = optimize.lasso_admm(wide, target, 0.05 * 10, max_iter=50_000).x
    loss = [((wide @ w - target) ** 2).sum() / 2 + 0.5 * np.abs(w).sum() for w in (found, theirs.coef_)]
    assert loss[0] == pytest.approx(loss[1], rel=1e-6)


def rosenbrock(x):
    return scipy.optimize.rosen(x), scipy.optimize.rosen_der(x)


def on_sphere(x):
    return np.array([x @ x - 3.0]), 2 * x[None]


def test_constrained_minima_are_scipys() -> None:
    start = np.array([1.0, 0.5, 0.2, -0.3, 0.1])
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen,
        start,
        jac=scipy.optimize.rosen_der,
        constraints=scipy.optimize.NonlinearConstraint(lambda x: x @ x, 3, 3, jac=lambda x: 2 * x[None]),
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    newton = optimize.lagrange_newton(
        rosenbrock, lambda x, m: scipy.optimize.rosen_hess(x) + 2 * m[0] * np.eye(5), on_sphere, start
    )
    augmented = optimize.augmented_lagrangian(rosenbrock, start, equalities=on_sphere)
    for ours in (newton, augmented):
        assert ours.converged
        np.testing.assert_allclose(ours.x, theirs.x, atol=1e-5)
    np.testing.assert_allclose(newton.equality_multipliers, augmented.equality_multipliers, atol=1e-5)
    bounded = scipy.optimize.minimize(
        scipy.optimize.rosen,
        np.zeros(5),
        jac=scipy.optimize.rosen_der,
        constraints=[
            scipy.optimize.NonlinearConstraint(lambda x: x @ x, -np.inf, 1.5, jac=lambda x: 2 * x[None]),
            scipy.optimize.NonlinearConstraint(lambda x: x[0], -np.inf, 0.5),
        ],
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    ours = optimize.augmented_lagrangian(
        rosenbrock, np.zeros(5), inequalities=lambda x: ([x @ x - 1.5, x[0] - 0.5], np.stack([2 * x, np.eye(5)[0]]))
    )
    assert ours.converged
    np.testing.assert_allclose(ours.x, bounded.x, atol=1e-5)


def test_projected_gradients_in_a_box_are_l_bfgs_b() -> None:
    theirs = scipy.optimize.minimize(
        scipy.optimize.rosen,
        np.zeros(10),
        jac=scipy.optimize.rosen_der,
        bounds=[(-0.5, 0.8)] * 10,
        method="L-BFGS-B",
        options={"gtol": 1e-10, "ftol": 0},
    )
    ours = optimize.projected_gradient(rosenbrock, np.zeros(10), lambda x: optimize.project_box(x, -0.5, 0.8))
    assert ours.converged
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-6)


def test_a_budget_over_cities_is_divided_as_scipy_divides_it() -> None:
    rng = np.random.default_rng(0)
    scale, half, budget = rng.uniform(1, 5, 40), rng.uniform(0.5, 3, 40), 30.0
    curves = optimize.LogReturns(scale, half)
    theirs = scipy.optimize.minimize(
        lambda x: -curves.value(x).sum(),
        np.full(40, budget / 40),
        jac=lambda x: -curves.slope(x),
        bounds=[(0, None)] * 40,
        constraints={"type": "eq", "fun": lambda x: x.sum() - budget, "jac": lambda x: np.ones(40)},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    for ours in (optimize.water_filling(curves, budget), optimize.allocate_budget(curves, budget)):
        assert ours.total >= -theirs.fun - 1e-6
        np.testing.assert_allclose(ours.amounts, theirs.x, atol=1e-3)
