"""Explanations of predictions, in pure Python: sums over all coalitions, as they are defined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

from whitebox.reference.linalg import solve

__all__ = [
    "exact_shap",
    "integrated_gradients",
    "interventional_tree_shap",
    "kernel_shap",
    "linear_shap",
    "shapley_values",
    "tree_shap",
]

Vector = Sequence[float]
Tree = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[float], Sequence[float], Sequence[float]]


def shapley_values(game: Callable[[frozenset[int]], float], players: int) -> list[float]:
    r""":math:`\phi_j = \sum_{S \not\ni j} \frac{|S|!\,(n - |S| - 1)!}{n!} (v(S \cup j) - v(S))`.

    >>> [round(value, 12) for value in shapley_values(lambda members: float(len(members) == 5), 5)]
    [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    values = []
    for j in range(players):
        others = [i for i in range(players) if i != j]
        total = 0.0
        for size in range(players):
            weight = math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)
            for members in combinations(others, size):
                coalition = frozenset(members)
                total += weight * (game(coalition | {j}) - game(coalition))
        values.append(total)
    return values


def _mixed_game(
    predict: Callable[[Vector], float], background: Sequence[Vector], x: Vector
) -> Callable[[frozenset[int]], float]:
    """Mean prediction with a coalition's columns as in x and the others as in each row of the background."""

    def game(members: frozenset[int]) -> float:
        mixed = [[x[j] if j in members else known for j, known in enumerate(row)] for row in background]
        return sum(map(predict, mixed)) / len(background)

    return game


def exact_shap(predict: Callable[[Vector], float], background: Sequence[Vector], x: Vector) -> list[float]:
    """Shapley values of the mean prediction over mixtures of x and the background.

    >>> exact_shap(lambda row: row[0] * row[1], [[0.0, 0.0]], [1.0, 1.0])
    [0.5, 0.5]
    """
    return shapley_values(_mixed_game(predict, background, x), len(x))


def kernel_shap(predict: Callable[[Vector], float], background: Sequence[Vector], x: Vector) -> list[float]:
    """The same values as the weighted least-squares fit of an additive game to all coalitions.

    The last player's value is what the others leave of the whole, which puts the constraint into the equations.

    >>> [round(value, 9) for value in kernel_shap(lambda row: row[0] * row[1], [[0.0, 0.0]], [1.0, 1.0])]
    [0.5, 0.5]
    """
    n = len(x)
    game = _mixed_game(predict, background, x)
    nothing, gain = game(frozenset()), game(frozenset(range(n))) - game(frozenset())
    if n == 1:
        return [gain]
    normal = [[0.0] * (n - 1) for _ in range(n - 1)]
    moment = [0.0] * (n - 1)
    for size in range(1, n):
        weight = (n - 1) / (math.comb(n, size) * size * (n - size))
        for members in combinations(range(n), size):
            last = float(n - 1 in members)
            row = [(j in members) - last for j in range(n - 1)]
            worth = game(frozenset(members)) - nothing - last * gain
            for a in range(n - 1):
                moment[a] += weight * row[a] * worth
                for b in range(n - 1):
                    normal[a][b] += weight * row[a] * row[b]
    free = solve(normal, moment)
    return [*free, gain - sum(free)]


def tree_shap(tree: Tree, x: Vector) -> list[float]:
    """Shapley values of a tree's expected value when what is unknown goes both ways as the training rows did.

    Algorithm 1 of Lundberg et al. (2020): a tree is (left, right, feature, threshold, value, cover).

    >>> tree_shap(([1, -1, -1], [2, -1, -1], [0, -1, -1], [0.5, 0, 0], [0.5, 0.0, 1.0], [2, 1, 1]), [1.0])
    [0.5]
    """
    left, right, feature, threshold, value, cover = tree

    def expected(node: int, known: frozenset[int]) -> float:
        if left[node] < 0:
            return value[node]
        if feature[node] in known:
            return expected(left[node] if x[feature[node]] <= threshold[node] else right[node], known)
        sides = cover[left[node]] * expected(left[node], known) + cover[right[node]] * expected(right[node], known)
        return sides / (cover[left[node]] + cover[right[node]])

    return shapley_values(lambda members: expected(0, members), len(x))


def interventional_tree_shap(tree: Tree, background: Sequence[Vector], x: Vector) -> list[float]:
    """Shapley values of a tree when what is unknown is taken from a background.

    >>> tree = [1, -1, -1], [2, -1, -1], [0, -1, -1], [0.5, 0, 0], [0.5, 0.0, 1.0], [2, 1, 1]
    >>> interventional_tree_shap(tree, [[0.0], [1.0]], [1.0])
    [0.5]
    """
    left, right, feature, threshold, value, _ = tree

    def predict(row: Vector) -> float:
        node = 0
        while left[node] >= 0:
            node = left[node] if row[feature[node]] <= threshold[node] else right[node]
        return value[node]

    return exact_shap(predict, background, x)


def linear_shap(coef: Vector, background: Sequence[Vector], x: Vector) -> list[float]:
    """What a column adds to a linear model: its weight times how far it is from its mean.

    >>> linear_shap([1.0, 2.0], [[0.0, 0.0], [2.0, 2.0]], [5.0, 1.0])
    [4.0, 0.0]
    """
    means = [sum(column) / len(background) for column in zip(*background, strict=True)]
    return [w * (value - mean) for w, value, mean in zip(coef, x, means, strict=True)]


def integrated_gradients(
    gradient: Callable[[Vector], Vector], x: Vector, baseline: Vector, steps: int = 64
) -> list[float]:
    r""":math:`(x_j - x'_j) \int_0^1 \partial_j f(x' + t (x - x'))\, dt`, by the midpoint rule.

    >>> integrated_gradients(lambda row: [row[1], row[0]], [2.0, 3.0], [0.0, 0.0])
    [3.0, 3.0]
    """
    total = [0.0] * len(x)
    for step in range(steps):
        t = (step + 0.5) / steps
        slopes = gradient([start + t * (end - start) for start, end in zip(baseline, x, strict=True)])
        total = [sum(pair) for pair in zip(total, slopes, strict=True)]
    return [(end - start) * slope / steps for start, end, slope in zip(baseline, x, total, strict=True)]
