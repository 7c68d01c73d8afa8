"""Bad and degenerate input of approximate search, fusion, text and graphs."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from pairs.pair import plain
from whitebox.errors import (
    ConvergenceError,
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    WhiteboxError,
)
from whitebox.graph.edges import adjacency, as_nodes, as_pairs, check_graph
from whitebox.graph.link_prediction import (
    adamic_adar,
    common_neighbours,
    katz,
    preferential_attachment,
    resource_allocation,
)
from whitebox.graph.link_prediction import (
    jaccard as node_jaccard,
)
from whitebox.graph.pagerank import pagerank, start_distribution, transition_probabilities
from whitebox.graph.supervised_walks import SupervisedRandomWalk, supervised_ranks, wmw_loss
from whitebox.graph.walks import node2vec_probabilities, node2vec_walks, random_walks, walks_with_restart
from whitebox.linalg import CSR
from whitebox.search.fusion import comb_mnz, comb_sum, normalize_scores
from whitebox.search.hnsw import HNSW, draw_levels
from whitebox.search.ivf import IVF
from whitebox.search.lsh import (
    HyperplaneLSH,
    MinHash,
    MinHashLSH,
    amplify,
    best_bands,
    hash_elements,
    jaccard,
    near_duplicates,
    nearest_flips,
    shingles,
)
from whitebox.search.quantization import ProductQuantizer
from whitebox.text.bleu import corpus_bleu, sentence_bleu, tokenize_13a
from whitebox.text.edit_distance import levenshtein, numbered, similarity
from whitebox.text.rouge import rouge_l, rouge_lsum, rouge_n, tokenize
from whitebox.text.tfidf import TfidfVectorizer

ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
PATH = adjacency([[0, 1], [1, 2]], 3)
ARROW = adjacency([[0, 1]], 2, directed=True)
RNG = np.random.default_rng(0)


def _hnsw(**options) -> HNSW:
    index = HNSW(2, **{"metric": "euclidean", "m": 2, **options})
    index.add(ROWS)
    return index


@pytest.mark.parametrize(("value", "error", "message"), BAD_MATRICES.values(), ids=BAD_MATRICES)
@pytest.mark.parametrize(
    "take",
    [
        HNSW(2).add,
        lambda value: _hnsw().search(value, 1),
        HyperplaneLSH().fit,
        lambda value: HyperplaneLSH().fit(ROWS).search(value, 1),
        IVF().fit,
        lambda value: IVF().fit(ROWS).search(value, 1),
        ProductQuantizer(parts=1).fit,
        ProductQuantizer(parts=1).fit(ROWS).encode,
        ProductQuantizer(parts=1).fit(ROWS).tables,
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(take, value, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        take(value)


NAN = math.nan
QUANTIZER = ProductQuantizer(parts=2).fit(ROWS)
REFUSED = [
    ("HNSW of no dimension", partial(HNSW, 0), RangeError, "dimension"),
    ("HNSW of another metric", partial(HNSW, 2, "manhattan"), RangeError, "metric"),
    ("HNSW with one link", partial(HNSW, 2, m=1), RangeError, "at least 2"),
    ("HNSW without candidates", partial(HNSW, 2, ef_construction=0), RangeError, "ef_construction"),
    ("HNSW with a negative seed", partial(HNSW, 2, random_state=-1), RangeError, "random_state"),
    ("an empty HNSW searched", partial(HNSW(2).search, [[1.0, 2.0]], 1), EmptyInputError, "empty"),
    ("HNSW rows of another width", partial(HNSW(3).add, ROWS), ShapeError, "3 columns"),
    ("HNSW queries of another width", partial(_hnsw().search, [[1.0]], 1), ShapeError, "2 columns"),
    ("HNSW for no neighbour", partial(_hnsw().search, ROWS, 0), RangeError, "k must"),
    ("HNSW with ef = 0", partial(_hnsw().search, ROWS, 1, ef=0), RangeError, "ef must"),
    ("HNSW with a filter of numbers", partial(_hnsw().search, ROWS, 1, allowed=[1, 0, 1]), DtypeError, "booleans"),
    ("HNSW with a short filter", partial(_hnsw().search, ROWS, 1, allowed=[True]), ShapeError, r"\(3,\)"),
    ("HNSW levels too few", partial(HNSW(2).add, ROWS, [0]), ShapeError, "levels"),
    ("HNSW levels too high", partial(HNSW(2).add, ROWS, [0, 31, 0]), RangeError, "0 to 30"),
    ("HNSW levels of halves", partial(HNSW(2).add, ROWS, [0.5, 0, 0]), DtypeError, "whole"),
    ("HNSW rows that overflow", partial(HNSW(2, "dot").add, [[1e20, 0.0]]), NotFiniteError, "scale them down"),
    ("HNSW deletes what is not there", partial(_hnsw().delete, [3]), RangeError, "0 to 2"),
    ("HNSW deletes halves", partial(_hnsw().delete, [0.5]), DtypeError, "whole"),
    ("neighbours of no node", partial(_hnsw().neighbours, 3), RangeError, "0 to 2"),
    ("neighbours in no layer", partial(_hnsw().neighbours, 0, 31), RangeError, "layers"),
    ("levels of no node", partial(draw_levels, RNG, 0, 4), RangeError, "count"),
    ("a probability of 2", partial(amplify, 2.0, 1, 1), RangeError, "p must"),
    ("bands of no rows", partial(amplify, 0.5, 0, 1), RangeError, "rows"),
    ("a threshold of -1", partial(best_bands, -1.0, 8), RangeError, "threshold"),
    ("bands of no hashes", partial(best_bands, 0.5, 0), RangeError, "hashes"),
    ("LSH of no tables", partial(HyperplaneLSH, 0), RangeError, "tables"),
    ("LSH of 63 bits", partial(HyperplaneLSH, 1, 63), RangeError, "62"),
    ("LSH before fit", partial(HyperplaneLSH().search, ROWS, 1), NotFittedError, "fit"),
    ("LSH candidates before fit", partial(HyperplaneLSH().candidates, ROWS[0]), NotFittedError, "fit"),
    ("LSH of another width", partial(HyperplaneLSH().fit(ROWS).search, [[1.0]], 1), ShapeError, "2 columns"),
    ("LSH without probes", partial(HyperplaneLSH().fit(ROWS).search, ROWS, 1, probes=0), RangeError, "probes"),
    ("flips of nothing", partial(nearest_flips, [], 1), ShapeError, "1 to 62"),
    ("more flips than there are", partial(nearest_flips, [1.0], 3), RangeError, "2 sets"),
    ("shingles of a number", partial(shingles, 3), DtypeError, "string"),
    ("shingles of no width", partial(shingles, "a", 0), RangeError, "width"),
    ("hashes of a string", partial(hash_elements, "tide"), DtypeError, "shingles"),
    ("hashes of halves", partial(hash_elements, [0.5]), DtypeError, "float"),
    ("no hash functions", partial(MinHash, 0), RangeError, "hashes"),
    ("signatures of nothing", partial(MinHash(2).signatures, []), EmptyInputError, "no set"),
    ("signatures of a string", partial(MinHash(2).signatures, ["tide"]), DtypeError, "shingles"),
    ("signatures of two lengths", partial(MinHash.similarity, [1, 2], [1]), ShapeError, "compared"),
    ("no bands", partial(MinHashLSH, 0), RangeError, "bands"),
    ("MinHash LSH before fit", partial(MinHashLSH().candidates, {1}), NotFittedError, "fit"),
    ("pairs before fit", MinHashLSH().pairs, NotFittedError, "fit"),
    ("near duplicates of nothing", partial(near_duplicates, []), EmptyInputError, "no set"),
    ("near duplicates of numbers", partial(near_duplicates, [3]), DtypeError, "string"),
    ("near duplicates beyond all", partial(near_duplicates, ["a"], 1.5), RangeError, "threshold"),
    ("IVF of another metric", partial(IVF, metric="dot"), RangeError, "metric"),
    ("IVF of no cells", partial(IVF, 0), RangeError, "cells"),
    ("IVF of more cells than rows", partial(IVF(4).fit, ROWS), RangeError, "3 vectors for 4 cells"),
    ("IVF before fit", partial(IVF().search, ROWS, 1), NotFittedError, "fit"),
    ("IVF of another width", partial(IVF().fit(ROWS).search, [[1.0]], 1), ShapeError, "2 columns"),
    ("IVF without probes", partial(IVF().fit(ROWS).search, ROWS, 1, probes=0), RangeError, "probes"),
    ("no parts", partial(ProductQuantizer, 0), RangeError, "parts"),
    ("centres beyond a byte", partial(ProductQuantizer, 1, 257), RangeError, "256"),
    ("parts that do not divide", partial(ProductQuantizer(2).fit, [[1.0, 2.0, 3.0]]), ShapeError, "2 equal parts"),
    ("a quantiser before fit", partial(ProductQuantizer().encode, ROWS), NotFittedError, "fit"),
    ("a decoder before fit", partial(ProductQuantizer().decode, [[0]]), NotFittedError, "fit"),
    ("codes of another width", partial(QUANTIZER.decode, [[0]]), ShapeError, r"\(n, 2\)"),
    ("codes of no centre", partial(QUANTIZER.decode, [[0, 9]]), RangeError, "0 to 2"),
    ("codes of halves", partial(QUANTIZER.distances, ROWS, [[0.5, 0.5]]), DtypeError, "whole"),
    ("a score of NaN", partial(normalize_scores, {"a": NAN}), RangeError, "'a'"),
    ("another scale", partial(normalize_scores, {"a": 1.0}, "rank"), RangeError, "scale"),
    ("too few weights", partial(comb_sum, [{"a": 1.0}], []), ShapeError, "0 weights for 1"),
    ("a negative weight", partial(comb_sum, [{"a": 1.0}], [-1.0]), RangeError, "weights"),
    ("z-scores multiplied", partial(comb_mnz, [{"a": 1.0}], scale="z-score"), RangeError, "CombMNZ"),
    ("negative scores multiplied", partial(comb_mnz, [{"a": -1.0}], scale="none"), RangeError, "'a'"),
    ("no texts", partial(TfidfVectorizer().fit, []), EmptyInputError, "no text"),
    ("texts without terms", partial(TfidfVectorizer().fit, ["", "a"]), EmptyInputError, "empty vocabulary"),
    ("a text instead of texts", partial(TfidfVectorizer().fit, "tide"), DtypeError, "list of strings"),
    ("a text of a number", partial(TfidfVectorizer().fit, ["a", 3]), DtypeError, r"texts\[1\]"),
    ("no term frequent enough", partial(TfidfVectorizer(min_df=2).fit, ["tide"]), RangeError, "min_df"),
    ("no term rare enough", partial(TfidfVectorizer(max_df=0.5).fit, ["tide", "tide"]), EmptyInputError, "max_df"),
    ("a share of 2", partial(TfidfVectorizer(max_df=2.0).fit, ["tide"]), RangeError, "max_df"),
    ("another analyzer", partial(TfidfVectorizer(analyzer="line").fit, ["tide"]), RangeError, "analyzer"),
    ("another norm", partial(TfidfVectorizer(norm="l3").fit, ["tide"]), RangeError, "norm"),
    ("runs that fall", partial(TfidfVectorizer(ngram_range=(2, 1)).fit, ["tide"]), RangeError, "ngram_range"),
    ("runs of three numbers", partial(TfidfVectorizer(ngram_range=(1, 2, 3)).fit, ["tide"]), RangeError, "two numbers"),
    ("no features", partial(TfidfVectorizer(max_features=0).fit, ["tide"]), RangeError, "max_features"),
    ("stop words in a string", partial(TfidfVectorizer(stop_words="the").fit, ["tide"]), DtypeError, "stop_words"),
    ("TF-IDF before fit", partial(TfidfVectorizer().transform, ["tide"]), NotFittedError, "fit"),
    ("features before fit", TfidfVectorizer().get_feature_names_out, NotFittedError, "fit"),
    ("terms of a number", partial(TfidfVectorizer().analyze, 3), DtypeError, "string"),
    ("ROUGE of a number", partial(rouge_n, 3, "a"), DtypeError, "string"),
    ("ROUGE-0", partial(rouge_n, "a", "a", 0), RangeError, "n must"),
    ("ROUGE-L of a number", partial(rouge_l, "a", 3), DtypeError, "string"),
    ("ROUGE-Lsum of a number", partial(rouge_lsum, "a", 3), DtypeError, "string"),
    ("tokens of a number", partial(tokenize, 3), DtypeError, "string"),
    ("13a of a number", partial(tokenize_13a, 3), DtypeError, "string"),
    ("BLEU of nothing", partial(corpus_bleu, [], []), EmptyInputError, "no candidate"),
    ("BLEU with too few references", partial(corpus_bleu, ["a"], []), ShapeError, "1 candidates for 0"),
    ("BLEU without references", partial(corpus_bleu, ["a"], [[]]), EmptyInputError, r"references\[0\]"),
    ("BLEU of a string of references", partial(corpus_bleu, ["a"], ["a"]), DtypeError, "not a string"),
    ("BLEU of a number", partial(sentence_bleu, 3, ["a"], tokenization="none"), DtypeError, "string"),
    ("BLEU of order 0", partial(corpus_bleu, ["a"], [["a"]], max_order=0), RangeError, "max_order"),
    ("another smoothing", partial(corpus_bleu, ["a"], [["a"]], smoothing="x"), RangeError, "smoothing"),
    ("another tokenization", partial(corpus_bleu, ["a"], [["a"]], tokenization="x"), RangeError, "tokenization"),
    ("a negative amount", partial(corpus_bleu, ["a"], [["a"]], amount=-1), RangeError, "amount"),
    ("edges that are triples", partial(adjacency, [[0, 1, 2]], 3), ShapeError, "pairs"),
    ("edges beyond the nodes", partial(adjacency, [[0, 3]], 3), RangeError, "node 3"),
    ("edges of halves", partial(adjacency, [[0.5, 1]], 3), DtypeError, "whole"),
    ("a graph of no nodes", partial(adjacency, [], 0), RangeError, "nodes"),
    ("a negative edge", partial(adjacency, [[0, 1]], 2, weights=[-1.0]), RangeError, "negative"),
    ("an edge of NaN", partial(adjacency, [[0, 1]], 2, weights=[NAN]), NotFiniteError, "NaN"),
    ("too few edge weights", partial(adjacency, [[0, 1], [1, 0]], 2, weights=[1.0]), ShapeError, "1 weights for 2"),
    ("pairs in a vector", partial(as_pairs, [0, 1], 2, "pairs"), ShapeError, "pairs"),
    ("nodes in a matrix", partial(as_nodes, [[0]], 2, "nodes"), ShapeError, "vector"),
    ("a graph of lists", partial(check_graph, [[0, 1], [1, 0]]), DtypeError, "CSR"),
    ("a graph that is not square", partial(check_graph, CSR.from_dense([[1.0, 0.0]])), ShapeError, "square"),
    ("a graph of negative weights", partial(check_graph, CSR.from_dense([[-1.0]])), RangeError, "negative"),
    ("rank of a dense matrix", partial(pagerank, np.eye(2)), DtypeError, "CSR"),
    ("a damping of 1", partial(pagerank, PATH, 1.0), RangeError, "below 1"),
    ("a damping of -1", partial(pagerank, PATH, -1.0), RangeError, "damping"),
    ("a start of another length", partial(start_distribution, [1.0], 2), ShapeError, r"\(2,\)"),
    ("a negative start", partial(pagerank, ARROW, personalization=[-1.0, 2.0]), RangeError, "negative"),
    ("a start nowhere", partial(pagerank, ARROW, personalization=[0.0, 0.0]), RangeError, "nowhere"),
    ("a start of NaN", partial(pagerank, ARROW, personalization=[NAN, 0.0]), NotFiniteError, "NaN"),
    ("too few steps", partial(pagerank, ARROW, max_iter=1), ConvergenceError, "1 steps"),
    *(
        (f"{score.__name__} of a directed graph", partial(score, ARROW, [[0, 1]]), NotSymmetricError, "directed")
        for score in (common_neighbours, node_jaccard, adamic_adar, resource_allocation, preferential_attachment, katz)
    ),
    ("links beyond the nodes", partial(adamic_adar, PATH, [[0, 3]]), RangeError, "node 3"),
    ("links of preferential_attachment beyond", partial(preferential_attachment, PATH, [[9, 0]]), RangeError, "node 9"),
    ("a Katz factor too large", partial(katz, PATH, [[0, 1]], 0.9), ConvergenceError, "eigenvalue"),
    ("a Katz factor of 0", partial(katz, PATH, [[0, 1]], 0.0), RangeError, "beta"),
    ("walks of no length", partial(random_walks, PATH, [0], 0, RNG), RangeError, "length"),
    ("walks from nowhere", partial(random_walks, PATH, [3], 1, RNG), RangeError, "node 3"),
    ("walks that restart twice", partial(walks_with_restart, PATH, [0], 1, 2.0, RNG), RangeError, "restart"),
    ("node2vec with p = 0", partial(node2vec_walks, PATH, [0], 1, RNG, p=0.0), RangeError, "p must"),
    ("node2vec with q = -1", partial(node2vec_probabilities, PATH, 0, 1, q=-1.0), RangeError, "q must"),
    ("node2vec from nowhere", partial(node2vec_probabilities, PATH, 0, 7), RangeError, "node 7"),
    ("features of other edges", partial(supervised_ranks, PATH, [[1.0]], [1.0], 0), ShapeError, "4 edges"),
    ("weights of other features", partial(supervised_ranks, ARROW, [[1.0]], [1.0, 2.0], 0), ShapeError, "1 features"),
    ("another strength", partial(supervised_ranks, ARROW, [[1.0]], [1.0], 0, strength="x"), RangeError, "strength"),
    ("no restart", partial(supervised_ranks, ARROW, [[1.0]], [1.0], 0, restart=0.0), RangeError, "restart"),
    ("features of NaN", partial(supervised_ranks, ARROW, [[NAN]], [1.0], 0), NotFiniteError, "NaN"),
    ("a step of no width", partial(wmw_loss, [0.0], 0.0), RangeError, "width"),
    ("no sources", partial(SupervisedRandomWalk().fit, ARROW, [[1.0]], [], []), EmptyInputError, "no source"),
    ("too few destinations", partial(SupervisedRandomWalk().fit, ARROW, [[1.0]], [0], []), ShapeError, "1 sources"),
    (
        "nothing to learn from",
        partial(SupervisedRandomWalk().fit, ARROW, [[1.0]], [0], [[1]]),
        EmptyInputError,
        "no pair",
    ),
    (
        "a destination and not one",
        partial(SupervisedRandomWalk().fit, ARROW, [[1.0]], [0], [[1]], [[1]]),
        RangeError,
        "is not one",
    ),
    ("ranks before fit", partial(SupervisedRandomWalk().rank, ARROW, [[1.0]], 0), NotFittedError, "fit"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[WhiteboxError], message: str) -> None:
    with pytest.raises(error, match=message):
        list(call() or ())


WORKS = [
    ("zero vectors to HNSW", lambda: _hnsw(metric="cosine").search([[0.0, 0.0]], 1)[1], [[0.0]]),
    ("more neighbours than nodes", lambda: np.sort(_hnsw().search(ROWS[:1], 9)[0]), [[0, 1, 2]]),
    ("nothing to delete", lambda: _hnsw().delete([]), None),
    ("everything deleted", lambda: _deleted().search(ROWS[:1], 2)[0], [[-1, -1]]),
    ("one vector", lambda: IVF().fit([[1.0, 2.0]]).search([[2.0, 4.0]], 3)[0], [[0]]),
    ("zero vectors to cells", lambda: IVF(1).fit(ROWS).search([[0.0, 0.0]], 1)[1], [[0.0]]),
    ("zero vectors to planes", lambda: HyperplaneLSH(1, 1).fit([[0.0, 0.0]]).search([[0.0, 0.0]], 1)[1], [[0.0]]),
    ("constant columns to quantise", lambda: ProductQuantizer(1).fit([[2.0], [2.0]]).encode([[3.0]]), [[0]]),
    ("empty sets", lambda: MinHashLSH(2, 2).fit([set(), {1}, set()]).pairs(), [[0, 2]]),
    ("no pair", lambda: MinHashLSH(2, 2).fit([{1}]).pairs().shape, [0, 2]),
    ("two empty sets", lambda: jaccard([], []), 1.0),
    ("no element", lambda: hash_elements(set()), []),
    ("two empty texts", lambda: list(near_duplicates(["", " "])), [[0, 1, 1.0]]),
    ("no scores", lambda: list(normalize_scores({})), []),
    ("no results", lambda: comb_sum([{}, {}]), []),
    ("two empty strings", lambda: (levenshtein("", ""), similarity("", "a")), [0, 0.0]),
    ("a lone surrogate", lambda: levenshtein("\ud800", "a"), 1),
    ("items of no sequence", lambda: [part.tolist() for part in numbered([], ())], [[], []]),
    ("ROUGE of nothing", lambda: rouge_n("", ""), [0.0, 0.0, 0.0]),
    ("ROUGE-L of nothing", lambda: rouge_l("", "tide"), [0.0, 0.0, 0.0]),
    ("ROUGE-Lsum of nothing", lambda: rouge_lsum("tide", "\n\n"), [0.0, 0.0, 0.0]),
    (
        "BLEU of an empty text",
        lambda: (sentence_bleu("", ["a"]).score, sentence_bleu("", [""]).brevity_penalty),
        [0.0, 1.0],
    ),
    ("an empty text among others", lambda: TfidfVectorizer().fit_transform(["tide", ""]).to_dense(), [[1.0], [0.0]]),
    ("no edges", lambda: pagerank(adjacency([], 2)), [0.5, 0.5]),
    ("a loop", lambda: transition_probabilities(adjacency([[0, 0]], 1))[0], [1.0]),
    ("no pairs to score", lambda: katz(PATH, []), []),
    ("an edge of weight 0", lambda: node_jaccard(adjacency([[0, 1]], 2, weights=[0.0]), [[0, 1]]), [0.0]),
    ("no walks", lambda: random_walks(PATH, [], 2, RNG).shape, [0, 3]),
    ("one node with itself", lambda: supervised_ranks(adjacency([[0, 0]], 1), [[1.0]], [2.0], 0).p, [1.0]),
]


def _deleted() -> HNSW:
    index = _hnsw()
    index.delete([0, 1, 2])
    return index


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(list(value) if isinstance(value := call(), tuple) else value) == plain(expected)


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("base", (0, 1), 99, "lead nowhere"),
        ("base", (0, 1), -1, "lead nowhere"),
        ("base", (0, 0), 99, "cannot hold"),
        ("upper", (0, 1), 0, "lead nowhere"),
        ("levels", (0,), -1, "levels|shape"),
        ("settings", (4,), 99, "entry point"),
        ("settings", (4,), 0, "entry point"),
        ("settings", (1,), 3, "shape"),
    ],
)
def test_a_file_whose_links_lead_nowhere_is_refused(tmp_path, name: str, place, value: int, message: str) -> None:
    index = HNSW(2, "euclidean", m=2)
    index.add(ROWS, levels=[0, 1, 1])
    index.save(tmp_path / "index.npz")
    with np.load(tmp_path / "index.npz") as held:
        arrays = dict(held)
    arrays[name][place] = value
    np.savez(tmp_path / "broken.npz", **arrays)
    with pytest.raises(WhiteboxError, match=message):
        HNSW.load(tmp_path / "broken.npz")
