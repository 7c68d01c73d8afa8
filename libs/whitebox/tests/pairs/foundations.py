"""The pairs that came first: search, rankings, scaling, components, logistic regression, sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from pairs.strategies import matrices, numbers
from whitebox import decomposition, linear_model, preprocessing, reference, search

WORDS = st.sampled_from(["tide", "power", "wind", "flat", "the"])
PROSE = st.lists(
    st.sampled_from(["Dr.", "e.g.", " ", " ", "A", "It", "rose", ".", "!", '"', "\n", "。", "3.5", ")", "(", "…"]),
    max_size=12,
).map("".join)
DOCUMENTS = st.lists(st.lists(WORDS, max_size=8), min_size=1, max_size=8)
TEXT = st.text(
    st.one_of(st.sampled_from(list("aBz09 _-.!?…\"')]\n。！」é\u0301ﬁß\u00adDr")), st.characters()), max_size=40
)


@st.composite
def rankings(draw: st.DrawFn, targets: st.SearchStrategy[Any]):
    """Rankings without repetitions, what each should find, and a k."""
    count = draw(st.integers(1, 4))
    ranked = st.lists(st.integers(0, 9), unique=True, max_size=8)
    return (
        draw(st.lists(ranked, min_size=count, max_size=count)),
        draw(st.lists(targets, min_size=count, max_size=count)),
        draw(st.integers(1, 10)),
    )


@st.composite
def labelled(draw: st.DrawFn):
    """Rows, labels of two or three classes, and C."""
    rows = draw(matrices(st.integers(-3, 3).map(float), rows=12, columns=3).filter(lambda X: len(X) > 3))
    classes = draw(st.integers(2, 3))
    labels = [draw(st.integers(0, classes - 1)) for _ in rows]
    labels[:classes] = range(classes)
    return rows, labels, draw(st.sampled_from([0.01, 1.0, 10.0]))


SETS = st.sets(st.integers(0, 9), min_size=1)
GAINS = st.dictionaries(st.integers(0, 9), st.sampled_from([0.0, 1.0, 2.5, 3.0])).map(lambda worth: {**worth, 0: 1.0})
FUSABLE = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=4)


def _scaled(scaler: Any, X: Sequence[Any], Z: Sequence[Any]) -> tuple[Any, ...]:
    fitted = scaler.fit(X)
    return fitted.mean_, fitted.var_, fitted.transform(Z), fitted.inverse_transform(Z)


def _decomposed(pca: Any, X: Sequence[Any]) -> tuple[Any, ...]:
    """Variances, and the covariance they and the components rebuild, which leaves signs and shared planes open."""
    fitted = pca.fit(X)
    components = np.array(fitted.components_)
    covariance = (components.T * fitted.explained_variance_) @ components
    return fitted.explained_variance_, covariance, fitted.inverse_transform(fitted.transform(X))


def _fitted(model: Any, X: Sequence[Any], y: Sequence[int]) -> tuple[Any, ...]:
    fitted = model.fit(X, y)
    # Not the predictions: at a tie of probabilities, rounding decides.
    return fitted.coef_, fitted.predict_proba(X)


def _searched(index: Any, documents: Sequence[Any], query: Sequence[str], k: int) -> tuple[Any, ...]:
    fitted = index.fit(documents)
    return fitted.scores(query), fitted.search(query, k)[1]


PAIRS = [
    Pair("search.bm25.tokenize", *both("search.bm25.tokenize"), st.tuples(TEXT)),
    Pair(
        "search.bm25.term_weights",
        *both("search.bm25.term_weights"),
        st.tuples(st.lists(WORDS, max_size=9), st.floats(0.5, 50), st.floats(0, 3), st.floats(0, 1)),
        rtol=1e-13,
    ),
    Pair(
        "search.bm25.BM25",
        lambda d, q, k, k1, b: _searched(reference.search.bm25.BM25(k1, b), d, q, k),
        lambda d, q, k, k1, b: _searched(search.bm25.BM25(k1, b), d, q, k),
        st.tuples(DOCUMENTS, st.lists(WORDS, max_size=4), st.integers(1, 9), st.floats(0, 3), st.floats(0, 1)),
        rtol=1e-12,
    ),
    Pair(
        "search.exact.search (dot, ties)",
        lambda queries, corpus, k: reference.search.exact.search(queries, corpus, k, metric="dot"),
        lambda queries, corpus, k: search.exact.search(queries, corpus, k, metric="dot"),
        st.tuples(matrices(st.integers(-2, 2).map(float), rows=9, count=2), st.integers(1, 10)).map(
            lambda drawn: (*drawn[0], drawn[1])
        ),
    ),
    Pair(
        "search.exact.search (cosine)",
        lambda queries, corpus, k: reference.search.exact.search(queries, corpus, k)[1],
        lambda queries, corpus, k: search.exact.search(queries, corpus, k)[1],
        st.tuples(matrices(numbers(-1e300, 1e300), rows=9, count=2), st.integers(1, 10)).map(
            lambda drawn: (*drawn[0], drawn[1])
        ),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "search.fusion.reciprocal_rank_fusion",
        *both("search.fusion.reciprocal_rank_fusion"),
        st.tuples(FUSABLE, st.integers(0, 60)),
    ),
    Pair(
        "metrics.pairwise.cosine_similarity",
        *both("metrics.pairwise.cosine_similarity"),
        matrices(numbers(-1e300, 1e300), count=2),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair("metrics.ranking.precision_at_k", *both("metrics.ranking.precision_at_k"), rankings(SETS), rtol=1e-14),
    Pair("metrics.ranking.recall_at_k", *both("metrics.ranking.recall_at_k"), rankings(SETS), rtol=1e-14),
    Pair(
        "metrics.ranking.mean_reciprocal_rank",
        *both("metrics.ranking.mean_reciprocal_rank"),
        rankings(SETS),
        rtol=1e-14,
    ),
    Pair("metrics.ranking.ndcg_at_k", *both("metrics.ranking.ndcg_at_k"), rankings(GAINS), rtol=1e-13),
    Pair(
        "preprocessing.StandardScaler",
        lambda X, Z: _scaled(reference.preprocessing.StandardScaler(), X, Z),
        lambda X, Z: _scaled(preprocessing.StandardScaler(), X, Z),
        matrices(st.integers(-1000, 1000).map(lambda n: n / 8), count=2),
        rtol=1e-9,
        atol=1e-11,
    ),
    Pair(
        "decomposition.PCA",
        lambda X: _decomposed(reference.decomposition.PCA(), X),
        lambda X: _decomposed(decomposition.PCA(), X),
        st.tuples(matrices(st.integers(-1000, 1000).map(lambda n: n / 8)).filter(lambda X: len(X) > 1)),
        rtol=1e-7,
        atol=1e-6,
    ),
    Pair(
        "linear_model.LogisticRegression",
        lambda X, y, C: _fitted(reference.linear_model.LogisticRegression(C, tol=1e-14), X, y),
        lambda X, y, C: _fitted(linear_model.LogisticRegression(C, tol=1e-14), X, y),
        labelled(),
        rtol=1e-5,
        atol=1e-6,
    ),
    Pair(
        "linear_model.softmax",
        lambda z: [reference.linear_model.softmax(row) for row in z],
        lambda z: linear_model.softmax(np.asarray(z)),
        st.tuples(matrices(numbers())),
        rtol=1e-12,
    ),
    Pair(
        "text.sentences.split_sentences",
        *both("text.sentences.split_sentences"),
        st.tuples(st.one_of(PROSE, TEXT)),
        examples=150,  # abbreviations are rare
    ),
]
