"""Trees, forests, boosting and isolation forests."""

from __future__ import annotations

from whitebox.anomaly import IsolationForest
from whitebox.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from whitebox.tree import C45, ID3, DecisionTreeClassifier, DecisionTreeRegressor

ESTIMATORS = [
    ID3(),
    C45(),
    DecisionTreeClassifier(),
    DecisionTreeRegressor(),
    RandomForestClassifier(n_estimators=10),
    RandomForestRegressor(n_estimators=10),
    HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5),
    HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5),
    IsolationForest(n_estimators=20),
]
