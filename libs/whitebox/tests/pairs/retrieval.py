"""The pairs of approximate search, score fusion and text."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import reference, search, text

WORDS = ["tide", "power", "wind", "flat", "the", "ebb"]
SENTENCES = st.lists(st.sampled_from([*WORDS, "Tide,", "3.5", "\n", "x", "power-wind"]), max_size=10).map(" ".join)
SETS = st.lists(st.sets(st.sampled_from(WORDS)), min_size=1, max_size=5)
SCORES = st.dictionaries(st.sampled_from("abcdef"), st.integers(-4, 4).map(lambda n: n / 4), max_size=5)


@st.composite
def clouds(draw: st.DrawFn) -> tuple[Any, Any, Any, int]:
    """Rows without ties of distance, a query, levels, and a k."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.integers(1, 40))
    X = (rng.standard_normal((rows, 3)) + 4 * rng.integers(0, 3, (rows, 1))).astype(np.float32).astype(float)
    levels = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=rows, max_size=rows))
    return X.tolist(), rng.standard_normal(3).astype(np.float32).astype(float).tolist(), levels, draw(st.integers(1, 5))


def _slow_graph(X: Any, query: Any, levels: Any, k: int) -> Any:
    index = reference.search.hnsw.HNSW(m=2, ef_construction=6)
    index.add(X, levels)
    links = [sorted(layer.get(node, ())) for node in range(len(X)) for layer in index.layers if node in layer]
    return index.entry_point, links, index.search(query, min(k, len(X)), ef=6)


def _fast_graph(X: Any, query: Any, levels: Any, k: int) -> Any:
    index = search.hnsw.HNSW(3, "euclidean", m=2, ef_construction=6)
    for start in range(0, len(X), 15):  # in several goes
        index.add(X[start : start + 15], levels[start : start + 15])
    links = [
        sorted(index.neighbours(node, layer).tolist()) for node in range(len(X)) for layer in range(levels[node] + 1)
    ]
    return index.entry_point, links, index.search([query], k, ef=6)[0][0]


def _quantized(quantizer: Any, X: Any, queries: Any) -> Any:
    codes = quantizer.encode(X)
    return codes, quantizer.decode(codes), queries(quantizer, codes)


def _fast_quantizer(X: Any) -> Any:
    return search.quantization.ProductQuantizer(parts=2, centres=3).fit(X)


def _even(X: Any) -> Any:
    return [row[:2] for row in X]


def _score(bleu: Any) -> tuple[float, float]:
    return bleu.score, bleu.brevity_penalty


SEEDS = search.lsh.MinHash(6, random_state=3).seeds.tolist()

