"""Bad and degenerate input of trees, ensembles, isolation forests and explanations."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from pairs.pair import plain
from whitebox import explain, tree
from whitebox.anomaly import IsolationForest, average_path_length
from whitebox.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    RangeError,
    ShapeError,
    SingleClassError,
)
from whitebox.tree import C45, ID3, DecisionTreeClassifier, DecisionTreeRegressor, MultiwayNode, Tree, TreeEnsemble

X = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]]
LABELS = [0, 1, 1]
STUMP = Tree([1, -1, -1], [2, -1, -1], [0, -1, -1], [0.5, 0, 0], [[0.5], [0.0], [1.0]], [2, 1, 1])


def first(rows):
    return np.asarray(rows)[:, 0]


def rng():
    return np.random.default_rng(0)


MODELS = {
    "DecisionTreeClassifier": DecisionTreeClassifier(),
    "DecisionTreeRegressor": DecisionTreeRegressor(),
    "RandomForestClassifier": RandomForestClassifier(n_estimators=2),
    "RandomForestRegressor": RandomForestRegressor(n_estimators=2),
    "HistGradientBoostingClassifier": HistGradientBoostingClassifier(max_iter=2),
    "HistGradientBoostingRegressor": HistGradientBoostingRegressor(max_iter=2),
    "IsolationForest": IsolationForest(n_estimators=2),
}
TAKES_A_MATRIX = {
    **{f"{name}.fit": partial(lambda model, bad: model.fit(bad, LABELS), model) for name, model in MODELS.items()},
    **{
        f"{name}.predict": partial(lambda model, bad: model.fit(X, LABELS).predict(bad), model)
        for name, model in MODELS.items()
    },
    "cost_complexity_pruning_path": lambda bad: DecisionTreeRegressor().cost_complexity_pruning_path(bad, LABELS),
    "TreeEnsemble.predict": TreeEnsemble([STUMP]).predict,
    "TreeEnsemble.apply": TreeEnsemble([STUMP]).apply,
    "exact_shap": lambda bad: explain.exact_shap(first, bad, [1.0, 2.0]),
    "kernel_shap": lambda bad: explain.kernel_shap(first, bad, [1.0, 2.0]),
    "linear_shap": lambda bad: explain.linear_shap([1.0, 2.0], 0.0, bad, [1.0, 2.0]),
    "interventional_tree_shap": lambda bad: explain.interventional_tree_shap(STUMP, bad, [1.0, 2.0]),
    "lime_tabular": lambda bad: explain.lime_tabular(first, bad, [1.0, 2.0], rng=rng()),
    "permutation_importance": lambda bad: explain.permutation_importance(
        first, bad, LABELS, lambda a, b: 0.0, rng=rng()
    ),
}


@pytest.mark.parametrize("call", TAKES_A_MATRIX.values(), ids=TAKES_A_MATRIX.keys())
@pytest.mark.parametrize("bad", BAD_MATRICES.values(), ids=BAD_MATRICES.keys())
def test_what_is_no_matrix_is_refused_by_name(call, bad) -> None:
    value, error, message = bad
    with pytest.raises(error, match=message):
        call(value)


@pytest.mark.parametrize("bad", [value for name, value in BAD_MATRICES.items() if name not in ("words",)])
def test_tables_may_hold_words_and_gaps_where_they_make_sense_and_nothing_else(bad) -> None:
    value, error, _ = bad
    with pytest.raises(error):
        ID3().fit(value, LABELS[: len(value) if hasattr(value, "__len__") else 1])
    if "NaN" not in bad[2]:
        with pytest.raises(error):
            C45().fit(value, LABELS)
    with pytest.raises(error):
        ID3().fit(X, LABELS).predict(value)


def kernel(**changes):
    given = {"predict": first, "background": X, "x": [5.0, 6.0]} | changes
    return lambda: explain.kernel_shap(given.pop("predict"), given.pop("background"), given.pop("x"), **given)


def lime(**changes):
    given = {"predict": first, "background": X, "x": [5.0, 6.0], "rng": rng()} | changes
    return lambda: explain.lime_tabular(given.pop("predict"), given.pop("background"), given.pop("x"), **given)


def stump(**changes):
    return lambda: TreeEnsemble([STUMP._replace(**changes)])


REFUSED = [
    ("a depth of 0", DecisionTreeClassifier(max_depth=0), RangeError, "max_depth"),
    ("splits of one row", DecisionTreeClassifier(min_samples_split=1), RangeError, "min_samples_split"),
    ("leaves without rows", DecisionTreeRegressor(min_samples_leaf=0), RangeError, "min_samples_leaf"),
    ("no columns", DecisionTreeRegressor(max_features=0), RangeError, "max_features"),
    ("more than all columns", DecisionTreeRegressor(max_features=1.5), RangeError, "max_features"),
    ("a word for columns", DecisionTreeRegressor(max_features="few"), RangeError, "max_features"),
    ("a negative price", DecisionTreeRegressor(ccp_alpha=-1.0), RangeError, "ccp_alpha"),
    ("an unknown impurity", DecisionTreeClassifier(criterion="squares"), RangeError, "criterion"),
    ("an unknown impurity of a forest", RandomForestClassifier(criterion="squares"), RangeError, "criterion"),
    ("a forest of no trees", RandomForestRegressor(n_estimators=0), RangeError, "n_estimators"),
    ("no bag to be out of", RandomForestRegressor(bootstrap=False, oob_score=True), RangeError, "bootstrap=True"),
    ("no rounds", HistGradientBoostingRegressor(max_iter=0), RangeError, "max_iter"),
    ("no step", HistGradientBoostingRegressor(learning_rate=0.0), RangeError, "learning_rate"),
    ("one leaf", HistGradientBoostingRegressor(max_leaf_nodes=1), RangeError, "max_leaf_nodes"),
    ("too many bins", HistGradientBoostingRegressor(max_bins=256), RangeError, "max_bins"),
    ("a negative penalty", HistGradientBoostingRegressor(l2_regularization=-1.0), RangeError, "l2_regularization"),
    ("none held back", HistGradientBoostingRegressor(early_stopping=True), EmptyInputError, "cannot be split"),
    ("no isolation trees", IsolationForest(n_estimators=0), RangeError, "n_estimators"),
    ("half of all anomalous", IsolationForest(contamination=0.6), RangeError, "contamination"),
    ("a word for anomalies", IsolationForest(contamination="some"), RangeError, "contamination"),
    ("a word for samples", IsolationForest(max_samples="all"), RangeError, "max_samples"),
    ("a depth of 0 for ID3", ID3(max_depth=0), RangeError, "max_depth"),
    ("leaves of 0 for C4.5", C45(min_samples_leaf=0), RangeError, "min_samples_leaf"),
    ("no confidence", C45(confidence=0.0), RangeError, "confidence"),
    ("a categorical column that is none", C45(categorical=(2,)), RangeError, "columns from 0 to 1"),
]


@pytest.mark.parametrize(("model", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_parameters_out_of_their_range_are_refused_by_fit(model, error, message: str) -> None:
    with pytest.raises(error, match=message):
        model.fit(X, LABELS)


CALLS = [
    ("too few weights", lambda: DecisionTreeClassifier().fit(X, LABELS, [1.0]), ShapeError, "sample_weight"),
    ("a negative weight", lambda: DecisionTreeClassifier().fit(X, LABELS, [1, -1, 1]), RangeError, "sample_weight"),
    ("no weight at all", lambda: DecisionTreeClassifier().fit(X, LABELS, [0, 0, 0]), RangeError, "zero"),
    ("one class", lambda: DecisionTreeClassifier().fit(X, [1, 1, 1]), SingleClassError, "one class"),
    ("one class for C4.5", lambda: C45().fit(X, [1, 1, 1]), SingleClassError, "one class"),
    ("one class for ID3", lambda: ID3().fit(X, [1, 1, 1]), SingleClassError, "one class"),
    ("targets of another length", lambda: RandomForestRegressor().fit(X, [1.0]), ShapeError, "y must have shape"),
    ("a NaN among targets", lambda: HistGradientBoostingRegressor().fit(X, [1, math.nan, 0]), NotFiniteError, "NaN"),
    (
        "words where numbers were",
        lambda: C45(min_samples_leaf=1).fit(X, LABELS).predict([["a", 1.0]]),
        DtypeError,
        "column 0",
    ),
    ("ID3 before fit", lambda: ID3().predict(X), NotFittedError, "call fit first"),
    ("ID3 of other columns", lambda: ID3().fit(X, LABELS).predict([[1.0]]), ShapeError, "1 features"),
    ("no rows to err on", lambda: tree.pessimistic_errors(0, 0), RangeError, "n must be"),
    ("more errors than rows", lambda: tree.pessimistic_errors(3, 2), RangeError, "errors"),
    ("text of nothing", lambda: tree.export_text(DecisionTreeClassifier()), NotFittedError, "call fit first"),
    (
        "too few names",
        lambda: tree.export_text(DecisionTreeClassifier().fit(X, LABELS), feature_names=["a"]),
        ShapeError,
        "2 names",
    ),
    ("no tree", lambda: TreeEnsemble([]), EmptyInputError, "at least one tree"),
    ("arrays of other lengths", stump(feature=[0]), ShapeError, "3 nodes"),
    ("covers of another length", stump(cover=[1.0]), ShapeError, "3 nodes"),
    ("a child before its parent", stump(children_left=[0, -1, -1]), RangeError, "higher numbers"),
    ("a child that is not there", stump(children_left=[3, -1, -1]), RangeError, "below 3"),
    ("a node with two parents", stump(children_left=[2, -1, -1]), RangeError, "exactly one"),
    ("a negative column", stump(feature=[-2, -1, -1]), RangeError, "feature"),
    ("fractions of children", stump(children_left=[1.0, -1, -1]), RangeError, "whole numbers"),
    ("a split of nothing", stump(cover=[0, 0, 0]), RangeError, "cover"),
    ("a threshold of NaN", stump(threshold=[math.nan, 0, 0]), NotFiniteError, "threshold"),
    ("a value of NaN", stump(value=[[0], [math.nan], [0]]), NotFiniteError, "value"),
    (
        "trees of different outputs",
        lambda: TreeEnsemble([STUMP, STUMP._replace(value=np.zeros((3, 2)))]),
        ShapeError,
        "number of outputs",
    ),
    ("an offset too many", lambda: TreeEnsemble([STUMP], offset=[1.0, 2.0]), ShapeError, "offset"),
    (
        "too few columns for a tree",
        lambda: TreeEnsemble([STUMP._replace(feature=[3, -1, -1])]).predict(X),
        ShapeError,
        "column 3",
    ),
    ("a negative number of rows", lambda: average_path_length(-1), RangeError, "n must be"),
    ("no players", lambda: explain.shapley_values(first, 0), RangeError, "players"),
    ("too many players", lambda: explain.shapley_values(first, 21), RangeError, "at most 20"),
    ("a game of the wrong shape", lambda: explain.shapley_values(lambda m: 1.0, 2), ShapeError, "game must map"),
    ("a game without an end", lambda: explain.shapley_values(lambda m: m[:, 0] / 0.0, 1), NotFiniteError, "game"),
    ("too many columns", lambda: explain.exact_shap(first, np.zeros((1, 21)), np.ones(21)), RangeError, "at most 20"),
    ("x of another width", kernel(x=[1.0]), ShapeError, "x has 1 columns"),
    ("x with a NaN", kernel(x=[1.0, math.nan]), NotFiniteError, "x"),
    ("too few coalitions", kernel(n_samples=3), RangeError, "n_samples"),
    ("a model with one answer", kernel(predict=lambda rows: 1.0), ShapeError, "predict must map"),
    ("a model that fails", kernel(predict=lambda rows: first(rows) * math.nan), NotFiniteError, "predict gave"),
    ("weights of no model", lambda: explain.linear_shap(1.0, 0.0, X, X), ShapeError, "coef"),
    ("too many intercepts", lambda: explain.linear_shap([1.0, 1.0], [1.0, 2.0], X, X), ShapeError, "intercept"),
    ("trees that are none", lambda: explain.tree_shap(first, X), DtypeError, "TreeEnsemble"),
    ("trees not grown", lambda: explain.tree_shap(DecisionTreeClassifier(), X), NotFittedError, "call fit first"),
    ("too narrow for a tree", lambda: explain.tree_shap(STUMP._replace(feature=[2, 0, 0]), X), ShapeError, "column 2"),
    ("an unknown penalty", lime(penalty="elastic"), RangeError, "penalty"),
    ("a kernel of no width", lime(kernel_width=0.0), RangeError, "kernel_width"),
    ("a kernel of hardly any width", lime(kernel_width=1e-9), RangeError, "no perturbation has any weight"),
    ("a negative strength", lime(alpha=-1.0), RangeError, "alpha"),
    ("no perturbations", lime(n_samples=0), RangeError, "n_samples"),
    ("no steps", lambda: explain.integrated_gradients(np.ones_like, X, steps=0), RangeError, "steps"),
    ("a gradient of another shape", lambda: explain.integrated_gradients(first, X), ShapeError, "gradient must map"),
    ("a gradient of NaN", lambda: explain.integrated_gradients(lambda r: r * math.nan, X), NotFiniteError, "gradient"),
    ("another baseline", lambda: explain.integrated_gradients(np.ones_like, X, [0.0]), ShapeError, "baseline"),
    ("other contributions", lambda: explain.completeness_gap(first, [1.0], [1.0, 2.0]), ShapeError, "shape of x"),
    (
        "a function with several outputs",
        lambda: explain.completeness_gap(lambda rows: rows, [1.0, 2.0], [1.0, 2.0]),
        ShapeError,
        "one output",
    ),
    (
        "truth of another length",
        lambda: explain.permutation_importance(first, X, [1.0], lambda a, b: 0.0, rng=rng()),
        ShapeError,
        "y must be 3 long",
    ),
    (
        "a score of NaN",
        lambda: explain.permutation_importance(first, X, LABELS, lambda a, b: math.nan, rng=rng()),
        NotFiniteError,
        "score gave",
    ),
    ("a mean of a vector", lambda: explain.mean_absolute_shap([1.0]), ShapeError, "values"),
]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


ONE = [[1.0, 2.0]]
WORKS = [
    ("a single row", lambda: DecisionTreeRegressor().fit(ONE, [3.0]).predict(ONE), [3.0]),
    (
        "rows that are all alike",
        lambda: DecisionTreeClassifier().fit(ONE * 4, [0, 0, 0, 1]).predict_proba(ONE),
        [[0.75, 0.25]],
    ),
    ("constant targets", lambda: DecisionTreeRegressor().fit(X, [5.0] * 3).tree_.cover, [3.0]),
    ("weights of zero", lambda: DecisionTreeRegressor().fit(X, [1.0, 2.0, 9.0], [1, 1, 0]).predict(X), [1.0, 2.0, 2.0]),
    ("a boosted single row", lambda: HistGradientBoostingRegressor().fit(ONE, [3.0]).predict(ONE), [3.0]),
    (
        "constant columns to boost",
        lambda: HistGradientBoostingRegressor().fit(ONE * 3, LABELS).predict(ONE).round(9),
        [0.666666667],
    ),
    ("a forest of a single row", lambda: RandomForestRegressor(n_estimators=2).fit(ONE, [3.0]).predict(ONE), [3.0]),
    ("rows alike to isolate", lambda: IsolationForest(n_estimators=3).fit(ONE * 4).score_samples(ONE), [-0.5]),
    ("categories alike", lambda: ID3().fit([["a"], ["a"]], [0, 1]).predict_proba([["a"]]), [[0.5, 0.5]]),
    ("nothing but gaps", lambda: C45().fit([[None], [None]], [0, 1]).predict_proba([[None]]), [[0.5, 0.5]]),
    (
        "numbers as categories",
        lambda: C45(categorical=(0,), min_samples_leaf=1, confidence=1.0).fit(X, LABELS).predict(X),
        LABELS,
    ),
    ("a node of nothing", lambda: MultiwayNode(np.zeros(2)).counts, [0.0, 0.0]),
    (
        "a leaf to explain",
        lambda: explain.tree_shap(Tree([-1], [-1], [-1], [0.0], [[2.0]], [1.0]), ONE).values,
        [[0.0, 0.0]],
    ),
    ("a leaf's base", lambda: explain.tree_shap(Tree([-1], [-1], [-1], [0.0], [[2.0]], [1.0]), ONE).base, 2.0),
    ("a share of nothing", lambda: explain.tree_shap(STUMP._replace(cover=[2, 2, 0]), [[0.0]]).values, [[0.0]]),
    ("a background that is x", lambda: explain.kernel_shap(first, ONE, ONE).values, [[0.0, 0.0]]),
    ("one column", lambda: explain.kernel_shap(first, [[1.0], [3.0]], [5.0]).values, [3.0]),
    ("a baseline that is x", lambda: explain.integrated_gradients(np.ones_like, [1.0, 2.0], [1.0, 2.0]), [0.0, 0.0]),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == expected
