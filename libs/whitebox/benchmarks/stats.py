"""Statistics against SciPy's, and causal effects against statsmodels'.

Called stats, not statistics: a module of that name would hide the standard library's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import scipy
import scipy.special
import scipy.stats
import statsmodels
import statsmodels.api as sm
from comparison import Comparison
from statsmodels.treatment.treatment_effects import TreatmentEffect
from whitebox import causal, stats
from whitebox.stats import special

PEER = f"SciPy {scipy.__version__}"


def distributions(size: int) -> Iterator[Comparison]:
    """A million values each; SciPy's functions are compiled."""
    rng = np.random.default_rng(0)
    values = {
        "normal": (2 * rng.standard_normal(size), stats.Normal(), scipy.stats.norm()),
        "gamma": (rng.gamma(3.7, size=size), stats.Gamma(3.7), scipy.stats.gamma(3.7)),
        "beta": (rng.beta(2, 5, size), stats.Beta(2.0, 5.0), scipy.stats.beta(2, 5)),
        "t": (rng.standard_t(7, size), stats.StudentT(7), scipy.stats.t(7)),
    }
    for name, (x, ours, theirs) in values.items():
        np.testing.assert_allclose(ours.cdf(x), theirs.cdf(x), rtol=1e-12)
        yield Comparison(f"{name} cdf, {size} values", PEER, partial(ours.cdf, x), partial(theirs.cdf, x))
    p = rng.random(size)
    np.testing.assert_allclose(special.ndtri(p), scipy.special.ndtri(p), rtol=1e-12, atol=1e-14)
    yield Comparison(f"normal quantile, {size} values", PEER, lambda: special.ndtri(p), lambda: scipy.special.ndtri(p))
    few = p[: size // 10]
    ours, theirs = stats.Gamma(3.7), scipy.stats.gamma(3.7)
    np.testing.assert_allclose(ours.quantile(few), theirs.ppf(few), rtol=1e-11)
    yield Comparison(f"gamma quantile, {len(few)} values", PEER, lambda: ours.quantile(few), lambda: theirs.ppf(few))


def tests(size: int) -> Iterator[Comparison]:
    """The same tests with the same methods."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(size), rng.normal(0.01, 1, size)
    uniform = rng.random(500)
    pairs = (
        (
            "Kolmogorov-Smirnov, 500 values, exact",
            lambda: stats.ks_test(uniform, stats.Uniform())[:2],
            lambda: scipy.stats.ks_1samp(uniform, scipy.stats.uniform.cdf, method="exact"),
            1e-5,  # SciPy's is an expansion from here on
        ),
        (
            "Kolmogorov-Smirnov, 2 × 400 values, exact",
            lambda: stats.ks_test_two_sample(x[:400], y[:400])[:2],
            lambda: scipy.stats.ks_2samp(x[:400], y[:400], method="exact"),
            1e-9,
        ),
        (
            f"Mann-Whitney, 2 × {size} values",
            lambda: stats.mann_whitney_u(x, y)[:2],
            lambda: scipy.stats.mannwhitneyu(x, y, method="asymptotic"),
            1e-9,
        ),
        (
            f"Welch's t test, 2 × {size} values",
            lambda: stats.two_sample_t_test(x, y)[:2],
            lambda: scipy.stats.ttest_ind(x, y, equal_var=False),
            1e-9,
        ),
    )
    for name, ours, theirs, rtol in pairs:
        np.testing.assert_allclose(ours(), tuple(theirs()), rtol=rtol)
        yield Comparison(name, PEER, ours, theirs)


def resampling(resamples: int) -> Iterator[Comparison]:
    """The same draws from the same generator."""
    x = np.random.default_rng(0).exponential(size=200)
    mean = partial(np.mean, axis=-1)

    def ours() -> tuple[float, float]:
        return stats.bootstrap_interval(x, mean, np.random.default_rng(1), resamples=resamples)[1:3]

    def theirs() -> tuple[float, float]:
        drawn = scipy.stats.bootstrap((x,), mean, n_resamples=resamples, rng=np.random.default_rng(1))
        return tuple(drawn.confidence_interval)

    np.testing.assert_allclose(ours(), theirs(), rtol=1e-9)
    yield Comparison(f"BCa bootstrap of a mean of 200, {resamples} resamples", PEER, ours, theirs)


def effects(rows: int) -> Iterator[Comparison]:
    """Point estimates from covariates, propensities included."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 5))
    treatment = (rng.random(rows) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    outcome = X.sum(axis=1) + treatment + rng.standard_normal(rows)
    design = sm.add_constant(X)

    def ours() -> float:
        return causal.doubly_robust(X, treatment, outcome, rng, folds=1, trim=0.0).estimate

    def theirs() -> float:
        selection = sm.Logit(treatment, design).fit(disp=0)
        return TreatmentEffect(sm.OLS(outcome, design), treatment, results_select=selection).aipw(return_results=False)[
            0
        ]

    np.testing.assert_allclose(ours(), theirs(), rtol=1e-5)
    yield Comparison(f"doubly robust effect, {rows} × 5", f"statsmodels {statsmodels.__version__}", ours, theirs)


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from distributions(1_000_000 // scale)
    yield from tests(100_000 // scale)
    yield from resampling(10_000 // scale)
    yield from effects(20_000 // scale)
