"""Grouping rows that lie near each other, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Self

Rows = Sequence[Sequence[float]]


class KMeans:
    """Lloyd's iteration from given centres: each row to its nearest centre, each centre to the mean of its rows.

    A centre without rows moves to the row that is farthest from its own.

    >>> KMeans(init=[[0.0], [1.0]]).fit([[0.0], [1.0], [10.0], [11.0]]).cluster_centers_
    [[0.5], [10.5]]
    """

    def __init__(self, init: Rows, max_iter: int = 300) -> None:
        self.init = init
        self.max_iter = max_iter

    def fit(self, X: Rows) -> Self:
        """Iterates until no row changes its centre."""
        centres = [list(centre) for centre in self.init]
        labels = [_nearest(row, centres) for row in X]
        for _ in range(self.max_iter):
            far = [math.dist(row, centres[label]) for row, label in zip(X, labels, strict=True)]
            for c in [c for c in range(len(centres)) if c not in labels]:
                farthest = far.index(max(far))
                labels[farthest], far[farthest] = c, -1.0
            for c in range(len(centres)):
                rows = [row for row, label in zip(X, labels, strict=True) if label == c]
                if rows:
                    centres[c] = [fmean(column) for column in zip(*rows, strict=True)]
            before, labels = labels, [_nearest(row, centres) for row in X]
            if labels == before:
                break
        self.cluster_centers_, self.labels_ = centres, labels
        self.inertia_ = sum(math.dist(row, centres[label]) ** 2 for row, label in zip(X, labels, strict=True))
        return self


def _nearest(row: Sequence[float], centres: Rows) -> int:
    distances = [math.dist(row, centre) for centre in centres]
    return distances.index(min(distances))
