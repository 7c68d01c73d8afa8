from __future__ import annotations

import math

import numpy as np
import pytest
from whitebox import causal
from whitebox.linear_model import LogisticRegression

LEARNERS = [
    causal.TLearner(),
    causal.XLearner(),
    causal.RLearner(folds=2, random_state=0),
    causal.DRLearner(folds=2, random_state=0),
]
each_learner = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)


def study(n: int, rng: np.random.Generator):
    """Covariates, treatment, outcome, propensity; the effect is 2 + x₀, 2 on average, and confounded by x₁."""
    X = rng.standard_normal((n, 2))
    propensity = 1 / (1 + np.exp(-X @ [0.4, 0.8]))
    treatment = (rng.random(n) < propensity).astype(float)
    outcome = X @ [1.0, 2.0] + treatment * (2 + X[:, 0]) + rng.standard_normal(n)
    return X, treatment, outcome, propensity


class Wrong:
    """A model that says the same of everybody."""

    def __init__(self, value: float) -> None:
        self.value = value

    def fit(self, X, y, sample_weight=None):
        return self

    def predict(self, X):
        return np.full(len(X), self.value)

    def predict_proba(self, X):
        return np.full((len(X), 2), [1 - self.value, self.value])


def test_weighting_undoes_confounding() -> None:
    X, treatment, outcome, propensity = study(4000, np.random.default_rng(0))
    naive = outcome[treatment == 1].mean() - outcome[treatment == 0].mean()
    assert naive > 2.5
    for method in ("hajek", "horvitz_thompson"):
        for scores, fitted_on in ((propensity, None), (causal.propensity_scores(X, treatment), X)):
            effect = causal.ipw(outcome, treatment, scores, method=method, fitted_on=fitted_on)
            assert abs(effect.estimate - 2) < 3 * effect.standard_error


def test_hajeks_estimate_moves_with_the_outcome_and_weights_sum_to_one() -> None:
    _, treatment, outcome, propensity = study(200, np.random.default_rng(1))
    one, moved = (causal.ipw(y, treatment, propensity) for y in (outcome, 3 * outcome + 7))
    np.testing.assert_allclose(moved.estimate, 3 * one.estimate)
    np.testing.assert_allclose(moved.standard_error, 3 * one.standard_error)
    np.testing.assert_allclose(causal.ipw(np.ones(200), treatment, propensity).treated_mean, 1)
    flipped = causal.ipw(outcome, 1 - treatment, 1 - propensity)
    np.testing.assert_allclose(flipped.estimate, -one.estimate)


def test_horvitz_and_thompsons_estimate_is_unbiased_over_all_assignments() -> None:
    rng = np.random.default_rng(0)
    treated, control, propensity = rng.normal(3, 1, 6), rng.normal(0, 1, 6), rng.uniform(0.2, 0.8, 6)
    total = lost = 0.0
    for bits in range(2**6):
        t = np.array([bits >> i & 1 for i in range(6)])
        chance = np.where(t == 1, propensity, 1 - propensity).prod()
        if 0 < t.sum() < 6:
            y = np.where(t == 1, treated, control)
            total += chance * causal.ipw(y, t, propensity, method="horvitz_thompson").estimate
        else:  # refused for having one group only, but an estimate all the same
            lost += chance * ((treated / propensity).mean() if t.all() else -(control / (1 - propensity)).mean())
    np.testing.assert_allclose(total + lost, (treated - control).mean())


def test_a_doubly_robust_estimate_is_right_if_either_model_is() -> None:
    X, treatment, outcome, propensity = study(4000, np.random.default_rng(2))
    treated, control = X @ [2.0, 2.0] + 2, X @ [1.0, 2.0]
    right = causal.aipw(outcome, treatment, propensity, treated, control)
    weights_only = causal.aipw(outcome, treatment, propensity, np.full(4000, 9.0), np.full(4000, -9.0))
    outcomes_only = causal.aipw(outcome, treatment, np.full(4000, 0.5), treated, control)
    neither = causal.aipw(outcome, treatment, np.full(4000, 0.5), np.zeros(4000), np.zeros(4000))
    for effect in (right, weights_only, outcomes_only):
        assert abs(effect.estimate - 2) < 4 * effect.standard_error
    assert abs(neither.estimate - 2) > 8 * neither.standard_error
    assert right.standard_error < weights_only.standard_error


