from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox import vi
from whitebox.vi import FullRank, MeanField

SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(EXAMPLES, max_examples=20)


def normal(seed: int, d: int = 2):
    """A normal target, normalised: its mean, covariance, and log-densities of rows."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((d, d))
    mean, covariance = rng.standard_normal(d), B @ B.T + 0.5 * np.eye(d)
    precision, constant = np.linalg.inv(covariance), 0.5 * np.linalg.slogdet(2 * math.pi * covariance)[1]

    def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pulled = (mean - x) @ precision
        return -0.5 * ((mean - x) * pulled).sum(axis=1) - constant, pulled

    return mean, covariance, target


def whitened(seed: int, d: int, count: int = 12) -> np.ndarray:
    return vi.whitened(np.random.default_rng(seed).standard_normal((count, d)))


@FEW
@given(SEEDS, st.integers(1, 3))
def test_full_rank_inference_is_exact_on_normal_posteriors(seed: int, d: int) -> None:
    mean, covariance, target = normal(seed, d)
    found = vi.fit_to_draws(target, FullRank(np.zeros(d)), whitened(seed, d)).gaussian
    np.testing.assert_allclose(found.mean, mean, atol=1e-4)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-3)
    # Nothing is lost between the bound and the evidence, which is 1.
    assert vi.elbo(found, target, whitened(seed + 1, d)).value == pytest.approx(0, abs=1e-6)


@FEW
@given(SEEDS, st.integers(1, 3))
def test_mean_field_inference_finds_the_mean_and_the_diagonal_of_the_precision(seed: int, d: int) -> None:
    mean, covariance, target = normal(seed, d)
    found = vi.fit_to_draws(target, MeanField(np.zeros(d)), whitened(seed, d)).gaussian
    precision = np.linalg.inv(covariance)
    np.testing.assert_allclose(found.mean, mean, atol=1e-4)
    np.testing.assert_allclose(found.covariance.diagonal(), 1 / precision.diagonal(), rtol=1e-3)
    gap = 0.5 * (np.log(precision.diagonal()).sum() - np.linalg.slogdet(precision)[1])
    assert vi.elbo(found, target, whitened(seed + 1, d)).value == pytest.approx(-gap, abs=1e-5)


def test_stochastic_gradients_come_to_the_same() -> None:
    mean, covariance, target = normal(1)
    for family in (MeanField(np.zeros(2)), FullRank(np.zeros(2))):
        found = vi.fit(target, family, np.random.default_rng(0), steps=600).gaussian
        exact = vi.fit_to_draws(target, family, whitened(0, 2)).gaussian
        np.testing.assert_allclose(found.mean, exact.mean, atol=0.05)
        np.testing.assert_allclose(found.covariance, exact.covariance, atol=0.15)
    np.testing.assert_allclose(exact.covariance, covariance, atol=1e-3)
    np.testing.assert_allclose(exact.mean, mean, atol=1e-3)


@FEW
@given(SEEDS)
def test_the_bound_is_the_evidence_less_the_divergence(seed: int) -> None:
    mean, covariance, target = normal(seed)
    rng = np.random.default_rng(seed)
    q = FullRank(rng.standard_normal(2), np.tril(rng.standard_normal((2, 2)), -1) + np.diag([0.5, 2.0]))
    precision, away = np.linalg.inv(covariance), q.mean - mean
    divergence = 0.5 * (
        np.trace(precision @ q.covariance)
        + away @ precision @ away
        - 2
        + np.linalg.slogdet(covariance)[1]
        - np.linalg.slogdet(q.covariance)[1]
    )
    assert vi.elbo(q, target, whitened(seed, 2)).value == pytest.approx(-divergence, rel=1e-6)


def test_the_error_bar_covers_the_bound() -> None:
    _, _, target = normal(0)
    q, rng = MeanField([0.3, -0.2], [0.2, -0.1]), np.random.default_rng(0)
    exact = vi.elbo(q, target, whitened(0, 2)).value
    z = []
    for _ in range(200):
        bound = vi.elbo(q, target, rng.standard_normal((50, 2)))
        z.append((bound.value - exact) / bound.standard_error)
    assert abs(np.mean(z)) < 4 / math.sqrt(200) + 0.15  # skewed terms bias the ratio a little
    assert 0.8 < np.std(z) < 1.3


@pytest.mark.parametrize("family", [MeanField, FullRank])
@FEW
@given(SEEDS, st.integers(1, 3))
def test_the_gradient_is_that_of_differences(family, seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    start = family(np.zeros(d))
    q = start.with_parameters(0.5 * rng.standard_normal(len(start.parameters)))
    draws, theta = rng.standard_normal((4, d)), q.parameters

    def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -np.log(np.cosh(x)).sum(axis=1), -np.tanh(x)

    gradient, h = vi.elbo(q, target, draws).gradient, 1e-6
    for place, unit in enumerate(np.eye(len(theta))):
        ends = [vi.elbo(q.with_parameters(theta + sign * h * unit), target, draws).value for sign in (1, -1)]
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-6)


@FEW
@given(SEEDS, st.integers(1, 3))
def test_parameters_there_and_back(seed: int, d: int) -> None:
    for family in (MeanField(np.zeros(d)), FullRank(np.zeros(d))):
        theta = np.random.default_rng(seed).standard_normal(len(family.parameters))
        q = family.with_parameters(theta)
        np.testing.assert_allclose(q.parameters, theta)
        assert q.entropy == pytest.approx(0.5 * np.linalg.slogdet(2 * math.pi * math.e * q.covariance)[1])
    draws = q.sample(np.random.default_rng(0), 3)
    assert draws.shape == (3, d)


@FEW
@given(SEEDS, st.integers(1, 4))
def test_whitened_draws_have_mean_zero_and_unit_covariance(seed: int, d: int) -> None:
    z = whitened(seed, d)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.T @ z / len(z), np.eye(d), atol=1e-12)
