from __future__ import annotations

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import LogisticRegression as SklearnLogistic
from statsmodels.treatment.treatment_effects import TreatmentEffect
from whitebox import causal


def study(n: int, seed: int):
    """Covariates, treatment, outcome; the effect is 1 + x₀, 1 on average."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    treatment = (rng.random(n) < 1 / (1 + np.exp(-X @ [0.6, -0.4, 0.2]))).astype(float)
    outcome = X @ [1.0, 2.0, -1.0] + treatment * (1 + X[:, 0]) + rng.standard_normal(n)
    return X, treatment, outcome


@pytest.fixture(scope="module")
def theirs():
    X, treatment, outcome = study(1500, 1)
    design = sm.add_constant(X)
    selection = sm.Logit(treatment, design).fit(disp=0, tol=1e-12)
    return TreatmentEffect(sm.OLS(outcome, design), treatment, results_select=selection)


def test_propensities_are_those_of_maximum_likelihood(theirs) -> None:
    X, treatment, _ = study(1500, 1)
    np.testing.assert_allclose(causal.propensity_scores(X, treatment), theirs.prob_select, atol=1e-7)


def test_inverse_propensity_weighting_is_statsmodels(theirs) -> None:
    X, treatment, outcome = study(1500, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the simplex search that statsmodels polishes with
        expected = theirs.ipw()
    ours = causal.ipw(outcome, treatment, theirs.prob_select, fitted_on=X)
    np.testing.assert_allclose(
        (ours.estimate, ours.control_mean, ours.treated_mean), theirs.ipw(return_results=False), rtol=1e-8
    )
    # The moment equations' sandwich and the influence function agree in large samples.
    np.testing.assert_allclose(ours.standard_error, expected.summary_frame()["std err"].iloc[0], rtol=0.02)


def test_the_doubly_robust_estimate_is_statsmodels(theirs) -> None:
    X, treatment, outcome = study(1500, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs.aipw()
    ours = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), folds=1, trim=0.0)
    np.testing.assert_allclose(
        (ours.estimate, ours.control_mean, ours.treated_mean), theirs.aipw(return_results=False), rtol=1e-6
    )
    np.testing.assert_allclose(ours.standard_error, expected.summary_frame()["std err"].iloc[0], rtol=0.02)


def test_the_models_may_be_scikit_learns() -> None:
    X, treatment, outcome = study(800, 2)
    given = {"outcome_model": LinearRegression(), "propensity_model": SklearnLogistic(C=1e6, tol=1e-8)}
    ours = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0))
    same = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), **given)
    np.testing.assert_allclose(same[:6], ours[:6], rtol=1e-3)
    forests = {
        "outcome_model": RandomForestRegressor(30, min_samples_leaf=5, random_state=0),
        "propensity_model": RandomForestClassifier(30, min_samples_leaf=20, random_state=0),
    }
    flexible = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), folds=3, **forests)
    assert abs(flexible.estimate - 1) < 4 * flexible.standard_error


def test_the_posterior_is_where_the_frequentist_estimate_is() -> None:
    X, treatment, outcome = study(1500, 1)
    rng = np.random.default_rng(0)
    robust = causal.doubly_robust(X, treatment, outcome, rng)
    for method in ("g_computation", "bootstrap"):
        posterior = causal.bayesian_ate(X, treatment, outcome, rng, method=method, draws=1000)
        assert abs(posterior.mean - robust.estimate) < robust.standard_error
        np.testing.assert_allclose(posterior.standard_deviation, robust.standard_error, rtol=0.1)