PAIRS = [
    Pair("search.hnsw.HNSW", _slow_graph, _fast_graph, clouds()),
    Pair(
        "search.lsh.amplify",
        *both("search.lsh.amplify"),
        st.tuples(st.floats(0, 1), st.integers(1, 6), st.integers(1, 6)),
        rtol=1e-12,
        atol=1e-15,
    ),
    Pair(
        "search.lsh.nearest_flips",
        lambda costs, share: [
            sum(costs[place] for place in range(len(costs)) if bits >> place & 1)
            for bits in reference.search.lsh.nearest_flips(costs, 1 + int(share * (2 ** len(costs) - 1)))
        ],
        # The costs, not the sets: of sets that cost the same, either may come first.
        lambda costs, share: [
            sum(costs[place] for place in range(len(costs)) if int(bits) >> place & 1)
            for bits in search.lsh.nearest_flips(costs, 1 + int(share * (2 ** len(costs) - 1)))
        ],
        st.tuples(st.lists(st.integers(0, 9).map(float), min_size=1, max_size=6), st.floats(0, 1)),
        rtol=1e-12,
    ),
    Pair(
        "search.lsh.shingles",
        lambda string, width: sorted(reference.search.lsh.shingles(string, width)),
        lambda string, width: sorted(search.lsh.shingles(string, width)),
        st.tuples(SENTENCES, st.integers(1, 6)),
    ),
    Pair(
        "search.lsh.jaccard",
        *both("search.lsh.jaccard"),
        st.tuples(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))),
    ),
    Pair(
        "search.lsh.MinHash",
        lambda sets: reference.search.lsh.MinHash(SEEDS).signatures(sets),
        lambda sets: search.lsh.MinHash(6, random_state=3).signatures(sets),
        st.tuples(SETS),
    ),
    Pair(
        "search.lsh.MinHashLSH",
        lambda sets: [list(pair) for pair in reference.search.lsh.MinHashLSH(3, 2, SEEDS).fit(sets).pairs()],
        lambda sets: search.lsh.MinHashLSH(3, 2, random_state=3).fit(sets).pairs(),
        st.tuples(SETS),
    ),
    Pair(
        "search.quantization.ProductQuantizer",
        lambda X, query, levels, k: _quantized(
            reference.search.quantization.ProductQuantizer(_fast_quantizer(_even(X)).centres_.tolist()),
            _even(X),
            lambda quantizer, codes: [quantizer.distances(query[:2], codes)],
        ),
        lambda X, query, levels, k: _quantized(
            _fast_quantizer(_even(X)), _even(X), lambda quantizer, codes: quantizer.distances([query[:2]], codes)
        ),
        clouds(),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "search.ivf.IVF",
        lambda X, query, levels, k: (
            reference.search.ivf.IVF(search.ivf.IVF(min(4, len(X)), "euclidean").fit(X).centres_.tolist())
            .fit(X)
            .search(query, k, probes=2)
        ),
        lambda X, query, levels, k: [
            number
            for number in search.ivf.IVF(min(4, len(X)), "euclidean").fit(X).search([query], k, probes=2)[0][0].tolist()
            if number >= 0
        ],
        clouds(),
    ),
    Pair(
        "search.fusion.normalize_scores",
        *both("search.fusion.normalize_scores"),
        st.tuples(SCORES, st.sampled_from(["min-max", "z-score", "none"])),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "search.fusion.comb_sum",
        lambda results, weights, scale: dict(
            sorted(reference.search.fusion.comb_sum(results, weights[: len(results)], scale))
        ),
        lambda results, weights, scale: dict(
            sorted(search.fusion.comb_sum(results, weights[: len(results)], scale=scale))
        ),
        st.tuples(
            st.lists(SCORES, max_size=3),
            st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=3),
            st.sampled_from(["min-max", "z-score", "none"]),
        ),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "search.fusion.comb_mnz",
        lambda results, weights: dict(sorted(reference.search.fusion.comb_mnz(results, weights[: len(results)]))),
        lambda results, weights: dict(sorted(search.fusion.comb_mnz(results, weights[: len(results)]))),
        st.tuples(st.lists(SCORES, max_size=3), st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=3)),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "text.tfidf.TfidfVectorizer",
        lambda texts, others, high, sublinear: (
            reference.text.tfidf.TfidfVectorizer((1, high), 1, sublinear).fit([*texts, "tide"]).transform(others)
        ),
        lambda texts, others, high, sublinear: (
            text.tfidf.TfidfVectorizer(ngram_range=(1, high), sublinear_tf=sublinear)
            .fit([*texts, "tide"])
            .transform(others)
            .to_dense()
        ),
        st.tuples(
            st.lists(SENTENCES, max_size=5),
            st.lists(SENTENCES, min_size=1, max_size=3),
            st.integers(1, 3),
            st.booleans(),
        ),
        rtol=1e-12,
    ),
    Pair(
        "text.edit_distance.levenshtein",
        *both("text.edit_distance.levenshtein"),
        st.tuples(st.text("abcé😀", max_size=8), st.text("abcé😀", max_size=8)),
    ),
    Pair(
        "text.edit_distance.similarity",
        *both("text.edit_distance.similarity"),
        st.tuples(st.lists(st.sampled_from(WORDS), max_size=6), st.lists(st.sampled_from(WORDS), max_size=6)),
    ),
    Pair("text.rouge.tokenize", *both("text.rouge.tokenize"), st.tuples(st.one_of(SENTENCES, st.text(max_size=12)))),
    Pair(
        "text.rouge.rouge_n",
        *both("text.rouge.rouge_n"),
        st.tuples(SENTENCES, SENTENCES, st.integers(1, 3)),
        rtol=1e-14,
    ),
    Pair("text.rouge.rouge_l", *both("text.rouge.rouge_l"), st.tuples(SENTENCES, SENTENCES), rtol=1e-14),
    Pair("text.rouge.rouge_lsum", *both("text.rouge.rouge_lsum"), st.tuples(SENTENCES, SENTENCES), rtol=1e-14),
    Pair(
        "text.bleu.corpus_bleu",
        lambda pairs: reference.text.bleu.corpus_bleu([c for c, _ in pairs], [r for _, r in pairs]),
        lambda pairs: _score(text.bleu.corpus_bleu([c for c, _ in pairs], [r for _, r in pairs], tokenization="none")),
        st.tuples(
            st.lists(
                st.tuples(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3)),
                min_size=1,
                max_size=3,
            )
        ),
        rtol=1e-12,
        examples=60,
    ),
    Pair(
        "text.bleu.sentence_bleu",
        reference.text.bleu.sentence_bleu,
        lambda candidate, references: _score(text.bleu.sentence_bleu(candidate, references, tokenization="none")),
        st.tuples(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3)),
        rtol=1e-12,
    ),
]
