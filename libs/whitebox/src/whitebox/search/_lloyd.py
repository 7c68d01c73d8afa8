"""Lloyd's k-means, as small as coarse quantisers need it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array

_BLOCK_ROWS = 4096
# More rows a centre barely move it any more.
_ROWS_A_CENTRE = 256


def kmeans(X: Array, k: int, rng: np.random.Generator, iterations: int = 20) -> Array:
    """Centres, shape (k, d): seeded by k rows, then moved to the mean of what is nearest to them (Lloyd 1982).

    A centre that nothing is nearest to moves to the row that is farthest from its own. Learns from 256 rows a centre at
    most. O(iterations · n · k · d).
    """
    rows = X if len(X) <= _ROWS_A_CENTRE * k else X[rng.choice(len(X), _ROWS_A_CENTRE * k, replace=False)]
    centres = rows[rng.choice(len(rows), k, replace=False)].astype(np.float64)
    labels = np.full(len(rows), -1)
    for _ in range(iterations):
        nearest, lengths = assign(rows, centres)
        if (nearest == labels).all():
            break
        labels = nearest
        counts = np.bincount(labels, minlength=k)
        order = np.argsort(labels, kind="stable")
        filled = np.flatnonzero(counts)
        starts = (np.cumsum(counts) - counts)[filled]
        centres[filled] = np.add.reduceat(rows[order], starts, axis=0) / counts[filled, None]
        empty = np.flatnonzero(counts == 0)
        centres[empty] = rows[np.argsort(-lengths, kind="stable")[: len(empty)]]
    return centres


def assign(X: Array, centres: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """The nearest centre of each row, ties to the lower number, and the squared distance to it. O(n · k · d)."""
    labels, lengths = np.empty(len(X), dtype=np.int64), np.empty(len(X))
    norms = np.einsum("ij,ij->i", centres, centres)
    for start in range(0, len(X), _BLOCK_ROWS):
        block = X[start : start + _BLOCK_ROWS]
        table = norms - 2 * (block @ centres.T)
        labels[start : start + len(block)] = nearest = table.argmin(axis=1)
        squares = np.einsum("ij,ij->i", block, block)
        lengths[start : start + len(block)] = np.maximum(table[np.arange(len(block)), nearest] + squares, 0)
    return labels, lengths
