"""Gaussian processes, convergence diagnostics and Bayesian regression against their peers; NUTS against its twin."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator

import numpy as np
import sklearn
from comparison import Comparison
from sklearn.gaussian_process import GaussianProcessRegressor as SklearnGaussianProcessRegressor
from sklearn.gaussian_process import kernels as theirs
from sklearn.linear_model import BayesianRidge
from whitebox import gp, mcmc, reference
from whitebox.linear_model import BayesianLinearRegression

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import arviz

PEER = f"scikit-learn {sklearn.__version__}"


def processes(n: int) -> Iterator[Comparison]:
    """At the same kernel, and with hyper-parameters to find."""
    rng = np.random.default_rng(0)
    X, Z = rng.uniform(-3, 3, (n, 3)), rng.uniform(-3, 3, (n // 2, 3))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] ** 2 + 0.1 * rng.standard_normal(n)
    ours = gp.GaussianProcessRegressor(1.5 * gp.RBF([1.0, 2.0, 3.0]) + gp.White(0.01), optimizer=None).fit(X, y)
    kernel = 1.5 * theirs.RBF([1.0, 2.0, 3.0]) + theirs.WhiteKernel(0.01)
    peer = SklearnGaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
    for got, expected in zip(ours.predict(Z, return_std=True), peer.predict(Z, return_std=True), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)
    theta = kernel.theta
    for got, expected in zip(
        ours.log_marginal_likelihood(theta, True), peer.log_marginal_likelihood(theta, True), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    yield Comparison(
        f"GP fit, {n} × 3, and predict {n // 2} with spread",
        PEER,
        lambda: ours.fit(X, y).predict(Z, return_std=True),
        lambda: peer.fit(X, y).predict(Z, return_std=True),
        1.2,
    )
    yield Comparison(f"GP fit, {n} × 3", PEER, lambda: ours.fit(X, y), lambda: peer.fit(X, y), 1.2)
    yield Comparison(
        f"GP likelihood with gradient, {n} × 3",
        PEER,
        lambda: ours.log_marginal_likelihood(theta, True),
        lambda: peer.log_marginal_likelihood(theta, True),
        1.2,
    )
    few = slice(0, n // 5)
    free = gp.GaussianProcessRegressor(1.0 * gp.RBF([1.0] * 3) + gp.White(1.0))
    other = SklearnGaussianProcessRegressor(1.0 * theirs.RBF([1.0] * 3) + theirs.WhiteKernel(1.0))
    assert free.fit(X[few], y[few]).log_marginal_likelihood_value_ > (
        other.fit(X[few], y[few]).log_marginal_likelihood_value_ - 1e-3
    )
    yield Comparison(
        f"GP hyper-parameters, {n // 5} × 3",
        PEER,
        lambda: free.fit(X[few], y[few]),
        lambda: other.fit(X[few], y[few]),
        1.2,
    )


def diagnostics(draws: int) -> Iterator[Comparison]:
    """Of four chains."""
    x = np.random.default_rng(0).standard_normal((4, draws))
    for t in range(1, draws):
        x[:, t] += 0.5 * x[:, t - 1]
    for name, ours, peer in (("bulk ESS", mcmc.ess, arviz.ess), ("rank-normalised R-hat", mcmc.rhat, arviz.rhat)):
        np.testing.assert_allclose(ours(x), float(peer(x)), rtol=1e-8)
        yield Comparison(
            f"{name}, 4 × {draws}",
            f"arviz {arviz.__version__}",
            lambda ours=ours: ours(x),
            lambda peer=peer: peer(x),
        )


def regression(n: int) -> Iterator[Comparison]:
    """Evidence maximisation from the same start to the same tolerance."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 20))
    y = X @ rng.standard_normal(20) + rng.standard_normal(n)
    ours = BayesianLinearRegression(fit_intercept=False)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    peer = BayesianRidge(fit_intercept=False, tol=1e-8, **flat)
    np.testing.assert_allclose(ours.fit(X, y).coef_, peer.fit(X, y).coef_, rtol=1e-6)
    yield Comparison(f"Bayesian regression, {n} × 20", PEER, lambda: ours.fit(X, y), lambda: peer.fit(X, y))


def trajectories(steps: int) -> Iterator[Comparison]:
    """NUTS on a normal of 50 dimensions with the same step size; the twin does all in Python's loops."""
    d = 50

    def on_lists(x: list[float]) -> tuple[float, list[float]]:
        return -sum(a * a for a in x) / 2, [-a for a in x]

    fast = mcmc.NUTS(lambda x: (-0.5 * float(x @ x), -x), step_size=0.7)
    slow = reference.mcmc.NUTS(on_lists, 0.7, [1.0] * d)

    def ours() -> None:
        mcmc.sample(fast, np.random.default_rng(0), np.zeros((1, d)), steps)

    def twin() -> None:
        rng, x = random.Random(0), [0.0] * d
        for _ in range(steps):
            x = slow.step(rng, x)

    yield Comparison(f"NUTS, {steps} steps, 50 dimensions", "pure Python (reference)", ours, twin)


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from processes(1000 // scale)
    yield from diagnostics(10_000 // scale)
    yield from regression(5000 // scale)
    yield from trajectories(200 // scale)
