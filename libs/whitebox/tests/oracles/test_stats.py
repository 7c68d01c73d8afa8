from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.datasets import load_breast_cancer, load_iris
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttest_ind
from whitebox import stats
from whitebox.stats import special

ALTERNATIVES = ("two-sided", "less", "greater")


def relative_errors(ours, theirs):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ours == theirs, 0.0, np.abs(ours - theirs) / np.abs(theirs))


def spread_out(rng, low, high, size):
    """Numbers whose logarithms are uniform."""
    return 10.0 ** rng.uniform(low, high, size)


def test_error_functions_are_scipys_into_their_tails() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-6, 26, 3000), spread_out(rng, -300, 1, 500), -spread_out(rng, -10, 1, 500)])
    for name in ("erf", "erfc", "erfcx", "ndtr"):
        assert relative_errors(getattr(special, name)(x), getattr(scipy.special, name)(x)).max() < 1e-12, name
    x = rng.uniform(-200, 35, 3000)
    assert relative_errors(special.log_ndtr(x), scipy.special.log_ndtr(x)).max() < 1e-12
    p = np.concatenate([spread_out(rng, -307, 0, 2000), rng.random(2000), 1 - spread_out(rng, -16, -1, 500)])
    for name in ("ndtri", "erfcinv", "erfinv"):
        assert relative_errors(getattr(special, name)(p), getattr(scipy.special, name)(p)).max() < 1e-14, name


def test_gamma_functions_are_scipys() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([spread_out(rng, -300, 300, 2000), rng.uniform(0.01, 20, 4000)])
    near_zeros = (np.abs(x - 1) < 1e-2) | (np.abs(x - 2) < 1e-2)  # where SciPy itself has 1e-12 and less to offer
    assert relative_errors(special.gammaln(x), scipy.special.gammaln(x))[~near_zeros].max() < 1e-12
    np.testing.assert_allclose(special.digamma(x), scipy.special.digamma(x), rtol=1e-13, atol=1e-13)
    x = x[(x > 1e-150) & (x < 1e150)]
    assert relative_errors(special.trigamma(x), scipy.special.polygamma(1, x)).max() < 1e-13


def test_the_logarithm_of_gamma_keeps_its_digits_at_its_zeros() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        for x in (1 + 1e-9, 1 - 1e-6, 1.001, 2 - 1e-8, 2.0001, 1.9):
            exact = mpmath.loggamma(mpmath.mpf(x))
            assert abs(mpmath.mpf(float(special.gammaln(x))) / exact - 1) < 1e-14


def test_incomplete_gamma_functions_are_scipys_into_their_tails() -> None:
    rng = np.random.default_rng(1)
    a = spread_out(rng, -3, 4, 8000)
    x = np.where(
        rng.random(8000) < 0.5, a * np.exp(6 * rng.standard_normal(8000) / np.sqrt(1 + a)), spread_out(rng, -3, 4, 8000)
    )
    for ours, theirs in ((special.gammainc, scipy.special.gammainc), (special.gammaincc, scipy.special.gammaincc)):
        expected = theirs(a, x)
        errors = relative_errors(ours(a, x), expected)[expected > 1e-300]
        # The worst are SciPy's own, see below.
        assert np.quantile(errors, 0.99) < 1e-12
        assert errors.max() < 1e-10
    p = np.concatenate([rng.random(1000), spread_out(rng, -200, 0, 1000)])
    for ours, theirs in (
        (special.gammaincinv, scipy.special.gammaincinv),
        (special.gammainccinv, scipy.special.gammainccinv),
    ):
        expected = theirs(a[:2000], p)
        errors = relative_errors(ours(a[:2000], p), expected)[expected > 1e-290]
        assert errors.max() < 1e-11


def test_incomplete_gamma_functions_of_large_parameters_are_exact() -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        for a, x in ((4872.67, 7676.89), (2860.773, 4764.356), (1125.4, 1609.4), (1e5, 101_000.0), (50.0, 0.001)):
            upper = mpmath.gammainc(mpmath.mpf(a), mpmath.mpf(x), mpmath.inf, regularized=True)
            lower = mpmath.gammainc(mpmath.mpf(a), 0, mpmath.mpf(x), regularized=True)
            assert abs(mpmath.mpf(float(special.gammaincc(a, x))) / upper - 1) < 1e-12
            assert abs(mpmath.mpf(float(special.gammainc(a, x))) / lower - 1) < 1e-12


