"""The same growth of binary trees where loops are not compiled: NumPy measures all splits of a node at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.tree._task import ENTROPY, GINI, Limits, Space, Task

Order = npt.NDArray[np.int32]


def grow_by_arrays(
    columns: Array, order: Order, task: Task, limits: Limits, tools: tuple[np.random.Generator, Space]
) -> int:
    """Fills in the nodes as the compiled loops of `whitebox.tree._growing` do, draws included; how many there are."""
    rng, space = tools
    d = len(columns)
    drawn = np.arange(d)
    # Of nodes to come: their rows in the order of each column, depth, parent, and whether they are its left (0) child.
    stack = [(order, 0, -1, 0)]
    nodes = 0
    while stack:
        own, depth, parent, side = stack.pop()
        node, nodes = nodes, nodes + 1
        if parent >= 0:
            space.links[side, parent] = node
        space.links[:, node] = -1
        pure = _describe(own[0], task, space, node)
        size = own.shape[1]
        if pure or depth >= limits.max_depth or size < max(limits.min_samples_split, 2 * limits.min_samples_leaf):
            continue
        column, place = _best_split(columns, own, task, limits, (rng, drawn))
        if column < 0:
            continue
        low, high = columns[column, own[column, place - 1 : place + 1]]
        between = 0.5 * low + 0.5 * high
        space.numbers[0, node] = between if low <= between < high else low
        space.links[2, node] = column
        goes_left = np.zeros(columns.shape[1], dtype=bool)
        goes_left[own[column, :place]] = True
        inside = goes_left[own]
        stack.append((own[~inside].reshape(d, -1), depth + 1, node, 1))
        stack.append((own[inside].reshape(d, -1), depth + 1, node, 0))
    return nodes


def _describe(rows: Order, task: Task, space: Space, node: int) -> bool:
    """Fills in a node's value, cover and impurity; whether all is alike."""
    weights = task.weights[rows]
    weight = weights.sum()
    if task.classes:
        labels = task.labels[rows]
        value = np.bincount(labels, weights, minlength=task.classes) / weight
        pure = bool((labels == labels[0]).all())
        bits = -(value * np.log2(np.where(value > 0, value, 1.0))).sum()
        impurity = (value * (1 - value)).sum() if task.criterion == GINI else bits
    else:
        target = task.target[rows]
        value = np.array([weights @ target / weight])
        pure = bool((target == target[0]).all())
        impurity = max(weights @ target**2 / weight - value[0] ** 2, 0.0)
    space.value[node] = value
    space.numbers[:, node] = 0.0, weight, 0.0 if pure else impurity
    return pure


def _best_split(
    columns: Array, own: Order, task: Task, limits: Limits, draws: tuple[np.random.Generator, npt.NDArray[np.intp]]
) -> tuple[int, int]:
    """Column and place of the split with the best score; -1 where there is none."""
    rng, drawn = draws
    d = len(columns)
    if limits.max_features >= d:
        scores, margin = _scores(columns, own, np.arange(d), task, limits)
        if not np.isfinite(scores.max(initial=-np.inf)):
            return -1, -1
        number, place = np.divmod(int((scores >= scores.max() - margin).argmax()), scores.shape[1])
        return int(number), int(place) + 1
    best, found, seen = -np.inf, (-1, -1), 0
    for step in range(d):
        chosen = step + int(rng.random() * (d - step))
        drawn[step], drawn[chosen] = drawn[chosen], drawn[step]
        f = drawn[step]
        if columns[f, own[f, 0]] == columns[f, own[f, -1]]:
            continue
        scores, margin = _scores(columns, own, drawn[step : step + 1], task, limits)
        place = int((scores[0] >= scores[0].max() - margin).argmax())
        if scores[0, place] > best + margin:
            best, found = scores[0, place], (int(f), place + 1)
        seen += 1
        if seen >= limits.max_features and found[0] >= 0:
            break
    return found


def _scores(
    columns: Array, own: Order, numbers: npt.NDArray[np.intp], task: Task, limits: Limits
) -> tuple[Array, float]:
    """Weight less the impurity that each split leaves, shape (columns, rows - 1), and what differs by rounding only."""
    rows = own[numbers]
    values = np.take_along_axis(columns[numbers], rows, axis=1)
    place = np.arange(1, rows.shape[1])
    enough = (place >= limits.min_samples_leaf) & (rows.shape[1] - place >= limits.min_samples_leaf)
    weights = task.weights[rows]
    below = weights.cumsum(axis=1)
    weight, below = below[:, -1:], below[:, :-1]
    above = np.maximum(weight - below, 1e-300)
    if task.classes:
        scores, margin = np.zeros_like(below), 1e-12 * float(weight[0, 0])
        for k in range(task.classes):
            counts = np.where(task.labels[rows] == k, weights, 0.0).cumsum(axis=1)
            for count, side in ((counts[:, :-1], below), (counts[:, -1:] - counts[:, :-1], above)):
                if task.criterion == ENTROPY:
                    scores += count * np.log2(np.where(count > 0, count, side) / side)
                else:
                    scores += count * count / side
    else:
        target = task.target[rows]
        sums = (weights * target).cumsum(axis=1)
        margin = 1e-12 * float(weights[0] @ target[0] ** 2)
        scores = sums[:, :-1] ** 2 / below + (sums[:, -1:] - sums[:, :-1]) ** 2 / above
    return np.where(enough & (values[:, 1:] > values[:, :-1]), scores, -np.inf), margin
