"""The pairs of classical learning: linear models, support vectors, neighbours, naive Bayes, k-means, t-SNE, recommenders."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from pairs.strategies import matrices, numbers
from whitebox import cluster, decomposition, linear_model, manifold, naive_bayes, neighbors, recsys, reference, svm
from whitebox.recsys._als import _first_factors
from whitebox.recsys._model import observed

EIGHTHS = st.integers(-80, 80).map(lambda n: n / 8)
SMALL = st.integers(-3, 3).map(float)


@st.composite
def regressions(draw: st.DrawFn, *, independent: bool = False):
    """Rows and targets."""
    rows = draw(matrices(EIGHTHS, rows=10, columns=3))
    if independent:
        width = len(rows[0])
        rows = [*rows, *(np.eye(width) * 3).tolist(), [0.0] * width]
    return rows, draw(st.lists(EIGHTHS, min_size=len(rows), max_size=len(rows)))


@st.composite
def labelled(draw: st.DrawFn, elements: st.SearchStrategy[float], *, classes: int = 3, queries: bool = True):
    """Rows, labels of all classes, and rows to predict."""
    rows, others = draw(
        matrices(elements, rows=12, columns=3, count=2).filter(lambda drawn: len(drawn[0]) >= max(4, classes))
    )
    count = draw(st.integers(2, classes))
    labels = [draw(st.integers(0, count - 1)) for _ in rows]
    labels[:count] = range(count)
    return (rows, labels, others) if queries else (rows, labels)


@st.composite
def pairs_of_chances(draw: st.DrawFn) -> tuple[list[Any]]:
    """Pairwise probabilities that fit together more or less."""
    k = draw(st.integers(2, 4))
    r = np.zeros((draw(st.integers(1, 3)), k, k))
    for n in range(len(r)):
        for i in range(k):
            for j in range(i):
                r[n, i, j] = draw(st.floats(0.02, 0.98))
                r[n, j, i] = 1 - r[n, i, j]
    return (r.tolist(),)


@st.composite
def decisions(draw: st.DrawFn):
    """Decision values, and labels of both classes."""
    values = draw(st.lists(EIGHTHS, min_size=2, max_size=12))
    labels = [draw(st.booleans()) for _ in values]
    labels[:2] = [True, False]
    return values, labels


@st.composite
def clustered(draw: st.DrawFn):
    """Rows and centres; not on a grid, where ties are left to rounding."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(3, 14)), draw(st.integers(1, 3))
    k = draw(st.integers(1, 3))
    return rng.normal(size=(n, d)).tolist(), (3 * rng.normal(size=(k, d))).tolist()


@st.composite
def affinities(draw: st.DrawFn):
    """Affinities that sum to one, and points."""
    n = draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    P = rng.random((n, n)) * (rng.random((n, n)) < 0.8) + np.eye(n, k=1) + 0.01
    P = (P + P.T) * (1 - np.eye(n))
    return (P / P.sum()).tolist(), (2 * rng.normal(size=(n, draw(st.integers(1, 3))))).tolist()


@st.composite
def rated(draw: st.DrawFn):
    """Triplets."""
    cells = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=12))
    return [(u, i, float(draw(st.integers(1, 5)))) for u, i in sorted(cells)], draw(st.integers(1, 3))


@st.composite
def chosen(draw: st.DrawFn, elements: st.SearchStrategy[Any], *, other: st.SearchStrategy[Any] | None = None):
    """Two vectors of the same length."""
    n = draw(st.integers(2, 10))
    first = draw(st.lists(elements, min_size=n, max_size=n))
    return first, draw(st.lists(elements if other is None else other, min_size=n, max_size=n))


@st.composite
def forecasts(draw: st.DrawFn):
    """Labels, and probabilities of their classes, zeros among them."""
    labels = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=8))
    weights = st.lists(st.integers(0, 4), min_size=len(set(labels)), max_size=len(set(labels))).filter(any)
    rows = [draw(weights) for _ in labels]
    return labels, [[w / sum(row) for w in row] for row in rows]


def _weights(model: Any, X: Any, y: Any) -> tuple[Any, ...]:
    fitted = model.fit(X, y)
    return fitted.coef_, [fitted.intercept_], fitted.predict(X)


