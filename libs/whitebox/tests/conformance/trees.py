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
    RandomForestClassifier(n_estimators=6),
    RandomForestRegressor(n_estimators=6),
    HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=5),
    HistGradientBoostingRegressor(max_iter=10, min_samples_leaf=5),
    IsolationForest(n_estimators=20),
]
_UNFITTED = {"check_estimators_unfitted": "demands scikit-learn's own NotFittedError; ours has the same bases"}
_COLUMN = {"check_supervised_y_2d": "demands scikit-learn's own DataConversionWarning; we refuse a column as labels"}
EXPECTED_FAILURES = {
    "ID3": _UNFITTED | _COLUMN,
    "C45": _UNFITTED | _COLUMN,
    "DecisionTreeClassifier": _UNFITTED | _COLUMN,
    "DecisionTreeRegressor": _UNFITTED | _COLUMN,
    "RandomForestClassifier": _UNFITTED | _COLUMN,
    "RandomForestRegressor": _UNFITTED | _COLUMN,
    "HistGradientBoostingClassifier": _UNFITTED | _COLUMN,
    "HistGradientBoostingRegressor": _UNFITTED | _COLUMN,
    "IsolationForest": _UNFITTED,
}