def test_cross_fitting_is_doubly_robust_too() -> None:
    X, treatment, outcome, _ = study(2500, np.random.default_rng(3))
    given = {"outcome_model": Wrong(5.0)}, {"propensity_model": Wrong(0.5)}, {}
    for models in given:
        effect = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), folds=3, **models)
        assert abs(effect.estimate - 2) < 4 * effect.standard_error
    both = {"outcome_model": Wrong(0.0), "propensity_model": Wrong(0.5)}
    effect = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), folds=3, **both)
    assert abs(effect.estimate - 2) > 8 * effect.standard_error


def test_no_row_helps_to_predict_itself() -> None:
    class Memory(Wrong):
        """Knows the outcome of every row it has seen, and nothing else."""

        def fit(self, X, y, sample_weight=None):
            self.seen = dict(zip(map(tuple, X), y, strict=True))
            return self

        def predict(self, X):
            return np.array([self.seen.get(tuple(row), 0.0) for row in X])

    X, treatment, outcome, _ = study(60, np.random.default_rng(4))
    found = causal.cross_fit(X, treatment, outcome + 50, np.random.default_rng(0), folds=3, outcome_model=Memory(0.0))
    assert not found.treated.any()
    assert not found.control.any()
    held = causal.cross_fit(X, treatment, outcome + 50, np.random.default_rng(0), folds=1, outcome_model=Memory(0.0))
    np.testing.assert_array_equal(np.where(treatment == 1, held.treated, held.control), outcome + 50)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    covered = np.zeros(3)
    for _ in range(60):
        X, treatment, outcome, propensity = study(150, rng)
        effects = (
            causal.ipw(outcome, treatment, propensity, confidence=0.8),
            causal.doubly_robust(X, treatment, outcome, rng, folds=2, confidence=0.8),
            causal.bayesian_ate(X, treatment, outcome, rng, draws=200, confidence=0.8),
        )
        covered += [effect.low < 2 < effect.high for effect in effects]
    assert (covered / 60 > 0.8 - 3 * math.sqrt(0.16 / 60)).all()
    assert (covered / 60 <= 0.97).all()


def test_trimming_leaves_out_rows_without_counterparts() -> None:
    _, treatment, outcome, propensity = study(500, np.random.default_rng(6))
    effect = causal.ipw(outcome, treatment, propensity, trim=0.2)
    np.testing.assert_array_equal(effect.kept, (propensity >= 0.2) & (propensity <= 0.8))
    kept = effect.kept
    np.testing.assert_allclose(effect.estimate, causal.ipw(outcome[kept], treatment[kept], propensity[kept]).estimate)
    np.testing.assert_allclose(effect.influence.sum(), 0, atol=1e-9)
    assert len(effect.influence) == kept.sum()


