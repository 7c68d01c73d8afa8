"""ID3 and C4.5, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Self

from whitebox.reference.tree._cart import MARGIN, entropy, middle

Row = Sequence[Any]


@dataclass
class _Node:
    """The weight of each class; at inner nodes the column, a threshold where it holds numbers, and the branches."""

    counts: list[float]
    column: int = -1
    threshold: float | None = None
    branches: dict[Any, _Node] = field(default_factory=dict)

    def branch(self, row: Row) -> Any:
        """The name of the branch that a row goes down; None if its value is missing."""
        value = row[self.column]
        return value if value is None or self.threshold is None else value <= self.threshold


def _bits(counts: Sequence[float]) -> float:
    total = sum(counts)
    return entropy([count / total for count in counts]) if total > 0 else 0.0


class ID3:
    r"""Splits by the column whose categories say most: :math:`H(Y) - \sum_v \frac{n_v}{n} H(Y \mid v)`.

    >>> ID3().fit([["sun", "calm"], ["rain", "calm"]], ["out", "in"]).predict([["rain", "wind"]])
    ['in']
    """

    def __init__(self, max_depth: int | None = None) -> None:
        self.max_depth = max_depth

    def fit(self, X: Sequence[Row], y: Sequence[Any]) -> Self:
        """Grows the tree."""
        self.classes_ = sorted(set(y))
        self.root_ = self._grow(list(zip(X, y, strict=True)), 0)
        return self

    def predict_proba(self, X: Sequence[Row]) -> list[list[float]]:
        """Share of each class where each row comes to."""
        shares = []
        for row in X:
            node = self.root_
            while node.branches and row[node.column] in node.branches:
                node = node.branches[row[node.column]]
            shares.append([count / sum(node.counts) for count in node.counts])
        return shares

    def predict(self, X: Sequence[Row]) -> list[Any]:
        """The class with the largest share where each row comes to."""
        return [self.classes_[shares.index(max(shares))] for shares in self.predict_proba(X)]

    def _grow(self, rows: list[tuple[Row, Any]], depth: int) -> _Node:
        counts = [float(sum(label == known for _, label in rows)) for known in self.classes_]
        node = _Node(counts)
        if max(counts) == len(rows) or depth == self.max_depth:
            return node
        best, groups = -math.inf, {}
        for column in range(len(rows[0][0])):
            split: dict[Any, list[tuple[Row, Any]]] = {}
            for row, label in rows:
                split.setdefault(row[column], []).append((row, label))
            left = 0.0
            for group in split.values():
                left += len(group) * _bits([sum(label == known for _, label in group) for known in self.classes_])
            gain = _bits(counts) - left / len(rows)
            if len(split) > 1 and gain > best + MARGIN:
                best, node.column, groups = gain, column, split
        for category, group in groups.items():
            node.branches[category] = self._grow(group, depth + 1)
        return node


class C45:
    r"""Splits by the largest gain ratio; missing values (None) go down all branches; pruned by pessimistic errors.

    Columns that hold a string are categories, others numbers.

    >>> C45().fit([[1.0], [2.0], [8.0], [9.0]], [0, 0, 1, 1]).predict([[3.0], [None]])
    [0, 0]
    """

    def __init__(self, min_samples_leaf: int = 2, confidence: float = 0.25) -> None:
        self.min_samples_leaf = min_samples_leaf
        self.confidence = confidence

    def fit(self, X: Sequence[Row], y: Sequence[Any]) -> Self:
        """Grows and prunes the tree."""
        self.classes_ = sorted(set(y))
        self._numeric = [not any(isinstance(row[j], str) for row in X) for j in range(len(X[0]))]
        self.root_ = self._grow([(row, label, 1.0) for row, label in zip(X, y, strict=True)])
        self._prune(self.root_)
        return self

    def predict_proba(self, X: Sequence[Row]) -> list[list[float]]:
        """Share of each class where each row comes to."""
        return [self._shares(self.root_, row) for row in X]

    def predict(self, X: Sequence[Row]) -> list[Any]:
        """The class with the largest share where each row comes to."""
        return [self.classes_[shares.index(max(shares))] for shares in self.predict_proba(X)]

    def _shares(self, node: _Node, row: Row) -> list[float]:
        if not node.branches:
            return [count / sum(node.counts) for count in node.counts]
        name = node.branch(row)
        if name is not None and name in node.branches:
            return self._shares(node.branches[name], row)
        # Unknown: all branches, by the rows that went there.
        whole = sum(sum(child.counts) for child in node.branches.values())
        total = [0.0] * len(self.classes_)
        for child in node.branches.values():
            for k, share in enumerate(self._shares(child, row)):
                total[k] += sum(child.counts) / whole * share
        return total

    def _counts(self, rows: list[tuple[Row, Any, float]]) -> list[float]:
        return [sum(weight for _, label, weight in rows if label == known) for known in self.classes_]

    def _grow(self, rows: list[tuple[Row, Any, float]]) -> _Node:
        node = _Node(self._counts(rows))
        if sum(count > 0 for count in node.counts) < 2 or sum(node.counts) < 2 * self.min_samples_leaf:
            return node
        splits = []
        for column in range(len(rows[0][0])):
            candidates = [_Node([], column)]
            if self._numeric[column]:
                numbers = sorted({row[column] for row, _, _ in rows if row[column] is not None})
                cuts = pairwise(numbers)
                candidates = [_Node([], column, middle(low, high)) for low, high in cuts]
            found = [split for split in map(lambda c: self._measure(rows, c), candidates) if split]  # noqa: C417
            if found:
                most = max(gain for gain, _, _ in found)
                splits.append(next(split for split in found if split[0] >= most - MARGIN))
        splits = [split for split in splits if split[0] > MARGIN]
        if not splits:
            return node
        average = sum(gain for gain, _, _ in splits) / len(splits)
        best = -math.inf
        for gain, ratio, chosen in splits:
            if gain >= average - MARGIN and ratio > best + MARGIN:
                best, node.column, node.threshold = ratio, chosen.column, chosen.threshold
        groups, missing = self._split(rows, node)
        known = sum(weight for group in groups.values() for _, _, weight in group)
        for name, group in groups.items():
            share = sum(weight for _, _, weight in group) / known
            node.branches[name] = self._grow(group + [(row, label, share * weight) for row, label, weight in missing])
        return node

    def _split(
        self, rows: list[tuple[Row, Any, float]], node: _Node
    ) -> tuple[dict[Any, list[tuple[Row, Any, float]]], list[tuple[Row, Any, float]]]:
        groups: dict[Any, list[tuple[Row, Any, float]]] = {}
        for row in rows:
            groups.setdefault(node.branch(row[0]), []).append(row)
        missing = groups.pop(None, [])
        return groups, missing

    def _measure(self, rows: list[tuple[Row, Any, float]], node: _Node) -> tuple[float, float, _Node] | None:
        """Gain and gain ratio; None if fewer than two branches are large enough."""
        groups, missing = self._split(rows, node)
        counts = [self._counts(group) for group in groups.values()]
        if sum(sum(each) >= self.min_samples_leaf - 1e-9 for each in counts) < 2:
            return None
        known = [sum(each) for each in zip(*counts, strict=True)]
        total = sum(weight for _, _, weight in rows)
        left = sum(sum(each) / sum(known) * _bits(each) for each in counts)
        gain = sum(known) / total * (_bits(known) - left)
        scatter = _bits([*map(sum, counts), sum(weight for _, _, weight in missing)])
        return gain, gain / scatter, node

    def _prune(self, node: _Node) -> float:
        """Replaces branches from below by leaves that are expected to err as little; the errors that are expected."""
        below = sum(self._prune(child) for child in node.branches.values()) if node.branches else math.inf
        n = sum(node.counts)
        alone = pessimistic_errors(n - max(node.counts), n, self.confidence) if n > 0 else 0.0
        if alone > below + 0.1:
            return min(alone, below)
        node.branches, node.column, node.threshold = {}, -1, None
        return alone


def pessimistic_errors(errors: float, n: float, confidence: float = 0.25) -> float:
    """As many rows times the error rate at which so few errors would have a probability of only `confidence`.

    The probability is an integral of the density of the beta distribution, taken by the midpoint rule: it serves
    fractions of rows too.

    >>> round(pessimistic_errors(1, 16), 2)
    2.55
    """
    if errors >= n or confidence == 1:
        return n if errors >= n else errors
    steps = 2_000
    # Substituting u = s^k takes the infinite slope from the ends.
    power = math.ceil(2 / min(n - errors, 1.0))

    def mass(s: float) -> float:
        u = s**power
        return math.exp((n - errors - 1) * math.log(u) + errors * math.log1p(-u)) * power * s ** (power - 1)

    masses = [mass((step + 0.5) / steps) for step in range(steps)]
    total, reached, last = sum(masses), 0.0, 0
    for step, each in enumerate(masses):
        if (reached + each) / total > confidence:
            last = step
            break
        reached += each
    s = (last + (confidence * total - reached) / masses[last]) / steps
    return float(max(n * (1 - s**power), errors))
