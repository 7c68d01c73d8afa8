"""Compiled loops, the same loops in Python, and NumPy come to the same trees."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from whitebox import _compiled
from whitebox.anomaly import IsolationForest
from whitebox.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from whitebox.explain import interventional_tree_shap, tree_shap
from whitebox.tree import DecisionTreeClassifier, DecisionTreeRegressor, _structure

# More rows than a byte counts, and than are left to loops in Python.
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)).round(1)
Y = X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * RNG.normal(size=300)
CLASSES = np.digitize(Y, [-0.5, 0.5])
WEIGHTS = RNG.integers(0, 3, size=300)

FITTED = {
    "gini": lambda: DecisionTreeClassifier(max_depth=4).fit(X, CLASSES, WEIGHTS),
    "entropy": lambda: DecisionTreeClassifier(criterion="entropy", max_depth=3, min_samples_leaf=9).fit(X, CLASSES),
    "drawn columns": lambda: DecisionTreeClassifier(max_features=2, max_depth=4, random_state=0).fit(X, CLASSES),
    "squares": lambda: DecisionTreeRegressor(max_depth=4, min_samples_split=20).fit(X, Y, WEIGHTS + 0.5),
    "forest": lambda: RandomForestClassifier(n_estimators=3, max_depth=3, random_state=0).fit(X, CLASSES),
    "regression forest": lambda: RandomForestRegressor(n_estimators=2, max_depth=3, random_state=0).fit(X, Y),
    "boosting": lambda: HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=5, max_bins=20).fit(X, Y),
    "boosted classes": lambda: HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=4).fit(X, CLASSES),
    "isolation": lambda: IsolationForest(n_estimators=2, random_state=0).fit(X),
}
BACKENDS = {
    "loops in Python": lambda: mock.patch.object(_compiled, "numba_is_used", return_value=False),
    "NumPy": lambda: mock.patch.object(_structure, "numba_is_used", return_value=False),
}


@pytest.mark.parametrize("fit", FITTED.values(), ids=FITTED.keys())
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS.keys())
def test_the_same_trees_grow_and_predict_the_same(backend, fit) -> None:
    compiled = fit()
    with backend():
        other = fit()
        assert other.predict(X).tolist() == pytest.approx(compiled.predict(X).tolist())
        leaves = other.ensemble_.apply(X)
    for left, right in zip(other.ensemble_.nodes, compiled.ensemble_.nodes, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-12)
    assert leaves.tolist() == compiled.ensemble_.apply(X).tolist()


def test_explanations_are_the_same() -> None:
    model = HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=6).fit(X, CLASSES)
    explained = tree_shap(model, X[:4]), interventional_tree_shap(model, X[4:6], X[:4])
    with mock.patch.object(_compiled, "numba_is_used", return_value=False):
        again = tree_shap(model, X[:4]), interventional_tree_shap(model, X[4:6], X[:4])
    for one, other in zip(explained, again, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-12)
