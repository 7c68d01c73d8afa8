"""Trees, forests, boosting, isolation forests and their explanations against scikit-learn and shap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shap
import sklearn
import sklearn.ensemble
import sklearn.tree
from comparison import Comparison
from sklearn.datasets import make_classification, make_friedman1
from whitebox.anomaly import IsolationForest
from whitebox.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from whitebox.explain import tree_shap
from whitebox.tree import DecisionTreeClassifier, DecisionTreeRegressor, Tree, TreeEnsemble

PEER = f"scikit-learn {sklearn.__version__}"


def problem(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes, twenty columns of numbers of 32 bits, as scikit-learn compares them."""
    X, y = make_classification(rows, 20, n_informative=10, n_redundant=4, n_classes=3, flip_y=0.05, random_state=0)
    return X.astype(np.float32).astype(np.float64), y


def single_trees(scale: int) -> Iterator[Comparison]:
    """Grown until every leaf is pure."""
    for rows in (5_000 // scale, 50_000 // scale):
        X, y = problem(rows)

        def ours(X: np.ndarray = X, y: np.ndarray = y) -> DecisionTreeClassifier:
            return DecisionTreeClassifier().fit(X, y)

        def theirs(X: np.ndarray = X, y: np.ndarray = y) -> sklearn.tree.DecisionTreeClassifier:
            return sklearn.tree.DecisionTreeClassifier(random_state=0).fit(X, y)

        assert ours().score(X, y) == theirs().score(X, y) == 1
        yield Comparison(f"CART fit, {rows} × 20, 3 classes", PEER, ours, theirs, gate=1.0)
    X, y = make_friedman1(50_000 // scale, noise=1.0, random_state=0)
    yield Comparison(
        f"regression tree fit, {len(X)} × 10, leaves of 5",
        PEER,
        lambda: DecisionTreeRegressor(min_samples_leaf=5).fit(X, y),
        lambda: sklearn.tree.DecisionTreeRegressor(min_samples_leaf=5).fit(X, y),
    )


def ensembles(scale: int) -> Iterator[Comparison]:
    """Many trees."""
    X, y = problem(10_000 // scale)
    forests = (
        RandomForestClassifier(n_estimators=50, random_state=0).fit(X, y),
        sklearn.ensemble.RandomForestClassifier(50, random_state=0).fit(X, y),
    )
    yield Comparison(
        f"random forest fit, {len(X)} × 20, 50 trees",
        PEER,
        lambda: RandomForestClassifier(n_estimators=50, random_state=0).fit(X, y),
        lambda: sklearn.ensemble.RandomForestClassifier(50, random_state=0).fit(X, y),
    )
    yield Comparison(
        f"random forest predict, {len(X)} × 20, 50 trees",
        PEER,
        lambda: forests[0].predict_proba(X),
        lambda: forests[1].predict_proba(X),
    )
    rows, target = make_friedman1(50_000 // scale, noise=1.0, random_state=0)

    def boosted() -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(max_bins=128).fit(rows, target)

    def their_boosted() -> sklearn.ensemble.HistGradientBoostingRegressor:
        return sklearn.ensemble.HistGradientBoostingRegressor(max_bins=128, early_stopping=False).fit(rows, target)

    assert abs(boosted().score(rows, target) - their_boosted().score(rows, target)) < 0.002
    yield Comparison(f"histogram boosting fit, {len(rows)} × 10, 100 trees", PEER, boosted, their_boosted)
    forest = IsolationForest(random_state=0).fit(X)
    theirs = sklearn.ensemble.IsolationForest(random_state=0).fit(X)
    yield Comparison(
        f"isolation forest fit, {len(X)} × 20, 100 trees",
        PEER,
        lambda: IsolationForest(random_state=0).fit(X),
        lambda: sklearn.ensemble.IsolationForest(random_state=0).fit(X),
    )
    yield Comparison(
        f"isolation forest scores, {len(X)} × 20, 100 trees",
        PEER,
        lambda: forest.score_samples(X),
        lambda: theirs.score_samples(X),
    )


def explanations(scale: int) -> Iterator[Comparison]:
    """Exact Shapley values of the same trees, by ours and by shap's C."""
    X, y = problem(5_000 // scale)
    model = sklearn.ensemble.RandomForestClassifier(20, max_depth=10, random_state=0).fit(X, y)
    trees = [tree.tree_ for tree in model.estimators_]
    ours = TreeEnsemble(
        [
            Tree(
                tree.children_left,
                tree.children_right,
                tree.feature,
                tree.threshold,
                tree.value[:, 0],
                tree.weighted_n_node_samples,
            )
            for tree in trees
        ],
        scale=1 / len(trees),
    )
    theirs, rows = shap.TreeExplainer(model), X[:200]
    np.testing.assert_allclose(
        tree_shap(ours, rows).values, theirs.shap_values(rows, check_additivity=False), atol=1e-6
    )
    yield Comparison(
        f"TreeSHAP, {len(rows)} rows, 20 trees of depth 10",
        f"shap {shap.__version__} (C)",
        lambda: tree_shap(ours, rows),
        lambda: theirs.shap_values(rows, check_additivity=False),
    )


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from single_trees(scale)
    yield from ensembles(scale)
    yield from explanations(scale)
