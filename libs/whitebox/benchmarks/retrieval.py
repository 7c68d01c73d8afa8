"""Approximate search, text and graphs against their peers."""

from __future__ import annotations

from collections.abc import Iterator

import hnswlib
import networkx
import numpy as np
import sacrebleu
import sklearn
from comparison import Comparison
from rouge_score import rouge_scorer
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer
from whitebox.graph.edges import adjacency
from whitebox.graph.pagerank import pagerank
from whitebox.metrics.ranking import recall_at_k
from whitebox.search.hnsw import HNSW
from whitebox.text.bleu import corpus_bleu
from whitebox.text.rouge import rouge_l
from whitebox.text.tfidf import TfidfVectorizer

M, EF_CONSTRUCTION = 16, 100
LIBRARY = "hnswlib (chroma-hnswlib 0.7.6)"


def clustered(n: int, d: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows around 200 centres, close enough to overlap, and queries from the same."""
    rng = np.random.default_rng(0)
    centres = 0.45 * rng.standard_normal((200, d))
    X, Q = (centres[rng.integers(0, 200, rows)] + 0.5 * rng.standard_normal((rows, d)) for rows in (n, queries))
    return X.astype(np.float32), Q.astype(np.float32)


def nearest(X: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The true neighbours."""
    lengths = (X**2).sum(axis=1) - 2 * queries @ X.T
    return np.argsort(lengths, axis=1)[:, :k]


def build_ours(X: np.ndarray) -> HNSW:
    index = HNSW(X.shape[1], "euclidean", m=M, ef_construction=EF_CONSTRUCTION)
    index.add(X)
    return index


def build_theirs(X: np.ndarray) -> hnswlib.Index:
    index = hnswlib.Index(space="l2", dim=X.shape[1])
    index.init_index(len(X), M=M, ef_construction=EF_CONSTRUCTION, random_seed=0)
    index.set_num_threads(1)
    index.add_items(X, num_threads=1)
    return index


def hnsw(n: int, d: int) -> Iterator[Comparison]:
    """Ten neighbours of 500 queries, with the least ef of a few at which both recall 0.998."""
    X, queries = clustered(n, d, 500)
    expected = nearest(X, queries, 10).tolist()
    ours, theirs = build_ours(X), build_theirs(X)
    for ef in (20, 30, 45, 70, 100, 150, 220):
        theirs.set_ef(ef)
        recall = recall_at_k(ours.search(queries, 10, ef=ef)[0].tolist(), expected, 10)
        peer = recall_at_k(theirs.knn_query(queries, 10, num_threads=1)[0].tolist(), expected, 10)
        if min(recall, peer) >= 0.998:
            break
    assert min(recall, peer) >= 0.998, (recall, peer)
    yield Comparison(
        f"HNSW search, {n} × {d}, 500 queries, ef {ef}",
        f"{LIBRARY}; recall {recall:.4f}, theirs {peer:.4f}",
        lambda: ours.search(queries, 10, ef=ef),
        lambda: theirs.knn_query(queries, 10, num_threads=1),
        gate=1.5,
    )
    if n <= 20_000:
        small = X[: n // 4]
        yield Comparison(
            f"HNSW build, {len(small)} × {d}", LIBRARY, lambda: build_ours(small), lambda: build_theirs(small)
        )


def zipf_texts(documents: int) -> list[str]:
    """Texts of about 100 words whose frequencies follow Zipf's law."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(20_000)])
    return [" ".join(words[np.minimum(rng.zipf(1.3, 100), 19_999)]) for _ in range(documents)]


def tfidf(documents: int) -> Iterator[Comparison]:
    """Learning and weighting at once, words alone and with pairs of words, and runs of characters."""
    texts = zipf_texts(documents)
    for name, part, options in (
        ("words", texts, {}),
        ("words and pairs", texts, {"ngram_range": (1, 2), "min_df": 2}),
        ("3 to 5 characters", texts[: documents // 4], {"analyzer": "char_wb", "ngram_range": (3, 5)}),
    ):
        left, right = (
            TfidfVectorizer(**options).fit_transform(part),
            SklearnTfidfVectorizer(**options).fit_transform(part),
        )
        right.sort_indices()
        np.testing.assert_array_equal(left.columns, right.indices)
        np.testing.assert_allclose(left.values, right.data)
        yield Comparison(
            f"TF-IDF of {name}, {len(part)} documents",
            f"scikit-learn {sklearn.__version__}",
            lambda part=part, options=options: TfidfVectorizer(**options).fit_transform(part),
            lambda part=part, options=options: SklearnTfidfVectorizer(**options).fit_transform(part),
        )


def measures(sentences: int) -> Iterator[Comparison]:
    """BLEU of a corpus, and ROUGE-L of its sentences."""
    references = [" ".join(text.split()[:25]) for text in zipf_texts(sentences)]
    candidates = [" ".join(text.split()[2:]) for text in references]
    paired = [[text] for text in references]
    theirs = sacrebleu.corpus_bleu(candidates, [references]).score
    np.testing.assert_allclose(100 * corpus_bleu(candidates, paired).score, theirs)
    yield Comparison(
        f"BLEU, {sentences} sentences",
        f"sacrebleu {sacrebleu.__version__}",
        lambda: corpus_bleu(candidates, paired),
        lambda: sacrebleu.corpus_bleu(candidates, [references]),
    )
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    pairs = list(zip(references[:200], candidates[:200], strict=True))
    np.testing.assert_allclose(rouge_l(*pairs[0]), scorer.score(*pairs[0])["rougeL"])
    yield Comparison(
        f"ROUGE-L, {len(pairs)} pairs",
        "rouge-score",
        lambda: [rouge_l(*pair) for pair in pairs],
        lambda: [scorer.score(*pair) for pair in pairs],
    )


def ranks(nodes: int) -> Iterator[Comparison]:
    """PageRank of a directed graph with dangling nodes."""
    graph = networkx.gnm_random_graph(nodes, 5 * nodes, seed=0, directed=True)
    matrix = adjacency(np.array(graph.edges), nodes, directed=True)
    theirs = networkx.pagerank(graph, tol=1e-9)
    np.testing.assert_allclose(pagerank(matrix, tol=1e-6), list(theirs.values()), atol=1e-6)
    yield Comparison(
        f"PageRank, {nodes} nodes",
        f"networkx {networkx.__version__} (SciPy)",
        lambda: pagerank(adjacency(np.array(graph.edges), nodes, directed=True), tol=1e-6),
        lambda: networkx.pagerank(graph, tol=1e-6 / nodes),
    )


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    yield from hnsw(20_000 // scale, 64)
    yield from hnsw(50_000 // scale, 128)
    yield from tfidf(4000 // scale)
    yield from measures(2000 // scale)
    yield from ranks(20_000 // scale)
