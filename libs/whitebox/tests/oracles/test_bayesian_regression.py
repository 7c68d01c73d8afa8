from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge
from whitebox import mcmc, vi
from whitebox.linear_model import BayesianLinearRegression


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_diabetes(return_X_y=True)
    return X / X.std(axis=0), y


def test_the_evidence_and_where_it_is_largest_are_scikit_learns() -> None:
    X, y = diabetes()
    X, y = X - X.mean(axis=0), y - y.mean()
    ours = BayesianLinearRegression(fit_intercept=False).fit(X, y)
    flat = {"alpha_1": 0, "alpha_2": 0, "lambda_1": 0, "lambda_2": 0}
    theirs = BayesianRidge(fit_intercept=False, tol=1e-10, max_iter=1000, compute_score=True, **flat).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.covariance_, theirs.sigma_, atol=1e-6)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-6)
    assert ours.lambda_ == pytest.approx(theirs.lambda_, rel=1e-6)
    assert ours.log_evidence_ == pytest.approx(theirs.scores_[-1], rel=1e-9)
    for got, expected in zip(ours.predict(X, return_std=True), theirs.predict(X, return_std=True), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_with_a_flat_prior_it_is_least_squares() -> None:
    X, y = diabetes()
    ours = BayesianLinearRegression(weight_precision=1e-10).fit(X, y)
    design = sm.add_constant(X)
    theirs = sm.OLS(y, design).fit()
    np.testing.assert_allclose(ours.coef_, theirs.params[1:], atol=1e-4)
    np.testing.assert_allclose(np.sqrt(ours.covariance_.diagonal()), theirs.bse[1:], rtol=1e-5)
    assert 1 / ours.alpha_ == pytest.approx(theirs.scale, rel=1e-6)
    mean, std = ours.predict(X, return_std=True)
    prediction = theirs.get_prediction(design)
    np.testing.assert_allclose(mean, prediction.predicted_mean, rtol=1e-6)
    np.testing.assert_allclose(std, prediction.se_obs, rtol=1e-6)


def test_the_evidence_is_the_density_of_the_targets() -> None:
    from scipy.stats import multivariate_normal

    X, y = diabetes()
    X, y = X[:40], y[:40] / 100
    model = BayesianLinearRegression(2.0, 0.5, fit_intercept=False).fit(X, y)
    exact = multivariate_normal(np.zeros(40), np.eye(40) / 2.0 + X @ X.T / 0.5).logpdf(y)
    assert model.log_evidence_ == pytest.approx(exact, rel=1e-9)


# The same posterior in five ways.


def problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 2)) @ [[1.0, 0.0], [0.5, 0.8]]
    y = X @ [1.0, -2.0] + 0.7 * rng.standard_normal(40)
    alpha, lambda_ = 2.0, 1.0

    def rows(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-densities and gradients of many weight vectors."""
        left = y - w @ X.T
        return -0.5 * alpha * (left**2).sum(axis=1) - 0.5 * lambda_ * (w**2).sum(axis=1), alpha * left @ X - lambda_ * w

    def single(w: np.ndarray) -> tuple[float, np.ndarray]:
        values, slopes = rows(w[None])
        return float(values[0]), slopes[0]

    return BayesianLinearRegression(alpha, lambda_, fit_intercept=False).fit(X, y), rows, single


@pytest.mark.parametrize("method", ["Metropolis", "HMC", "NUTS"])
def test_the_samplers_find_the_conjugate_posterior(method: str) -> None:
    model, _, single = problem()
    width = math.sqrt(float(model.covariance_.diagonal().max()))
    kernel, draws, warmup = {
        "Metropolis": (mcmc.MetropolisHastings(lambda w: single(w)[0], mcmc.RandomWalk(1.5 * width)), 3000, 300),
        "HMC": (mcmc.HMC(single, steps=2), 1000, 150),
        "NUTS": (mcmc.NUTS(single), 400, 150),
    }[method]
    starts = np.random.default_rng(1).standard_normal((3, 2))
    w = mcmc.sample(kernel, np.random.default_rng(2), starts, draws, warmup=warmup).positions
    assert (mcmc.rhat(w) < 1.02).all()
    assert (np.abs(w.mean(axis=(0, 1)) - model.coef_) < 4 * mcmc.mcse(w)).all()
    away = w - model.coef_
    products = np.stack([away[:, :, 0] ** 2, away[:, :, 1] ** 2, away[:, :, 0] * away[:, :, 1]], axis=2)
    expected = model.covariance_[[0, 1, 0], [0, 1, 1]]
    assert (np.abs(products.mean(axis=(0, 1)) - expected) < 4 * mcmc.mcse(products)).all()


def test_variational_inference_finds_the_conjugate_posterior() -> None:
    model, rows, _ = problem()
    draws = vi.whitened(np.random.default_rng(0).standard_normal((20, 2)))
    full = vi.fit_to_draws(rows, vi.FullRank(np.zeros(2)), draws).gaussian
    np.testing.assert_allclose(full.mean, model.coef_, atol=1e-5)
    np.testing.assert_allclose(full.covariance, model.covariance_, atol=1e-6)
    narrow = vi.fit(rows, vi.MeanField(np.zeros(2)), np.random.default_rng(0), steps=800).gaussian
    np.testing.assert_allclose(narrow.mean, model.coef_, atol=0.01)
    precision = np.linalg.inv(model.covariance_)
    np.testing.assert_allclose(narrow.covariance.diagonal(), 1 / precision.diagonal(), rtol=0.1)
    # The bound of the exact posterior is the evidence, up to the constants that the log-density leaves out.
    constants = 0.5 * 40 * math.log(model.alpha_ / (2 * math.pi)) + math.log(model.lambda_ / (2 * math.pi))
    assert vi.elbo(full, rows, draws).value + constants == pytest.approx(model.log_evidence_, abs=1e-6)
