from __future__ import annotations

import numpy as np
import pytest
import statsmodels.datasets as data
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.duration.survfunc import SurvfuncRight, survdiff
from whitebox.survival import CoxRegression, cox_log_likelihood, kaplan_meier, log_rank, nelson_aalen

HEART = data.heart.load_pandas().data  # heart transplants: days, whether censored, age


def heart() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return HEART["survival"].to_numpy(float), HEART["censors"].to_numpy(float), HEART["age"].to_numpy(float)


def tied(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 4)) * [1.0, 5.0, 0.1, 1.0]
    times = np.ceil(5 * rng.exponential(np.exp(-X @ [0.5, 0.1, -3.0, 0.0])))
    return X, times, (rng.random(n) < 0.75).astype(float)


@pytest.mark.parametrize("study", [heart()[:2], tied()[1:]], ids=["heart", "tied"])
def test_curves_are_statsmodels(study) -> None:
    times, events = study
    theirs = SurvfuncRight(times, events)
    ours = kaplan_meier(times, events)
    np.testing.assert_array_equal(ours.times, theirs.surv_times)
    np.testing.assert_allclose(ours.survival, theirs.surv_prob, rtol=1e-10, atol=1e-12)
    kept = ours.survival > 0
    np.testing.assert_allclose(ours.standard_error[kept], theirs.surv_prob_se[kept], rtol=1e-9)
    np.testing.assert_array_equal(ours.at_risk, theirs.n_risk)
    np.testing.assert_array_equal(ours.events, theirs.n_events)
    assert ours.quantile(0.5) == theirs.quantile(0.5)
    hazard = nelson_aalen(times, events)
    np.testing.assert_allclose(np.diff(hazard.hazard, prepend=0), theirs.n_events / theirs.n_risk, rtol=1e-10)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_the_log_rank_test_is_statsmodels(groups: int) -> None:
    X, times, events = tied()
    labels = np.digitize(X[:, 0], np.linspace(-1, 1, groups - 1)) if groups > 2 else X[:, 0] > 0
    statistic, p_value = survdiff(times, events, labels)
    found = log_rank(times, events, labels)
    assert found.statistic == pytest.approx(statistic, rel=1e-8)
    assert found.p_value == pytest.approx(p_value, rel=1e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_regression_is_statsmodels(ties) -> None:
    for X, times, events in (tied(), (heart()[2][:, None], *heart()[:2])):
        theirs = PHReg(times, X, status=events, ties=ties).fit()
        ours = CoxRegression(ties=ties).fit(X, np.column_stack([times, events]))
        np.testing.assert_allclose(ours.coef_, theirs.params, rtol=1e-5)
        np.testing.assert_allclose(ours.standard_errors_, theirs.bse, rtol=1e-5)
        np.testing.assert_allclose(ours.p_values_, theirs.pvalues, rtol=1e-4)
        assert ours.log_likelihood_ == pytest.approx(theirs.llf, rel=1e-8)
        assert cox_log_likelihood(X, times, events, ours.coef_, ties=ties) == pytest.approx(theirs.llf, rel=1e-8)


def test_the_baseline_is_statsmodels() -> None:
    X, times, events = tied()
    X = X - X.mean(axis=0)
    theirs = PHReg(times, X, status=events, ties="breslow").fit()
    at, hazard, _ = theirs.baseline_cumulative_hazard[0]
    ours = CoxRegression(ties="breslow").fit(X, np.column_stack([times, events]))
    last = np.searchsorted(at, ours.baseline_times_, side="right") - 1
    # Theirs at a time leaves out what happens at that very time.
    np.testing.assert_allclose(ours.baseline_hazard_[:-1], hazard[last][1:], rtol=1e-5)
