"""Quality of clusterings, by the definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any


def silhouette_score(X: Sequence[Sequence[float]], labels: Sequence[Any]) -> float:
    """How much nearer is a row to its own cluster than to the next, on average?

    >>> round(silhouette_score([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1]), 4)
    0.8997
    """
    return fmean(_silhouette(i, X, labels) for i in range(len(X)))


def _silhouette(i: int, X: Sequence[Sequence[float]], labels: Sequence[Any]) -> float:
    distances: dict[Any, list[float]] = {label: [] for label in labels}
    for j, row in enumerate(X):
        if j != i:
            distances[labels[j]].append(math.dist(X[i], row))
    own = distances.pop(labels[i])
    if not own:
        return 0.0
    inside, outside = fmean(own), min(fmean(others) for others in distances.values())
    return (outside - inside) / max(inside, outside) if max(inside, outside) > 0 else 0.0