def _lasso(model: Any, X: Any, y: Any) -> float:
    """The objective: where columns depend on each other the weights are not unique."""
    fitted = model.fit(X, y)
    error = np.asarray(y) - np.asarray(fitted.predict(X))
    return float(error @ error) / (2 * len(y)) + model.alpha * float(np.abs(fitted.coef_).sum())


def _two_classes(svc: Any, X: Any, y: Any, Z: Any) -> tuple[Any, ...]:
    fitted = svc.fit(X, y)
    return np.ravel(fitted.dual_objective_), fitted.decision_function(Z)


def _dual(solve: Any, rows: Any, signs: Any) -> Any:
    K = np.asarray(rows) @ np.asarray(rows).T + np.eye(len(rows))
    lower, upper = [min(0.0, s) for s in signs], [max(0.0, s) for s in signs]
    return solve(K, signs, lower, upper)


def _fast_dual(K: Any, t: Any, lower: Any, upper: Any) -> Any:
    found = svm.solve_dual(K.__getitem__, K.diagonal(), t, lower, upper, tol=1e-9)
    return found.coefficients, found.bias, found.objective


def _slow_dual(K: Any, t: Any, lower: Any, upper: Any) -> Any:
    return reference.svm.solve_dual(K.tolist(), t, lower, upper, tol=1e-9)


def _chances(sigmoid: Any, f: Any) -> Any:
    """Where all decision values are equal, slope and shift are not unique."""
    return svm.PlattSigmoid(*sigmoid)(np.array(f))


def _joint(model: Any, X: Any, y: Any, Z: Any) -> tuple[Any, ...]:
    fitted = model.fit(X, y)
    return fitted.predict_joint_log_proba(Z), fitted.predict_proba(Z)


def _bayes(name: str, elements: st.SearchStrategy[float], *arguments: float) -> Pair:
    return Pair(
        f"naive_bayes.{name}",
        lambda X, y, Z: _joint(getattr(reference.naive_bayes, name)(*arguments), X, y, Z),
        lambda X, y, Z: _joint(_fast_bayes(name, *arguments), X, y, Z),
        labelled(elements),
        rtol=1e-7,
        atol=1e-7,
    )


def _fast_bayes(name: str, *arguments: float) -> Any:
    if name == "GaussianNB":
        return naive_bayes.GaussianNB(var_smoothing=arguments[0])
    return getattr(naive_bayes, name)(*arguments)


def _neighbours(tree: Any, X: Any, Z: Any, k: int) -> tuple[Any, ...]:
    return tree.kneighbors(Z, X, min(k, len(X)))


def _voted(tree: Any, weights: str, X: Any, y: Any, Z: Any) -> Any:
    return tree.KNeighborsClassifier(3, weights).fit(X, y).predict_proba(Z)


def _averaged(tree: Any, X: Any, y: Any, weights: str) -> Any:
    return tree.KNeighborsRegressor(min(2, len(X)), weights).fit(X, y).predict(X)


def _clusters(model: Any, X: Any) -> tuple[Any, ...]:
    fitted = model.fit(X)
    return fitted.cluster_centers_, fitted.labels_, [fitted.inertia_]


def _directions(model: Any, X: Any) -> tuple[Any, ...]:
    fitted = model.fit(X)
    components = np.array(fitted.components_)
    return fitted.singular_values_, (components.T * np.array(fitted.singular_values_)) @ components


def _spreads(function: str, tree: Any, X: Any, share: float) -> Any:
    perplexity = 1 + share * (len(X) - 2)
    if function == "joint":
        return tree.joint_probabilities(X, perplexity)
    squared = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in X] for x in X]
    return tree.conditional_probabilities(squared, perplexity)


# No ties, at which the perplexity may be out of reach.
SPREAD = st.tuples(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(3, 7)).map(
        lambda drawn: np.random.default_rng(drawn[0]).normal(size=(drawn[1], 2)).tolist()
    ),
    st.floats(0.1, 0.8),
)


def _columns(ratings: Any) -> tuple[Any, ...]:
    return tuple(np.array(column) for column in zip(*ratings, strict=True))


def _first(ratings: Any, k: int) -> list[list[float]]:
    return _first_factors(observed(*_columns(ratings)).turned, k, 0).tolist()


def _factors(model: Any) -> tuple[Any, ...]:
    return model.user_factors_, model.item_factors_


