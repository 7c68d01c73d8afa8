"""What statistics, information theory and causal inference do with what they should not be given."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from pairs.pair import plain
from whitebox import causal, information, stats
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    NotPositiveDefiniteError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    SingleClassError,
    WhiteboxError,
)
from whitebox.stats import special

NAN, INF = math.nan, math.inf
rng = np.random.default_rng(0)


def mean(samples):
    return samples.mean(axis=1)


def difference(x, y):
    return x.mean(axis=-1) - y.mean(axis=-1)


# Every special function, and where its arguments may not be.
SPECIAL = {
    "erf": [],
    "erfc": [],
    "erfcx": [],
    "ndtr": [],
    "log_ndtr": [],
    "ndtri": [(-0.1,), (1.1,)],
    "erfinv": [(-1.1,), (1.1,)],
    "erfcinv": [(-0.1,), (2.1,)],
    "gammaln": [(0.0,), (-1.0,), (INF,)],
    "digamma": [(0.0,), (INF,)],
    "trigamma": [(-2.0,)],
    "betaln": [(0.0, 1.0), (1.0, INF)],
    "gammainc": [(0.0, 1.0), (1.0, -1.0)],
    "gammaincc": [(-1.0, 1.0), (1.0, -INF)],
    "gammaincinv": [(0.0, 0.5), (1.0, 1.5)],
    "gammainccinv": [(0.0, 0.5), (1.0, -0.5)],
    "betainc": [(0.0, 1.0, 0.5), (1.0, 1.0, 1.5)],
    "betaincc": [(1.0, 0.0, 0.5), (1.0, 1.0, -0.5)],
    "betaincinv": [(INF, 1.0, 0.5), (1.0, 1.0, 2.0)],
    "betainccinv": [(1.0, -1.0, 0.5), (1.0, 1.0, -2.0)],
}
ARITY = dict.fromkeys(SPECIAL, 1) | {name: len(bad[0]) for name, bad in SPECIAL.items() if bad}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_refuse_by_name(name: str) -> None:
    function, rest = getattr(special, name), [0.5] * (ARITY[name] - 1)
    with pytest.raises(NotFiniteError, match=r"\[1\] is NaN"):
        function([0.5, NAN], *rest)
    with pytest.raises(NotFiniteError, match="is NaN"):
        function(NAN, *rest)
    with pytest.raises(DtypeError, match="real numbers"):
        function(["a"], *rest)
    with pytest.raises(DtypeError, match="Complex"):
        function(1j, *rest)
    for bad in SPECIAL[name]:
        with pytest.raises(RangeError, match="must be"):
            function(*bad)
    if rest:
        with pytest.raises(ShapeError, match="do not broadcast"):
            function([0.5, 0.5], *([[0.5] * 3] * len(rest)))
    assert function(np.empty((0, 3)), *rest).shape == (0, 3)


def test_special_functions_have_their_limits() -> None:
    assert special.erf([-INF, INF]).tolist() == [-1, 1]
    assert special.erfc([-INF, INF]).tolist() == [2, 0]
    assert special.erfcx([-30.0, INF]).tolist() == [INF, 0]
    assert special.log_ndtr([-INF, INF]).tolist() == [-INF, 0]
    assert special.ndtri([0, 1]).tolist() == [-INF, INF]
    assert special.gammainc(2.0, [0, INF]).tolist() == [0, 1]
    assert special.gammaincc([0.1, 30.0], [0, INF]).tolist() == [1, 0]
    assert special.gammaincinv(2.0, [0, 1]).tolist() == [0, INF]
    assert special.betainc(2.0, 3.0, [0, 1]).tolist() == [0, 1]
    assert special.betaincinv(2.0, 3.0, [0, 1]).tolist() == [0, 1]


PARAMETERS = {
    stats.Normal: [(NAN, 1.0), (0.0, 0.0), (INF, 1.0)],
    stats.LogNormal: [(0.0, -1.0)],
    stats.Uniform: [(1.0, 1.0), (0.0, INF)],
    stats.Exponential: [(0.0,), ("a",)],
    stats.Gamma: [(0.0,), (1.0, -1.0)],
    stats.ChiSquare: [(0,)],
    stats.Beta: [(0.0, 1.0), (1.0, NAN)],
    stats.StudentT: [(0.0,), (1.0, 0.0, 0.0)],
    stats.F: [(0, 1), (1, 0)],
    stats.Laplace: [(0.0, 0.0)],
    stats.Cauchy: [(0.0, INF)],
    stats.Weibull: [(0.0,), (1.0, 0.0)],
    stats.Bernoulli: [(1.1,), (-0.1,)],
    stats.Binomial: [(0, 0.5), (2.5, 0.5), (2, 1.5)],
    stats.Poisson: [(-1.0,), (INF,)],
    stats.Geometric: [(0.0,)],
    stats.NegativeBinomial: [(0.0, 0.5), (1.0, 0.0)],
    stats.Categorical: [([0.5, 0.6],), ([-0.5, 1.5],)],
    stats.Dirichlet: [([1.0],), ([1.0, 0.0],)],
}
GOOD = [
    stats.Normal(),
    stats.LogNormal(),
    stats.Uniform(),
    stats.Exponential(),
    stats.Gamma(2.0),
    stats.ChiSquare(3),
    stats.Beta(2.0, 3.0),
    stats.StudentT(3),
    stats.F(3, 5),
    stats.Laplace(),
    stats.Cauchy(),
    stats.Weibull(2.0),
    stats.Bernoulli(0.5),
    stats.Binomial(3, 0.5),
    stats.Poisson(2.0),
    stats.Geometric(0.5),
    stats.NegativeBinomial(2.0, 0.5),
    stats.Categorical([0.5, 0.5]),
]


@pytest.mark.parametrize("distribution", PARAMETERS, ids=lambda cls: cls.__name__)
def test_distributions_refuse_parameters_out_of_range(distribution) -> None:
    for bad in PARAMETERS[distribution]:
        with pytest.raises(RangeError):
            distribution(*bad)


@pytest.mark.parametrize("distribution", GOOD, ids=repr)
def test_distributions_refuse_by_name_and_take_any_shape(distribution) -> None:
    density = distribution.pmf if isinstance(distribution, stats.Discrete) else distribution.pdf
    for function in (density, distribution.cdf, distribution.sf):
        with pytest.raises(NotFiniteError, match="x is NaN"):
            function(NAN)
        with pytest.raises(DtypeError):
            function("a")
        assert function(np.zeros((2, 0, 3))).shape == (2, 0, 3)
        assert function([[1.0, -INF], [INF, 2.0]]).shape == (2, 2)
        assert np.ndim(function(1)) == 0
    for function in (distribution.quantile, distribution.upper_quantile):
        with pytest.raises(RangeError, match="from 0 to 1"):
            function(1.5)
    with pytest.raises(RangeError, match="confidence"):
        distribution.interval(1.0)
    assert distribution.sample(rng, (2, 3)).shape == (2, 3)
    assert density([-1e6, 1e6 + 0.5]).max() < 1e-10


def test_multivariate_distributions_refuse_by_name() -> None:
    eye = np.eye(2)
    for bad, error in (
        (lambda: stats.MultivariateNormal([0.0], eye), ShapeError),
        (lambda: stats.MultivariateNormal([0.0, NAN], eye), NotFiniteError),
        (lambda: stats.MultivariateNormal([0.0, 0.0], [[1.0, 0.5], [0.4, 1.0]]), NotSymmetricError),
        (lambda: stats.MultivariateNormal([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), NotPositiveDefiniteError),
        (lambda: stats.MultivariateNormal([0.0, 0.0], eye).logpdf([0.0]), ShapeError),
        (lambda: stats.MultivariateNormal([0.0, 0.0], eye).pdf(0.0), ShapeError),
        (lambda: stats.Dirichlet([1.0, 1.0]).pdf([[0.5, NAN]]), NotFiniteError),
        (lambda: stats.Dirichlet([1.0, 1.0]).pdf([0.5]), ShapeError),
        (lambda: stats.Categorical([[0.5, 0.5]]), ShapeError),
        (lambda: stats.Categorical([]), EmptyInputError),
    ):
        with pytest.raises(error):
            bad()
    assert plain(stats.Dirichlet([1.0, 1.0]).pdf([[0.5, 0.6], [-0.5, 1.5]])) == [0.0, 0.0]
    assert stats.Dirichlet([1.0, 2.0]).pdf([1.0, 0.0]) == 0


SAMPLES = {
    "one_sample_t_test": stats.one_sample_t_test,
    "paired_t_test": lambda x: stats.paired_t_test(x, [1.0, 2.0]),
    "two_sample_t_test": lambda x: stats.two_sample_t_test([1.0, 2.0], x),
    "chi_square_goodness_of_fit": stats.chi_square_goodness_of_fit,
    "one_way_anova": lambda x: stats.one_way_anova([1.0, 2.0], x),
    "ks_test": lambda x: stats.ks_test(x, stats.Normal()),
    "ks_test_two_sample": lambda x: stats.ks_test_two_sample([1.0], x),
    "average_ranks": stats.average_ranks,
    "mann_whitney_u": lambda x: stats.mann_whitney_u(x, [1.0]),
    "bootstrap_interval": lambda x: stats.bootstrap_interval(x, mean, rng),
    "permutation_test": lambda x: stats.permutation_test(x, [1.0], difference, rng),
    "bonferroni": stats.bonferroni,
    "holm": stats.holm,
    "benjamini_hochberg": stats.benjamini_hochberg,
    "population_stability_index": lambda x: stats.population_stability_index([1.0], x),
    "entropy": information.entropy,
    "cross_entropy": lambda p: information.cross_entropy(p, [1.0, 1.0]),
    "kl_divergence": lambda p: information.kl_divergence([1.0, 1.0], p),
    "js_divergence": lambda p: information.js_divergence(p, [1.0, 1.0]),
    "js_distance": lambda p: information.js_distance(p, [1.0, 1.0]),
    "ipw": lambda y: causal.ipw(y, [0, 1], [0.5, 0.5]),
    "aipw": lambda y: causal.aipw([1.0, 2.0], [0, 1], [0.5, 0.5], y, [0.0, 0.0]),
    "overlap_diagnostics": lambda e: causal.overlap_diagnostics(e, [0, 1]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_functions_of_samples_refuse_by_name(name: str) -> None:
    function = SAMPLES[name]
    for bad, error, message in (
        ([1.0, NAN], NotFiniteError, r"\[1\] is NaN"),
        ([INF, 1.0], NotFiniteError, r"\[0\] is inf"),
        ([], EmptyInputError, "empty"),
        (["a", "b"], DtypeError, "real numbers"),
        ([1j, 1.0], DtypeError, "Complex"),
        ([[1.0], [2.0, 3.0]], ShapeError, "no rectangular array"),
    ):
        with pytest.raises(error, match=message):
            function(bad)
    with pytest.raises(WhiteboxError):
        function(np.zeros((2, 2, 2)))


TABLES = {
    "chi_square_independence": stats.chi_square_independence,
    "joint_entropy": information.joint_entropy,
    "conditional_entropy": information.conditional_entropy,
    "mutual_information": information.mutual_information,
    "propensity_scores": lambda X: causal.propensity_scores(X, [0, 1]),
    "cross_fit": lambda X: causal.cross_fit(X, [0, 1], [1.0, 2.0], rng, folds=1),
    "doubly_robust": lambda X: causal.doubly_robust(X, [0, 1], [1.0, 2.0], rng, folds=1),
    "bayesian_ate": lambda X: causal.bayesian_ate(X, [0, 1], [1.0, 2.0], rng),
    "TLearner": lambda X: causal.TLearner().fit(X, [1.0, 2.0], [0, 1]),
    "XLearner": lambda X: causal.XLearner().fit(X, [1.0, 2.0], [0, 1]),
    "RLearner": lambda X: causal.RLearner(folds=1).fit(X, [1.0, 2.0], [0, 1]),
    "DRLearner": lambda X: causal.DRLearner(folds=1).fit(X, [1.0, 2.0], [0, 1]),
}


@pytest.mark.parametrize("what", BAD_MATRICES)
@pytest.mark.parametrize("name", TABLES)
def test_functions_of_tables_refuse_by_name(name: str, what: str) -> None:
    bad, error, _ = BAD_MATRICES[what]
    if what == "a cube" and name.endswith(("entropy", "information")):
        error = RangeError  # tables may be stacked, but not be empty of counts
    with pytest.raises(error):
        TABLES[name](bad)


X, T, Y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], [1.0, 2.0, 3.0, 5.0]
E = [0.5] * 4
REFUSED = [
    ("one value", partial(stats.one_sample_t_test, [1.0]), EmptyInputError, "no variance"),
    ("pairs of two lengths", partial(stats.paired_t_test, [1.0, 2.0], [1.0, 2.0, 3.0]), ShapeError, "one length"),
    ("a side there is not", partial(stats.one_sample_t_test, [1.0, 2.0], alternative="both"), RangeError, "'less'"),
    ("certainty", partial(stats.two_sample_t_test, [1.0, 2.0], [1.0, 2.0], confidence=1.0), RangeError, "confidence"),
    ("an infinite mean", partial(stats.one_sample_t_test, [1.0, 2.0], INF), RangeError, "mean"),
    ("negative counts", partial(stats.chi_square_goodness_of_fit, [-1, 2]), RangeError, r"observed\[0\]"),
    ("no counts", partial(stats.chi_square_goodness_of_fit, [0, 0]), EmptyInputError, "zeros"),
    ("nothing expected", partial(stats.chi_square_goodness_of_fit, [1, 2], [3, 0]), RangeError, r"expected\[1\]"),
    ("two sums", partial(stats.chi_square_goodness_of_fit, [1, 2], [2, 2]), RangeError, "one sum"),
    ("two lengths", partial(stats.chi_square_goodness_of_fit, [1, 2], [1, 1, 1]), ShapeError, "one shape"),
    ("many parameters", partial(stats.chi_square_goodness_of_fit, [1, 2], fitted=2), RangeError, "fitted"),
    ("an empty row", partial(stats.chi_square_independence, [[1, 2], [0, 0]]), RangeError, "row 1"),
    ("an empty column", partial(stats.chi_square_independence, [[1, 0], [2, 0]]), RangeError, "column 1"),
    ("a negative cell", partial(stats.chi_square_independence, [[1, -2], [2, 0]]), RangeError, r"table\[0, 1\]"),
    ("one group", partial(stats.one_way_anova, [1.0, 2.0]), EmptyInputError, "two groups"),
    ("as many groups as values", partial(stats.one_way_anova, [1.0], [2.0]), EmptyInputError, "more values"),
    ("no probabilities", partial(stats.ks_test, [1.0, 2.0], lambda x: 2 * x), RangeError, "from 0 to 1"),
    ("too few probabilities", partial(stats.ks_test, [1.0, 2.0], lambda x: x[:1] / 2), ShapeError, "each of 2"),
    ("a method there is not", partial(stats.ks_test, [0.5], lambda x: x, method="exakt"), RangeError, "'exact'"),
    ("a method there is not, two", partial(stats.ks_test_two_sample, [0.5], [1.0], method=""), RangeError, "'exact'"),
    ("a distance above 1", partial(stats.ks_sf, 1.5, 3), RangeError, "d must"),
    ("a distance among none", partial(stats.ks_sf, 0.5, 0), RangeError, "n must"),
    ("a negative distance", partial(stats.kolmogorov_sf, -1.0), RangeError, "x must"),
    ("exact with ties", partial(stats.mann_whitney_u, [1.0], [1.0], method="exact"), RangeError, "ties"),
    ("no such method", partial(stats.mann_whitney_u, [1.0], [2.0], method="fast"), RangeError, "'exact'"),
    ("a bootstrap of one row", partial(stats.bootstrap_interval, [1.0], mean, rng), EmptyInputError, "one row"),
    (
        "a bootstrap of nothing",
        partial(stats.bootstrap_interval, [1.0, 2.0], mean, rng, resamples=0),
        RangeError,
        "resam",
    ),
    ("no such interval", partial(stats.bootstrap_interval, [1.0, 2.0], mean, rng, method="t"), RangeError, "'bca'"),
    ("a statistic of all", partial(stats.bootstrap_interval, [1.0, 2.0], np.mean, rng), ShapeError, "vectorized=False"),
    ("a cube", partial(stats.bootstrap_interval, np.zeros((2, 2, 2)), mean, rng), ShapeError, "n, d"),
    (
        "a statistic of NaN",
        partial(stats.bootstrap_interval, [1.0, 2.0], lambda s: s[:, 0] * NAN, rng),
        NotFiniteError,
        "statistic gives",
    ),
    (
        "unpaired pairs",
        partial(stats.permutation_test, [1.0], [1.0, 2.0], difference, rng, paired=True),
        ShapeError,
        "one length",
    ),
    (
        "no permutations",
        partial(stats.permutation_test, [1.0], [2.0], difference, rng, resamples=0),
        RangeError,
        "resam",
    ),
    ("a p-value above 1", partial(stats.holm, [0.5, 1.5]), RangeError, r"p_values\[1\]"),
    ("a negative p-value", partial(stats.bonferroni, [-0.5]), RangeError, r"p_values\[0\]"),
    ("a level above 1", partial(stats.benjamini_hochberg, [0.5], 2.0), RangeError, "alpha"),
    ("no bins", partial(stats.population_stability_index, [1.0], [1.0], 0), RangeError, "bins"),
    ("negative smoothing", partial(stats.population_stability_index, [1.0], [1.0], 5, -1.0), RangeError, "smoothing"),
    ("negative probabilities", partial(information.entropy, [0.5, -0.5]), RangeError, r"p\[1\] is negative"),
    ("no probabilities", partial(information.entropy, [[1.0, 0.0], [0.0, 0.0]]), RangeError, "sums to 0"),
    ("a unit there is not", partial(information.entropy, [1.0], "bans"), RangeError, "'nats' or 'bits'"),
    ("a number", partial(information.entropy, 1.0), ShapeError, "dimensions"),
    ("outcomes that differ", partial(information.kl_divergence, [1.0, 1.0], [1.0, 1.0, 1.0]), ShapeError, "3"),
    ("shapes that differ", partial(information.js_distance, np.ones((2, 3)), np.ones((4, 3))), ShapeError, "broadcast"),
    ("labels that differ", partial(information.contingency, [1, 2], [1]), ShapeError, "one length"),
    ("no labels", partial(information.contingency, [], []), EmptyInputError, "empty"),
    ("a third treatment", partial(causal.ipw, Y, [0, 1, 2, 1], E), RangeError, r"treatment\[2\]"),
    ("nobody treated", partial(causal.ipw, Y, [0] * 4, E), SingleClassError, "treated and untreated"),
    ("everybody treated", partial(causal.propensity_scores, X, [1] * 4), SingleClassError, "treated and untreated"),
    ("certain treatment", partial(causal.ipw, Y, T, [0.5, 0.5, 0.5, 1.0]), RangeError, r"propensity\[3\]"),
    ("lengths that differ", partial(causal.aipw, Y, T, E, Y, Y[:3]), ShapeError, "control_prediction 3"),
    ("no such weighting", partial(causal.ipw, Y, T, E, method="ht"), RangeError, "'hajek'"),
    ("trimming half", partial(causal.ipw, Y, T, E, trim=0.6), RangeError, "trim"),
    ("trimming all", partial(causal.ipw, Y, T, [0.1, 0.9, 0.1, 0.9], trim=0.2), EmptyInputError, "trimming"),
    ("covariates that differ", partial(causal.ipw, Y, T, E, fitted_on=X[:3]), ShapeError, "fitted_on 3"),
    ("a penalty of nothing", partial(causal.propensity_scores, X, T, 0.0), RangeError, "C must"),
    ("a bound above a half", partial(causal.overlap_diagnostics, E, T, bound=0.7), RangeError, "bound"),
    ("more folds than rows", partial(causal.cross_fit, X, T, Y, rng, folds=3), RangeError, "folds must be at most 2"),
    ("no folds", partial(causal.doubly_robust, X, T, Y, rng, folds=0), RangeError, "folds"),
    ("no draws", partial(causal.bayesian_ate, X, T, Y, rng, draws=0), RangeError, "draws"),
    ("no prior", partial(causal.bayesian_ate, X, T, Y, rng, prior_precision=0.0), RangeError, "prior_precision"),
    ("no such posterior", partial(causal.bayesian_ate, X, T, Y, rng, method="mcmc"), RangeError, "'bootstrap'"),
    ("predictions before fitting", lambda: causal.TLearner().predict(X), NotFittedError, "call fit"),
    ("another width", lambda: causal.TLearner().fit(X, Y, T).predict([[1.0, 2.0]]), ShapeError, "2 features"),
    ("outcomes that differ", lambda: causal.DRLearner().fit(X, Y[:3], T), ShapeError, "y 3"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_does_not_vary_is_compared_all_the_same() -> None:
    assert stats.one_sample_t_test([2.0, 2.0], 2.0)[:2] == (0.0, 1.0)
    assert stats.one_sample_t_test([2.0, 2.0], 1.0)[:2] == (INF, 0.0)
    assert stats.two_sample_t_test([1.0, 1.0], [2.0, 2.0])[:2] == (-INF, 0.0)
    assert stats.one_way_anova([1.0, 1.0], [1.0, 1.0])[:2] == (0.0, 1.0)
    assert stats.one_way_anova([1.0, 1.0], [2.0, 2.0])[:2] == (INF, 0.0)
    assert stats.mann_whitney_u([1.0, 1.0], [1.0])[:2] == (1.0, 1.0)
    assert stats.ks_test_two_sample([1.0, 1.0], [1.0])[:2] == (0.0, 1.0)
    assert stats.ks_test([0.5], lambda x: x).p_value == 1.0
    assert stats.chi_square_independence([[3, 4]])[1:3] == (1.0, 0)
    assert stats.chi_square_goodness_of_fit([3])[:3] == (0.0, 1.0, 0)
    interval = stats.bootstrap_interval([2.0, 2.0], mean, np.random.default_rng(0), resamples=20)
    assert interval[:4] == (2.0, 2.0, 2.0, 0.0)
    assert stats.permutation_test([1.0], [1.0], difference, rng).p_value == 1.0
    constant = stats.population_stability_index([1.0, 1.0], [1.0, 2.0])
    assert (constant.psi, constant.edges.tolist()) == (0.0, [])


def test_what_is_certain_tells_nothing() -> None:
    assert information.entropy([1.0]) == 0
    assert information.entropy([0.0, 3.0]) == 0
    assert information.mutual_information([[3.0]]) == 0
    assert information.conditional_entropy([[0.0, 0.0], [2.0, 0.0]]) == 0
    assert information.contingency(["a"], [None]).tolist() == [[1]]


def test_constant_covariates_and_outcomes_are_no_obstacle() -> None:
    flat = [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 1.5]]
    assert np.isfinite(causal.propensity_scores(flat, [0, 1, 1, 0])).all()
    assert causal.doubly_robust(
        flat, T, [2.0] * 4, np.random.default_rng(0), folds=1, trim=0.0
    ).estimate == pytest.approx(0)
    posterior = causal.bayesian_ate(flat, T, [2.0] * 4, np.random.default_rng(0), draws=50)
    assert abs(posterior.mean) < 0.1
    for learner in (causal.TLearner(), causal.XLearner(), causal.RLearner(folds=1), causal.DRLearner(folds=1)):
        assert np.isfinite(learner.fit(flat, Y, T).predict(flat)).all()
