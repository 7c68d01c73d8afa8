"""What public functions do with what they should not be given: work, or name what is wrong."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from pairs.pair import plain
from whitebox import calculus, linalg, optimize
from whitebox.decomposition import PCA
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    NotPositiveDefiniteError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    SingleClassError,
    SingularMatrixError,
)
from whitebox.linear_model import LogisticRegression
from whitebox.metrics.pairwise import cosine_similarity
from whitebox.metrics.ranking import mean_reciprocal_rank, ndcg_at_k, precision_at_k, recall_at_k
from whitebox.preprocessing import StandardScaler
from whitebox.search.bm25 import BM25, term_weights, tokenize
from whitebox.search.exact import search
from whitebox.search.fusion import reciprocal_rank_fusion

GOOD = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]]
LABELS = [0, 1, 1]
TAKES_A_MATRIX = {
    "cosine_similarity, left": lambda bad: cosine_similarity(bad, GOOD),
    "cosine_similarity, right": lambda bad: cosine_similarity(GOOD, bad),
    "search, queries": lambda bad: search(bad, GOOD, 1),
    "search, corpus": lambda bad: search(GOOD, bad, 1),
    "search, dot": lambda bad: search(GOOD, bad, 1, metric="dot"),
    "StandardScaler.fit": StandardScaler().fit,
    "StandardScaler.transform": StandardScaler().fit(GOOD).transform,
    "StandardScaler.inverse_transform": StandardScaler().fit(GOOD).inverse_transform,
    "PCA.fit": lambda bad: PCA(n_components=1).fit(bad),
    "PCA.transform": lambda bad: PCA().fit(GOOD).transform(bad),
    "PCA.inverse_transform": lambda bad: PCA().fit(GOOD).inverse_transform(bad),
    "LogisticRegression.fit": lambda bad: LogisticRegression().fit(bad, LABELS),
    "LogisticRegression.predict": lambda bad: LogisticRegression().fit(GOOD, LABELS).predict(bad),
    "LogisticRegression.predict_proba": lambda bad: LogisticRegression().fit(GOOD, LABELS).predict_proba(bad),
    "LogisticRegression.decision_function": lambda bad: LogisticRegression().fit(GOOD, LABELS).decision_function(bad),
    "LogisticRegression.score": lambda bad: LogisticRegression().fit(GOOD, LABELS).score(bad, LABELS),
}
SQUARE = (
    linalg.inverse,
    linalg.determinant,
    linalg.log_determinant,
    linalg.cholesky,
    linalg.ldl,
    linalg.eigh,
    linalg.eig,
    linalg.schur,
    linalg.hessenberg,
    linalg.power_iteration,
    partial(linalg.inverse_iteration, shift=0.0),
    partial(linalg.solve, b=[1.0]),
    partial(linalg.solve_positive_definite, b=[1.0]),
    partial(linalg.solve_triangular, b=[1.0], lower=True),
)
ANY_SHAPE = (
    linalg.lu,
    linalg.qr,
    linalg.gram_schmidt,
    linalg.svd,
    linalg.CSR.from_dense,
    partial(linalg.lstsq, b=[1.0]),
    partial(linalg.randomized_svd, k=1, rng=np.random.default_rng(0)),
    linalg.condition_number,
)


def _name(function) -> str:
    return f"linalg.{getattr(function, 'func', function).__name__}"


TAKES_A_MATRIX |= {_name(function): function for function in (*SQUARE, *ANY_SHAPE)}


@pytest.mark.parametrize("bad", BAD_MATRICES)
@pytest.mark.parametrize("function", TAKES_A_MATRIX)
def test_what_is_no_matrix_of_numbers_is_refused_by_name(function: str, bad: str) -> None:
    value, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=message):
        TAKES_A_MATRIX[function](value)


@pytest.mark.parametrize(
    "function", [name for name in TAKES_A_MATRIX if not name.endswith(".fit") and "linalg" not in name]
)
def test_another_width_is_refused(function: str) -> None:
    with pytest.raises(ShapeError, match="3"):
        TAKES_A_MATRIX[function]([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("function", SQUARE, ids=_name)
def test_what_is_not_square_is_refused(function) -> None:
    with pytest.raises(ShapeError, match=r"must be square, got shape \(2, 3\)"):
        function([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(x @ x), 2 * x


STARTS = {
    "descend": lambda x: optimize.descend(lambda point: 2 * point, x, optimize.Adam(), 1),
    "newton": lambda x: optimize.newton(bowl, lambda point: 2 * np.eye(len(point)), x),
    "bfgs": lambda x: optimize.bfgs(bowl, x),
    "lbfgs": lambda x: optimize.lbfgs(bowl, x),
    "armijo": lambda x: optimize.armijo(bowl, x, [-1.0, -1.0]),
    "strong_wolfe": lambda x: optimize.strong_wolfe(bowl, x, [-1.0, -1.0]),
    "derivative": lambda x: calculus.derivative(np.sin, x),
    "gradient": lambda x: calculus.gradient(np.sum, x),
    "jacobian": lambda x: calculus.jacobian(np.sin, x, method="central"),
    "hessian": lambda x: calculus.hessian(np.sum, x),
    "central_difference": lambda x: calculus.central_difference(np.sin, x),
    "complex_step": lambda x: calculus.complex_step(np.sin, x),
}


@pytest.mark.parametrize(
    ("bad", "error"),
    [([1.0, math.nan], NotFiniteError), ([], EmptyInputError), (["a"], DtypeError), ([[1.0], [1.0, 2.0]], ShapeError)],
    ids=["NaN", "empty", "words", "ragged"],
)
@pytest.mark.parametrize("method", STARTS)
def test_minima_and_derivatives_are_sought_at_numbers_only(method: str, bad: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        STARTS[method](bad)


RANKED, FOUND = [["a", "b"]], [{"a"}]
REFUSED = [
    ("k of 0", partial(search, GOOD, GOOD, 0), RangeError, "k must be a whole number"),
    ("k of 1.5", partial(search, GOOD, GOOD, 1.5), RangeError, "1.5"),
    ("k of True", partial(search, GOOD, GOOD, True), RangeError, "True"),
    ("an unknown metric", partial(search, GOOD, GOOD, 1, metric="l2"), RangeError, "'cosine' or 'dot'"),
    (
        "a dot product that overflows",
        partial(search, [[1e200]], [[1e200]], 1, metric="dot"),
        NotFiniteError,
        "overflows",
    ),
    ("a negative k1", partial(BM25, k1=-1.0), RangeError, "k1"),
    ("b beyond 1", partial(BM25, b=1.1), RangeError, "b must be"),
    ("k1 not a number", partial(BM25, k1=math.nan), RangeError, "k1"),
    ("an empty corpus", partial(BM25().fit, []), EmptyInputError, "no document"),
    ("a corpus of strings", partial(BM25().fit, ["a tide"]), DtypeError, "tokenize it first"),
    ("scores before fit", partial(BM25().scores, ["a"]), NotFittedError, "fit the index"),
    ("search before fit", partial(BM25().search, ["a"], 1), NotFittedError, "fit the index"),
    ("BM25 with k of 0", partial(BM25().fit([["a"]]).search, ["a"], 0), RangeError, "k must be"),
    (
        "a query that is a string",
        partial(BM25().fit([["a"]]).scores, "a"),
        DtypeError,
        "query must be a list of tokens",
    ),
    ("an average length of 0", partial(term_weights, ["a"], 0), RangeError, "average_length"),
    ("tokens that are a string", partial(term_weights, "a tide", 1), DtypeError, "tokens must be a list"),
    ("term weights with b of -1", partial(term_weights, ["a"], 1, b=-1), RangeError, "b must be"),
    ("bytes to tokenize", partial(tokenize, b"a"), DtypeError, "bytes"),
    ("a negative damping", partial(reciprocal_rank_fusion, RANKED, k=-1), RangeError, "k must be"),
    ("too few weights", partial(reciprocal_rank_fusion, RANKED, weights=[]), ShapeError, "0 weights for 1 rankings"),
    ("a negative weight", partial(reciprocal_rank_fusion, RANKED, weights=[-1]), RangeError, r"weights\[0\]"),
    ("an infinite weight", partial(reciprocal_rank_fusion, RANKED, weights=[math.inf]), RangeError, r"weights\[0\]"),
    ("a repeated item to fuse", partial(reciprocal_rank_fusion, [["a", "a"]]), RangeError, r"rankings\[0\] repeats"),
    ("gains below 0", partial(ndcg_at_k, RANKED, [{"a": -1.0}]), RangeError, r"gains\[0\]"),
    ("gains not a number", partial(ndcg_at_k, RANKED, [{"a": math.nan}]), RangeError, r"gains\[0\]"),
    ("gains all 0", partial(ndcg_at_k, RANKED, [{"a": 0.0}]), EmptyInputError, "no positive gain"),
    ("C of 0", partial(LogisticRegression(C=0).fit, GOOD, LABELS), RangeError, "C must be"),
    ("C not a number", partial(LogisticRegression(C=math.nan).fit, GOOD, LABELS), RangeError, "C must be"),
    ("a negative tol", partial(LogisticRegression(tol=-1).fit, GOOD, LABELS), RangeError, "tol"),
    ("max_iter of 0", partial(LogisticRegression(max_iter=0).fit, GOOD, LABELS), RangeError, "max_iter"),
    ("one class", partial(LogisticRegression().fit, GOOD, [1, 1, 1]), SingleClassError, "one class"),
    ("too few labels", partial(LogisticRegression().fit, GOOD, [0, 1]), ShapeError, r"\(3,\)"),
    ("a column of labels", partial(LogisticRegression().fit, GOOD, [[0], [1], [1]]), ShapeError, r"\(3,\)"),
    ("no labels", partial(LogisticRegression().fit, GOOD, None), EmptyInputError, "requires y"),
    ("fractions as labels", partial(LogisticRegression().fit, GOOD, [0.5, 1.0, 1.0]), RangeError, "continuous"),
    ("NaN as a label", partial(LogisticRegression().fit, GOOD, [math.nan, 1.0, 0.0]), NotFiniteError, "y"),
    ("predicting before fit", partial(LogisticRegression().predict, GOOD), NotFittedError, "call fit first"),
    ("more components than columns", partial(PCA(3).fit, GOOD), RangeError, r"min\(n, d\) = 2"),
    ("no components", partial(PCA(0).fit, GOOD), RangeError, "n_components"),
    ("an unknown solver", partial(PCA(solver="arpack").fit, GOOD), RangeError, "'covariance' or 'randomized'"),
    ("the components of one row", partial(PCA().fit, [[1.0, 2.0]]), EmptyInputError, "1 sample"),
    ("PCA before fit", partial(PCA().transform, GOOD), NotFittedError, "call fit first"),
    ("transforming before fit", partial(StandardScaler().transform, GOOD), NotFittedError, "call fit first"),
    ("an unknown parameter", partial(LogisticRegression().set_params, gamma=1), RangeError, "it has C, max_iter, tol"),
]
SINGULAR, LOPSIDED, SADDLE = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]
REFUSED += [
    ("solving a singular system", partial(linalg.solve, SINGULAR, [1.0, 1.0]), SingularMatrixError, "column 1"),
    ("inverting a singular matrix", partial(linalg.inverse, SINGULAR), SingularMatrixError, "column 1"),
    (
        "a zero on a triangle's diagonal",
        partial(linalg.solve_triangular, [[0.0]], [1.0], lower=True),
        SingularMatrixError,
        r"T\[0, 0\]",
    ),
    ("dependent columns", partial(linalg.gram_schmidt, SINGULAR), SingularMatrixError, "column 1"),
    ("a lopsided matrix to Cholesky", partial(linalg.cholesky, LOPSIDED), NotSymmetricError, r"A\[0, 1\] = 2"),
    ("a lopsided matrix to LDLᵀ", partial(linalg.ldl, LOPSIDED), NotSymmetricError, "not symmetric"),
    ("a lopsided matrix to eigh", partial(linalg.eigh, LOPSIDED), NotSymmetricError, "not symmetric"),
    ("a saddle to Cholesky", partial(linalg.cholesky, SADDLE), NotPositiveDefiniteError, "size 1"),
    ("a right-hand side too long", partial(linalg.solve, SADDLE, [1.0, 2.0, 3.0]), ShapeError, "2 rows"),
    ("an unknown factorisation", partial(linalg.qr, SADDLE, method="gauss"), RangeError, "'householder' or 'givens'"),
    ("no singular values", partial(linalg.randomized_svd, SADDLE, 0, np.random.default_rng(0)), RangeError, "k must"),
    ("an empty signal", partial(linalg.convolve, [], [1.0]), EmptyInputError, "empty"),
    ("a NaN in a Toeplitz matrix", partial(linalg.toeplitz, [math.nan]), NotFiniteError, "NaN"),
    ("sparse times a wrong length", lambda: linalg.CSR.from_dense(SADDLE) @ [1.0, 2.0, 3.0], ShapeError, "."),
]
REFUSED += [
    ("a learning rate of 0", partial(optimize.GradientDescent, 0.0), RangeError, "learning_rate"),
    ("a learning rate that is NaN", partial(optimize.Adam, math.nan), RangeError, "learning_rate"),
    ("momentum of 1", partial(optimize.Momentum, 0.1, momentum=1.0), RangeError, "momentum"),
    ("a negative epsilon", partial(optimize.Adam, epsilon=-1.0), RangeError, "epsilon"),
    ("a negative weight decay", partial(optimize.AdamW, weight_decay=-1.0), RangeError, "weight_decay"),
    (
        "a gradient of another shape",
        partial(optimize.descend, lambda x: x[:1], [1.0, 2.0], optimize.Adam(), 1),
        ShapeError,
        r"\(1,\)",
    ),
    (
        "a gradient that is NaN",
        partial(optimize.descend, lambda x: x * math.nan, [1.0], optimize.Adam(), 1),
        NotFiniteError,
        "step 0",
    ),
    ("no steps", partial(optimize.descend, lambda x: x, [1.0], optimize.Adam(), 0), RangeError, "steps"),
    ("a decay that grows", partial(optimize.ExponentialDecay, 1.0, 1.5), RangeError, "factor"),
    ("a decay every 0 steps", partial(optimize.StepDecay, 1.0, 0.5, 0), RangeError, "every"),
    ("a final rate above the first", partial(optimize.CosineDecay, 1.0, 5, final=2.0), RangeError, "final"),
    ("a warm-up into no schedule", partial(optimize.WarmUp, 5, 0.1), RangeError, "schedule"),
    ("a direction uphill", partial(optimize.armijo, bowl, [1.0], [1.0]), RangeError, "downhill"),
    (
        "a direction of another length",
        partial(optimize.strong_wolfe, bowl, [1.0], [-1.0, 1.0]),
        ShapeError,
        "direction",
    ),
    ("c1 above c2", partial(optimize.strong_wolfe, bowl, [1.0], [-1.0], c1=0.5, c2=0.1), RangeError, "c1"),
    ("no memory", partial(optimize.lbfgs, bowl, [1.0], memory=0), RangeError, "memory"),
    ("a negative tolerance", partial(optimize.bfgs, bowl, [1.0], tol=-1.0), RangeError, "tol"),
    ("no iterations", partial(optimize.newton, bowl, lambda x: np.eye(1), [1.0], max_iter=0), RangeError, "max_iter"),
    (
        "a lopsided Hessian",
        partial(optimize.newton, bowl, lambda x: LOPSIDED, [1.0, 1.0]),
        NotSymmetricError,
        "symmetric",
    ),
]
for _measure in (precision_at_k, recall_at_k, mean_reciprocal_rank, ndcg_at_k):
    _target = [{"a": 1.0}] if _measure is ndcg_at_k else FOUND
    _empty = [{}] if _measure is ndcg_at_k else [set()]
    REFUSED += [
        (f"{_measure.__name__}, k of 0", partial(_measure, RANKED, _target, 0), RangeError, "k must be"),
        (f"{_measure.__name__}, no query", partial(_measure, [], [], 1), EmptyInputError, "no query"),
        (
            f"{_measure.__name__}, lengths differ",
            partial(_measure, RANKED * 2, _target, 1),
            ShapeError,
            "2 rankings for 1",
        ),
        (f"{_measure.__name__}, a repeated item", partial(_measure, [["a", "a"]], _target, 1), RangeError, "repeats"),
        (f"{_measure.__name__}, nothing to find", partial(_measure, RANKED, _empty, 1), EmptyInputError, r"\[0\]"),
    ]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("more neighbours than rows", lambda: search(GOOD, GOOD, 99, metric="dot")[0][:, 0], [1, 1, 1]),
    ("one row, one column", partial(search, [[1.0]], [[2.0]], 1), [[[0]], [[1.0]]]),
    ("whole numbers", partial(cosine_similarity, [[3, 4]], [[6, 8]]), [[1.0]]),
    ("truth values", lambda: cosine_similarity([[True, False]], [[True, True]]).round(3).tolist(), [[0.707]]),
    ("empty documents", lambda: BM25().fit([[], ["a"]]).scores(["a"]).tolist()[0], 0.0),
    ("only empty documents", partial(BM25().fit([[], []]).scores, ["a"]), [0.0, 0.0]),
    ("an empty query", partial(BM25().fit([["a"]]).search, [], 3), [[], []]),
    ("k1 of 0", partial(term_weights, ["a", "a"], 1, k1=0), {"a": 1.0}),
    ("no tokens", partial(term_weights, [], 1), {}),
    ("nothing to fuse", partial(reciprocal_rank_fusion, []), []),
    ("an empty ranking", partial(reciprocal_rank_fusion, [[], ["a"]], k=1), [["a", 0.5]]),
    ("a ranking that found nothing", partial(recall_at_k, [[]], [{"a"}], 5), 0.0),
    ("a single row to scale", partial(StandardScaler().fit_transform, [[5.0, -1.0]]), [[0.0, 0.0]]),
    (
        "a constant feature",
        lambda: LogisticRegression().fit([[1.0], [1.0]], ["a", "b"]).predict_proba([[1.0]]).tolist(),
        [[0.5, 0.5]],
    ),
    (
        "one row a class",
        lambda: LogisticRegression().fit([[0.0], [1.0], [2.0]], [3, 1, 2]).predict_proba([[1.0]]).sum(axis=1).round(9),
        [1.0],
    ),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == expected