def test_incomplete_beta_functions_are_scipys_into_their_tails() -> None:
    rng = np.random.default_rng(2)
    a, b = spread_out(rng, -2, 4, 6000), spread_out(rng, -2, 4, 6000)
    logit = np.log(a / b) + 4 * rng.standard_normal(6000) * np.sqrt(1 / a + 1 / b)
    x = np.clip(1 / (1 + np.exp(-logit)), 1e-300, 1 - 1e-16)
    for ours, theirs in ((special.betainc, scipy.special.betainc), (special.betaincc, scipy.special.betaincc)):
        expected = theirs(a, b, x)
        assert relative_errors(ours(a, b, x), expected)[expected > 1e-300].max() < 2e-12
    assert relative_errors(special.betaln(a, b), scipy.special.betaln(a, b)).max() < 1e-7  # SciPy cancels
    p, few = rng.random(1500), slice(1500)
    found = special.betaincinv(a[few], b[few], p)
    # Near 1 the grid of floating-point numbers is coarser than the answer.
    inner = (found > 1e-290) & (found < 0.999)
    np.testing.assert_allclose(scipy.special.betainc(a[few], b[few], found)[inner], p[inner], rtol=1e-9)
    upper = special.betainccinv(a[few], b[few], p)
    inner = (upper > 1e-290) & (upper < 0.999)
    np.testing.assert_allclose(scipy.special.betaincc(a[few], b[few], upper)[inner], p[inner], rtol=1e-9)


CONTINUOUS = [
    (stats.Normal(1, 2), scipy.stats.norm(1, 2)),
    (stats.LogNormal(0.3, 0.7), scipy.stats.lognorm(0.7, scale=np.exp(0.3))),
    (stats.Uniform(-1, 3), scipy.stats.uniform(-1, 4)),
    (stats.Exponential(2.0), scipy.stats.expon(scale=2)),
    (stats.Gamma(2.5, 3.0), scipy.stats.gamma(2.5, scale=3)),
    (stats.Gamma(0.3), scipy.stats.gamma(0.3)),
    (stats.Gamma(1.0), scipy.stats.gamma(1)),
    (stats.ChiSquare(3), scipy.stats.chi2(3)),
    (stats.Beta(2.0, 0.5), scipy.stats.beta(2, 0.5)),
    (stats.Beta(1.0, 3.0), scipy.stats.beta(1, 3)),
    (stats.StudentT(4.5, 1, 2), scipy.stats.t(4.5, 1, 2)),
    (stats.StudentT(1e6), scipy.stats.t(1e6)),
    (stats.F(3, 12), scipy.stats.f(3, 12)),
    (stats.Laplace(1, 2), scipy.stats.laplace(1, 2)),
    (stats.Cauchy(1, 2), scipy.stats.cauchy(1, 2)),
    (stats.Weibull(1.5, 2), scipy.stats.weibull_min(1.5, scale=2)),
    (stats.Weibull(0.5, 2), scipy.stats.weibull_min(0.5, scale=2)),
]


@pytest.mark.parametrize(("ours", "theirs"), CONTINUOUS, ids=lambda value: repr(value)[:30])
def test_continuous_distributions_are_scipys(ours, theirs) -> None:
    rng = np.random.default_rng(0)
    p = np.concatenate([rng.random(150), spread_out(rng, -14, -1, 50)])
    with np.errstate(all="ignore"):
        x = np.concatenate([theirs.ppf(p), theirs.isf(p), [-1e3, 0.0, 1.0, 1e3]])
        for name in ("pdf", "cdf", "sf"):
            expected = getattr(theirs, name)(x)
            np.testing.assert_allclose(getattr(ours, name)(x), expected, rtol=1e-11, atol=1e-290, err_msg=name)
        np.testing.assert_allclose(ours.logpdf(x), theirs.logpdf(x), rtol=1e-11, atol=1e-12)
        # SciPy's densities at infinity are NaN for some.
        np.testing.assert_array_equal(ours.cdf([-np.inf, np.inf]), [0, 1])
        np.testing.assert_array_equal(ours.sf([-np.inf, np.inf]), [1, 0])
        assert not ours.pdf([-np.inf, np.inf]).any()
        np.testing.assert_allclose(ours.quantile(p), theirs.ppf(p), rtol=1e-9, atol=1e-12)
        # No further out: SciPy's F loses the tail there; the laws go on.
        np.testing.assert_allclose(ours.upper_quantile(p[:150]), theirs.isf(p[:150]), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.quantile([0, 1]), theirs.ppf([0, 1]))
        if not isinstance(ours, stats.Cauchy):
            np.testing.assert_allclose([ours.mean(), ours.variance()], (theirs.mean(), theirs.var()), rtol=1e-9)
        np.testing.assert_allclose(ours.entropy(), theirs.entropy(), rtol=1e-8)
    np.testing.assert_allclose(ours.interval(0.9), theirs.interval(0.9), rtol=1e-9)


