"""Trees, forests, boosting, isolation forests and explanations against scikit-learn and shap."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sklearn.ensemble
import sklearn.tree
from scipy.stats import beta, spearmanr
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, make_friedman1
from sklearn.inspection import permutation_importance as sklearns_importance
from sklearn.metrics import log_loss, roc_auc_score
from whitebox.anomaly import IsolationForest
from whitebox.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from whitebox.explain import interventional_tree_shap, kernel_shap, permutation_importance, tree_shap
from whitebox.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    Tree,
    TreeEnsemble,
    export_text,
    pessimistic_errors,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    shap = pytest.importorskip("shap")


def single(load):
    """scikit-learn compares numbers of 32 bits."""
    X, y = load(return_X_y=True)
    return X.astype(np.float32).astype(float), y


def halves(X, y):
    own = np.arange(len(X)) % 2 == 0
    return X[own], y[own], X[~own], y[~own]


LIMITS = [{}, {"max_depth": 4}, {"min_samples_leaf": 7, "min_samples_split": 20}]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_classification_trees_are_as_good_as_scikit_learns(load, criterion: str, limits) -> None:
    X, y = single(load)
    ours = DecisionTreeClassifier(criterion=criterion, **limits).fit(X, y)
    theirs = sklearn.tree.DecisionTreeClassifier(criterion=criterion, random_state=0, **limits).fit(X, y)
    assert ours.score(X, y) == theirs.score(X, y)
    assert impurity_of_leaves(ours.tree_, ours.impurity_) == pytest.approx(
        impurity_of_leaves(theirs.tree_, theirs.tree_.impurity), abs=1e-9
    )
    assert ours.tree_.cover[0] == theirs.tree_.weighted_n_node_samples[0]
    assert ours.impurity_[0] == pytest.approx(theirs.tree_.impurity[0])


def impurity_of_leaves(tree, impurity) -> float:
    leaves = tree.children_left < 0
    cover = tree.cover if isinstance(tree, Tree) else tree.weighted_n_node_samples
    return float((impurity * cover)[leaves].sum() / cover[0])


def test_where_no_splits_tie_trees_are_the_same_with_weights_text_and_prunings() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5)).astype(np.float32).astype(float)
    y, weights = X[:, 0] + rng.normal(size=400) + np.sin(3 * X[:, 1]), rng.uniform(0.5, 2, 400)
    for limits in ({}, {"max_depth": 4}, {"ccp_alpha": 0.02}):
        kwargs = {"min_samples_leaf": 8} | limits
        ours = DecisionTreeRegressor(**kwargs).fit(X, y, weights)
        theirs = sklearn.tree.DecisionTreeRegressor(random_state=0, **kwargs).fit(X, y, weights)
        assert ours.tree_.children_left.tolist() == theirs.tree_.children_left.tolist()
        inner = ours.tree_.children_left >= 0
        assert ours.tree_.feature[inner].tolist() == theirs.tree_.feature[inner].tolist()
        np.testing.assert_allclose(ours.tree_.threshold[inner], theirs.tree_.threshold[inner])
        np.testing.assert_allclose(ours.tree_.value, theirs.tree_.value[:, 0, :], atol=1e-12)
        np.testing.assert_allclose(ours.impurity_, theirs.tree_.impurity, rtol=1e-9)
        np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=1e-12)
        np.testing.assert_allclose(ours.tree_.cover, theirs.tree_.weighted_n_node_samples)
        assert ours.apply(X).tolist() == theirs.apply(X).tolist()
        assert export_text(ours) == sklearn.tree.export_text(theirs)
    classes = np.digitize(y, [-1, 0.5])
    ours, theirs = (
        model.fit(X, classes)
        for model in (DecisionTreeClassifier(max_depth=3), sklearn.tree.DecisionTreeClassifier(max_depth=3))
    )
    assert export_text(ours) == sklearn.tree.export_text(theirs)
    path = DecisionTreeRegressor(max_depth=6).cost_complexity_pruning_path(X, y)
    known = sklearn.tree.DecisionTreeRegressor(max_depth=6).cost_complexity_pruning_path(X, y)
    np.testing.assert_allclose(path.ccp_alphas, known.ccp_alphas, atol=1e-12)
    np.testing.assert_allclose(path.impurities, known.impurities)


def test_pessimistic_errors_are_quantiles_of_the_beta_distribution() -> None:
    for errors, n in ((0, 6), (1, 16), (2.5, 7.3), (40, 100), (3, 3.5), (0.2, 900)):
        for confidence in (0.05, 0.25):
            theirs = n * beta.ppf(1 - confidence, errors + 1, n - errors)
            assert pessimistic_errors(errors, n, confidence) == pytest.approx(theirs, rel=1e-9)


def test_forests_predict_as_well_as_scikit_learns() -> None:
    X, y, other, truth = halves(*single(load_digits))
    ours = RandomForestClassifier(n_estimators=60, oob_score=True, random_state=0).fit(X, y)
    theirs = sklearn.ensemble.RandomForestClassifier(60, oob_score=True, random_state=0).fit(X, y)
    assert ours.score(other, truth) > theirs.score(other, truth) - 0.02
    assert ours.oob_score_ == pytest.approx(theirs.oob_score_, abs=0.03)
    assert spearmanr(ours.feature_importances_, theirs.feature_importances_).statistic > 0.95
    X, y, other, truth = halves(*single(load_diabetes))
    ours = RandomForestRegressor(n_estimators=60, oob_score=True, random_state=0).fit(X, y)
    theirs = sklearn.ensemble.RandomForestRegressor(60, oob_score=True, random_state=0).fit(X, y)
    assert ours.score(other, truth) == pytest.approx(theirs.score(other, truth), abs=0.05)
    assert ours.oob_score_ == pytest.approx(theirs.oob_score_, abs=0.06)


def test_boosted_regression_is_scikit_learns() -> None:
    X, y, other, truth = halves(*make_friedman1(3000, noise=1.0, random_state=0))
    # Quantiles of a power of two are the same in both; at others theirs are off by rounding, and a row changes its bin.
    for kwargs in ({"max_bins": 128}, {"max_leaf_nodes": 8, "l2_regularization": 3.0, "max_bins": 32}):
        ours = HistGradientBoostingRegressor(max_iter=30, **kwargs).fit(X, y)
        theirs = sklearn.ensemble.HistGradientBoostingRegressor(max_iter=30, early_stopping=False, **kwargs).fit(X, y)
        # Its gradients have 32 bits.
        np.testing.assert_allclose(ours.predict(other), theirs.predict(other), atol=1e-4)
        assert ours.score(other, truth) > 0.8


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_boosted_classification_has_the_loss_of_scikit_learns(load) -> None:
    X, y, other, truth = halves(*single(load))
    ours = HistGradientBoostingClassifier(max_iter=30).fit(X, y)
    theirs = sklearn.ensemble.HistGradientBoostingClassifier(max_iter=30, early_stopping=False).fit(X, y)
    for rows, labels in ((X, y), (other, truth)):
        losses = [log_loss(labels, model.predict_proba(rows)) for model in (ours, theirs)]
        assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_isolation_forests_find_the_same_anomalies() -> None:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(2000, 5)), rng.uniform(-5, 5, size=(60, 5))])
    truth = np.arange(len(X)) >= 2000
    ours = IsolationForest(random_state=0).fit(X)
    theirs = sklearn.ensemble.IsolationForest(random_state=0).fit(X)
    scores = [model.score_samples(X) for model in (ours, theirs)]
    assert roc_auc_score(truth, -scores[0]) > roc_auc_score(truth, -scores[1]) - 0.005
    assert spearmanr(*scores).statistic > 0.92
    # Means over 100 trees each: their difference is that of two samples of the same distribution.
    assert np.abs(scores[0] - scores[1]).max() < 0.08
    assert scores[0].mean() == pytest.approx(scores[1].mean(), abs=0.015)


def arrays(tree) -> Tree:
    return Tree(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        tree.value[:, 0, :],
        tree.weighted_n_node_samples,
    )


def test_values_of_scikit_learns_trees_are_shaps() -> None:
    X, y = single(load_breast_cancer)
    forest = sklearn.ensemble.RandomForestClassifier(15, random_state=0).fit(X, y)
    ensemble = TreeEnsemble([arrays(tree.tree_) for tree in forest.estimators_], scale=1 / 15)
    np.testing.assert_allclose(ensemble.predict(X), forest.predict_proba(X), atol=1e-12)
    explainer = shap.TreeExplainer(forest)
    ours = tree_shap(ensemble, X[:80])
    np.testing.assert_allclose(ours.values, explainer.shap_values(X[:80]), atol=1e-7)
    np.testing.assert_allclose(ours.base, explainer.expected_value, atol=1e-7)
    deep = sklearn.tree.DecisionTreeRegressor(random_state=0).fit(*single(load_diabetes))
    rows = single(load_diabetes)[0][:40]
    np.testing.assert_allclose(
        tree_shap(arrays(deep.tree_), rows).values, shap.TreeExplainer(deep).shap_values(rows), atol=1e-4
    )


def test_interventional_values_are_shaps_where_no_row_lies_on_a_threshold() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    model = sklearn.ensemble.RandomForestRegressor(10, max_depth=6, random_state=0).fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    background, rows = rng.normal(size=(20, 6)), rng.normal(size=(30, 6))
    ours = interventional_tree_shap(
        TreeEnsemble([arrays(tree.tree_) for tree in model.estimators_], scale=0.1), background, rows
    )
    theirs = shap.TreeExplainer(model, background, feature_perturbation="interventional").shap_values(rows)
    np.testing.assert_allclose(ours.values, theirs, atol=1e-5)


def test_kernel_values_are_shaps() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8))
    model = sklearn.ensemble.RandomForestRegressor(5, max_depth=5, random_state=0).fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = shap.KernelExplainer(model.predict, X[:15]).shap_values(X[:3], silent=True)
    ours = kernel_shap(model.predict, X[:15], X[:3])
    np.testing.assert_allclose(ours.values, theirs, atol=1e-6)
    np.testing.assert_allclose(ours.values.sum(axis=1) + ours.base, model.predict(X[:3]), atol=1e-12)


def test_permutation_importance_is_scikit_learns() -> None:
    X, y = single(load_iris)
    model = DecisionTreeClassifier(max_depth=3).fit(X, y)
    ours = permutation_importance(
        model.predict, X, y, lambda true, said: (true == said).mean(), rng=np.random.default_rng(0), n_repeats=50
    )
    theirs = sklearns_importance(model, X, y, n_repeats=50, random_state=0)
    np.testing.assert_allclose(ours.mean, theirs.importances_mean, atol=0.02)
    np.testing.assert_allclose(ours.deviation, theirs.importances_std, atol=0.02)
