from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from whitebox import fairness


@pytest.fixture(scope="module")
def cancer():
    """Truth, scores of a crude model, and whether the tumour's texture is coarse."""
    data = load_breast_cancer()
    model = SklearnLogisticRegression(C=1e-3).fit(data.data[:, [4, 8, 9]], data.target)
    group = np.where(data.data[:, 1] > np.median(data.data[:, 1]), "coarse", "fine")
    return data.target, model.predict_proba(data.data[:, [4, 8, 9]])[:, 1] - 0.05 * (group == "coarse"), group


def test_rates_are_scikit_learns_group_by_group(cancer) -> None:
    y, scores, group = cancer
    decided = (scores > np.quantile(scores, 0.3)).astype(int)
    rates = fairness.rates_by_group(y, decided, group)
    for name, found in rates.items():
        own = group == name
        tn, fp, _, tp = metrics.confusion_matrix(y[own], decided[own]).ravel()
        assert found.size == own.sum()
        assert found.base_rate == pytest.approx(y[own].mean())
        assert found.true_positive_rate == pytest.approx(metrics.recall_score(y[own], decided[own]))
        assert found.false_positive_rate == pytest.approx(fp / (fp + tn))
        assert found.positive_predictive_value == pytest.approx(metrics.precision_score(y[own], decided[own]))
        assert found.accuracy == pytest.approx(metrics.accuracy_score(y[own], decided[own]))
        assert found.selection_rate == pytest.approx((tp + fp) / own.sum())
    a, b = rates.values()
    assert fairness.equalized_odds_difference(y, decided, group) == pytest.approx(
        max(abs(a.true_positive_rate - b.true_positive_rate), abs(a.false_positive_rate - b.false_positive_rate))
    )


def test_calibration_curves_are_scikit_learns(cancer) -> None:
    y, scores, group = cancer
    scores = np.clip(scores, 0, 1)
    for name, curve in fairness.calibration_by_group(y, scores, group, bins=7).items():
        rate, score = calibration_curve(y[group == name], scores[group == name], n_bins=7)
        np.testing.assert_allclose(curve.rate, rate)
        np.testing.assert_allclose(curve.score, score)


@pytest.mark.parametrize(("a", "n", "b", "m"), [(8, 10, 3, 12), (0, 10, 5, 20), (56, 70, 48, 80), (30, 30, 9, 9)])
def test_intervals_are_those_of_statsmodels(a: int, n: int, b: int, m: int) -> None:
    np.testing.assert_allclose(
        fairness.proportion_interval(a, n, 0.9)[1:], proportion_confint(a, n, alpha=0.1, method="wilson"), atol=1e-12
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ours, theirs in (("newcombe", "newcomb"), ("wald", "wald")):
            expected = confint_proportions_2indep(a, n, b, m, method=theirs, compare="diff", correction=False)
            np.testing.assert_allclose(
                fairness.difference_interval(a, n, b, m, method=ours)[1:], expected, rtol=1e-7, atol=1e-9
            )
        expected = confint_proportions_2indep(a, n, b, m, method="log-adjusted", compare="ratio", correction=False)
    np.testing.assert_allclose(fairness.ratio_interval(a, n, b, m)[1:], expected, rtol=1e-7)


def test_the_bootstrap_of_counts_is_scipys_bootstrap_of_cases() -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.random(300) < 0.6).astype(int), (rng.random(200) < 0.45).astype(int)
    theirs = stats.bootstrap(
        (left, right),
        lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis)),
        method="percentile",
        vectorized=True,
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    decided, groups = np.concatenate([left, right]), np.repeat([0, 1], [300, 200])
    ours = fairness.bootstrap_interval(rng, "demographic_parity_difference", decided, decided, groups, resamples=4000)
    assert ours.low == pytest.approx(theirs.low, abs=0.012)
    assert ours.high == pytest.approx(theirs.high, abs=0.012)


def _least_cost(scores, y, groups, constraint: str, costs: tuple[float, float]) -> float:
    """The linear programme of Hardt, Price and Srebro: weights of every threshold of every group."""
    curves = []
    for name in np.unique(groups):
        fpr, tpr, _ = metrics.roc_curve(y[groups == name], scores[groups == name], drop_intermediate=False)
        curves.append((fpr, tpr, (y[groups == name] == 0).sum() / len(y)))
    ends = np.cumsum([0] + [len(fpr) for fpr, _, _ in curves])
    rows, values = [], []
    price = np.zeros(ends[-1])
    for i, (fpr, tpr, negative) in enumerate(curves):
        own = slice(ends[i], ends[i + 1])
        price[own] += costs[0] * negative * fpr
        rows.append(np.zeros(ends[-1]))
        rows[-1][own] = 1
        values.append(1.0)
        for rate, first in ((tpr, curves[0][1]), (fpr, curves[0][0]))[: 2 if constraint == "equalized_odds" else 1]:
            if i > 0:
                rows.append(np.zeros(ends[-1]))
                rows[-1][: ends[1]], rows[-1][own] = first, -rate
                values.append(0.0)
    price[: ends[1]] -= costs[1] * y.mean() * curves[0][1]
    return linprog(price, A_eq=np.array(rows), b_eq=values).fun + costs[1] * y.mean()


@pytest.mark.parametrize("constraint", ["equalized_odds", "equal_opportunity"])
def test_the_closed_form_costs_what_the_linear_programme_costs(cancer, constraint: str) -> None:
    y, scores, group = cancer
    problems = [(scores, y, group, (1.0, 1.0)), (scores, y, group, (3.0, 1.0))]
    for seed in range(15):
        rng = np.random.default_rng(seed)
        g = np.concatenate([np.repeat(np.arange(4), 2), rng.integers(0, 4, 90)])
        truth = np.concatenate([np.tile([0, 1], 4), rng.integers(0, 2, 90)])
        noisy = np.round(rng.normal(size=98) + truth * (g - 0.5), seed % 3)
        problems.append((noisy, truth, g, tuple(rng.random(2))))
    for s, t, g, costs in problems:
        ours = fairness.derive_predictor(
            s, t, g, constraint, false_positive_cost=costs[0], false_negative_cost=costs[1]
        ).loss
        assert ours == pytest.approx(_least_cost(s, t, g, constraint, costs), abs=1e-9)
