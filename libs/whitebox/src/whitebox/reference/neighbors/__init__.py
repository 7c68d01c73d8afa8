"""Prediction from the nearest rows, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Self

Weights = Literal["uniform", "distance"]


def kneighbors(
    queries: Sequence[Sequence[float]], rows: Sequence[Sequence[float]], k: int
) -> tuple[list[list[int]], list[list[float]]]:
    """Sorts all rows by distance, and equally distant ones by their place; gives places and distances.

    >>> kneighbors([[0.0]], [[3.0], [-1.0], [1.0]], 2)
    ([[1, 2]], [[1.0, 1.0]])
    """
    found = [sorted((math.dist(query, row), i) for i, row in enumerate(rows))[:k] for query in queries]
    return [[i for _, i in near] for near in found], [[distance for distance, _ in near] for near in found]


class KNeighborsClassifier:
    """Lets the nearest rows vote.

    >>> KNeighborsClassifier(n_neighbors=1).fit([[0.0], [2.0]], ["ebb", "flood"]).predict([[1.5]])
    ['flood']
    """

    def __init__(self, n_neighbors: int = 5, weights: Weights = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[Any]) -> Self:
        """Remembers."""
        self.rows_, self.labels_, self.classes_ = X, y, sorted(set(y))
        return self

    def predict_proba(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Share of the votes of every class."""
        probabilities = []
        for indices, distances in zip(*kneighbors(X, self.rows_, self.n_neighbors), strict=True):
            shares = _shares(distances, self.weights)
            votes = dict.fromkeys(self.classes_, 0.0)
            for i, share in zip(indices, shares, strict=True):
                votes[self.labels_[i]] += share
            probabilities.append([votes[c] for c in self.classes_])
        return probabilities

    def predict(self, X: Sequence[Sequence[float]]) -> list[Any]:
        """The class with most votes; of several the first."""
        return [self.classes_[votes.index(max(votes))] for votes in self.predict_proba(X)]


class KNeighborsRegressor:
    """The mean target of the nearest rows.

    >>> KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0]).predict([[1.8]])
    [2.5]
    """

    def __init__(self, n_neighbors: int = 5, weights: Weights = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[float]) -> Self:
        """Remembers."""
        self.rows_, self.targets_ = X, y
        return self

    def predict(self, X: Sequence[Sequence[float]]) -> list[float]:
        """The weighted mean of the nearest targets."""
        return [
            sum(share * self.targets_[i] for share, i in zip(_shares(distances, self.weights), indices, strict=True))
            for indices, distances in zip(*kneighbors(X, self.rows_, self.n_neighbors), strict=True)
        ]


def _shares(distances: list[float], weights: Weights) -> list[float]:
    """What each neighbour counts: the same, or by its nearness, of which touching is the end."""
    if weights == "uniform":
        raw = [1.0 for _ in distances]
    elif 0 in distances:
        raw = [float(distance == 0) for distance in distances]
    else:
        raw = [min(distances) / distance for distance in distances]
    return [weight / sum(raw) for weight in raw]
