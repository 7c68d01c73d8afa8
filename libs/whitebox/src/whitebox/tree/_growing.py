"""Greedy growth of binary trees: at each node the split that leaves least impurity.

Every column is sorted once. A node owns the same range of every sorted column, and a split partitions the ranges
without disturbing their order, so that no node sorts again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array
from whitebox.errors import RangeError
from whitebox.tree._growing_by_arrays import grow_by_arrays
from whitebox.tree._structure import Tree, by_loops
from whitebox.tree._task import ENTROPY, GINI, SQUARES, Limits, Space, Task


class Grown(NamedTuple):
    """A tree, and what is left of the impurity at its nodes.

    Attributes:
        tree: Its values are class shares, or means.
        impurity: Shape (nodes,).
    """

    tree: Tree
    impurity: Array


class SortedColumns(NamedTuple):
    """Rows column by column, and in the order of each.

    Attributes:
        values: Shape (d, n).
        order: Row numbers by value, shape (d, n).
    """

    values: Array
    order: npt.NDArray[np.int32]


class _Node(NamedTuple):
    """What a split of a node is measured by.

    Attributes:
        counts: Weight of each class, or the weighted sum of the target.
        weight: Of all rows.
        margin: Scores that differ by less differ by rounding: the first column and the lowest threshold keep the place.
        below: Room for the weights of one side's classes.
    """

    counts: Array
    weight: float
    margin: float
    below: Array


def sort_columns(X: Array) -> SortedColumns:
    """Sorts every column, O(d · n · log n)."""
    values = np.ascontiguousarray(X.T)
    return SortedColumns(values, np.argsort(values, axis=1).astype(np.int32))


def classification(numbers: npt.NDArray[np.intp], classes: int, weights: Array, criterion: str) -> Task:
    """The task of telling classes apart.

    Raises:
        RangeError: for an unknown impurity.
    """
    if criterion not in ("gini", "entropy"):
        raise RangeError(f"criterion must be 'gini' or 'entropy', got {criterion!r}")
    return Task(numbers.astype(np.int32), np.zeros(0), weights, classes, GINI if criterion == "gini" else ENTROPY)


def regression(target: Array, weights: Array) -> Task:
    """The task of approximating numbers."""
    return Task(np.zeros(0, dtype=np.int32), target, weights, 0, SQUARES)


def grow(columns: SortedColumns, task: Task, limits: Limits, rng: np.random.Generator) -> Grown:
    """Grows a tree depth first, O(d · n · depth) after the columns are sorted.

    Args:
        columns: Of the rows.
        task: What for.
        limits: When to stop.
        rng: Draws columns where not all are looked at.
    """
    used = task.weights > 0
    order = columns.order.copy() if used.all() else columns.order[used[columns.order]].reshape(len(columns.order), -1)
    # Numbers far from zero would lose the digits of their differences in the sums of squares.
    centre = 0.0 if task.classes else float(np.average(task.target, weights=task.weights))
    # Memory that is never touched is never taken, so that room for the largest tree there could be costs nothing.
    room = 2 * max(1, min(2 ** min(limits.max_depth, 62), order.shape[1] // limits.min_samples_leaf)) - 1
    space = Space(np.empty((3, room), dtype=np.int64), np.empty((3, room)), np.empty((room, max(task.classes, 1))))
    centred = task._replace(target=task.target - centre)
    grow_into = _grow if by_loops(order.shape[1]) else grow_by_arrays
    nodes = grow_into(columns.values, order, centred, limits, (rng, space))
    left, right, feature = space.links[:, :nodes].copy()
    threshold, cover, impurity = space.numbers[:, :nodes].copy()
    return Grown(Tree(left, right, feature, threshold, space.value[:nodes] + centre, cover), impurity)


@compiled
def _grow(
    columns: Array,
    order: npt.NDArray[np.int32],
    task: Task,
    limits: Limits,
    tools: tuple[np.random.Generator, Space],
) -> int:
    """Fills in the nodes, in the order in which a reader would write them down; how many there are."""
    rng, space = tools
    d, n = order.shape
    links, numbers, value = space
    classes, criterion = task.classes, task.criterion
    max_depth, min_split, min_leaf = limits.max_depth, limits.min_samples_split, limits.min_samples_leaf
    max_features, outputs = limits.max_features, value.shape[1]
    stack = np.zeros((min(max_depth, n) + 2, 5), dtype=np.int64)
    # Of nodes to come: first and last row of their ranges, depth, parent, and whether they are its left (0) or right.
    stack[0, 1], stack[0, 3] = n, -1
    waiting, nodes = 1, 0
    drawn = np.arange(d)
    goes_left = np.zeros(columns.shape[1], dtype=np.uint8)
    aside = np.zeros(n, dtype=np.int32)
    counts, below = np.zeros(outputs), np.zeros(outputs)
    while waiting > 0:
        waiting -= 1
        start, end, depth, parent = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2], stack[waiting, 3]
        node = nodes
        nodes += 1
        if parent >= 0:
            links[stack[waiting, 4], parent] = node
        links[0, node] = links[1, node] = links[2, node] = -1
        pure, weight, square = _describe(order[0, start:end], task, counts)
        for k in range(outputs):
            value[node, k] = counts[k] / weight
        numbers[0, node], numbers[1, node] = 0.0, weight
        numbers[2, node] = 0.0 if pure else _impurity(value[node], square / weight, criterion)
        if pure or depth >= max_depth or end - start < min_split or end - start < 2 * min_leaf:
            continue
        margin = 1e-12 * (square if classes == 0 else weight)
        held = _Node(counts, weight, margin, below)
        best, best_column, best_place = -np.inf, -1, -1
        seen = 0
        for step in range(d):
            if max_features < d:
                chosen = step + int(rng.random() * (d - step))
                drawn[step], drawn[chosen] = drawn[chosen], drawn[step]
            f = drawn[step]
            rows, column = order[f, start:end], columns[f]
            if column[rows[0]] == column[rows[-1]]:
                continue
            if criterion == GINI:
                score, place = _scan_gini(rows, column, task, held, min_leaf)
            elif criterion == ENTROPY:
                score, place = _scan_entropy(rows, column, task, held, min_leaf)
            else:
                score, place = _scan_squares(rows, column, task, held, min_leaf)
            if place > 0 and score > best + margin:
                best, best_column, best_place = score, f, place
            seen += 1
            # Goes on beyond max_features as long as no split has been found.
            if seen >= max_features and best_column >= 0:
                break
        if best_column < 0:
            continue
        rows, column = order[best_column, start:end], columns[best_column]
        low, high = column[rows[best_place - 1]], column[rows[best_place]]
        between = 0.5 * low + 0.5 * high
        numbers[0, node] = between if low <= between < high else low
        links[2, node] = best_column
        final = depth + 1 >= max_depth
        left_ends = final or _ends(rows[:best_place], task, limits)
        right_ends = final or _ends(rows[best_place:], task, limits)
        if left_ends and right_ends:
            # Leaves need to know their rows, but in no order.
            for i in range(end - start):
                order[0, start + i] = rows[i]
        else:
            for i in range(end - start):
                goes_left[rows[i]] = i < best_place
            for f in range(d):
                if f != best_column:
                    _partition(order[f, start:end], goes_left, aside)
        for side in (1, 0):  # the left child is the next to be taken from the stack
            stack[waiting, 0] = start + best_place if side else start
            stack[waiting, 1] = end if side else start + best_place
            stack[waiting, 2], stack[waiting, 3], stack[waiting, 4] = depth + 1, node, side
            waiting += 1
    return nodes


@compiled
def _describe(rows: npt.NDArray[np.int32], task: Task, counts: Array) -> tuple[bool, float, float]:
    """Fills in the weight of each class, or the weighted sum; whether all is alike, weight, weighted sum of squares."""
    labels, target, weights = task.labels, task.target, task.weights
    counts.fill(0.0)
    weight, square = 0.0, 0.0
    pure = True
    if task.classes > 0:
        first = labels[rows[0]]
        for row in rows:
            counts[labels[row]] += weights[row]
            weight += weights[row]
            pure = pure and labels[row] == first
    else:
        value = target[rows[0]]
        for row in rows:
            product = weights[row] * target[row]
            counts[0] += product
            square += product * target[row]
            weight += weights[row]
            pure = pure and target[row] == value
    return pure, weight, square


@compiled
def _impurity(shares: Array, square: float, criterion: int) -> float:
    """Of class shares; or of a mean and a mean square."""
    total = 0.0
    if criterion == GINI:
        for share in shares:
            total += share * (1.0 - share)
    elif criterion == ENTROPY:
        for share in shares:
            if share > 0.0:
                total -= share * np.log2(share)
    else:
        total = max(square - shares[0] * shares[0], 0.0)
    return total


@compiled
def _ends(rows: npt.NDArray[np.int32], task: Task, limits: Limits) -> bool:
    """Whether these rows will make a leaf, whatever their columns hold."""
    labels, target = task.labels, task.target
    if len(rows) < limits.min_samples_split or len(rows) < 2 * limits.min_samples_leaf:
        return True
    if task.classes > 0:
        for row in rows:
            if labels[row] != labels[rows[0]]:
                return False
    else:
        for row in rows:
            if target[row] != target[rows[0]]:
                return False
    return True


@compiled
def _scan_gini(rows: npt.NDArray[np.int32], column: Array, task: Task, node: _Node, min_leaf: int) -> tuple[float, int]:
    r"""The largest :math:`\sum_k L_k^2 / L + \sum_k R_k^2 / R`, weight less the impurity a split leaves, and its place.

    Moving weight w of class k from right to left changes the sums of squares by :math:`w (2 L_k + w)` and
    :math:`w (w - 2 R_k)`, however many classes there are.
    """
    labels, weights, counts, below, weight = task.labels, task.weights, node.counts, node.below, node.weight
    margin = node.margin
    below.fill(0.0)
    left_square, right_square, left_weight = 0.0, 0.0, 0.0
    for count in counts:
        right_square += count * count
    best, place = -np.inf, -1
    value = column[rows[0]]
    for i in range(len(rows) - min_leaf):
        row = rows[i]
        k, w = labels[row], weights[row]
        left_square += w * (2.0 * below[k] + w)
        right_square += w * (w - 2.0 * (counts[k] - below[k]))
        below[k] += w
        left_weight += w
        after = column[rows[i + 1]]
        if after > value and i + 1 >= min_leaf:
            score = left_square / left_weight + right_square / (weight - left_weight)
            if score > best + margin:
                best, place = score, i + 1
        value = after
    return best, place


@compiled
def _scan_entropy(
    rows: npt.NDArray[np.int32], column: Array, task: Task, node: _Node, min_leaf: int
) -> tuple[float, int]:
    r"""The largest :math:`\sum_k L_k \log_2 (L_k / L) + \sum_k R_k \log_2 (R_k / R)`, and its place."""
    labels, weights, counts, below, weight = task.labels, task.weights, node.counts, node.below, node.weight
    margin = node.margin
    below.fill(0.0)
    left_weight = 0.0
    best, place = -np.inf, -1
    value = column[rows[0]]
    for i in range(len(rows) - min_leaf):
        row = rows[i]
        below[labels[row]] += weights[row]
        left_weight += weights[row]
        after = column[rows[i + 1]]
        if after > value and i + 1 >= min_leaf:
            right_weight = weight - left_weight
            score = 0.0
            for k in range(len(counts)):
                above = counts[k] - below[k]
                if below[k] > 0.0:
                    score += below[k] * np.log2(below[k] / left_weight)
                if above > 0.0:
                    score += above * np.log2(above / right_weight)
            if score > best + margin:
                best, place = score, i + 1
        value = after
    return best, place


@compiled
def _scan_squares(
    rows: npt.NDArray[np.int32], column: Array, task: Task, node: _Node, min_leaf: int
) -> tuple[float, int]:
    r"""The largest :math:`(\sum_L w y)^2 / L + (\sum_R w y)^2 / R`, squares less what squared error is left."""
    target, weights, total, weight = task.target, task.weights, node.counts[0], node.weight
    margin = node.margin
    left_sum, left_weight = 0.0, 0.0
    best, place = -np.inf, -1
    value = column[rows[0]]
    for i in range(len(rows) - min_leaf):
        row = rows[i]
        left_sum += weights[row] * target[row]
        left_weight += weights[row]
        after = column[rows[i + 1]]
        if after > value and i + 1 >= min_leaf:
            right_sum = total - left_sum
            score = left_sum * left_sum / left_weight + right_sum * right_sum / (weight - left_weight)
            if score > best + margin:
                best, place = score, i + 1
        value = after
    return best, place


@compiled
def _partition(rows: npt.NDArray[np.int32], goes_left: npt.NDArray[np.uint8], aside: npt.NDArray[np.int32]) -> None:
    """Rows that go left to the front, the others behind them, each in the order they had."""
    kept, moved = 0, 0
    for row in rows:
        # Both are written and one counts: a branch here would be mispredicted half the time.
        rows[kept] = row
        aside[moved] = row
        if goes_left[row]:
            kept += 1
        else:
            moved += 1
    for i in range(moved):
        rows[kept + i] = aside[i]
