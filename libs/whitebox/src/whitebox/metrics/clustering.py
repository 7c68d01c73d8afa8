"""Quality of clusterings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix
from whitebox.errors import NotFiniteError, RangeError, ShapeError

# Rows whose distances from all are held at a time.
_BLOCK = 512


def silhouette_score(X: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    r"""Mean over the rows of how much nearer a row is to its own cluster than to the next.

    .. math:: s_i = \frac{b_i - a_i}{\max(a_i, b_i)}, \qquad a_i = \frac{1}{|C(i)| - 1} \sum_{j \in C(i)} d_{ij}, \qquad
              b_i = \min_{C \ne C(i)} \frac{1}{|C|} \sum_{j \in C} d_{ij}

    (Rousseeuw 1987), and 0 for a row alone in its cluster. Euclidean distances. O(n² · d), O(n) memory.

    Args:
        X: Shape (n, d).
        labels: A cluster for each row, of 2 to n - 1 clusters, shape (n,).

    Raises:
        RangeError: if there are fewer than 2 clusters or as many as rows.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> round(silhouette_score([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1]), 4)
    0.8997
    """
    rows = as_matrix(X, "X")
    given = np.asarray(labels)
    if given.shape != (len(rows),):
        raise ShapeError(f"labels must have shape ({len(rows)},), got {given.shape}")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise NotFiniteError("labels hold NaN or infinity")
    clusters, numbers = np.unique(given, return_inverse=True)
    if not 2 <= len(clusters) <= len(rows) - 1:
        raise RangeError(f"labels must be of 2 to {len(rows) - 1} clusters, got {len(clusters)}")
    members = np.eye(len(clusters))[numbers]
    counts = members.sum(axis=0)
    centred = rows - rows.mean(axis=0)
    squares = np.einsum("ij,ij->i", centred, centred)
    total = 0.0
    for start in range(0, len(rows), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(rows)))
        squared = squares[block, None] - 2 * centred[block] @ centred.T + squares
        distances = np.sqrt(np.maximum(squared, 0.0))
        distances[np.arange(len(block)), block] = 0.0
        sums = distances @ members
        places, own = np.arange(len(block)), numbers[block]
        alone = counts[own] == 1
        inside = sums[places, own] / np.maximum(counts[own] - 1, 1)
        means = sums / counts
        means[places, own] = np.inf
        outside = means.min(axis=1)
        larger = np.maximum(inside, outside)
        total += float(np.where(alone | (larger == 0), 0.0, (outside - inside) / np.where(larger > 0, larger, 1)).sum())
    return total / len(rows)
