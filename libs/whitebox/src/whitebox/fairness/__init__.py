"""Fairness between groups: metrics with intervals, two mitigations, and a simulation of biased lending.

>>> disparate_impact([1, 0, 0, 1, 1, 0], ["a", "a", "a", "b", "b", "b"], privileged="b")["a"].passes
False
"""

from __future__ import annotations

from whitebox._lazy import lazy_submodules
from whitebox.fairness._intervals import Interval, difference_interval, proportion_interval, ratio_interval
from whitebox.fairness._metrics import (
    Calibration,
    DisparateImpact,
    GroupRates,
    bootstrap_interval,
    calibration_by_group,
    demographic_parity_difference,
    demographic_parity_ratio,
    disparate_impact,
    equal_opportunity_difference,
    equalized_odds_difference,
    predictive_parity_difference,
    rates_by_group,
    selection_rates,
)
from whitebox.fairness._postprocessing import DerivedPredictor, GroupRule, derive_predictor
from whitebox.fairness._reweighing import reweighing

__all__ = [
    "Calibration",
    "DerivedPredictor",
    "DisparateImpact",
    "GroupRates",
    "GroupRule",
    "Interval",
    "bootstrap_interval",
    "calibration_by_group",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "derive_predictor",
    "difference_interval",
    "disparate_impact",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "lending",
    "predictive_parity_difference",
    "proportion_interval",
    "rates_by_group",
    "ratio_interval",
    "reweighing",
    "selection_rates",
]

# The simulation trains models, and so loads the optimisers; metrics do not.
__getattr__ = lazy_submodules(__name__, ["lending"])
