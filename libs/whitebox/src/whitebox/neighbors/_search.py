"""The nearest rows by Euclidean distance, exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import NotFiniteError, RangeError, ShapeError
from whitebox.search._selection import lower_bound

Places = npt.NDArray[np.int64]

# Queries and rows of a block: large enough to keep BLAS busy, small enough that the next pass finds it in the cache.
_QUERIES, _ROWS = 128, 2048


class Neighbors(NamedTuple):
    """The nearest rows of each query, nearest first; of equally near ones the one with the lower index.

    Attributes:
        indices: Shape (q, k).
        distances: Euclidean, shape (q, k).
    """

    indices: npt.NDArray[np.int64]
    distances: Array


def kneighbors(queries: npt.ArrayLike, rows: npt.ArrayLike, k: int) -> Neighbors:
    r"""The `k` rows at the smallest Euclidean distance from each query.

    .. math:: \lVert q - x \rVert^2 = \lVert q \rVert^2 - 2 q \cdot x + \lVert x \rVert^2

    turns most of the work into one matrix product, at the price of cancellation. So the sum only rules out what lies
    farther than the k-th nearest by more than rounding can explain; the few rows left are measured by differences,
    which makes distances accurate and ties exact. O(q · n · d) time, O(block) memory beyond the inputs.

    Args:
        queries: Shape (q, d).
        rows: Shape (n, d).
        k: How many, at most n.

    Raises:
        ShapeError: if the inputs are no matrices of the same width.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input, and where a square overflows.
        RangeError: if `k` is not from 1 to n.

    >>> found = kneighbors([[0.0]], [[3.0], [-1.0], [1.0], [0.5]], k=3)
    >>> found.indices.tolist(), found.distances.tolist()
    ([[3, 1, 2]], [[0.5, 1.0, 1.0]])
    """
    left, right = as_matrix(queries, "queries"), as_matrix(rows, "rows")
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"queries have {left.shape[1]} columns, rows have {right.shape[1]}")
    k = positive_int(k, "k")
    if k > len(right):
        raise RangeError(f"k must be at most the number of rows, {len(right)}, got {k}")
    return nearest_of(left, right, k)


def nearest_of(left: Array, right: Array, k: int) -> Neighbors:
    """`kneighbors` of what has been validated already."""
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", right, right)
        query_squares = np.einsum("ij,ij->i", left, left)
    longest = float(squares.max())
    if not np.isfinite(4 * (longest + float(query_squares.max()))):
        raise NotFiniteError("a squared distance overflows: scale the vectors down")
    # Rounding of a sum of d products, and of the three terms (Higham: Accuracy and Stability, 2002, section 3.1).
    relative = 4 * (left.shape[1] + 4) * float(np.finfo(np.float64).eps)
    # q · x − ‖x‖² / 2, which falls as the distance grows, as one product.
    lifted = np.hstack([right, -0.5 * squares[:, None]])
    lifted_queries = np.hstack([left, np.ones((len(left), 1))])
    slack = relative * (query_squares + longest)
    indices, distances = np.empty((len(left), k), dtype=np.int64), np.empty((len(left), k))
    # Memory that is taken once need not be cleared by the system for every block.
    memory = np.empty(min(_QUERIES, len(left)) * min(max(_ROWS, 4 * k), len(right)))
    for start in range(0, len(left), _QUERIES):
        block = slice(start, start + _QUERIES)
        which, columns = _candidates(lifted_queries[block], lifted, slack[block, None], k, memory)
        indices[block], distances[block] = _nearest(left[block], right, which, columns, k)
    return Neighbors(indices, distances)


def _candidates(queries: Array, rows: Array, slack: Array, k: int, memory: Array) -> tuple[Places, Places]:
    """Pairs of a query and a row among which the k nearest of every query are, and hardly more."""
    bound = np.full((len(queries), 1), -np.inf)
    found: list[tuple[Places, Places, Array]] = []
    size = max(_ROWS, 4 * k)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        closeness = np.matmul(queries, block.T, out=memory[: len(queries) * len(block)].reshape(len(queries), -1))
        near = np.flatnonzero(closeness >= bound - slack)
        # The first block's k-th best rules out most of what follows; where not, the bound is moved up.
        if near.size > 2 * k * len(queries) and closeness.shape[1] >= k:
            bound = np.maximum(bound, lower_bound(closeness, k))
            near = np.flatnonzero(closeness >= bound - slack)
        # A flat search and a division are much faster than a search for pairs.
        which, columns = np.divmod(near, closeness.shape[1])
        found.append((which, columns + start, closeness.ravel()[near]))
    which, columns, close = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((-close, which))
    kth = close[order[np.searchsorted(which[order], np.arange(len(queries))) + k - 1]]
    kept = close >= kth[which] - slack[which, 0]
    return which[kept], columns[kept]


def _nearest(queries: Array, rows: Array, which: Places, columns: Places, k: int) -> tuple[Places, Array]:
    """The k nearest among the candidates of each query, of which there are k or more."""
    differences = queries[which]
    differences -= rows[columns]
    squared = np.einsum("ij,ij->i", differences, differences)
    order = np.lexsort((columns, squared, which))
    first = np.searchsorted(which[order], np.arange(len(queries)))
    best = order[first[:, None] + np.arange(k)]
    return columns[best], np.sqrt(squared[best])
