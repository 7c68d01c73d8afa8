from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from sklearn import gaussian_process as sklearn_gp
from sklearn.datasets import load_diabetes
from sklearn.gaussian_process import kernels as theirs
from whitebox import gp

SCALES = [1.0, 2.0, 0.7]
KERNELS = [
    (1.5 * gp.RBF(SCALES) + gp.White(0.1), 1.5 * theirs.RBF(SCALES) + theirs.WhiteKernel(0.1)),
    (gp.Matern(0.8, nu=0.5) + 0.5, theirs.Matern(0.8, nu=0.5) + theirs.ConstantKernel(0.5)),
    (gp.Matern(SCALES, nu=1.5) * gp.RBF(3.0), theirs.Matern(SCALES, nu=1.5) * theirs.RBF(3.0)),
    (2.0 * gp.Matern(SCALES, nu=2.5) + gp.White(0.2), 2.0 * theirs.Matern(SCALES, nu=2.5) + theirs.WhiteKernel(0.2)),
]


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2, 2, (n, 3))


@pytest.mark.parametrize(("ours", "peer"), KERNELS, ids=["RBF", "Matern12", "product", "Matern52"])
def test_kernels_and_their_gradients_are_scikit_learns(ours, peer) -> None:
    X, Z = rows(60), rows(40, seed=1)
    X[7] = X[3]  # the same place twice
    expected, gradients = peer(X, eval_gradient=True)
    covariance, pullback = ours.with_pullback(X)
    np.testing.assert_allclose(ours(X), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(covariance, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours(X, Z), peer(X, Z), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.diagonal(Z), peer.diag(Z))
    np.testing.assert_allclose(ours.theta, peer.theta)
    weights = np.random.default_rng(2).standard_normal((60, 60))
    weights += weights.T
    np.testing.assert_allclose(pullback(weights), np.einsum("ij,ijp->p", weights, gradients), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("ours", "peer"), KERNELS, ids=["RBF", "Matern12", "product", "Matern52"])
@pytest.mark.parametrize("normalize", [False, True])
def test_predictions_at_the_same_kernel_are_scikit_learns(ours, peer, normalize: bool) -> None:
    X, Z = rows(120), rows(50, seed=1)
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 3
    options = {"alpha": 1e-3, "optimizer": None}
    mine = gp.GaussianProcessRegressor(ours, normalize_y=normalize, **options).fit(X, y)
    peers = sklearn_gp.GaussianProcessRegressor(peer, normalize_y=normalize, **options).fit(X, y)
    for option in ("return_std", "return_cov"):
        for got, expected in zip(mine.predict(Z, **{option: True}), peers.predict(Z, **{option: True}), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
    value, gradient = mine.log_marginal_likelihood(peer.theta, eval_gradient=True)
    expected_value, expected_gradient = peers.log_marginal_likelihood(peer.theta, eval_gradient=True)
    assert value == pytest.approx(expected_value, rel=1e-9)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-6, atol=1e-6)


def test_the_hyper_parameters_found_are_as_likely_as_scikit_learns_on_the_diabetes_data() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:150, :4] / X[:, :4].std(axis=0), (y[:150] - y.mean()) / y.std()
    mine = gp.GaussianProcessRegressor(1.0 * gp.RBF([1.0] * 4) + gp.White(1.0)).fit(X, y)
    peers = sklearn_gp.GaussianProcessRegressor(1.0 * theirs.RBF([1.0] * 4) + theirs.WhiteKernel(1.0)).fit(X, y)
    assert mine.log_marginal_likelihood_value_ > peers.log_marginal_likelihood_value_ - 1e-3
    np.testing.assert_allclose(mine.predict(X), peers.predict(X), atol=0.02)


def test_the_gradient_of_the_likelihood_is_that_of_differences() -> None:
    X = rows(25)
    model = gp.GaussianProcessRegressor(1.5 * gp.Matern(SCALES, nu=2.5) + gp.White(0.1), optimizer=None)
    model.fit(X, np.sin(X[:, 0]))
    theta = model.kernel_.theta
    error = optimize.check_grad(
        model.log_marginal_likelihood, lambda t: model.log_marginal_likelihood(t, eval_gradient=True)[1], theta
    )
    assert error < 1e-4


@pytest.mark.parametrize(("mean", "std", "best"), [(0.3, 0.8, 0.0), (-1.0, 0.5, 0.2), (2.0, 1.5, -0.5)])
def test_the_expected_improvement_is_the_integral_it_stands_for(mean: float, std: float, best: float) -> None:
    density = stats.norm(mean, std)
    expected = integrate.quad(lambda f: (best - f) * density.pdf(f), -np.inf, best)[0]
    assert gp.expected_improvement([mean], [std], best)[0] == pytest.approx(expected, rel=1e-7)
    assert gp.probability_of_improvement([mean], [std], best)[0] == pytest.approx(density.cdf(best), rel=1e-10)


@pytest.mark.slow
def test_a_known_minimum_is_found_with_few_evaluations() -> None:
    def branin(x: np.ndarray) -> float:
        a = x[1] - 5.1 / (4 * np.pi**2) * x[0] ** 2 + 5 / np.pi * x[0] - 6
        return float(a**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x[0]) + 10)

    box = [(-5.0, 10.0), (0.0, 15.0)]
    found = gp.minimise(branin, box, evaluations=28, random_state=0)
    random = np.random.default_rng(0).uniform([-5, 0], [10, 15], (28, 2))
    assert found.value < 0.45  # the minimum is 0.3979
    assert found.value < min(map(branin, random)) / 2
