"""Decomposition of data, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Self

from whitebox.reference.linalg import eigh


class PCA:
    r"""The directions along which data spread most: eigenvectors of the covariance, :math:`C v = \lambda v`.

    >>> pca = PCA(n_components=1).fit([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> [round(entry, 6) for entry in pca.components_[0]]
    [0.707107, 0.707107]
    """

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: Sequence[Sequence[float]]) -> Self:
        """Learns mean and components."""
        n, d = len(X), len(X[0])
        self.mean_ = [fmean(column) for column in zip(*X, strict=True)]
        rows = [self._centred(row) for row in X]
        covariance = [[sum(row[i] * row[j] for row in rows) / (n - 1) for j in range(d)] for i in range(d)]
        values, vectors = eigh(covariance)
        k = min(n, d) if self.n_components is None else self.n_components
        largest = list(reversed(range(d)))[:k]
        # Rounding may leave a variance of zero a little below.
        self.explained_variance_ = [max(0.0, values[i]) for i in largest]
        self.components_ = [_upright([row[i] for row in vectors]) for i in largest]
        return self

    def transform(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Coordinates along the components."""
        return [
            [sum(x * c for x, c in zip(self._centred(row), component, strict=True)) for component in self.components_]
            for row in X
        ]

    def inverse_transform(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """The points with these coordinates."""
        return [
            [
                mean + sum(z * component[j] for z, component in zip(row, self.components_, strict=True))
                for j, mean in enumerate(self.mean_)
            ]
            for row in X
        ]

    def _centred(self, row: Sequence[float]) -> list[float]:
        return [x - m for x, m in zip(row, self.mean_, strict=True)]


def _upright(component: list[float]) -> list[float]:
    """The one of v and -v whose largest entry is positive: both are eigenvectors."""
    return [-entry for entry in component] if max(component, key=abs) < 0 else component


class TruncatedSVD:
    r"""The directions along which rows are longest: eigenvectors of :math:`X^\top X`, without centring.

    >>> model = TruncatedSVD(n_components=1).fit([[3.0, 4.0], [6.0, 8.0]])
    >>> [round(entry, 6) for entry in model.components_[0]], round(model.singular_values_[0], 5)
    ([0.6, 0.8], 11.18034)
    """

    def __init__(self, n_components: int = 2) -> None:
        self.n_components = n_components

    def fit(self, X: Sequence[Sequence[float]]) -> Self:
        """Learns the components."""
        d = len(X[0])
        values, vectors = eigh([[sum(row[i] * row[j] for row in X) for j in range(d)] for i in range(d)])
        largest = list(reversed(range(d)))[: self.n_components]
        self.singular_values_ = [math.sqrt(max(0.0, values[i])) for i in largest]
        self.components_ = [_upright([row[i] for row in vectors]) for i in largest]
        return self

    def transform(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Coordinates along the components."""
        return [[sum(x * c for x, c in zip(row, v, strict=True)) for v in self.components_] for row in X]