DISCRETE = [
    (stats.Bernoulli(0.3), scipy.stats.bernoulli(0.3)),
    (stats.Binomial(20, 0.3), scipy.stats.binom(20, 0.3)),
    (stats.Binomial(5, 1.0), scipy.stats.binom(5, 1.0)),
    (stats.Binomial(5, 0.0), scipy.stats.binom(5, 0.0)),
    (stats.Poisson(7.5), scipy.stats.poisson(7.5)),
    (stats.Poisson(0.0), scipy.stats.poisson(0)),
    (stats.Geometric(0.2), scipy.stats.geom(0.2)),
    (stats.NegativeBinomial(3.5, 0.2), scipy.stats.nbinom(3.5, 0.2)),
    (
        stats.Categorical([0.2, 0.0, 0.5, 0.3]),
        scipy.stats.rv_discrete(values=([0, 2, 3], [0.2, 0.5, 0.3])),
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), DISCRETE, ids=lambda value: repr(value)[:30])
def test_discrete_distributions_are_scipys(ours, theirs) -> None:
    rng = np.random.default_rng(0)
    k = np.arange(-2.0, 60.0)
    for name in ("pmf", "cdf", "sf"):
        np.testing.assert_allclose(
            getattr(ours, name)(k), getattr(theirs, name)(k), rtol=1e-10, atol=1e-300, err_msg=name
        )
    np.testing.assert_allclose(ours.cdf(k + 0.5), theirs.cdf(k))
    assert not ours.pmf(k + 0.5).any()
    p = np.concatenate([rng.random(200), spread_out(rng, -12, -1, 50)])
    np.testing.assert_array_equal(ours.quantile(p), theirs.ppf(p))
    np.testing.assert_allclose([ours.mean(), ours.variance()], (theirs.mean(), theirs.var()), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(ours.entropy(), theirs.entropy(), rtol=1e-9, atol=1e-12)


def test_large_counts_do_not_cancel() -> None:
    for ours, theirs, centre in (
        (stats.Binomial(10**8, 0.25), scipy.stats.binom(10**8, 0.25), 25_000_000),
        (stats.Poisson(1e7), scipy.stats.poisson(1e7), 10_000_000),
    ):
        k = centre + np.array([-20_000.0, -3000, 0, 3000, 20_000])
        np.testing.assert_allclose(ours.pmf(k), theirs.pmf(k), rtol=1e-6)  # SciPy's Poisson takes factorials
        np.testing.assert_allclose(ours.cdf(k), theirs.cdf(k), rtol=1e-8)
        np.testing.assert_array_equal(ours.quantile([0.01, 0.5, 0.99]), theirs.ppf([0.01, 0.5, 0.99]))


def test_multivariate_distributions_are_scipys() -> None:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((5, 5))
    mu, sigma = rng.standard_normal(5), A @ A.T + 0.1 * np.eye(5)
    ours, theirs = stats.MultivariateNormal(mu, sigma), scipy.stats.multivariate_normal(mu, sigma)
    x = rng.standard_normal((4, 7, 5))
    np.testing.assert_allclose(ours.logpdf(x), theirs.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(ours.entropy(), theirs.entropy())
    alpha = np.array([0.5, 1.0, 3.0, 7.0])
    ours, theirs = stats.Dirichlet(alpha), scipy.stats.dirichlet(alpha)
    shares = rng.dirichlet(alpha, 20)
    np.testing.assert_allclose(
        ours.logpdf(shares), [theirs.logpdf(share / share.sum()) for share in shares], rtol=1e-10
    )
    np.testing.assert_allclose(ours.entropy(), theirs.entropy())
    np.testing.assert_allclose(ours.covariance(), theirs.cov(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_t_tests_are_scipys(alternative: str) -> None:
    X, y = load_iris(return_X_y=True)
    x, z = X[y == 1, 1], X[y == 2, 1]
    theirs = scipy.stats.ttest_1samp(x, 2.7, alternative=alternative)
    ours = stats.one_sample_t_test(x, 2.7, alternative)
    np.testing.assert_allclose(ours[:3], (theirs.statistic, theirs.pvalue, theirs.df))
    np.testing.assert_allclose(ours[4:], tuple(theirs.confidence_interval()))
    for equal in (False, True):
        theirs = scipy.stats.ttest_ind(x, z[:30], equal_var=equal, alternative=alternative)
        ours = stats.two_sample_t_test(x, z[:30], equal, alternative)
        np.testing.assert_allclose(ours[:3], (theirs.statistic, theirs.pvalue, theirs.df))
        np.testing.assert_allclose(ours[4:], tuple(theirs.confidence_interval()))
        if alternative == "two-sided":
            np.testing.assert_allclose(ours[:3], ttest_ind(x, z[:30], usevar="pooled" if equal else "unequal"))
    theirs = scipy.stats.ttest_rel(x, z, alternative=alternative)
    np.testing.assert_allclose(stats.paired_t_test(x, z, alternative)[:2], (theirs.statistic, theirs.pvalue))


def test_chi_square_tests_and_the_analysis_of_variance_are_scipys() -> None:
    counts = [16, 18, 16, 14, 12, 12]
    np.testing.assert_allclose(stats.chi_square_goodness_of_fit(counts)[:2], scipy.stats.chisquare(counts))
    wanted = [20, 20, 16, 12, 10, 10]
    np.testing.assert_allclose(
        stats.chi_square_goodness_of_fit(counts, wanted, fitted=1)[:2], scipy.stats.chisquare(counts, wanted, ddof=1)
    )
    for table in ([[10, 20], [30, 20]], [[10, 20, 5], [30, 20, 8]], [[5, 5], [5, 6]]):
        for correction in (False, True):
            ours, theirs = (
                stats.chi_square_independence(table, correction),
                scipy.stats.chi2_contingency(table, correction),
            )
            np.testing.assert_allclose(ours[:3], theirs[:3])
            np.testing.assert_allclose(ours.expected, theirs[3])
    X, y = load_iris(return_X_y=True)
    for column in X.T:
        groups = [column[y == k] for k in range(3)]
        np.testing.assert_allclose(stats.one_way_anova(*groups)[:2], scipy.stats.f_oneway(*groups), rtol=1e-8)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_kolmogorov_smirnov_tests_are_scipys(alternative: str) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 20, 100):
        u = rng.random(n) ** 1.3
        theirs = scipy.stats.ks_1samp(u, scipy.stats.uniform.cdf, alternative=alternative, method="exact")
        ours = stats.ks_test(u, stats.Uniform(), alternative)
        np.testing.assert_allclose(ours[:2], (theirs.statistic, theirs.pvalue), rtol=1e-9)
    for n, m in ((1, 1), (3, 4), (10, 7), (50, 50), (200, 120)):
        x, y = rng.standard_normal(n), rng.normal(0.5, 1, m)
        theirs = scipy.stats.ks_2samp(x, y, alternative=alternative, method="exact")
        ours = stats.ks_test_two_sample(x, y, alternative)
        np.testing.assert_allclose(ours[:2], (theirs.statistic, theirs.pvalue), rtol=1e-9)


def test_the_distribution_of_kolmogorovs_statistic_is_scipys() -> None:
    for n in (1, 2, 3, 10, 50, 140):
        d = np.linspace(0.5 / n, 1, 30)
        np.testing.assert_allclose([stats.ks_sf(float(x), n) for x in d], scipy.stats.kstwo.sf(d, n), rtol=1e-10)
    x = [0.0, 0.04, 0.1, 0.3, 0.6, 0.999, 1.0, 1.5, 3.0]
    np.testing.assert_allclose([stats.kolmogorov_sf(value) for value in x], scipy.stats.kstwobign.sf(x), rtol=1e-10)
    u = np.random.default_rng(0).random(5000) ** 1.02
    theirs = scipy.stats.ks_1samp(u, scipy.stats.uniform.cdf, method="asymp")
    ours = stats.ks_test(u, stats.Uniform())
    assert ours.method == "asymptotic"
    np.testing.assert_allclose(ours[:2], (theirs.statistic, theirs.pvalue))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_mann_whitney_tests_are_scipys(alternative: str) -> None:
    rng = np.random.default_rng(0)
    for n, m in ((1, 1), (3, 4), (8, 8), (30, 21)):
        x, y = rng.standard_normal(n), rng.normal(0.5, 1, m)
        theirs = scipy.stats.mannwhitneyu(x, y, alternative=alternative, method="exact")
        np.testing.assert_allclose(stats.mann_whitney_u(x, y, alternative)[:2], theirs)
    for n, m in ((6, 9), (300, 200)):
        for continuity in (True, False):
            x, y = rng.poisson(2, n), rng.poisson(2.3, m)
            theirs = scipy.stats.mannwhitneyu(
                x, y, alternative=alternative, method="asymptotic", use_continuity=continuity
            )
            np.testing.assert_allclose(stats.mann_whitney_u(x, y, alternative, continuity=continuity)[:2], theirs)
    x = rng.integers(0, 40, 300)
    np.testing.assert_array_equal(stats.average_ranks(x), scipy.stats.rankdata(x))


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_bootstrap_intervals_are_scipys_on_the_same_draws(method: str) -> None:
    x = np.random.default_rng(0).exponential(size=40)
    statistic = partial(np.mean, axis=-1)
    theirs = scipy.stats.bootstrap((x,), statistic, n_resamples=1000, method=method, rng=np.random.default_rng(5))
    ours = stats.bootstrap_interval(x, statistic, np.random.default_rng(5), resamples=1000, method=method)
    np.testing.assert_allclose((ours.low, ours.high), tuple(theirs.confidence_interval))
    np.testing.assert_allclose(ours.standard_error, theirs.standard_error)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_exact_permutation_tests_are_scipys(alternative: str) -> None:
    def difference(x, y, axis=-1):
        return x.mean(axis=axis) - y.mean(axis=axis)

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(5), rng.normal(0.8, 1, 6)
    for paired in (False, True):
        z = y[:5] if paired else y
        theirs = scipy.stats.permutation_test(
            (x, z),
            difference,
            permutation_type="samples" if paired else "independent",
            n_resamples=np.inf,
            alternative=alternative,
            vectorized=True,
        )
        ours = stats.permutation_test(x, z, difference, rng, alternative=alternative, paired=paired)
        assert ours.exact
        np.testing.assert_allclose(ours[:2], (theirs.statistic, theirs.pvalue))


def test_a_sampled_permutation_test_comes_near_the_t_test() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    x, z = X[y == 0, 9][:60], X[y == 1, 9][:60]
    ours = stats.permutation_test(
        x, z, lambda x, z: x.mean(axis=-1) - z.mean(axis=-1), np.random.default_rng(0), resamples=4000
    )
    expected = scipy.stats.ttest_ind(x, z).pvalue
    assert not ours.exact
    assert abs(ours.p_value - expected) < 4 * 2 * np.sqrt(expected / 2 / 4000) + 0.01


def test_corrections_for_many_tests_are_statsmodels() -> None:
    p = np.concatenate([np.random.default_rng(0).random(40) ** 3, [0.0, 1.0, 0.01, 0.01]])
    for ours, name in ((stats.bonferroni, "bonferroni"), (stats.holm, "holm"), (stats.benjamini_hochberg, "fdr_bh")):
        rejected, adjusted, *_ = multipletests(p, 0.05, name)
        np.testing.assert_allclose(ours(p).p_values, adjusted)
        np.testing.assert_array_equal(ours(p).rejected, rejected)
