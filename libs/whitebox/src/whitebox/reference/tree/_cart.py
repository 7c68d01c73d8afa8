"""Classification and regression trees, in pure Python."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

Vector = Sequence[float]
# Gains that differ by less differ by rounding; the first column and the lowest threshold keep the place.
MARGIN = 1e-12


@dataclass
class Node:
    """Either a leaf, or a column, a threshold and two children."""

    value: list[float]
    impurity: float
    cover: float
    column: int = -1
    threshold: float = 0.0
    left: Node | None = None
    right: Node | None = None

    def leaf(self, row: Vector) -> Node:
        """Where a row comes to."""
        if self.left is None or self.right is None:
            return self
        return (self.left if row[self.column] <= self.threshold else self.right).leaf(row)


def gini(shares: Vector) -> float:
    r"""Chance that two draws are of different classes, :math:`\sum_k p_k (1 - p_k)`."""
    return sum(p * (1 - p) for p in shares)


def entropy(shares: Vector) -> float:
    r""":math:`-\sum_k p_k \log_2 p_k`, in bits."""
    return -sum(p * math.log2(p) for p in shares if p > 0)


def middle(low: float, high: float) -> float:
    """Between two neighbours; the lower where rounding would give the upper."""
    between = 0.5 * low + 0.5 * high
    return between if low <= between < high else low


class _DecisionTree:
    """What classification and regression share: the search for the best split, again and again."""

    def __init__(self, max_depth: int | None = None, min_samples_split: int = 2, min_samples_leaf: int = 1) -> None:
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf

    def fit(self, X: Sequence[Vector], y: Sequence[Any], sample_weight: Vector | None = None) -> Self:
        """Grows the tree."""
        weights = sample_weight or [1.0] * len(X)
        used = [i for i, weight in enumerate(weights) if weight > 0]
        self._X, self._y, self._weights = X, self._prepare(y), weights
        self.root_ = self._grow(used, 0)
        return self

    def _prepare(self, y: Sequence[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def _describe(self, rows: list[int]) -> tuple[list[float], float, float]:
        """Value, impurity and weight of a node that holds these rows."""
        raise NotImplementedError

    def _grow(self, rows: list[int], depth: int) -> Node:
        value, impurity, cover = self._describe(rows)
        node = Node(value, impurity, cover)
        pure = len({self._y[i] for i in rows}) == 1
        if pure or len(rows) < self.min_samples_split or depth == self.max_depth:
            return node
        best = math.inf
        for column in range(len(self._X[0])):
            numbers = sorted({self._X[i][column] for i in rows})
            for low, high in pairwise(numbers):
                left = [i for i in rows if self._X[i][column] <= low]
                right = [i for i in rows if self._X[i][column] > low]
                if min(len(left), len(right)) < self.min_samples_leaf:
                    continue
                (_, left_impurity, left_weight), (_, right_impurity, right_weight) = map(self._describe, (left, right))
                # What a split leaves, weighted by the rows.
                remaining = left_weight * left_impurity + right_weight * right_impurity
                if remaining < best - MARGIN * cover * max(impurity, 1.0):
                    best = remaining
                    node.column, node.threshold = column, middle(low, high)
        if node.column >= 0:
            node.left = self._grow([i for i in rows if self._X[i][node.column] <= node.threshold], depth + 1)
            node.right = self._grow([i for i in rows if self._X[i][node.column] > node.threshold], depth + 1)
        return node


class DecisionTreeClassifier(_DecisionTree):
    r"""Each time the split after which :math:`\frac{n_L}{n} H(p_L) + \frac{n_R}{n} H(p_R)` is least.

    >>> DecisionTreeClassifier().fit([[0.0], [1.0], [2.0]], ["no", "no", "yes"]).predict([[1.4], [1.6]])
    ['no', 'yes']
    """

    def __init__(
        self,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
    ) -> None:
        super().__init__(max_depth, min_samples_split, min_samples_leaf)
        self.criterion = criterion

    def predict_proba(self, X: Sequence[Vector]) -> list[list[float]]:
        """Share of each class in each row's leaf."""
        return [self.root_.leaf(row).value for row in X]

    def predict(self, X: Sequence[Vector]) -> list[Any]:
        """The most frequent class of each row's leaf."""
        return [self.classes_[shares.index(max(shares))] for shares in self.predict_proba(X)]

    def _prepare(self, y: Sequence[Any]) -> Sequence[Any]:
        self.classes_ = sorted(set(y))
        return y

    def _describe(self, rows: list[int]) -> tuple[list[float], float, float]:
        counts: Counter[Any] = Counter()
        for i in rows:
            counts[self._y[i]] += self._weights[i]  # type: ignore[assignment]  # weights may be fractions
        weight = float(sum(counts.values()))
        shares = [counts[label] / weight for label in self.classes_]
        impurity: Callable[[Vector], float] = gini if self.criterion == "gini" else entropy
        return shares, impurity(shares), weight


class DecisionTreeRegressor(_DecisionTree):
    r"""Each time the split after which the squares around the two means are least.

    >>> DecisionTreeRegressor(max_depth=1).fit([[0.0], [1.0], [2.0]], [1.0, 1.0, 5.0]).predict([[1.4], [1.6]])
    [1.0, 5.0]
    """

    def predict(self, X: Sequence[Vector]) -> list[float]:
        """Mean of each row's leaf."""
        return [self.root_.leaf(row).value[0] for row in X]

    def _prepare(self, y: Sequence[Any]) -> Sequence[Any]:
        return y

    def _describe(self, rows: list[int]) -> tuple[list[float], float, float]:
        weight = sum(self._weights[i] for i in rows)
        mean = sum(self._weights[i] * self._y[i] for i in rows) / weight
        return [mean], sum(self._weights[i] * (self._y[i] - mean) ** 2 for i in rows) / weight, weight
