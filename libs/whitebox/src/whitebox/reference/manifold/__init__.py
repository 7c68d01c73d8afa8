"""Maps that keep neighbours together, in pure Python: the parts of t-SNE."""

from __future__ import annotations

import math
from collections.abc import Sequence

Matrix = Sequence[Sequence[float]]


def conditional_probabilities(squared_distances: Matrix, perplexity: float) -> list[list[float]]:
    """How likely each row chooses each other one as its neighbour, under a bell curve as wide as the perplexity asks.

    >>> conditional_probabilities([[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]], perplexity=2.0)[1]
    [0.5, 0.0, 0.5]
    """
    probabilities = []
    for i, row in enumerate(squared_distances):
        low, high, beta = 0.0, math.inf, 1.0
        for _ in range(100):
            shares = _shares(row, i, beta)
            entropy = -sum(p * math.log(p) for p in shares if p > 0)
            if abs(entropy - math.log(perplexity)) <= 1e-10:
                break
            low, high = (beta, high) if entropy > math.log(perplexity) else (low, beta)
            beta = 2 * beta if high == math.inf else (low + high) / 2
        probabilities.append(shares)
    return probabilities


def joint_probabilities(X: Matrix, perplexity: float) -> list[list[float]]:
    """Both directions on average, all pairs summing to one.

    >>> [round(p, 3) for p in joint_probabilities([[0.0], [1.0], [2.0]], perplexity=2.0)[0]]
    [0.0, 0.167, 0.167]
    """
    n = len(X)
    p = conditional_probabilities([[math.dist(x, y) ** 2 for y in X] for x in X], perplexity)
    return [[(p[i][j] + p[j][i]) / (2 * n) for j in range(n)] for i in range(n)]


def kl_divergence_and_gradient(P: Matrix, Y: Matrix) -> tuple[float, list[list[float]]]:
    """How badly a map shows affinities, and its derivative by every coordinate.

    >>> kl_divergence_and_gradient([[0.0, 0.5], [0.5, 0.0]], [[0.0], [1.0]])
    (0.0, [[0.0], [0.0]])
    """
    n = len(Y)
    nearness = [[(i != j) / (1 + math.dist(Y[i], Y[j]) ** 2) for j in range(n)] for i in range(n)]
    total = sum(map(sum, nearness))
    divergence, gradient = 0.0, [[0.0] * len(Y[0]) for _ in Y]
    for i in range(n):
        for j in range(n):
            q = nearness[i][j] / total
            if P[i][j] > 0:
                divergence += P[i][j] * math.log(P[i][j] / q)
            for k in range(len(Y[0])):
                gradient[i][k] += 4 * (P[i][j] - q) * nearness[i][j] * (Y[i][k] - Y[j][k])
    return divergence, gradient


def _shares(row: Sequence[float], i: int, beta: float) -> list[float]:
    nearest = min(distance for j, distance in enumerate(row) if j != i)
    weights = [0.0 if j == i else math.exp(-beta * (distance - nearest)) for j, distance in enumerate(row)]
    return [weight / sum(weights) for weight in weights]
