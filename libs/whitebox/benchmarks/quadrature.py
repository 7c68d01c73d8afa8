"""Integration, low-discrepancy points, quadratic programmes and the lasso against their peers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import osqp
import scipy
import scipy.integrate
import scipy.sparse
import sklearn
from comparison import Comparison
from scipy.stats import qmc
from sklearn.linear_model import Lasso
from whitebox import optimize, quadrature

_SCIPY = f"SciPy {scipy.__version__}"


def integrals() -> Iterator[Comparison]:
    """Integrands as one writes them with NumPy: ours computes many points a call, QUADPACK one."""
    cases = [
        ("200 oscillations", lambda x: np.cos(200 * np.pi * x) * np.exp(-x), 0.0, 2.0, 1.0),
        ("a narrow peak", lambda x: 1 / (1e-8 + (x - 1 / 3) ** 2), 0.0, 1.0, None),
        ("a smooth function", lambda x: np.exp(-x * x), 0.0, 1.0, None),
    ]
    for name, f, a, b, gate in cases:
        ours = partial(quadrature.gauss_kronrod, f, a, b, rtol=1e-10, atol=1e-13)
        theirs = partial(scipy.integrate.quad, f, a, b, epsrel=1e-10, epsabs=1e-13, limit=2000)
        np.testing.assert_allclose(ours().value, theirs()[0], rtol=1e-9, atol=1e-12)
        yield Comparison(f"adaptive integral, {name}", f"{_SCIPY} (quad)", ours, theirs, gate)


def points(count: int) -> Iterator[Comparison]:
    """Points in 16 variables."""
    count = 1 << (count.bit_length() - 1)
    engines = {"Sobol": (quadrature.sobol, qmc.Sobol, 1.3), "Halton": (quadrature.halton, qmc.Halton, 1.0)}
    for name, (ours, theirs, gate) in engines.items():
        np.testing.assert_allclose(ours(1024, 16), theirs(16, scramble=False).random(1024), atol=1e-14)
        yield Comparison(
            f"{name} points, {count} × 16",
            f"{_SCIPY} (qmc)",
            lambda ours=ours: ours(count, 16),
            lambda theirs=theirs: theirs(16, scramble=False).random(count),
            gate,
        )


def programmes(n: int) -> Iterator[Comparison]:
    """Dense quadratic programmes to eight digits."""
    rng = np.random.default_rng(0)
    m, p = 2 * n, n // 10
    B, x = rng.standard_normal((n, n)), rng.standard_normal(n)
    P, q = B @ B.T / n + 0.01 * np.eye(n), rng.standard_normal(n)
    G, A = rng.standard_normal((m, n)), rng.standard_normal((p, n))
    h, b = G @ x + rng.random(m), A @ x
    upper, rows = scipy.sparse.csc_matrix(np.triu(P)), scipy.sparse.csc_matrix(np.vstack([G, A]))

    def theirs() -> np.ndarray:
        solver = osqp.OSQP()
        low = np.concatenate([np.full(m, -np.inf), b])
        solver.setup(
            upper, q, rows, low, np.concatenate([h, b]), verbose=False, eps_abs=1e-8, eps_rel=1e-8, max_iter=100_000
        )
        return solver.solve(raise_error=True).x

    np.testing.assert_allclose(optimize.solve_qp(P, q, G, h, A=A, b=b, tol=1e-8).x, theirs(), atol=1e-4)
    yield Comparison(
        f"quadratic programme, {n} variables, {m + p} rows",
        f"osqp {osqp.__version__}",
        lambda: optimize.solve_qp(P, q, G, h, A=A, b=b, tol=1e-8),
        theirs,
    )


def lasso(rows: int) -> Iterator[Comparison]:
    """The lasso by ADMM against coordinate descent."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 100))
    y = X[:, :10] @ rng.standard_normal(10) + rng.standard_normal(rows)
    model = Lasso(alpha=0.1, fit_intercept=False, tol=1e-8)
    np.testing.assert_allclose(optimize.lasso_admm(X, y, 0.1 * rows).x, model.fit(X, y).coef_, atol=1e-5)
    yield Comparison(
        f"lasso by ADMM, {rows} × 100",
        f"scikit-learn {sklearn.__version__} (coordinate descent)",
        lambda: optimize.lasso_admm(X, y, 0.1 * rows),
        lambda: model.fit(X, y),
    )


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from integrals()
    yield from points((1 << 18) // scale)
    yield from programmes(200 // scale)
    yield from lasso(2000 // scale)
