"""Fairness and privacy against the general tools that do the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
import sklearn
import statsmodels
from comparison import Comparison
from scipy import stats
from scipy.optimize import linprog
from sklearn.metrics import confusion_matrix, roc_curve
from statsmodels.stats.proportion import confint_proportions_2indep
from whitebox import fairness, privacy


def cases(n: int, groups: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, truths and groups."""
    rng = np.random.default_rng(0)
    y, g = rng.integers(0, 2, n), rng.integers(0, groups, n)
    return np.round(rng.standard_normal(n) + y * (0.5 + 0.5 * g), 2), y, g


def metrics(n: int) -> Iterator[Comparison]:
    """Equalised odds, with scikit-learn's confusion matrix of each group for a peer."""
    scores, y, g = cases(n)
    decided = (scores > 0.5).astype(int)

    def theirs() -> float:
        rates = []
        for group in np.unique(g):
            tn, fp, fn, tp = confusion_matrix(y[g == group], decided[g == group]).ravel()
            rates.append((tp / (tp + fn), fp / (fp + tn)))
        return float(np.ptp(rates, axis=0).max())

    assert abs(theirs() - fairness.equalized_odds_difference(y, decided, g)) < 1e-12
    yield Comparison(
        f"equalised odds difference, {n} cases",
        f"scikit-learn {sklearn.__version__} confusion_matrix",
        lambda: fairness.equalized_odds_difference(y, decided, g),
        theirs,
    )


def bootstrap(n: int) -> Iterator[Comparison]:
    """A percentile interval of 2000 resamples, which scipy draws case by case."""
    rng = np.random.default_rng(0)
    left, right = (rng.random(n) < 0.5).astype(int), (rng.random(n) < 0.3).astype(int)
    decided, g = np.concatenate([left, right]), np.repeat([0, 1], n)

    def ours() -> fairness.Interval:
        return fairness.bootstrap_interval(rng, "demographic_parity_difference", decided, decided, g)

    def theirs() -> object:
        return stats.bootstrap(
            (left, right),
            lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis)),
            method="percentile",
            vectorized=True,
            n_resamples=2000,
            batch=100,
            rng=rng,
        ).confidence_interval

    np.testing.assert_allclose(ours()[1:], theirs(), atol=0.02 * (2000 / n) ** 0.5)
    yield Comparison(f"bootstrap of a parity difference, 2 × {n}", f"scipy {scipy.__version__} bootstrap", ours, theirs)


def thresholds(n: int) -> Iterator[Comparison]:
    """The cheapest equalised odds: in closed form, and as the linear programme of the paper."""
    scores, y, g = cases(n)

    def theirs() -> float:
        curves = [roc_curve(y[g == a], scores[g == a], drop_intermediate=False)[:2] for a in np.unique(g)]
        ends = np.cumsum([0] + [len(fpr) for fpr, _ in curves])
        price, rows = np.zeros(ends[-1]), np.zeros((3 * len(curves) - 2, ends[-1]))
        for i, (fpr, tpr) in enumerate(curves):
            own = slice(ends[i], ends[i + 1])
            price[own] = (1 - y)[g == groups[i]].sum() / len(y) * fpr
            rows[i, own] = 1
            if i:
                for row, rate, first in ((0, fpr, curves[0][0]), (1, tpr, curves[0][1])):
                    rows[len(curves) + 2 * (i - 1) + row, : ends[1]] = first
                    rows[len(curves) + 2 * (i - 1) + row, own] = -rate
        price[: ends[1]] -= y.mean() * curves[0][1]
        values = np.append(np.ones(len(curves)), np.zeros(2 * len(curves) - 2))
        return linprog(price, A_eq=rows, b_eq=values).fun + y.mean()

    groups = np.unique(g)
    assert abs(theirs() - fairness.derive_predictor(scores, y, g).loss) < 1e-8
    yield Comparison(
        f"equalised odds by thresholds, {n} cases",
        f"scikit-learn roc_curve, scipy {scipy.__version__} linprog (HiGHS)",
        lambda: fairness.derive_predictor(scores, y, g),
        theirs,
    )


def intervals() -> Iterator[Comparison]:
    """Newcombe's interval, 200 times."""

    def theirs() -> list[tuple[float, float]]:
        return [
            confint_proportions_2indep(a, 200, 60, 180, method="newcomb", compare="diff", correction=False)
            for a in range(200)
        ]

    def ours() -> list[fairness.Interval]:
        return [fairness.difference_interval(a, 200, 60, 180) for a in range(200)]

    np.testing.assert_allclose([interval[1:] for interval in ours()], theirs(), atol=1e-9)
    yield Comparison("Newcombe's interval, 200 times", f"statsmodels {statsmodels.__version__}", ours, theirs)


def noise(n: int) -> Iterator[Comparison]:
    """Discrete Laplace noise: ours exact in whole numbers, scipy's by floating-point inversion."""
    rng = np.random.default_rng(0)
    yield Comparison(
        f"discrete Laplace noise, {n} draws",
        f"scipy {scipy.__version__} dlaplace",
        lambda: privacy.discrete_laplace(rng, 2.5, n),
        lambda: stats.dlaplace.rvs(1 / 2.5, size=n, random_state=rng),
    )


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from metrics(200_000 // scale)
    yield from bootstrap(5000 // scale)
    yield from thresholds(20_000 // scale)
    yield from intervals()
    yield from noise(100_000 // scale)
