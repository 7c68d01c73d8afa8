"""Mistakes in `whitebox.survival`."""

from __future__ import annotations

from mutants.mutant import Mutant

INPUTS = "whitebox.survival._inputs"
CURVES = "whitebox.survival._curves"
COX = "whitebox.survival._cox"
LAWS = "laws.test_survival"

MUTANTS = [
    Mutant(
        "tied events count once",
        INPUTS,
        "return RiskTable(times, at_risk, counts)",
        "return RiskTable(times, at_risk, np.minimum(counts, 1))",
        ("pair:survival.kaplan_meier", f"{LAWS}:test_without_censoring_survival_is_the_share_that_is_left"),
    ),
    Mutant(
        "who is lost at the time of an event is no longer at risk",
        INPUTS,
        'np.searchsorted(np.sort(durations), times, side="left")',
        'np.searchsorted(np.sort(durations[~happened]), times, side="right") - np.searchsorted(np.sort(durations[happened]), times, side="left")',
        ("pair:survival.kaplan_meier", f"{LAWS}:test_everybody_lost_at_the_time_of_an_event_still_counts_as_at_risk"),
    ),
    Mutant(
        "the censored are taken for dead",
        INPUTS,
        "return durations, flags == 1",
        "return durations, flags >= 0",
        ("pair:survival.nelson_aalen",),
    ),
    Mutant(
        "Greenwood's formula divides by n²",
        CURVES,
        "terms = table.events / (table.at_risk * np.maximum(left, 1))",
        "terms = table.events / table.at_risk**2",
        ("pair:survival.kaplan_meier", f"{LAWS}:test_without_censoring_survival_is_the_share_that_is_left"),
    ),
    Mutant(
        "the log-rank test has the binomial variance",
        CURVES,
        "(table.at_risk - table.events) / np.maximum(table.at_risk - 1, 1)",
        "1.0",
        ("pair:survival.log_rank",),
    ),
    Mutant(
        "Breslow is called Efron",
        COX,
        "share = place / count if efron else 0.0",
        "share = 0.0",
        (
            "pair:survival.cox_log_likelihood",
            f"{LAWS}:test_efrons_rule_is_the_mean_over_orders_for_equal_risks_and_breslows_is_below",
        ),
    ),
    Mutant(
        "the risk set leaves out who has the event",
        COX,
        "            risk += weight\n",
        "            risk += weight * (not events[end])\n",
        ("pair:survival.cox_log_likelihood",),
    ),
    Mutant(
        "the information forgets the square of the mean",
        COX,
        "hessian += (risk_xx - share * tied_xx) / total - np.outer(mean, mean)",
        "hessian += (risk_xx - share * tied_xx) / total",
        (f"{LAWS}:test_the_partial_likelihood_is_concave_and_its_derivatives_are_right",),
    ),
    Mutant(
        "standard errors stay in the units of standardised columns",
        COX,
        "/ np.where(unit < math.inf, unit, 1.0)",
        "/ 1.0",
        (f"{LAWS}:test_units_of_covariates_do_not_matter",),
    ),
]
