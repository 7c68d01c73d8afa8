"""Search, scaling, logistic regression and linear algebra against their peers."""

from __future__ import annotations

from collections.abc import Iterator

import bm25s
import numpy as np
import sklearn
from comparison import Comparison
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.preprocessing import StandardScaler as SklearnStandardScaler
from whitebox import linalg
from whitebox.linear_model import LogisticRegression
from whitebox.preprocessing import StandardScaler
from whitebox.search import exact
from whitebox.search.bm25 import BM25


def corpus(documents: int) -> list[list[str]]:
    """Documents of about 100 words whose frequencies follow Zipf's law."""
    rng = np.random.default_rng(0)
    lengths = rng.poisson(100, documents) + 1
    words = np.minimum(rng.zipf(1.2, lengths.sum()), 50_000).astype(str).tolist()
    ends = np.cumsum(lengths)
    return [words[end - length : end] for length, end in zip(lengths.tolist(), ends.tolist(), strict=True)]


def bm25(documents: int) -> Iterator[Comparison]:
    """Fitting, and searching for the ten best documents of 200 queries of six words."""
    docs = corpus(documents)
    rng = np.random.default_rng(1)
    queries = [rng.choice(docs[i], 6).tolist() for i in rng.integers(0, documents, 200)]

    def fit_theirs() -> bm25s.BM25:
        index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        index.index(docs, show_progress=False)
        return index

    ours, theirs = BM25().fit(docs), fit_theirs()

    def search_theirs(index: bm25s.BM25) -> None:
        for query in queries:
            index.retrieve([query], k=10, show_progress=False)

    def search_ours(index: BM25) -> None:
        for query in queries:
            index.search(query, 10)

    for query in queries[:20]:  # that both answer the same question
        np.testing.assert_allclose(
            ours.search(query, 10)[1], theirs.retrieve([query], k=10, show_progress=False).scores[0] * 2.2, rtol=1e-4
        )
    peer = f"bm25s {bm25s.__version__} (lucene, numpy)"
    yield Comparison(f"bm25 fit, {documents} documents", peer, lambda: BM25().fit(docs), fit_theirs, gate=1.5)
    yield Comparison(
        f"bm25 search, {documents} documents, 200 queries",
        peer,
        lambda: search_ours(ours),
        lambda: search_theirs(theirs),
        gate=1.5,
    )
    yield Comparison(
        f"bm25 fit and 200 queries, {documents} documents",
        peer,
        lambda: search_ours(BM25().fit(docs)),
        lambda: search_theirs(fit_theirs()),
        gate=1.5,
    )


def exact_search(rows: int) -> Iterator[Comparison]:
    """The ten nearest of rows of 384 numbers, as an embedding has, against the plain NumPy one would write."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((rows, 384), dtype=np.float32)

    def plain(queries: np.ndarray) -> np.ndarray:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        scores = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ unit.T
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        return np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)

    for count in (1, 64):
        queries = rng.standard_normal((count, 384), dtype=np.float32)
        np.testing.assert_array_equal(exact.search(queries, vectors, 10)[0], plain(queries))
        yield Comparison(
            f"exact search, {rows} × 384, {count} queries",
            "NumPy argpartition",
            lambda queries=queries: exact.search(queries, vectors, 10),
            lambda queries=queries: plain(queries),
            gate=1.2,
        )


def estimators() -> Iterator[Comparison]:
    """Fits to the same optimum: scikit-learn's tolerance is what brings its probabilities within 1e-5 of ours."""
    peer = f"scikit-learn {sklearn.__version__}"
    for name, load in (("breast cancer, 569 × 30", load_breast_cancer), ("digits 0 to 3, 720 × 64", load_digits)):
        X, y = load(return_X_y=True)
        kept = y < 4
        X, y = StandardScaler().fit_transform(X[kept]), y[kept]

        def theirs(X: np.ndarray = X, y: np.ndarray = y) -> SklearnLogisticRegression:
            return SklearnLogisticRegression(tol=1e-6, max_iter=10_000).fit(X, y)

        ours = LogisticRegression().fit(X, y)
        np.testing.assert_allclose(ours.predict_proba(X), theirs().predict_proba(X), atol=1e-4)
        yield Comparison(
            f"logistic regression, {name}", f"{peer} (lbfgs)", lambda X=X, y=y: LogisticRegression().fit(X, y), theirs
        )
    rows = np.random.default_rng(0).normal(size=(100_000, 32))
    yield Comparison(
        "standard scaler, 100000 × 32",
        peer,
        lambda: StandardScaler().fit_transform(rows),
        lambda: SklearnStandardScaler().fit_transform(rows),
    )


def linear_algebra() -> Iterator[Comparison]:
    """Against LAPACK, compiled and blocked."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((256, 256))
    S = A + A.T
    peer = f"NumPy {np.__version__} (LAPACK)"
    yield Comparison("inverse, 30 × 30", peer, lambda: linalg.inverse(A[:30, :30]), lambda: np.linalg.inv(A[:30, :30]))
    yield Comparison("solve, 256 × 256", peer, lambda: linalg.solve(A, A), lambda: np.linalg.solve(A, A))
    yield Comparison("QR, 256 × 256", peer, lambda: linalg.qr(A), lambda: np.linalg.qr(A))
    yield Comparison("eigh, 256 × 256", peer, lambda: linalg.eigh(S), lambda: np.linalg.eigh(S))
    yield Comparison("SVD, 256 × 256", peer, lambda: linalg.svd(A), lambda: np.linalg.svd(A))


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from bm25(20_000 // scale)
    yield from exact_search(50_000 // scale)
    yield from estimators()
    yield from linear_algebra()
