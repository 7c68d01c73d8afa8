"""Exact nearest neighbours by brute force: the truth that approximate indexes are measured against."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.metrics.pairwise import normalize_rows

# Scores of one block stay in the second-level cache of a small machine.
_BLOCK_ROWS = 16_384


def search(
    queries: npt.ArrayLike, corpus: npt.ArrayLike, k: int, *, metric: Literal["cosine", "dot"] = "cosine"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    r"""The `k` rows of `corpus` that score highest for each query.

    Cosine is :math:`q \cdot x / (\lVert q \rVert \lVert x \rVert)`, 0 where either is the zero vector; dot is
    :math:`q \cdot x`. Ties go to the lower index. The corpus is scored in blocks and only the best are kept, so memory
    beyond the inputs is O(q · (block + k)) and time O(q · n · d).

    Args:
        queries: Shape (q, d).
        corpus: Shape (n, d).
        k: How many to return; at most n are.
        metric: "cosine" or "dot".

    Returns:
        Indices and scores, each of shape (q, min(k, n)), best first.

    Raises:
        ShapeError: if the inputs are no matrices of the same width.
        EmptyInputError, NotFiniteError: for empty inputs, NaN and infinity.
        RangeError: if `k` is less than 1 or the metric is unknown.

    >>> indices, scores = search([[1.0, 0.0]], [[0.0, 2.0], [3.0, 0.0], [1.0, 1.0]], k=2)
    >>> indices.tolist(), scores.round(3).tolist()
    ([[1, 2]], [[1.0, 0.707]])
    """
    if metric not in ("cosine", "dot"):
        raise RangeError(f"metric must be 'cosine' or 'dot', got {metric!r}")
    single = all(getattr(array, "dtype", None) == np.float32 for array in (queries, corpus))
    dtype = np.float32 if single else np.float64
    left, right = as_matrix(queries, "queries", dtype=dtype), as_matrix(corpus, "corpus", dtype=dtype)
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"queries have {left.shape[1]} columns, the corpus has {right.shape[1]}")
    k = min(positive_int(k, "k"), len(right))
    if metric == "cosine":
        left = normalize_rows(left)
    indices = np.empty((len(left), 0), dtype=np.int64)
    scores = np.empty((len(left), 0), dtype=dtype)
    for start in range(0, len(right), _BLOCK_ROWS):
        block = right[start : start + _BLOCK_ROWS]
        if metric == "cosine":
            block = normalize_rows(block)
        block_scores = left @ block.T
        block_indices = np.broadcast_to(np.arange(start, start + len(block)), block_scores.shape)
        scores, indices = _best(
            np.concatenate([scores, block_scores], axis=1), np.concatenate([indices, block_indices], axis=1), k
        )
    return indices, scores


def _best(
    scores: npt.NDArray[Any], indices: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The k best columns of each row, by falling score and then rising index."""
    if k < scores.shape[1]:
        # A partition is O(n); everything that ties with the k-th best must stay a candidate.
        threshold = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
        width = int((scores >= threshold).sum(axis=1).max())
        candidates = np.argsort(-(scores >= threshold).astype(np.int8), axis=1, kind="stable")[:, :width]
        scores = np.take_along_axis(scores, candidates, axis=1)
        indices = np.take_along_axis(indices, candidates, axis=1)
    order = np.lexsort((indices, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(indices, order, axis=1)
