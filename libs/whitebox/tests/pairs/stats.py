"""The pairs of `whitebox.stats`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import reference, stats

slow = reference.stats

shapes = st.one_of(st.integers(1, 12).map(float), st.floats(0.05, 60.0))
scales = st.floats(0.1, 20.0)
locations = st.floats(-5.0, 5.0)
levels = st.one_of(st.sampled_from([0.25, 0.5]), st.floats(1e-4, 1 - 1e-4))
points = st.one_of(st.integers(-3, 8).map(float), st.floats(-20.0, 60.0))


def _special(name: str, *strategies: st.SearchStrategy[Any], rtol: float = 1e-9, atol: float = 1e-12) -> Pair:
    reference_function, fast = both(f"stats.special.{name}")
    return Pair(f"stats.special.{name}", reference_function, fast, st.tuples(*strategies), rtol, atol)


SPECIAL = [
    _special("erf", st.floats(-8, 8)),
    _special("erfc", st.floats(-8, 20), atol=1e-15),
    _special("erfinv", st.floats(-0.9999, 0.9999)),
    _special("ndtr", st.floats(-8, 8), rtol=1e-8, atol=1e-15),
    _special("ndtri", levels),
    _special("gammaln", st.floats(1e-3, 300.0)),
    _special("digamma", st.floats(1e-3, 300.0)),
    _special("betaln", shapes, shapes),
    _special("gammainc", shapes, st.floats(0.0, 100.0)),
    _special("gammaincc", shapes, st.floats(0.0, 100.0)),
    _special("gammaincinv", shapes, levels, rtol=1e-8),
    _special("betainc", shapes, shapes, st.floats(0.0, 1.0)),
    _special("betaincinv", shapes, shapes, levels, rtol=1e-7, atol=1e-10),
]

DENSITIES: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "Normal": (locations, scales),
    "LogNormal": (st.floats(-1.0, 1.0), st.floats(0.1, 2.0)),
    "Uniform": (st.floats(-5.0, 0.0), st.floats(0.5, 5.0)),
    "Exponential": (scales,),
    "Gamma": (shapes, scales),
    "ChiSquare": (shapes,),
    "Beta": (shapes, shapes),
    "StudentT": (st.floats(0.5, 40.0), locations, scales),
    "F": (st.floats(0.5, 40.0), st.floats(1.0, 40.0)),
    "Laplace": (locations, scales),
    "Cauchy": (locations, scales),
    "Weibull": (st.floats(0.3, 6.0), scales),
}
# Their quantiles are those of `special.gammaincinv` and `special.betaincinv`, and take long to bisect.
COSTLY = {"Gamma", "ChiSquare", "Beta", "StudentT", "F"}
COUNTS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "Bernoulli": (levels,),
    "Binomial": (st.integers(1, 30), levels),
    "Poisson": (st.floats(0.01, 20.0),),
    "Geometric": (st.floats(0.05, 0.99),),
    "NegativeBinomial": (st.floats(0.2, 12.0), st.floats(0.1, 0.95)),
}


def _density(name: str) -> Pair:
    def evaluate(module: Any) -> Any:
        def at(parameters: tuple[Any, ...], x: float, p: float) -> Any:
            distribution = getattr(module, name)(*parameters)
            # At the ends of a support a density may be whatever it likes.
            x = x if x not in (0.0, 1.0) else x + 0.125
            share = p if name in COSTLY else distribution.cdf(distribution.quantile(p))
            return distribution.pdf(x), distribution.cdf(x), share

        return at

    inputs = st.tuples(st.tuples(*DENSITIES[name]), points, levels)
    return Pair(f"stats.{name}", evaluate(slow), evaluate(stats), inputs, rtol=1e-8, atol=1e-11)


def _count(name: str, parameters: st.SearchStrategy[Any]) -> Pair:
    def evaluate(module: Any) -> Any:
        def at(drawn: tuple[Any, ...], k: int) -> Any:
            distribution = getattr(module, name)(*drawn)
            # Between two steps, where rounding cannot decide which number is reached.
            first = distribution.first if module is slow else distribution.support()[0]
            level = (distribution.cdf(first + 1) + distribution.cdf(first + 2)) / 2
            return distribution.pmf(k), distribution.cdf(k), distribution.quantile(min(level, 0.999))

        return at

    return Pair(
        f"stats.{name}", evaluate(slow), evaluate(stats), st.tuples(parameters, st.integers(-2, 25)), 1e-8, 1e-12
    )


def _weights(least: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0.05, 5.0), min_size=least, max_size=5)


DISTRIBUTIONS = [
    *(_density(name) for name in DENSITIES),
    *(_count(name, st.tuples(*parameters)) for name, parameters in COUNTS.items()),
    _count("Categorical", _weights(4).map(lambda w: ([share / sum(w) for share in w],))),
    Pair(
        "stats.Dirichlet",
        lambda alpha, x: slow.Dirichlet(alpha).pdf([share / sum(x[: len(alpha)]) for share in x[: len(alpha)]]),
        lambda alpha, x: stats.Dirichlet(alpha).pdf([share / sum(x[: len(alpha)]) for share in x[: len(alpha)]]),
        st.tuples(_weights(2), st.lists(st.floats(0.1, 1.0), min_size=5, max_size=5)),
        rtol=1e-8,
    ),
    Pair(
        "stats.MultivariateNormal",
        lambda A, mu, x: slow.MultivariateNormal(mu, (np.array(A).T @ A + np.eye(2)).tolist()).pdf(x),
        lambda A, mu, x: stats.MultivariateNormal(mu, np.array(A).T @ A + np.eye(2)).pdf(x),
        st.tuples(
            *[st.lists(st.lists(locations, min_size=2, max_size=2), min_size=2, max_size=2)],
            *[st.lists(locations, min_size=2, max_size=2)] * 2,
        ),
        rtol=1e-8,
    ),
]

values = st.one_of(st.integers(-3, 3).map(float), st.floats(-10.0, 10.0).map(lambda x: round(x, 3)))


def samples(least: int = 2, most: int = 8) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=least, max_size=most)


def varying(least: int = 3, most: int = 8) -> st.SearchStrategy[list[float]]:
    return samples(least, most).filter(lambda x: np.std(x) > 0.1)


def distinct(count: int, most: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.integers(-50, 50).map(float), min_size=count, max_size=most, unique=True)


@st.composite
def two_without_ties(draw: st.DrawFn, most: int = 4) -> tuple[list[float], list[float]]:
    drawn = draw(distinct(2, 2 * most))
    cut = draw(st.integers(max(1, len(drawn) - most), min(most, len(drawn) - 1)))
    return drawn[:cut], drawn[cut:]


def _drawn(n: int, seed: int, resamples: int) -> Any:
    return np.random.default_rng(seed).integers(0, n, (resamples, n))


def _mean_difference(x: Any, y: Any) -> Any:
    return np.mean(x, axis=-1) - np.mean(y, axis=-1)


tables = st.lists(st.lists(st.integers(1, 30), min_size=3, max_size=3), min_size=2, max_size=4)
p_values = st.lists(st.one_of(st.sampled_from([0.0, 0.01, 1.0]), st.floats(0, 1)), min_size=1, max_size=8)
generator = np.random.default_rng(0)

TESTS = [
    Pair(
        "stats.one_sample_t_test",
        slow.one_sample_t_test,
        lambda x, mean: stats.one_sample_t_test(x, mean)[:2],
        st.tuples(varying(), locations),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.paired_t_test",
        lambda pairs: slow.paired_t_test([a for a, _ in pairs], [b for _, b in pairs]),
        lambda pairs: stats.paired_t_test([a for a, _ in pairs], [b for _, b in pairs])[:2],
        st.tuples(
            st.lists(st.tuples(values, values), min_size=3, max_size=8).filter(
                lambda pairs: np.std([a - b for a, b in pairs]) > 0.1
            )
        ),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.two_sample_t_test",
        slow.two_sample_t_test,
        lambda *arguments: stats.two_sample_t_test(*arguments)[:2],
        st.tuples(varying(), varying(), st.booleans()),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.chi_square_goodness_of_fit",
        lambda o: slow.chi_square_goodness_of_fit(o, [sum(o) / len(o)] * len(o)),
        lambda o: stats.chi_square_goodness_of_fit(o)[:2],
        st.tuples(st.lists(st.integers(0, 20), min_size=2, max_size=6).filter(any)),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.chi_square_independence",
        slow.chi_square_independence,
        lambda table: stats.chi_square_independence(table, correction=False)[:2],
        st.tuples(tables),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.one_way_anova",
        slow.one_way_anova,
        lambda *groups: stats.one_way_anova(*groups)[:2],
        st.tuples(varying(), varying(), varying()),
        rtol=1e-8,
        atol=1e-12,
    ),
    Pair(
        "stats.ks_test",
        lambda x: slow.ks_test(x, slow.Normal().cdf),
        lambda x: stats.ks_test(x, stats.Normal())[:2],
        st.tuples(samples(1, 12)),
        rtol=1e-8,
        atol=1e-10,
    ),
    Pair("stats.ks_sf", *both("stats.ks_sf"), st.tuples(st.floats(0.05, 1.0), st.integers(1, 25)), 1e-8, 1e-10),
    Pair("stats.kolmogorov_sf", *both("stats.kolmogorov_sf"), st.tuples(st.floats(0.05, 4.0)), 1e-9, 1e-12),
    Pair(
        "stats.ks_test_two_sample",
        slow.ks_test_two_sample,
        lambda x, y: stats.ks_test_two_sample(x, y)[:2],
        two_without_ties(),
        rtol=1e-10,
    ),
    Pair("stats.average_ranks", *both("stats.average_ranks"), st.tuples(samples(1, 12))),
    Pair(
        "stats.mann_whitney_u (exact)",
        slow.mann_whitney_u,
        lambda x, y: stats.mann_whitney_u(x, y)[:2],
        two_without_ties(),
        rtol=1e-10,
    ),
    Pair(
        "stats.mann_whitney_u",
        lambda x, y: slow.mann_whitney_u(x, y, "asymptotic"),
        lambda x, y: stats.mann_whitney_u(x, y, method="asymptotic")[:2],
        st.tuples(samples(1), samples(1)),
        rtol=1e-8,
    ),
    Pair(
        "stats.bootstrap_interval",
        # Sums of whole numbers tie exactly, means of others by rounding only.
        lambda x, seed, method: slow.bootstrap_interval(x, sum, _drawn(len(x), seed, 50).tolist(), method),
        lambda x, seed, method: stats.bootstrap_interval(
            x, lambda s: s.sum(axis=1), np.random.default_rng(seed), resamples=50, method=method
        )[1:3],
        st.tuples(
            st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=8),
            st.integers(0, 2**32 - 1),
            st.sampled_from(["percentile", "basic", "bca"]),
        ),
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "stats.permutation_test",
        lambda pairs, paired: slow.permutation_test(*map(list, zip(*pairs, strict=True)), _mean_difference, paired),
        lambda pairs, paired: stats.permutation_test(
            *map(list, zip(*pairs, strict=True)), _mean_difference, generator, paired=paired
        )[:2],
        st.tuples(st.lists(st.tuples(*[st.integers(-9, 9).map(float)] * 2), min_size=2, max_size=4), st.booleans()),
        rtol=1e-10,
        atol=1e-12,
    ),
    *(
        Pair(
            f"stats.{name}",
            both(f"stats.{name}")[0],
            lambda p, name=name: getattr(stats, name)(p).p_values,
            st.tuples(p_values),
            rtol=1e-12,
        )
        for name in ("bonferroni", "holm", "benjamini_hochberg")
    ),
    Pair(
        "stats.population_stability_index",
        slow.population_stability_index,
        lambda *arguments: stats.population_stability_index(*arguments).psi,
        st.tuples(samples(1, 20), samples(1, 20), st.integers(1, 5)),
        rtol=1e-9,
        atol=1e-12,
    ),
]

PAIRS = [*SPECIAL, *DISTRIBUTIONS, *TESTS]
