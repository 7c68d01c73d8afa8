"""Forests and boosting, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from whitebox.reference.linear_model import softmax
from whitebox.reference.tree._cart import DecisionTreeClassifier, middle

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "RandomForestClassifier"]

Vector = Sequence[float]
_MARGIN = 1e-12


class RandomForestClassifier:
    """The mean of trees that each see n rows drawn with replacement; all columns are looked at.

    >>> forest = RandomForestClassifier().fit([[0.0], [1.0]], [0, 1], bags=[[0, 1], [1, 0]])
    >>> forest.predict_proba([[0.2]])
    [[1.0, 0.0]]
    """

    def fit(self, X: Sequence[Vector], y: Sequence[Any], bags: Sequence[Sequence[int]]) -> Self:
        """Grows a tree for each bag of row numbers; a row that was drawn twice counts twice."""
        self.classes_ = sorted(set(y))
        self.trees_ = [
            DecisionTreeClassifier().fit(X, y, [float(list(bag).count(i)) for i in range(len(X))]) for bag in bags
        ]
        return self

    def predict_proba(self, X: Sequence[Vector]) -> list[list[float]]:
        """Mean share of each class."""
        votes = [tree.predict_proba(X) for tree in self.trees_]
        return [[sum(each) / len(votes) for each in zip(*shares, strict=True)] for shares in zip(*votes, strict=True)]


@dataclass
class _Leaf:
    rows: list[int]
    depth: int
    gain: float = 0.0
    column: int = -1
    threshold: float = 0.0
    children: tuple[_Leaf, _Leaf] | None = None
    value: float = 0.0

    def reached_by(self, row: Vector) -> _Leaf:
        if self.children is None:
            return self
        return self.children[row[self.column] > self.threshold].reached_by(row)


class _Boosting:
    """Adds trees, each fitted to the gradients of the loss that the ones before it leave."""

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins

    def _boost(
        self,
        X: Sequence[Vector],
        start: list[float],
        derivatives: Callable[[int, list[float]], list[tuple[float, float]]],
    ) -> None:
        """`derivatives` gives gradient and hessian of a row's loss by each of its raw predictions."""
        self.baseline_, self.trees_ = start, []
        self._X, self._cuts = X, [_bin_edges([row[j] for row in X], self.max_bins) for j in range(len(X[0]))]
        raw = [list(start) for _ in X]
        for _ in range(self.max_iter):
            found = [derivatives(i, raw[i]) for i in range(len(X))]
            trees = [
                self._grow([each[k][0] for each in found], [each[k][1] for each in found]) for k in range(len(start))
            ]
            self.trees_.append(trees)
            for i, row in enumerate(X):
                for k, tree in enumerate(trees):
                    raw[i][k] += tree.reached_by(row).value

    def _raw(self, row: Vector) -> list[float]:
        return [
            start + sum(trees[k].reached_by(row).value for trees in self.trees_)
            for k, start in enumerate(self.baseline_)
        ]

    def _grow(self, g: Vector, h: Vector) -> _Leaf:
        root = _Leaf(list(range(len(self._X))), 0)
        leaves = [root]
        self._find_split(root, g, h)
        while len(leaves) < self.max_leaf_nodes:
            best = max(leaves, key=lambda leaf: leaf.gain)
            if best.gain <= 0:
                break
            left = [i for i in best.rows if self._X[i][best.column] <= best.threshold]
            right = [i for i in best.rows if self._X[i][best.column] > best.threshold]
            best.children = _Leaf(left, best.depth + 1), _Leaf(right, best.depth + 1)
            leaves.remove(best)
            for child in best.children:
                self._find_split(child, g, h)
                leaves.append(child)
        for leaf in leaves:
            total, curvature = sum(g[i] for i in leaf.rows), sum(h[i] for i in leaf.rows)
            leaf.value = -self.learning_rate * total / max(curvature + self.l2_regularization, 1e-15)
        return root

    def _find_split(self, leaf: _Leaf, g: Vector, h: Vector) -> None:
        def worth(rows: list[int]) -> float:
            gradient, hessian = sum(g[i] for i in rows), sum(h[i] for i in rows)
            return gradient * gradient / max(hessian + self.l2_regularization, 1e-15)

        for column, cuts in enumerate(self._cuts):
            for cut in cuts:
                left = [i for i in leaf.rows if self._X[i][column] <= cut]
                right = [i for i in leaf.rows if self._X[i][column] > cut]
                if min(len(left), len(right)) < self.min_samples_leaf:
                    continue
                if min(sum(h[i] for i in left), sum(h[i] for i in right)) < 1e-3:
                    continue
                halves = worth(left) + worth(right)
                gain = halves - worth(leaf.rows)
                if gain > leaf.gain + _MARGIN * halves:
                    leaf.gain, leaf.column, leaf.threshold = gain, column, cut


class HistGradientBoostingRegressor(_Boosting):
    r"""Boosting of the loss :math:`\tfrac12 (f - y)^2`, with derivatives f - y and 1.

    >>> model = HistGradientBoostingRegressor(min_samples_leaf=1).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> [round(value, 3) for value in model.predict([[0.0], [1.0]])]
    [0.0, 1.0]
    """

    def fit(self, X: Sequence[Vector], y: Vector) -> Self:
        """Grows the trees one on the other."""
        self._boost(X, [sum(y) / len(y)], lambda i, raw: [(raw[0] - y[i], 1.0)])
        return self

    def predict(self, X: Sequence[Vector]) -> list[float]:
        """Baseline and trees summed."""
        return [self._raw(row)[0] for row in X]


class HistGradientBoostingClassifier(_Boosting):
    r"""Boosting of :math:`-\log p_y`, with derivatives :math:`p_k - [y = k]` and :math:`p_k (1 - p_k)`.

    >>> model = HistGradientBoostingClassifier(min_samples_leaf=1).fit([[0.0], [1.0]], ["no", "yes"])
    >>> [round(p, 2) for p in model.predict_proba([[1.0]])[0]]
    [0.0, 1.0]
    """

    def fit(self, X: Sequence[Vector], y: Sequence[Any]) -> Self:
        """Grows the trees one on the other: one a round for two classes, else one for each."""
        self.classes_ = sorted(set(y))
        shares = [sum(label == known for label in y) / len(y) for known in self.classes_]
        if len(shares) == 2:
            start = [math.log(shares[1] / shares[0])]
        else:
            logs = [math.log(share) for share in shares]
            start = [log - sum(logs) / len(logs) for log in logs]

        def derivatives(i: int, raw: list[float]) -> list[tuple[float, float]]:
            p = self._probabilities(raw)
            each = [(p[k] - (y[i] == label), p[k] * (1 - p[k])) for k, label in enumerate(self.classes_)]
            return each[1:] if len(each) == 2 else each

        self._boost(X, start, derivatives)
        return self

    def predict_proba(self, X: Sequence[Vector]) -> list[list[float]]:
        """Probability of each class."""
        return [self._probabilities(self._raw(row)) for row in X]

    def _probabilities(self, raw: list[float]) -> list[float]:
        return softmax([0.0, *raw] if len(raw) == 1 else raw)


def _bin_edges(column: Vector, max_bins: int) -> list[float]:
    distinct = sorted(set(column))
    if len(distinct) <= max_bins:
        return [middle(low, high) for low, high in pairwise(distinct)]
    ordered, edges = sorted(column), set()
    for k in range(1, max_bins):
        whole, rest = divmod(k * len(ordered), max_bins)
        edges.add(ordered[whole] if rest else middle(ordered[whole - 1], ordered[whole]))
    return sorted(edge for edge in edges if edge < ordered[-1])
