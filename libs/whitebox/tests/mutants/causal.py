"""Mistakes in `whitebox.causal`."""

from __future__ import annotations

from mutants.mutant import Mutant

AIPW = "whitebox.causal._aipw"
BAYESIAN = "whitebox.causal._bayesian"
HETEROGENEOUS = "whitebox.causal._heterogeneous"
IPW = "whitebox.causal._ipw"
NUISANCE = "whitebox.causal._nuisance"
PROPENSITY = "whitebox.causal._propensity"

MUTANTS = [
    Mutant(
        "rows are weighted by their propensity instead of its inverse",
        IPW,
        "w, v = t / e, (1 - t) / (1 - e)",
        "w, v = t * e, (1 - t) * (1 - e)",
        ("pair:causal.ipw", "laws.test_causal:test_weighting_undoes_confounding"),
    ),
    Mutant(
        "the untreated are weighted by the propensity of treatment",
        IPW,
        "w, v = t / e, (1 - t) / (1 - e)",
        "w, v = t / e, (1 - t) / e",
        ("pair:causal.ipw", "laws.test_causal:test_weighting_undoes_confounding"),
    ),
    Mutant(
        "Hájek's weights do not sum to one",
        IPW,
        "means = float(w @ y / w.sum()), float(v @ y / v.sum())",
        "means = float(w @ y / len(y)), float(v @ y / len(y))",
        (
            "pair:causal.ipw",
            "laws.test_causal:test_hajeks_estimate_moves_with_the_outcome_and_weights_sum_to_one",
        ),
    ),
    Mutant(
        "the correction is added where it should be subtracted",
        AIPW,
        "m0 + (1 - t) * (y - m0) / (1 - e)",
        "m0 - (1 - t) * (y - m0) / (1 - e)",
        ("pair:causal.aipw", "laws.test_causal:test_a_doubly_robust_estimate_is_right_if_either_model_is"),
    ),
    Mutant(
        "predictions are not corrected at all",
        AIPW,
        "return m1 + t * (y - m1) / e, m0",
        "return m1 + 0 * t * (y - m1) / e, m0",
        ("pair:causal.aipw", "laws.test_causal:test_a_doubly_robust_estimate_is_right_if_either_model_is"),
    ),
    Mutant(
        "models predict the rows they were fitted on",
        NUISANCE,
        "used = ~held if folds > 1 else held",
        "used = np.ones(len(y), dtype=bool)",
        ("laws.test_causal:test_no_row_helps_to_predict_itself",),
    ),
    Mutant(
        "the X-learner weighs each group's effects by itself",
        HETEROGENEOUS,
        "effect: Array = e * by_control + (1 - e) *",
        "effect: Array = (1 - e) * by_control + e *",
        ("laws.test_causal:test_the_x_learner_trusts_the_large_group",),
    ),
    Mutant(
        "the X-learner imputes the untreated with the wrong sign",
        HETEROGENEOUS,
        "treated_model.predict(rows) - y)",
        "y - treated_model.predict(rows))",
        ("laws.test_causal:test_the_x_learner_trusts_the_large_group",),
    ),
    Mutant(
        "the R-learner does not weigh its quotients",
        HETEROGENEOUS,
        "sample_weight=rest**2",
        "sample_weight=np.ones(len(y))",
        ("laws.test_causal:test_the_r_learner_minimises_its_loss",),
    ),
    Mutant(
        "the posterior ignores that the coefficients are uncertain",
        BAYESIAN,
        "drawn: Array = mean + (np.sqrt(variances) * noise).T",
        "drawn: Array = mean + 0 * (np.sqrt(variances) * noise).T",
        ("laws.test_causal:test_posteriors_are_as_wide_as_standard_errors",),
    ),
    Mutant(
        "the posterior takes the covariates for the population",
        BAYESIAN,
        "weights = -np.log1p(-rng.random((count, len(values))))",
        "weights = np.ones((count, len(values)))",
        ("laws.test_causal:test_posteriors_are_as_wide_as_standard_errors",),
    ),
    Mutant(
        "effective sizes do not depend on the weights",
        PROPENSITY,
        "return float(weights.sum() ** 2 / (weights**2).sum())",
        "return float(len(weights))",
        ("laws.test_causal:test_weighting_balances_the_groups_and_costs_effective_rows",),
    ),
]
