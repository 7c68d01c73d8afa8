from __future__ import annotations

import tempfile
import warnings
from unittest import mock

import numpy as np
import pytest
from scipy import stats
from whitebox import _normal, mcmc
from whitebox.mcmc import HMC, NUTS, MetropolisHastings, RandomWalk

# It announces its next version once a day, and notes the day in a file that test processes would take from each other.
with (
    tempfile.TemporaryDirectory() as _notes,
    mock.patch("platformdirs.user_cache_dir", return_value=_notes),
    warnings.catch_warnings(),
):
    warnings.simplefilter("ignore")
    import arviz


def autoregressions(phi: float, chains: int, n: int) -> np.ndarray:
    x = np.random.default_rng(int(100 * phi) % 97).standard_normal((chains, n))
    for t in range(1, n):
        x[:, t] += phi * x[:, t - 1]
    return x


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.99, -0.5, -0.9])
@pytest.mark.parametrize(("chains", "n"), [(4, 1000), (2, 101), (3, 64)])
def test_the_diagnostics_are_those_of_arviz(phi: float, chains: int, n: int) -> None:
    x = autoregressions(phi, chains, n)
    for draws in (x, np.round(x), np.exp(x)):
        for method in ("bulk", "tail", "mean"):
            assert mcmc.ess(draws, method) == pytest.approx(
                np.asarray(arviz.ess(draws, method=method)).item(), rel=1e-8
            )
        for method in ("rank", "split"):
            assert mcmc.rhat(draws, method) == pytest.approx(
                np.asarray(arviz.rhat(draws, method=method)).item(), rel=1e-8
            )
        assert mcmc.mcse(draws) == pytest.approx(np.asarray(arviz.mcse(draws, method="mean")).item(), rel=1e-8)


def test_the_normal_distribution_is_scipys() -> None:
    p = np.concatenate([np.logspace(-300, -2, 200), np.linspace(0.01, 0.99, 300), 1 - np.logspace(-15, -2, 50)])
    np.testing.assert_allclose(_normal.ppf(p), stats.norm.ppf(p), rtol=1e-13, atol=1e-15)
    x = np.linspace(-30, 8, 500)
    np.testing.assert_allclose(_normal.cdf(x), stats.norm.cdf(x), rtol=1e-12)
    np.testing.assert_allclose(_normal.pdf(x), stats.norm.pdf(x), rtol=1e-13)


COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 4.0, -1.0], [0.0, -1.0, 9.0]])
MEAN = np.array([1.0, -2.0, 5.0])
PRECISION = np.linalg.inv(COVARIANCE)


def normal(x: np.ndarray) -> tuple[float, np.ndarray]:
    pulled = PRECISION @ (MEAN - x)
    return -0.5 * float((MEAN - x) @ pulled), pulled


@pytest.mark.parametrize(
    ("kernel", "draws", "warmup"),
    [
        (MetropolisHastings(lambda x: normal(x)[0], RandomWalk(1.3 * np.linalg.cholesky(COVARIANCE))), 4000, 200),
        (HMC(normal, steps=3), 1500, 200),
        (NUTS(normal), 500, 200),
    ],
    ids=["Metropolis", "HMC", "NUTS"],
)
def test_the_moments_of_a_normal_are_found_within_their_standard_errors(kernel, draws: int, warmup: int) -> None:
    starts = MEAN + 3 * np.random.default_rng(5).standard_normal((3, 3))
    x = mcmc.sample(kernel, np.random.default_rng(6), starts, draws, warmup=warmup).positions
    assert (mcmc.rhat(x) < 1.03).all()
    assert (np.abs(x.mean(axis=(0, 1)) - MEAN) < 4 * mcmc.mcse(x)).all()
    products = (x - MEAN)[:, :, [0, 1, 2, 0, 1]] * (x - MEAN)[:, :, [0, 1, 2, 1, 2]]
    expected = COVARIANCE[[0, 1, 2, 0, 1], [0, 1, 2, 1, 2]]
    assert (np.abs(products.mean(axis=(0, 1)) - expected) < 4 * mcmc.mcse(products)).all()


def test_a_beta_posterior_is_found_through_its_logit() -> None:
    """Seven of ten, with a flat prior: Beta(8, 4) after the change of variables."""

    def log_density(t: np.ndarray) -> tuple[float, np.ndarray]:
        p = 1 / (1 + np.exp(-t[0]))
        return 8 * float(np.log(p)) + 4 * float(np.log1p(-p)), np.array([8 * (1 - p) - 4 * p])

    chains = mcmc.sample(NUTS(log_density), np.random.default_rng(0), [[-1.0], [1.0]], 600, warmup=150)
    p = 1 / (1 + np.exp(-chains.positions))
    exact = stats.beta(8, 4)
    assert abs(p.mean() - exact.mean()) < 4 * mcmc.mcse(p)[0]
    for probability in (0.1, 0.5, 0.9):
        below = (p < exact.ppf(probability)).astype(float)
        assert abs(below.mean() - probability) < 4 * mcmc.mcse(below)[0]


def test_ranks_of_the_truth_among_posterior_draws_are_uniform() -> None:
    """Simulation-based calibration (Talts et al. 2018) of a normal mean with a normal prior."""
    rng, ranks = np.random.default_rng(3), []
    for _ in range(80):
        theta = rng.standard_normal()
        y = theta + rng.standard_normal(4)

        def posterior(x: np.ndarray, y: np.ndarray = y) -> tuple[float, np.ndarray]:
            return -0.5 * float(x @ x) - 0.5 * float(((y - x[0]) ** 2).sum()), np.array([y.sum() - 5 * x[0]])

        kernel = NUTS(posterior, step_size=0.6)
        chains = mcmc.sample(kernel, rng, [[y.mean()]], 3 * 19 + 3)
        ranks.append(int((chains.positions[0, 3::3, 0] < theta).sum()))
    assert stats.chisquare(np.histogram(ranks, bins=5, range=(0, 20))[0]).pvalue > 0.01
