"""Columns as small whole numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array
from whitebox.tree._structure import by_loops

Bins = npt.NDArray[np.uint8]


class Binned(NamedTuple):
    """Columns cut into bins.

    Attributes:
        bins: Number of each value's bin, shape (d, n).
        edges: Where the bins of each column end, the last left out.
    """

    bins: Bins
    edges: list[Array]


def bin_edges(column: Array, max_bins: int) -> Array:
    r"""Where a column is cut into at most `max_bins` bins, rising; bin b holds :math:`e_{b-1} < x \le e_b`.

    In the middle between neighbours where there are so few distinct values, else at quantiles: those of
    :math:`k / B`, between two values where that many rows lie on either side. O(n log n).
    """
    ordered = np.sort(column)
    distinct = ordered[np.append(True, np.diff(ordered) > 0)]
    if len(distinct) <= max_bins:
        return _middles(distinct[:-1], distinct[1:])
    whole, rest = np.divmod(np.arange(1, max_bins) * len(ordered), max_bins)
    # Below the quantile lie as many rows as `whole` says, and a fraction of one more.
    lower = np.where(rest > 0, whole, whole - 1)
    edges = _middles(ordered[lower], ordered[whole])
    return np.unique(edges[edges < ordered[-1]])


def bin_columns(X: Array, edges: list[Array]) -> Binned:
    """Finds the bin of every number, O(d · n · log bins)."""
    binned = np.empty(X.shape[::-1], dtype=np.uint8)
    if not by_loops(len(X)):
        for f, cuts in enumerate(edges):
            binned[f] = np.searchsorted(cuts, X[:, f])
        return Binned(binned, edges)
    starts = np.cumsum([0, *map(len, edges)])
    _find_bins(np.ascontiguousarray(X.T), np.concatenate([*edges, [np.inf]]), starts, binned)
    return Binned(binned, edges)


def _middles(low: Array, high: Array) -> Array:
    middle = 0.5 * low + 0.5 * high
    # Of neighbours among the floating-point numbers the middle may be the upper one.
    return np.where((middle >= low) & (middle < high), middle, low)


@compiled
def _find_bins(columns: Array, edges: Array, starts: npt.NDArray[np.intp], binned: Bins) -> None:
    for f in range(len(columns)):
        first, last = starts[f], starts[f + 1]
        for i in range(columns.shape[1]):
            low, high = first, last
            while low < high:
                middle = (low + high) // 2
                if columns[f, i] <= edges[middle]:
                    high = middle
                else:
                    low = middle + 1
            binned[f, i] = low - first