def test_weighting_balances_the_groups_and_costs_effective_rows() -> None:
    X, treatment, _, _ = study(1500, np.random.default_rng(7))
    report = causal.overlap_diagnostics(causal.propensity_scores(X, treatment), treatment, X)
    assert np.abs(report.difference).max() > 0.3
    assert np.abs(report.weighted_difference).max() < 0.1
    assert report.effective_treated < treatment.sum()
    assert report.effective_control < 1500 - treatment.sum()
    assert 0 < report.low < report.high < 1
    constant = causal.overlap_diagnostics(np.full(1500, 0.5), treatment)
    np.testing.assert_allclose(constant.effective_treated, treatment.sum())
    assert constant.outside == 0 == constant.extreme
    apart = causal.overlap_diagnostics([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert apart.low > apart.high


def test_the_posterior_of_a_flat_prior_is_the_regression_estimate() -> None:
    X, treatment, outcome, _ = study(800, np.random.default_rng(8))
    posterior = causal.bayesian_ate(X, treatment, outcome, np.random.default_rng(0), draws=3000, prior_precision=1e-6)
    regression = causal.TLearner().fit(X, outcome, treatment).predict(X).mean()
    assert abs(posterior.mean - regression) < 4 * posterior.standard_deviation / math.sqrt(3000)
    assert posterior.low < posterior.mean < posterior.high
    assert len(posterior.draws) == 3000


def test_posteriors_are_as_wide_as_standard_errors() -> None:
    X, treatment, outcome, _ = study(500, np.random.default_rng(12))
    robust = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(0), folds=1, trim=0.0)
    for method in ("g_computation", "bootstrap"):
        posterior = causal.bayesian_ate(X, treatment, outcome, np.random.default_rng(0), method=method, draws=1500)
        np.testing.assert_allclose(posterior.standard_deviation, robust.standard_error, rtol=0.12)


def test_the_x_learner_trusts_the_large_group() -> None:
    rng = np.random.default_rng(13)
    X = rng.standard_normal((400, 1))
    treatment = (np.arange(400) < 40).astype(float)
    outcome = np.where(treatment == 1, 5.0, 1.0) + X[:, 0]

    class Groups(Wrong):
        """Says 10 of effects among the treated, whose sizes are small, and 0 of those among the others."""

        def fit(self, X, y, sample_weight=None):
            self.value = 10.0 if len(X) == 40 else 0.0
            return self

    learner = causal.XLearner(effect_model=Groups(0.0), propensity_model=Wrong(0.1)).fit(X, outcome, treatment)
    # The few treated are compared with a model of the many: nine parts in ten.
    np.testing.assert_allclose(learner.predict(X), 9.0)
    np.testing.assert_allclose(causal.XLearner().fit(X, outcome, treatment).predict(X), 4.0)


def test_the_r_learner_minimises_its_loss() -> None:
    X, treatment, outcome, _ = study(300, np.random.default_rng(14))
    learner = causal.RLearner(folds=2, random_state=3).fit(X, outcome, treatment)
    found = causal.cross_fit(X, treatment, outcome, np.random.default_rng(3), folds=2)
    residual, rest = outcome - found.outcome(), treatment - found.propensity
    # The normal equations of the weighted loss, an intercept among them.
    left = residual - rest * learner.predict(X)
    np.testing.assert_allclose((rest * left) @ np.hstack([np.ones((300, 1)), X]), 0, atol=1e-8)


@each_learner
def test_heterogeneous_effects_are_found(learner) -> None:
    X, treatment, outcome, _ = study(1500, np.random.default_rng(9))
    found = learner.fit(X, outcome, treatment).predict(X)
    truth = 2 + X[:, 0]
    assert np.sqrt(((found - truth) ** 2).mean()) < 0.25
    assert np.corrcoef(found, truth)[0, 1] > 0.97


@each_learner
def test_an_effect_without_noise_is_found_exactly(learner) -> None:
    X, treatment, _, _ = study(300, np.random.default_rng(10))
    outcome = X @ [1.0, 2.0] + 3 * treatment
    np.testing.assert_allclose(learner.fit(X, outcome, treatment).predict(X), 3, atol=1e-8)


def test_the_mean_of_the_dr_learner_is_the_doubly_robust_estimate() -> None:
    X, treatment, outcome, _ = study(600, np.random.default_rng(11))
    learner = causal.DRLearner(folds=3, random_state=5).fit(X, outcome, treatment)
    effect = causal.doubly_robust(X, treatment, outcome, np.random.default_rng(5), folds=3, trim=0.0)
    np.testing.assert_allclose(learner.predict(X).mean(), effect.estimate)


def test_propensities_exist_where_the_groups_can_be_separated() -> None:
    scores = causal.propensity_scores([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    assert (scores[:2] < 1e-3).all()
    assert (scores[2:] > 1 - 1e-3).all()
    given = causal.doubly_robust(
        np.arange(8.0)[:, None],
        [0, 1] * 4,
        np.arange(8.0),
        np.random.default_rng(0),
        folds=2,
        propensity_model=LogisticRegression(),
    )
    assert math.isfinite(given.estimate)
