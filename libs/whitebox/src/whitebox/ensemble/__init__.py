"""Forests and boosting: many trees that vote, or that correct each other."""

from __future__ import annotations

from whitebox.ensemble._boosting import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from whitebox.ensemble._forest import RandomForestClassifier, RandomForestRegressor

__all__ = [
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
]
