from __future__ import annotations

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats
from whitebox import privacy


def test_the_delta_of_normal_noise_is_the_closed_form_at_fifty_digits() -> None:
    with mpmath.workdps(50):
        for epsilon in (0.0, 0.1, 1.0, 5.0, 30.0, 800.0):
            for shift in (1e-3, 0.1, 1.0, 7.0, 50.0):
                a, b = mpmath.mpf(shift) / 2 - epsilon / mpmath.mpf(shift), mpmath.mpf(-shift) / 2
                b -= epsilon / mpmath.mpf(shift)
                exact = mpmath.ncdf(a) - mpmath.exp(epsilon) * mpmath.ncdf(b)
                ours = privacy.gaussian_delta(epsilon, sigma=1 / shift)
                # Where little is left of two terms that nearly cancel, the last digits go.
                assert ours == pytest.approx(float(exact), rel=1e-9, abs=1e-307)


def test_the_delta_of_normal_noise_is_the_hockey_stick_divergence() -> None:
    for epsilon, sigma in ((0.5, 1.0), (1.0, 0.7), (2.0, 2.0)):
        p, q = stats.norm(1.0, sigma), stats.norm(0.0, sigma)
        border = 0.5 + epsilon * sigma**2
        excess, _ = integrate.quad(lambda x: p.pdf(x) - math.exp(epsilon) * q.pdf(x), border, border + 40 * sigma)  # noqa: B023
        assert privacy.gaussian_delta(epsilon, sigma) == pytest.approx(excess, rel=1e-7)


def _divergence(order: float, left, right, low: float, high: float) -> float:
    """Of Rényi, by numerical integration of two logarithmic densities."""

    def integrand(x: float) -> float:
        return math.exp(order * left(x) + (1 - order) * right(x))

    pieces = sorted({low, *np.linspace(-4, 4 * order, 12).tolist(), high})
    total = sum(integrate.quad(integrand, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in pairwise(pieces))
    return math.log(total) / (order - 1)


@pytest.mark.parametrize(("sigma", "q"), [(1.0, 0.01), (0.8, 0.3), (4.0, 0.5)])
def test_the_subsampled_gaussian_curve_is_the_integral(sigma: float, q: float) -> None:
    def plain(x: float) -> float:
        return -(x * x) / (2 * sigma**2) - math.log(sigma * math.sqrt(2 * math.pi))

    def mixed(x: float) -> float:
        return plain(x) + math.log1p(q * math.expm1((2 * x - 1) / (2 * sigma**2)))

    for order in (2, 8):
        exact = _divergence(order, mixed, plain, -40 * sigma, order + 40 * sigma)
        assert privacy.rdp_subsampled_gaussian(sigma, q, [order])[0] == pytest.approx(exact, rel=1e-8)
    # Between whole orders the chord lies above the curve, and not far.
    exact = _divergence(2.5, mixed, plain, -40 * sigma, 40 * sigma)
    assert exact <= privacy.rdp_subsampled_gaussian(sigma, q, [2.5])[0] <= 1.6 * exact


def test_the_curves_of_laplace_noise_and_of_randomised_response_are_the_integrals() -> None:
    for b in (0.5, 2.0):
        for order in (1.5, 2.0, 6.0):
            exact = _divergence(
                order,
                lambda x: -abs(x) / b - math.log(2 * b),  # noqa: B023
                lambda x: -abs(x - 1) / b - math.log(2 * b),  # noqa: B023
                -40 * b,
                1 + 40 * b + 4 * order,
            )
            assert privacy.rdp_laplace(b, [order])[0] == pytest.approx(exact, rel=1e-4)
    p = stats.bernoulli(math.exp(1.3) / (1 + math.exp(1.3))).pmf([0, 1])
    exact = math.log((p**3 * p[::-1] ** (1 - 3)).sum()) / 2
    assert privacy.rdp_pure(1.3, [3.0])[0] == pytest.approx(exact, rel=1e-12)


def test_the_promise_of_a_curve_bounds_the_exact_delta_of_a_known_mechanism() -> None:
    # Randomised response of ε = 1, 30 times: its privacy loss is binomial, so its δ is a finite sum.
    n, epsilon = 30, 1.0
    k = np.arange(n + 1)
    loss = (2 * k - n) * epsilon
    chance = stats.binom(n, math.exp(epsilon) / (1 + math.exp(epsilon))).pmf(k)
    for budget in (5.0, 10.0, 20.0):
        exact = (chance * np.maximum(0, 1 - np.exp(budget - loss))).sum()
        promised = privacy.rdp_to_delta(n * privacy.rdp_pure(epsilon), budget).delta
        assert exact <= promised <= 60 * exact


def test_draws_have_the_distributions_that_scipy_knows() -> None:
    rng = np.random.default_rng(1)
    noise = privacy.laplace_mechanism(rng, np.full(30_000, 7.0), 3.0, 2.0)
    assert stats.kstest(noise, stats.laplace(7.0, 1.5).cdf).pvalue > 1e-3
    noise = privacy.gaussian_mechanism(rng, np.zeros(30_000), 1.0, 1.0, 1e-5)
    assert stats.kstest(noise, stats.norm(0, privacy.gaussian_sigma(1.0, 1e-5)).cdf).pvalue > 1e-3
    drawn = privacy.discrete_laplace(rng, 1.7, 30_000)
    counts = np.bincount(np.clip(drawn, -8, 8) + 8, minlength=17)
    model = stats.dlaplace(1 / 1.7)
    expected = 30_000 * np.concatenate([[model.cdf(-8)], model.pmf(np.arange(-7, 8)), [model.sf(7)]])
    assert stats.chisquare(counts, expected).pvalue > 1e-3
