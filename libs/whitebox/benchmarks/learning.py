"""Classical learning against scikit-learn: the same optimum, the same neighbours, the same path of centres."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import sklearn
import sklearn.cluster
import sklearn.decomposition
import sklearn.linear_model
import sklearn.manifold
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.svm
from comparison import Comparison
from sklearn.datasets import load_digits, make_blobs, make_classification, make_regression
from whitebox.cluster import KMeans
from whitebox.decomposition import PCA, TruncatedSVD
from whitebox.linear_model import Lasso, LinearRegression, Ridge
from whitebox.manifold import TSNE
from whitebox.naive_bayes import GaussianNB, MultinomialNB
from whitebox.neighbors import KNeighborsClassifier
from whitebox.recsys import ALS
from whitebox.svm import SVC

PEER = f"scikit-learn {sklearn.__version__}"


def linear_models(rows: int) -> Iterator[Comparison]:
    """Weights of 100 columns, of which 20 matter."""
    X, y = make_regression(rows, 100, n_informative=20, noise=5.0, random_state=0)
    for name, ours, theirs in (
        ("least squares", LinearRegression(), sklearn.linear_model.LinearRegression()),
        ("ridge", Ridge(), sklearn.linear_model.Ridge()),
        ("lasso", Lasso(1.0), sklearn.linear_model.Lasso(1.0, tol=1e-6)),
    ):
        np.testing.assert_allclose(ours.fit(X, y).coef_, theirs.fit(X, y).coef_, atol=1e-3)
        yield Comparison(f"{name}, {rows} × 100", PEER, lambda m=ours: m.fit(X, y), lambda m=theirs: m.fit(X, y))


def support_vectors(rows: int) -> Iterator[Comparison]:
    """Two classes with some labels turned, 20 columns; digits for several classes."""
    X, y = make_classification(rows, 20, n_informative=10, flip_y=0.1, random_state=0)
    for C in (1.0, 10.0):
        ours, theirs = SVC(C=C), sklearn.svm.SVC(C=C)
        np.testing.assert_allclose(
            ours.fit(X, y).decision_function(X), theirs.fit(X, y).decision_function(X), atol=5e-3
        )
        yield Comparison(
            f"SVM fit, RBF, C = {C:g}, n = {rows}",
            f"{PEER} (libsvm)",
            lambda m=ours: m.fit(X, y),
            lambda m=theirs: m.fit(X, y),
            gate=1.0,
        )
    fitted, peers = SVC().fit(X, y), sklearn.svm.SVC().fit(X, y)
    yield Comparison(
        f"SVM predict, RBF, n = {rows}", f"{PEER} (libsvm)", lambda: fitted.predict(X), lambda: peers.predict(X)
    )


def neighbours(rows: int) -> Iterator[Comparison]:
    """The five nearest of normal noise."""
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(rows, 32)), rng.normal(size=(1000, 32))
    y = rng.integers(0, 3, rows)
    ours = KNeighborsClassifier().fit(X, y)
    theirs = sklearn.neighbors.KNeighborsClassifier(algorithm="brute").fit(X, y)
    np.testing.assert_array_equal(ours.kneighbors(Q).indices, theirs.kneighbors(Q)[1])
    yield Comparison(
        f"k-NN, 1000 queries, {rows} × 32",
        f"{PEER} (brute)",
        lambda: ours.predict(Q),
        lambda: theirs.predict(Q),
        gate=1.2,
    )


def bayes(rows: int) -> Iterator[Comparison]:
    """Fitting and predicting the same rows."""
    rng = np.random.default_rng(0)
    X, y = rng.poisson(2.0, (rows, 50)).astype(float), rng.integers(0, 5, rows)
    for ours, theirs in (
        (GaussianNB(), sklearn.naive_bayes.GaussianNB()),
        (MultinomialNB(), sklearn.naive_bayes.MultinomialNB()),
    ):
        np.testing.assert_array_equal(ours.fit(X, y).predict(X), theirs.fit(X, y).predict(X))
        yield Comparison(
            f"{type(ours).__name__}, {rows} × 50",
            PEER,
            lambda m=ours: m.fit(X, y).predict(X),
            lambda m=theirs: m.fit(X, y).predict(X),
        )


def clusters(rows: int) -> Iterator[Comparison]:
    """From the same start to the same centres: clouds that overlap, and plain noise."""
    rng = np.random.default_rng(0)
    for name, X in (
        ("clouds", make_blobs(rows, 32, centers=80, cluster_std=8.0, random_state=0)[0]),
        ("noise", rng.normal(size=(rows, 32))),
    ):
        init = X[rng.choice(rows, 50, replace=False)]
        ours, theirs = KMeans(50, init=init), sklearn.cluster.KMeans(50, init=init, n_init=1)
        np.testing.assert_array_equal(ours.fit(X).labels_, theirs.fit(X).labels_)
        yield Comparison(
            f"k-means, {name}, {rows} × 32, k = 50",
            f"{PEER} (lloyd)",
            lambda m=ours, X=X: m.fit(X),
            lambda m=theirs, X=X: m.fit(X),
            gate=1.2,
        )


def components(rows: int) -> Iterator[Comparison]:
    """All principal components, by the default of both; the ten largest of a truncated decomposition."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 128)) @ rng.standard_normal((128, 128))
    theirs = sklearn.decomposition.PCA()
    np.testing.assert_allclose(PCA().fit(X).explained_variance_, theirs.fit(X).explained_variance_, rtol=1e-6)
    yield Comparison(f"PCA, LAPACK's eigh, {rows} × 128", PEER, lambda: PCA().fit(X), lambda: theirs.fit(X), gate=1.2)
    yield Comparison(
        f"PCA, eigh from scratch, {rows} × 128", PEER, lambda: PCA(solver="householder").fit(X), lambda: theirs.fit(X)
    )
    digits = load_digits().data
    yield Comparison(
        "truncated SVD, digits, 10 components",
        f"{PEER} (randomized)",
        lambda: TruncatedSVD(10, random_state=0).fit(digits),
        lambda: sklearn.decomposition.TruncatedSVD(10, random_state=0).fit(digits),
    )


