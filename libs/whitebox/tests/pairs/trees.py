"""The pairs of `whitebox.tree`, `whitebox.ensemble` and `whitebox.anomaly`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import anomaly, ensemble, reference, tree

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def problems(draw: st.DrawFn, classes: int = 3, rows: int = 12, levels: int = 5) -> tuple[Any, Any, Any]:
    """Rows with ties, labels of at least two classes (or targets where `classes` is 0), and rows to predict."""
    n, d = draw(st.integers(2, rows)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(SEEDS))
    X, queries = (rng.integers(0, levels, size=(count, d)).astype(float).tolist() for count in (n, 4))
    if not classes:
        return X, rng.integers(-3, 4, size=n).astype(float).tolist(), queries
    y = rng.integers(0, classes, size=n)
    y[0] = (y[1] + 1) % classes
    return X, y.tolist(), queries


@st.composite
def weighted(draw: st.DrawFn, classes: int) -> tuple[Any, Any, Any, Any]:
    """A problem whose rows count 0 to 3 times."""
    X, y, queries = draw(problems(classes))
    weights = np.random.default_rng(draw(SEEDS)).integers(0, 4, size=len(X))
    weights[0] = max(weights[0], 1)
    return X, y, queries, weights.astype(float).tolist()


@st.composite
def tables(draw: st.DrawFn, missing: bool) -> tuple[Any, Any, Any]:
    """Numbers beside categories, with gaps in between."""
    n = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(SEEDS))
    gaps = (rng.random((n + 4, 2)) < 0.25) & missing
    gaps[0, 1] = False
    rows = [
        [None if gap[0] else float(number), None if gap[1] else "abc"[letter]]
        for number, letter, gap in zip(rng.integers(0, 5, n + 4), rng.integers(0, 3, n + 4), gaps, strict=True)
    ]
    y = rng.integers(0, 3, size=n)
    y[0] = (y[1] + 1) % 3
    return rows[:n], y.tolist(), rows[n:]


def _table(rows: Any) -> Any:
    return np.array(rows, dtype=object)


def _bags(X: Any, trees: int) -> list[list[int]]:
    return [(rng.random(len(X)) * len(X)).astype(int).tolist() for rng in np.random.default_rng(7).spawn(trees)]


GROWTH = {"max_iter": 3, "max_leaf_nodes": 4, "min_samples_leaf": 2, "l2_regularization": 0.5, "learning_rate": 0.3}
BOOSTED = {"rtol": 1e-7, "atol": 1e-7}

PAIRS = [
    Pair(
        "tree.DecisionTreeClassifier",
        lambda X, y, Q, w: reference.tree.DecisionTreeClassifier().fit(X, y, w).predict_proba(Q),
        lambda X, y, Q, w: tree.DecisionTreeClassifier().fit(X, y, w).predict_proba(Q),
        weighted(3),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "tree.DecisionTreeClassifier (entropy, stopped early)",
        lambda X, y, Q: reference.tree.DecisionTreeClassifier("entropy", 2, 3, 2).fit(X, y).predict(Q),
        lambda X, y, Q: (
            tree.DecisionTreeClassifier(criterion="entropy", max_depth=2, min_samples_split=3, min_samples_leaf=2)
            .fit(X, y)
            .predict(Q)
        ),
        problems(),
    ),
    Pair(
        "tree.DecisionTreeRegressor",
        lambda X, y, Q, w: reference.tree.DecisionTreeRegressor(3, 3).fit(X, y, w).predict(Q),
        lambda X, y, Q, w: tree.DecisionTreeRegressor(max_depth=3, min_samples_split=3).fit(X, y, w).predict(Q),
        weighted(0),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "tree.ID3",
        lambda X, y, Q: reference.tree.ID3().fit(X, y).predict_proba(Q),
        lambda X, y, Q: tree.ID3().fit(_table(X), y).predict_proba(_table(Q)),
        tables(missing=False),
        rtol=1e-12,
    ),
    Pair(
        "tree.C45",
        lambda X, y, Q: reference.tree.C45(1, 0.25).fit(X, y).predict_proba(Q),
        lambda X, y, Q: tree.C45(min_samples_leaf=1).fit(_table(X), y).predict_proba(_table(Q)),
        tables(missing=False),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "tree.C45 (missing values)",
        lambda X, y, Q: reference.tree.C45(2, 1.0).fit(X, y).predict_proba(Q),
        lambda X, y, Q: tree.C45(confidence=1.0).fit(_table(X), y).predict_proba(_table(Q)),
        tables(missing=True),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "tree.pessimistic_errors",
        lambda n, share, confidence: reference.tree.pessimistic_errors(int(share * n), n, confidence),
        lambda n, share, confidence: tree.pessimistic_errors(int(share * n), n, confidence),
        st.tuples(st.integers(1, 30), st.floats(0, 1), st.sampled_from([0.05, 0.25, 1.0])),
        rtol=1e-4,
    ),
    Pair(
        "ensemble.RandomForestClassifier",
        lambda X, y, Q: reference.ensemble.RandomForestClassifier().fit(X, y, _bags(X, 4)).predict_proba(Q),
        lambda X, y, Q: (
            ensemble.RandomForestClassifier(n_estimators=4, max_features=None, random_state=7)
            .fit(X, y)
            .predict_proba(Q)
        ),
        problems(),
        rtol=1e-12,
        atol=1e-12,
    ),
    Pair(
        "ensemble.HistGradientBoostingRegressor",
        lambda X, y, Q: reference.ensemble.HistGradientBoostingRegressor(**GROWTH, max_bins=3).fit(X, y).predict(Q),
        lambda X, y, Q: ensemble.HistGradientBoostingRegressor(**GROWTH, max_bins=3).fit(X, y).predict(Q),
        problems(0),
        **BOOSTED,
    ),
    Pair(
        "ensemble.HistGradientBoostingClassifier",
        lambda X, y, Q: reference.ensemble.HistGradientBoostingClassifier(**GROWTH).fit(X, y).predict_proba(Q),
        lambda X, y, Q: ensemble.HistGradientBoostingClassifier(**GROWTH).fit(X, y).predict_proba(Q),
        problems(),
        **BOOSTED,
    ),
    Pair(
        "anomaly.average_path_length",
        lambda n: [reference.anomaly.average_path_length(each) for each in n],
        anomaly.average_path_length,
        st.tuples(st.lists(st.integers(0, 1000), min_size=1)),
        rtol=1e-12,
    ),
    Pair(
        "anomaly.IsolationForest",
        lambda X, _, Q: (
            reference.anomaly.IsolationForest(8)
            .fit(X, [rng.random for rng in np.random.default_rng(3).spawn(4)])
            .score_samples(Q)
        ),
        lambda X, _, Q: anomaly.IsolationForest(n_estimators=4, max_samples=8, random_state=3).fit(X).score_samples(Q),
        problems(),
        rtol=1e-12,
    ),
]
