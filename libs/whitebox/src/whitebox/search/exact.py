"""Exact nearest neighbours: every pair is scored. The yardstick for approximate indexes, fast enough for 10⁵ rows."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix, positive_int
from whitebox.errors import NotFiniteError, RangeError, ShapeError
from whitebox.metrics.pairwise import normalize_rows, row_norms
from whitebox.search._selection import lower_bound

# Large enough to keep BLAS busy, small enough that one block's scores do not fill the memory.
_BLOCK_ROWS = 16_384


def search(
    queries: npt.ArrayLike, corpus: npt.ArrayLike, k: int, *, metric: Literal["cosine", "dot"] = "cosine"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    r"""The `k` rows of `corpus` that score highest for each query.

    Cosine is :math:`q \cdot x / (\lVert q \rVert \lVert x \rVert)`, 0 where either is the zero vector; dot is
    :math:`q \cdot x`. Ties go to the lower index. The corpus is scored in blocks and only the best of each are kept,
    found by selection and not by sorting: O(q · n · d) time and, beyond the inputs, O(q · (block + k)) memory. Inputs
    that are both float32 are searched in float32.

    Args:
        queries: Shape (q, d).
        corpus: Shape (n, d).
        k: How many to return; at most n are.
        metric: "cosine" or "dot".

    Returns:
        Indices and scores, each of shape (q, min(k, n)), best first.

    Raises:
        ShapeError: if the inputs are no matrices of the same width.
        DtypeError, EmptyInputError, NotFiniteError: for what is no number, empty inputs, NaN and infinity; the last
            also where a dot product overflows.
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
        with np.errstate(over="ignore", invalid="ignore"):
            block_scores = left @ block.T
        if metric == "cosine":
            norms = row_norms(block)
            block_scores /= np.where(norms > 0, norms, 1)
            np.clip(block_scores, -1, 1, out=block_scores)
        if not np.isfinite(block_scores).all():
            raise NotFiniteError("a dot product overflows: scale the vectors down")
        best = _best(block_scores, k)
        scores = np.concatenate([scores, np.take_along_axis(block_scores, best, axis=1)], axis=1)
        indices = np.concatenate([indices, best + start], axis=1)
        # Earlier blocks stand first, so among equals the lower index still does.
        kept = _best(scores, k)
        scores, indices = (np.take_along_axis(array, kept, axis=1) for array in (scores, indices))
    return indices, scores


def _best(scores: npt.NDArray[Any], k: int) -> npt.NDArray[np.int64]:
    """Columns of the k highest scores of each row, or of all where there are fewer; by falling score, rising column."""
    k = min(k, scores.shape[1])
    # All that tie with the k-th best stay candidates, so that the choice among them is by column and not by chance.
    rows, columns = np.nonzero(scores >= lower_bound(scores, k))
    order = np.lexsort((columns, -scores[rows, columns], rows))
    first = np.searchsorted(rows, np.arange(len(scores)))
    best: npt.NDArray[np.int64] = columns[order[first[:, None] + np.arange(k)]]
    return best
