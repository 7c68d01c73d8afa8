"""Prediction from the nearest rows."""

from __future__ import annotations

from whitebox.neighbors._nearest import KNeighborsClassifier, KNeighborsRegressor
from whitebox.neighbors._search import Neighbors, kneighbors

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor", "Neighbors", "kneighbors"]