def maps(rows: int) -> Iterator[Comparison]:
    """A thousand steps from the same start; the divergences agree within a few per cent."""
    X = load_digits().data[:rows]
    init = 1e-4 * np.random.default_rng(0).standard_normal((len(X), 2))
    ours = TSNE(init=init, perplexity=10)
    theirs = sklearn.manifold.TSNE(init=init, perplexity=10, method="exact")
    assert ours.fit(X).kl_divergence_ < 1.1 * theirs.fit(X).kl_divergence_
    yield Comparison(f"t-SNE, digits, n = {len(X)}", f"{PEER} (exact)", lambda: ours.fit(X), lambda: theirs.fit(X))


def recommenders(ratings: int) -> Iterator[Comparison]:
    """Alternating least squares against the plain NumPy one would write: a small system a user, and an item."""
    rng = np.random.default_rng(0)
    n_users, n_items, k = max(20, ratings // 50), max(10, ratings // 100), 16
    u, i = np.divmod(np.sort(rng.choice(n_users * n_items, ratings, replace=False)), n_items)
    r = rng.normal(size=ratings) + 3
    centred = r - r.mean()

    def solve(owner: np.ndarray, other: np.ndarray, values: np.ndarray, factors: np.ndarray, count: int) -> np.ndarray:
        starts = np.searchsorted(owner, np.arange(count + 1))
        solved = np.zeros((count, k))
        for n in range(count):
            part = slice(starts[n], starts[n + 1])
            F = factors[other[part]]
            solved[n] = np.linalg.solve(F.T @ F + 0.1 * np.eye(k), F.T @ values[part])
        return solved

    def plain() -> np.ndarray:
        Q = np.random.default_rng(0).standard_normal((n_items, k)) / np.sqrt(k)
        order = np.lexsort((u, i))
        for _ in range(10):
            P = solve(u, i, centred, Q, n_users)
            Q = solve(i[order], u[order], centred[order], P, n_items)
        return Q

    ours = ALS(k, reg=0.1, n_iter=10, random_state=0)
    np.testing.assert_allclose(ours.fit(u, i, r).item_factors_, plain(), atol=1e-6)
    yield Comparison(f"ALS, {ratings} ratings, k = 16", "NumPy (LAPACK)", lambda: ours.fit(u, i, r), plain)


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from linear_models(5000 // scale)
    yield from support_vectors(2000 // scale)
    yield from neighbours(20_000 // scale)
    yield from bayes(20_000 // scale)
    yield from clusters(20_000 // scale)
    yield from components(20_000 // scale)
    yield from maps(300 // scale)
    yield from recommenders(50_000 // scale)
