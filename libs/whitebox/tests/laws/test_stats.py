from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import stats
from whitebox.stats import special

CONTINUOUS = [
    stats.Normal(1.0, 2.0),
    stats.LogNormal(0.2, 0.6),
    stats.Uniform(-1.0, 3.0),
    stats.Exponential(2.0),
    stats.Gamma(2.5, 3.0),
    stats.Gamma(0.4),
    stats.ChiSquare(5),
    stats.Beta(2.0, 3.5),
    stats.Beta(0.5, 0.7),
    stats.StudentT(4.0, 1.0, 2.0),
    stats.F(5, 9),
    stats.Laplace(1.0, 2.0),
    stats.Cauchy(1.0, 2.0),
    stats.Weibull(1.5, 2.0),
]
DISCRETE = [
    stats.Bernoulli(0.3),
    stats.Binomial(15, 0.4),
    stats.Poisson(6.5),
    stats.Geometric(0.3),
    stats.NegativeBinomial(2.5, 0.4),
    stats.Categorical([0.1, 0.0, 0.6, 0.3]),
]
LEVELS = np.linspace(0.001, 0.999, 400)
each_continuous = pytest.mark.parametrize("distribution", CONTINUOUS, ids=repr)
each_discrete = pytest.mark.parametrize("distribution", DISCRETE, ids=repr)
each = pytest.mark.parametrize("distribution", CONTINUOUS + DISCRETE, ids=repr)


