"""Survival analysis: times until something happens, of which some are only known to be longer."""

from __future__ import annotations

from whitebox.survival._cox import CoxRegression, cox_log_likelihood
from whitebox.survival._curves import CumulativeHazard, LogRank, SurvivalCurve, kaplan_meier, log_rank, nelson_aalen

__all__ = [
    "CoxRegression",
    "CumulativeHazard",
    "LogRank",
    "SurvivalCurve",
    "cox_log_likelihood",
    "kaplan_meier",
    "log_rank",
    "nelson_aalen",
]
