"""Isolation forests, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

__all__ = ["IsolationForest", "average_path_length"]

Vector = Sequence[float]
_EULER = 0.5772156649015329


def average_path_length(n: float) -> float:
    r""":math:`c(n) = 2 H(n - 1) - 2 (n - 1) / n`, with :math:`H(i) \approx \ln i + 0.5772`.

    >>> round(average_path_length(256), 4)
    10.2448
    """
    if n > 2:
        return 2 * (math.log(n - 1) + _EULER) - 2 * (n - 1) / n
    return 1.0 if n == 2 else 0.0


@dataclass
class _Node:
    length: float
    column: int = -1
    cut: float = 0.0
    children: tuple[_Node, _Node] | None = None


class IsolationForest:
    r"""Scores :math:`s = 2^{-E[h(x)] / c(\psi)}`, where h counts the random cuts until a row stands alone.

    >>> IsolationForest(2).fit([[0.0], [9.0]], [lambda: 0.5, lambda: 0.5]).score_samples([[0.0]])
    [-0.5]
    """

    def __init__(self, max_samples: int = 256) -> None:
        self.max_samples = max_samples

    def fit(self, X: Sequence[Vector], uniforms: Sequence[Callable[[], float]]) -> Self:
        """Grows a tree for each source of random numbers from 0 to 1."""
        self.max_samples_ = min(self.max_samples, len(X))
        limit = math.ceil(math.log2(self.max_samples_))
        self.trees_ = []
        for uniform in uniforms:
            rows = _shuffled(range(len(X)), self.max_samples_, uniform)[: self.max_samples_]
            self.trees_.append(_grow([X[i] for i in rows], 0, limit, list(range(len(X[0]))), uniform))
        return self

    def score_samples(self, X: Sequence[Vector]) -> list[float]:
        """Negative s of each row."""
        scores = []
        for row in X:
            mean = sum(_path_length(tree, row) for tree in self.trees_) / len(self.trees_)
            usual = average_path_length(self.max_samples_)
            scores.append(-(2 ** (-mean / usual)) if usual > 0 else -0.5)
        return scores


def _shuffled(items: Sequence[int], count: int, uniform: Callable[[], float]) -> list[int]:
    """The first `count` places are drawn from all items without replacement."""
    order = list(items)
    for i in range(count):
        chosen = i + int(uniform() * (len(order) - i))
        order[i], order[chosen] = order[chosen], order[i]
    return order


def _grow(rows: list[Vector], depth: int, limit: int, columns: list[int], uniform: Callable[[], float]) -> _Node:
    node = _Node(depth + average_path_length(len(rows)))
    if depth >= limit or len(rows) < 2:
        return node
    # Columns are drawn until one is not constant; the order they are left in is where the next draw begins.
    for step in range(len(columns)):
        chosen = step + int(uniform() * (len(columns) - step))
        columns[step], columns[chosen] = columns[chosen], columns[step]
        numbers = [row[columns[step]] for row in rows]
        low, high = min(numbers), max(numbers)
        if low < high:
            share = uniform()
            cut = low * (1 - share) + high * share
            node.column, node.cut = columns[step], cut if low <= cut < high else low
            left = [row for row in rows if row[node.column] <= node.cut]
            right = [row for row in rows if row[node.column] > node.cut]
            first = _grow(left, depth + 1, limit, columns, uniform)
            node.children = first, _grow(right, depth + 1, limit, columns, uniform)
            break
    return node


def _path_length(node: _Node, row: Vector) -> float:
    while node.children is not None:
        node = node.children[row[node.column] > node.cut]
    return node.length