def _gauss_legendre(function, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Integrals over intervals, by twelve points each."""
    node, weight = np.polynomial.legendre.leggauss(12)
    middle, half = (low + high) / 2, (high - low) / 2
    return half * (function(middle[:, None] + half[:, None] * node) @ weight)


@each_continuous
def test_the_integral_of_the_density_is_the_distribution_function(distribution) -> None:
    x = distribution.quantile(LEVELS)
    pieces = _gauss_legendre(distribution.pdf, x[:-1], x[1:])
    np.testing.assert_allclose(pieces, np.diff(LEVELS), rtol=1e-5)
    np.testing.assert_allclose(pieces.sum(), 0.998, rtol=1e-6)


@each_continuous
def test_moments_and_entropy_are_integrals(distribution) -> None:
    if isinstance(distribution, stats.Cauchy):
        return
    # Over the levels, E g(X) is the integral of g(quantile(u)): even heavy tails stay within a unit interval.
    edges = np.concatenate([np.geomspace(1e-13, 0.5, 120), 1 - np.geomspace(0.5, 1e-13, 120)[1:]])
    expect = lambda g: _gauss_legendre(lambda u: g(distribution.quantile(u)), edges[:-1], edges[1:]).sum()  # noqa: E731
    mean = expect(lambda x: x)
    np.testing.assert_allclose(mean, distribution.mean(), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(expect(lambda x: (x - mean) ** 2), distribution.variance(), rtol=1e-4)
    # A quantile may round to an end of the support, where the density is infinite.
    information = expect(lambda x: np.nan_to_num(-distribution.logpdf(x), posinf=0, neginf=0))
    np.testing.assert_allclose(information, distribution.entropy(), rtol=1e-6, atol=1e-7)


@each
def test_distribution_functions_rise_from_0_to_1(distribution) -> None:
    x = np.linspace(-30, 60, 400)
    assert (np.diff(distribution.cdf(x)) >= 0).all()
    assert (np.diff(distribution.sf(x)) <= 0).all()
    np.testing.assert_allclose(distribution.cdf(x) + distribution.sf(x), 1, rtol=1e-14)
    assert distribution.cdf([-np.inf, np.inf]).tolist() == [0, 1]
    assert distribution.sf([-np.inf, np.inf]).tolist() == [1, 0]


@each_continuous
def test_quantiles_invert_the_distribution_function_into_both_tails(distribution) -> None:
    p = np.concatenate([LEVELS, [1e-8, 1e-30, 1e-100]])
    np.testing.assert_allclose(distribution.cdf(distribution.quantile(p[:-2])), p[:-2], rtol=1e-9)
    if not isinstance(distribution, stats.Beta | stats.Uniform):  # whose upper ends have no numbers that near
        np.testing.assert_allclose(distribution.sf(distribution.upper_quantile(p)), p, rtol=1e-9)


@each_discrete
def test_probabilities_sum_to_the_distribution_function_and_quantiles_are_its_steps(distribution) -> None:
    first, last = distribution.support()
    k = np.arange(first, min(last, 200.0) + 1)
    np.testing.assert_allclose(np.cumsum(distribution.pmf(k)), distribution.cdf(k), rtol=1e-12)
    p = LEVELS
    reached = distribution.quantile(p)
    assert (distribution.cdf(reached) >= p).all()
    assert (distribution.cdf(reached - 1) < p).all()
    possible = distribution.pmf(k) > 1e-12
    np.testing.assert_array_equal(distribution.quantile(distribution.cdf(k[possible][:8])), k[possible][:8])
    np.testing.assert_allclose(k @ distribution.pmf(k), distribution.mean(), rtol=1e-10)
    np.testing.assert_allclose((k - distribution.mean()) ** 2 @ distribution.pmf(k), distribution.variance(), rtol=1e-9)


@each_continuous
def test_samples_pass_the_kolmogorov_smirnov_test(distribution) -> None:
    drawn = distribution.sample(np.random.default_rng(1), (40, 50))
    assert drawn.shape == (40, 50)
    assert stats.ks_test(drawn.ravel(), distribution).p_value > 0.01
    assert np.ndim(distribution.sample(np.random.default_rng(0))) == 0


@each_discrete
def test_samples_pass_the_chi_square_test(distribution) -> None:
    drawn = distribution.sample(np.random.default_rng(2), 3000)
    values, counts = np.unique(drawn, return_counts=True)
    common = distribution.pmf(values) * 3000 > 5
    expected = distribution.pmf(values[common]) * 3000
    rest = 3000 - expected.sum()
    observed, wanted = counts[common], expected
    if rest > 1e-6:
        observed, wanted = np.append(observed, counts[~common].sum()), np.append(wanted, rest)
    assert stats.chi_square_goodness_of_fit(observed, wanted).p_value > 0.01


def test_gamma_draws_fit_whatever_their_shape() -> None:
    for shape in (0.05, 0.4, 1.0, 1.5):
        drawn = stats.Gamma(shape, 2.0).sample(np.random.default_rng(0), 4000)
        assert stats.ks_test(drawn, stats.Gamma(shape, 2.0)).p_value > 0.01


def test_tails_keep_their_digits() -> None:
    close = partial(np.testing.assert_allclose, rtol=1e-12)
    close(special.gammaincc(1.0, [50.0, 500.0]), np.exp([-50.0, -500.0]))
    close(special.betaincc(1.0, 80.0, 0.75), 0.25**80)
    # Mills' ratio: the asymptotic series of the normal tail.
    x = 30.0
    series = 1 - 1 / x**2 + 3 / x**4 - 15 / x**6 + 105 / x**8 - 945 / x**10
    for tail in (stats.Normal().sf(x), stats.Normal().cdf(-x), special.ndtr(-x)):
        close(tail, math.exp(-x * x / 2) / (x * math.sqrt(2 * math.pi)) * series, rtol=1e-11)


def test_samples_of_vectors_have_their_moments() -> None:
    rng = np.random.default_rng(0)
    sigma = np.array([[2.0, 0.6], [0.6, 1.0]])
    for distribution in (stats.MultivariateNormal([1.0, -1.0], sigma), stats.Dirichlet([0.3, 2.0, 4.0])):
        drawn = distribution.sample(rng, 20_000)
        error = np.sqrt(distribution.variance() / 20_000)
        assert (np.abs(drawn.mean(axis=0) - distribution.mean()) < 4 * error).all()
        np.testing.assert_allclose(np.cov(drawn.T), distribution.covariance(), atol=0.05)
    np.testing.assert_allclose(stats.Dirichlet([1e-3, 1e-3]).sample(rng, 100).sum(axis=1), 1)


def test_distributions_that_are_special_cases_of_others_agree() -> None:
    x = np.linspace(0.1, 9.0, 50)
    for one, other in (
        (stats.ChiSquare(6), stats.Gamma(3.0, 2.0)),
        (stats.Exponential(2.0), stats.Gamma(1.0, 2.0)),
        (stats.Exponential(2.0), stats.Weibull(1.0, 2.0)),
        (stats.Uniform(), stats.Beta(1.0, 1.0)),
        (stats.Cauchy(), stats.StudentT(1.0)),
        (stats.F(1, 7), None),
    ):
        if other is None:  # the square of a t
            np.testing.assert_allclose(one.sf(x), 2 * stats.StudentT(7).sf(np.sqrt(x)), rtol=1e-12)
            continue
        np.testing.assert_allclose(one.pdf(x), other.pdf(x), rtol=1e-11)
        np.testing.assert_allclose(one.cdf(x), other.cdf(x), rtol=1e-11)
        np.testing.assert_allclose(one.entropy(), other.entropy(), atol=1e-12)
    k = np.arange(12.0)
    np.testing.assert_allclose(stats.Geometric(0.3).pmf(k + 1), stats.NegativeBinomial(1.0, 0.3).pmf(k))
    np.testing.assert_allclose(stats.Binomial(1, 0.3).pmf(k), stats.Bernoulli(0.3).pmf(k))
    np.testing.assert_allclose(stats.MultivariateNormal([1.0], [[4.0]]).pdf([[2.0]]), stats.Normal(1.0, 2.0).pdf([2.0]))
    np.testing.assert_allclose(stats.Dirichlet([2.0, 3.0]).pdf([[0.3, 0.7]]), stats.Beta(2.0, 3.0).pdf([0.3]))


shape = st.floats(0.05, 200.0)


@EXAMPLES
# Multiples of a power of two, so that 1 - x is exact.
@given(shape, shape, st.integers(0, 2**30).map(lambda numerator: numerator / 2**30))
def test_incomplete_beta_functions_mirror_and_step(a: float, b: float, x: float) -> None:
    np.testing.assert_allclose(special.betainc(a, b, x), special.betaincc(b, a, 1 - x), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(special.betainc(a, b, x) + special.betaincc(a, b, x), 1, rtol=1e-14)
    # I_x(a, b) - I_x(a + 1, b) = x^a (1 - x)^b / (a B(a, b)), DLMF 8.17.20
    step = x**a * (1 - x) ** b / a * math.exp(-float(special.betaln(a, b)))
    difference = special.betainc(a, b, x) - special.betainc(a + 1, b, x)
    np.testing.assert_allclose(difference, step, rtol=1e-7, atol=1e-12)


@EXAMPLES
@given(shape, st.floats(0.0, 400.0))
def test_incomplete_gamma_functions_step(a: float, x: float) -> None:
    lower, upper = special.gammainc(a, x), special.gammaincc(a, x)
    np.testing.assert_allclose(lower + upper, 1, rtol=1e-14)
    # P(a, x) - P(a + 1, x) = x^a e^-x / Γ(a + 1), DLMF 8.8.5
    step = math.exp(a * math.log(x) - x - float(special.gammaln(a + 1))) if x > 0 else 0.0
    np.testing.assert_allclose(lower - special.gammainc(a + 1, x), step, rtol=1e-7, atol=1e-12)


@EXAMPLES
@given(st.floats(1e-3, 1e3))
def test_gamma_functions_step_and_double(x: float) -> None:
    np.testing.assert_allclose(special.gammaln(x + 1), special.gammaln(x) + math.log(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(special.digamma(x + 1), special.digamma(x) + 1 / x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(special.trigamma(x + 1), special.trigamma(x) - 1 / x**2, rtol=1e-7, atol=1e-9)
    # Legendre's duplication formula.
    doubled = special.gammaln(x) + special.gammaln(x + 0.5) + (2 * x - 1) * math.log(2) - 0.5 * math.log(math.pi)
    np.testing.assert_allclose(special.gammaln(2 * x), doubled, rtol=1e-12, atol=1e-11)


@EXAMPLES
@given(st.floats(-30, 30), st.floats(1e-300, 1.0))
def test_error_functions_mirror_and_invert(x: float, p: float) -> None:
    assert special.erf(-x) == -special.erf(x)
    np.testing.assert_allclose(special.erf(x) + special.erfc(x), 1, rtol=1e-14)
    np.testing.assert_allclose(special.ndtr(special.ndtri(p)), p, rtol=1e-11)
    np.testing.assert_allclose(special.erfc(special.erfcinv(p)), p, rtol=1e-11)
    np.testing.assert_allclose(special.log_ndtr(special.ndtri(p)), math.log(p), rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(special.erf(special.erfinv(p)), p, rtol=1e-12)
    if abs(x) < 20:
        np.testing.assert_allclose(special.erfcx(x) * math.exp(-x * x), special.erfc(x), rtol=1e-11)


def test_regions_of_the_incomplete_gamma_function_meet() -> None:
    for a in (0.3, 0.49, 0.51, 19.9, 20.1, 300.0):
        x = np.sort(np.concatenate([np.linspace(0.5 * a, 1.6 * a, 800), np.linspace(0.9, 1.3, 200)]))
        for function, sign in ((special.gammainc, 1), (special.gammaincc, -1)):
            assert (sign * np.diff(function(a, x)) >= -1e-15).all()


numbers = st.floats(-100, 100).map(lambda x: round(x, 2))
samples = st.lists(numbers, min_size=2, max_size=12)


@EXAMPLES
@given(samples, samples)
def test_rank_tests_do_not_notice_monotone_maps(x: list[float], y: list[float]) -> None:
    warped_x, warped_y = (np.sinh(np.array(sample) / 30) + 5 for sample in (x, y))
    assert stats.mann_whitney_u(x, y) == stats.mann_whitney_u(warped_x, warped_y)
    assert stats.ks_test_two_sample(x, y) == stats.ks_test_two_sample(warped_x, warped_y)
    swapped = stats.mann_whitney_u(y, x)
    np.testing.assert_allclose(swapped.statistic + stats.mann_whitney_u(x, y).statistic, len(x) * len(y))
    np.testing.assert_allclose(swapped.p_value, stats.mann_whitney_u(x, y).p_value, rtol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_p_values_are_those_of_their_side(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(0.3, 1, (2, 7))
    for test in (partial(stats.two_sample_t_test, x, y), partial(stats.one_sample_t_test, x, 1.0)):
        both, less, greater = (test(alternative=side) for side in ("two-sided", "less", "greater"))
        np.testing.assert_allclose(less.p_value + greater.p_value, 1, rtol=1e-12)
        np.testing.assert_allclose(both.p_value, min(1, 2 * min(less.p_value, greater.p_value)), rtol=1e-10)
        # The interval holds exactly the hypotheses that are not rejected.
        off = 1.0 if test.func is stats.one_sample_t_test else 0.0
        outside = not both.low < off < both.high
        assert outside == (both.p_value < 0.05) or abs(both.p_value - 0.05) < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_the_analysis_of_variance_of_two_groups_is_the_squared_t_test(seed: int) -> None:
    x, y = np.random.default_rng(seed).normal(0.3, 1, (2, 7))
    f, t = stats.one_way_anova(x, y), stats.two_sample_t_test(x, y, equal_variance=True)
    np.testing.assert_allclose(f.statistic, t.statistic**2, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(f.p_value, t.p_value, rtol=1e-8)


def test_p_values_of_true_hypotheses_are_uniform() -> None:
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((200, 24))
    tests = {
        "t": [stats.one_sample_t_test(row).p_value for row in draws[:60]],
        "Welch": [stats.two_sample_t_test(row[:8], 3 * row[8:]).p_value for row in draws[:60]],
        "F": [stats.one_way_anova(row[:8], row[8:16], row[16:]).p_value for row in draws[:60]],
    }
    for name, p_values in tests.items():
        assert stats.ks_test(p_values, stats.Uniform()).p_value > 0.01, name
    discrete = {
        "KS": [stats.ks_test(row, stats.Normal()).p_value for row in draws],
        "KS, two samples": [stats.ks_test_two_sample(row[:12], row[12:]).p_value for row in draws],
        "Mann-Whitney": [stats.mann_whitney_u(row[:12], row[12:]).p_value for row in draws],
    }
    for name, p_values in discrete.items():  # steps: no more rejections than the level allows
        share = (np.array(p_values) <= 0.1).mean()
        assert 0.03 < share < 0.1 + 3 * math.sqrt(0.09 / 200), name


def test_the_interval_ends_where_the_p_value_begins() -> None:
    x = [1.0, 2.0, 4.0, 7.0]
    low, high = stats.one_sample_t_test(x, confidence=0.9)[4:]
    for end in (low, high):
        np.testing.assert_allclose(stats.one_sample_t_test(x, end).p_value, 0.1, rtol=1e-9)
    low = stats.one_sample_t_test(x, alternative="greater", confidence=0.9).low
    np.testing.assert_allclose(stats.one_sample_t_test(x, low, "greater").p_value, 0.1, rtol=1e-9)


def test_t_intervals_hold_the_truth_as_often_as_they_say() -> None:
    draws = np.random.default_rng(3).normal(5.0, 2.0, (100, 6))
    intervals = [stats.one_sample_t_test(row, confidence=0.8) for row in draws]
    covered = np.mean([interval.low < 5 < interval.high for interval in intervals])
    assert abs(covered - 0.8) < 3 * math.sqrt(0.16 / 100)


def test_bootstrap_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    for method in ("percentile", "basic", "bca"):
        intervals = [
            stats.bootstrap_interval(
                rng.exponential(size=60), partial(np.mean, axis=1), rng, resamples=300, confidence=0.8, method=method
            )
            for _ in range(150)
        ]
        covered = np.mean([interval.low < 1 < interval.high for interval in intervals])
        assert 0.66 < covered < 0.9, method


def test_bootstrap_errors_are_those_of_the_mean_and_move_with_the_data() -> None:
    x = np.random.default_rng(0).normal(size=50)
    mean = partial(np.mean, axis=1)
    for method in ("percentile", "basic", "bca"):
        one, moved = (
            stats.bootstrap_interval(data, mean, np.random.default_rng(1), resamples=2000, method=method)
            for data in (x, 10 - 3 * x)
        )
        np.testing.assert_allclose(one.standard_error, x.std() / math.sqrt(50), rtol=0.08)
        np.testing.assert_allclose((moved.low, moved.high), (10 - 3 * one.high, 10 - 3 * one.low), atol=0.02)
    pairs = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 80)
    correlation = stats.bootstrap_interval(
        pairs, lambda s: np.corrcoef(s.T)[0, 1], np.random.default_rng(0), resamples=200, vectorized=False
    )
    assert correlation.low < 0.8 < correlation.high < 1


def test_two_sample_distances_have_one_distribution_however_counted() -> None:
    from whitebox.stats._kolmogorov_smirnov import _equal_sizes_sf, _share_of_paths_outside

    for n in (1, 2, 7, 30):
        for h in range(n + 1):
            for both in (False, True):
                counted = _share_of_paths_outside(n, n, n * h, both)
                np.testing.assert_allclose(_equal_sizes_sf(n, h, both), counted, rtol=1e-9)


def test_permutation_p_values_are_never_zero_and_count_the_data() -> None:
    x, y = np.arange(20.0), np.arange(100.0, 120.0)
    result = stats.permutation_test(
        x, y, lambda x, y: x.mean(axis=-1) - y.mean(axis=-1), np.random.default_rng(0), resamples=99
    )
    assert result.p_value == 2 / 100
    assert not result.exact


@EXAMPLES
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_corrections_keep_the_order_and_their_ranks_among_each_other(p: list[float]) -> None:
    bonferroni, holm, hochberg = (f(p).p_values for f in (stats.bonferroni, stats.holm, stats.benjamini_hochberg))
    order = np.argsort(p)
    for adjusted in (bonferroni, holm, hochberg):
        assert (np.diff(adjusted[order]) >= -1e-15).all()
        assert (adjusted >= np.array(p) - 1e-15).all()
        assert (adjusted <= 1).all()
    assert (hochberg <= holm + 1e-12).all()
    assert (holm <= bonferroni + 1e-12).all()


def test_the_share_of_false_discoveries_is_controlled() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.random(40), rng.random(10) * 1e-3])
        rejected = stats.benjamini_hochberg(p, 0.2).rejected
        shares.append(rejected[:40].sum() / max(1, rejected.sum()))
    assert abs(np.mean(shares) - 0.2 * 40 / 50) < 3 * np.std(shares) / math.sqrt(200)


@EXAMPLES
@given(samples, samples, st.integers(1, 6))
def test_the_stability_index_is_a_finite_divergence(x: list[float], y: list[float], bins: int) -> None:
    moved = stats.population_stability_index(x, y, bins)
    assert 0 <= moved.psi < math.inf
    assert stats.population_stability_index(x, x, bins).psi == 0
    np.testing.assert_allclose([moved.expected.sum(), moved.actual.sum()], 1)
    assert len(moved.expected) == len(moved.edges) + 1 <= bins


def test_values_that_leave_all_bins_count() -> None:
    here, away = np.arange(100.0), np.arange(1000.0, 1100.0)
    assert 3 < stats.population_stability_index(here, away).psi < math.inf
    assert stats.population_stability_index(here, away, smoothing=0.0).psi == math.inf
