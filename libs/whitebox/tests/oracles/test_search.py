from __future__ import annotations

import bm25s
import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from sklearn.metrics.pairwise import cosine_similarity as sklearn_cosine
from whitebox.metrics.pairwise import cosine_similarity
from whitebox.metrics.ranking import ndcg_at_k, recall_at_k
from whitebox.search import bm25, exact


def zipf_corpus(documents: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    lengths = rng.poisson(60, documents) + 1
    words = np.minimum(rng.zipf(1.3, lengths.sum()), 5000).astype(str).tolist()
    ends = np.cumsum(lengths)
    return [words[end - length : end] for length, end in zip(lengths, ends, strict=True)]


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (2.0, 0.0), (0.5, 1.0)])
def test_bm25_scores_what_bm25s_scores(k1: float, b: float) -> None:
    corpus = zipf_corpus(2000)
    ours = bm25.BM25(k1, b).fit(corpus)
    theirs = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    theirs.index(corpus, show_progress=False)
    for query in (["1"], ["3", "17", "250"], ["40", "40", "nowhere"], corpus[7][:10]):
        # bm25s leaves out the constant factor k1 + 1, as Lucene does since version 8.
        expected = theirs.get_scores([word for word in query if word != "nowhere"]) * (k1 + 1)
        np.testing.assert_allclose(ours.scores(query), expected, rtol=1e-6, atol=1e-9)
        _, best = ours.search(query, 10)
        np.testing.assert_allclose(best, np.sort(expected)[::-1][:10], rtol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_search_finds_what_sorting_all_scores_finds(metric: str, dtype: type) -> None:
    rng = np.random.default_rng(1)
    # More rows than one block holds.
    corpus, queries = rng.normal(size=(40_000, 24)).astype(dtype), rng.normal(size=(5, 24)).astype(dtype)
    indices, scores = exact.search(queries, corpus, 25, metric=metric)
    table = queries.astype(float) @ corpus.astype(float).T
    if metric == "cosine":
        table /= np.linalg.norm(queries.astype(float), axis=1)[:, None] * np.linalg.norm(corpus.astype(float), axis=1)
    expected = np.argsort(-table, axis=1, kind="stable")[:, :25]
    assert scores.dtype == dtype
    assert recall_at_k(indices.tolist(), expected.tolist(), 25) == 1.0
    np.testing.assert_allclose(
        scores, np.take_along_axis(table, expected, axis=1), rtol=1e-4 if dtype == np.float32 else 1e-12
    )


def test_cosine_similarity_equals_scikit_learns() -> None:
    rng = np.random.default_rng(2)
    left, right = rng.normal(size=(200, 64)), rng.normal(size=(300, 64))
    left[3] = 0
    np.testing.assert_allclose(cosine_similarity(left, right), sklearn_cosine(left, right), rtol=0, atol=1e-14)


@pytest.mark.parametrize("k", [1, 5, None])
def test_ndcg_equals_scikit_learns(k: int | None) -> None:
    rng = np.random.default_rng(3)
    gains, scores = rng.integers(0, 5, size=(40, 30)).astype(float), rng.normal(size=(40, 30))
    order = np.argsort(-scores, axis=1)
    ours = ndcg_at_k(order.tolist(), [dict(enumerate(row)) for row in gains], k)
    assert ours == pytest.approx(ndcg_score(gains, scores, k=k), rel=1e-12)
