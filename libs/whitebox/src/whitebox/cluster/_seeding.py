"""Where to start: rows far from each other, at random."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import RangeError


def kmeans_plusplus(X: npt.ArrayLike, n_clusters: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    r"""Rows to start from, each drawn with a probability proportional to its squared distance from those before.

    .. math:: p(x) = \frac{D(x)^2}{\sum_{x'} D(x')^2}

    (Arthur, Vassilvitskii: k-means++: The Advantages of Careful Seeding, 2007: the expected inertia is within
    8 (ln k + 2) of the best.) Of 2 + ln k rows drawn at a time the one is kept that lowers the inertia most, as their
    section 4 suggests. O(n · d · k · log k).

    Args:
        X: Shape (n, d).
        n_clusters: k, at most n.
        rng: Source of the draws.

    Returns:
        Indices of the rows, shape (k,).

    Raises:
        RangeError: if there are fewer rows than clusters.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> sorted(kmeans_plusplus([[0.0], [0.1], [9.0]], 2, np.random.default_rng(0)).tolist())[-1]
    2
    """
    rows = as_matrix(X, "X")
    k = positive_int(n_clusters, "n_clusters")
    if k > len(rows):
        raise RangeError(f"n_clusters must be at most n_samples = {len(rows)}, got {k}")
    squares = np.einsum("ij,ij->i", rows, rows)
    trials = 2 + int(math.log(k))
    chosen = np.empty(k, dtype=np.int64)
    chosen[0] = rng.integers(len(rows))
    nearest = _squared_distances(rows, squares, chosen[:1])[0]
    for place in range(1, k):
        nearest[chosen[:place]] = 0.0  # what is chosen already has no chance, however the differences were rounded
        cumulative = nearest.cumsum()
        if cumulative[-1] > 0:
            drawn = np.searchsorted(cumulative, rng.random(trials) * cumulative[-1], side="right")
            # Rounding may put a draw behind the last row that has a chance.
            drawn = np.minimum(drawn, np.flatnonzero(nearest)[-1])
        else:  # fewer distinct rows than clusters
            drawn = rng.choice(np.setdiff1d(np.arange(len(rows)), chosen[:place]), 1)
        distances = _squared_distances(rows, squares, drawn)
        np.minimum(distances, nearest, out=distances)
        best = int(distances.sum(axis=1).argmin())
        chosen[place], nearest = drawn[best], distances[best]
    return chosen


def _squared_distances(rows: Array, squares: Array, chosen: npt.NDArray[np.int64]) -> Array:
    """Squared distances of all rows from some of them, shape (some, n)."""
    distances = rows[chosen] @ rows.T
    distances *= -2
    distances += squares
    distances += squares[chosen, None]
    return np.maximum(distances, 0.0, out=distances)