def _slow_funk(ratings: Any, k: int) -> tuple[Any, ...]:
    users, items, _ = _columns(ratings)
    n_users, n_items = max(users) + 1, max(items) + 1
    rng = np.random.default_rng(0)
    P, Q = 0.1 * rng.standard_normal((n_users, k)), 0.1 * rng.standard_normal((n_items, k))
    P[np.setdiff1d(np.arange(n_users), users)], Q[np.setdiff1d(np.arange(n_items), items)] = 0, 0
    orders = [rng.permutation(len(ratings)).tolist() for _ in range(30)]
    return _biased(reference.recsys.FunkSVD(0.05, 0.1).fit(ratings, P.tolist(), Q.tolist(), orders))


def _fast_funk(ratings: Any, k: int) -> tuple[Any, ...]:
    return _biased(recsys.FunkSVD(k, learning_rate=0.05, reg=0.1, random_state=0).fit(*_columns(ratings)))


def _biased(model: Any) -> tuple[Any, ...]:
    return model.user_biases_, model.item_biases_, *_factors(model)


PAIRS = [
    Pair(
        "linear_model.LinearRegression",
        lambda X, y: _weights(reference.linear_model.LinearRegression(), X, y),
        lambda X, y: _weights(linear_model.LinearRegression(), X, y),
        regressions(independent=True),
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "linear_model.Ridge",
        lambda X, y: _weights(reference.linear_model.Ridge(0.5), X, y),
        lambda X, y: _weights(linear_model.Ridge(0.5), X, y),
        regressions(),
        rtol=1e-8,
        atol=1e-8,
    ),
    Pair(
        "linear_model.Lasso",
        lambda X, y: _lasso(reference.linear_model.Lasso(0.5), X, y),
        lambda X, y: _lasso(linear_model.Lasso(0.5, tol=1e-9), X, y),
        regressions(independent=True),
        rtol=1e-6,
        atol=1e-8,
    ),
    Pair("svm.linear_kernel", *both("svm.linear_kernel"), matrices(SMALL, count=2)),
    Pair(
        "svm.rbf_kernel",
        lambda drawn, gamma: reference.svm.rbf_kernel(*drawn, gamma),
        lambda drawn, gamma: svm.rbf_kernel(*drawn, gamma),
        st.tuples(matrices(numbers(-10, 10), count=2), st.floats(0.01, 3)),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "svm.solve_dual",
        lambda X, y: _dual(_slow_dual, X, [2.0 * s - 1 for s in y]),
        lambda X, y: _dual(_fast_dual, X, [2.0 * s - 1 for s in y]),
        labelled(EIGHTHS.map(lambda x: x / 4), classes=2, queries=False),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair(
        "svm.SVC",
        lambda X, y, Z: _two_classes(reference.svm.SVC(2.0, 0.5, tol=1e-8), X, y, Z),
        lambda X, y, Z: _two_classes(svm.SVC(2.0, gamma=0.5, tol=1e-8), X, y, Z),
        labelled(EIGHTHS.map(lambda x: x / 4), classes=2),
        rtol=1e-5,
        atol=1e-5,
    ),
    Pair(
        "svm.fit_platt",
        lambda f, y: _chances(reference.svm.fit_platt(f, y), f),
        lambda f, y: _chances(svm.fit_platt(f, y), f),
        decisions(),
        rtol=1e-6,
        atol=1e-6,
    ),
    Pair("svm.couple_probabilities", *both("svm.couple_probabilities"), pairs_of_chances(), rtol=1e-6, atol=1e-7),
    Pair(
        "neighbors.kneighbors",
        lambda drawn, k: _neighbours(reference.neighbors, *drawn, k),
        lambda drawn, k: _neighbours(neighbors, *drawn, k),
        st.tuples(matrices(SMALL, rows=9, count=2), st.integers(1, 9)),
        rtol=1e-14,
    ),
    Pair(
        "neighbors.KNeighborsClassifier",
        lambda *drawn: (
            _voted(reference.neighbors, "uniform", *drawn),
            _voted(reference.neighbors, "distance", *drawn),
        ),
        lambda *drawn: (_voted(neighbors, "uniform", *drawn), _voted(neighbors, "distance", *drawn)),
        labelled(SMALL),
        rtol=1e-12,
        atol=1e-15,
    ),
    Pair(
        "neighbors.KNeighborsRegressor",
        lambda drawn, weights: _averaged(reference.neighbors, *drawn, weights),
        lambda drawn, weights: _averaged(neighbors, *drawn, weights),
        st.tuples(regressions(), st.sampled_from(["uniform", "distance"])),
        rtol=1e-12,
        atol=1e-12,
    ),
    _bayes("GaussianNB", EIGHTHS, 0.01),
    _bayes("MultinomialNB", st.integers(0, 5).map(float), 0.5),
    _bayes("ComplementNB", st.integers(0, 5).map(float), 0.5),
    _bayes("BernoulliNB", st.integers(0, 1).map(float), 0.5),
    Pair(
        "cluster.KMeans",
        lambda X, start: _clusters(reference.cluster.KMeans(start), X),
        lambda X, start: _clusters(cluster.KMeans(len(start), init=start, tol=0.0), X),
        clustered(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "decomposition.TruncatedSVD",
        lambda X: _directions(reference.decomposition.TruncatedSVD(min(len(X), len(X[0]))), X),
        lambda X: _directions(decomposition.TruncatedSVD(min(len(X), len(X[0])), random_state=0), X),
        st.tuples(matrices(EIGHTHS)),
        rtol=1e-6,
        atol=1e-5,
    ),
    Pair(
        "manifold.conditional_probabilities",
        lambda X, share: _spreads("conditional", reference.manifold, X, share),
        lambda X, share: _spreads("conditional", manifold, X, share),
        SPREAD,
        rtol=1e-6,
        atol=1e-9,
    ),
    Pair(
        "manifold.joint_probabilities",
        lambda X, share: _spreads("joint", reference.manifold, X, share),
        lambda X, share: _spreads("joint", manifold, X, share),
        SPREAD,
        rtol=1e-6,
        atol=1e-9,
    ),
    Pair(
        "manifold.kl_divergence_and_gradient",
        *both("manifold.kl_divergence_and_gradient"),
        affinities(),
        rtol=1e-8,
        atol=1e-10,
    ),
    Pair(
        "recsys.ALS",
        lambda ratings, k: _factors(reference.recsys.ALS(0.5, 3).fit(ratings, _first(ratings, k))),
        lambda ratings, k: _factors(recsys.ALS(k, reg=0.5, n_iter=3, random_state=0).fit(*_columns(ratings))),
        rated(),
        rtol=1e-7,
        atol=1e-9,
    ),
    Pair(
        "recsys.ImplicitALS",
        lambda ratings, k: _factors(reference.recsys.ImplicitALS(0.5, 2.0, 3).fit(ratings, _first(ratings, k))),
        lambda ratings, k: _factors(
            recsys.ImplicitALS(k, reg=0.5, alpha=2.0, n_iter=3, random_state=0).fit(*_columns(ratings))
        ),
        rated(),
        rtol=1e-7,
        atol=1e-9,
    ),
    Pair("recsys.FunkSVD", _slow_funk, _fast_funk, rated(), rtol=1e-9, atol=1e-12),
    Pair(
        "metrics.classification.accuracy_score",
        *both("metrics.classification.accuracy_score"),
        chosen(st.sampled_from("abc")),
        rtol=1e-14,
    ),
    Pair(
        "metrics.classification.confusion_matrix",
        *both("metrics.classification.confusion_matrix"),
        chosen(st.sampled_from("abc")),
    ),
    Pair(
        "metrics.classification.precision_recall_f1",
        *both("metrics.classification.precision_recall_f1"),
        chosen(st.sampled_from("abc")),
        rtol=1e-14,
    ),
    Pair("metrics.classification.log_loss", *both("metrics.classification.log_loss"), forecasts(), rtol=1e-12),
    Pair(
        "metrics.classification.roc_auc_score",
        *both("metrics.classification.roc_auc_score"),
        chosen(st.integers(0, 1), other=SMALL).filter(lambda drawn: len(set(drawn[0])) == 2),
        rtol=1e-13,
    ),
    *(
        Pair(f"metrics.regression.{name}", *both(f"metrics.regression.{name}"), chosen(EIGHTHS), rtol=1e-10, atol=1e-12)
        for name in ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score")
    ),
    Pair(
        "metrics.clustering.silhouette_score",
        *both("metrics.clustering.silhouette_score"),
        labelled(EIGHTHS, queries=False),
        rtol=1e-6,
        atol=1e-6,
    ),
]
