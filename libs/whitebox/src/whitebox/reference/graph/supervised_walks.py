"""Supervised random walks: ranks and their gradient by the recursions of the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Vector, dot

# For each node the features of the edge to each neighbour.
FeatureGraph = list[dict[int, list[float]]]


def supervised_ranks(
    graph: FeatureGraph, weights: Sequence[float], source: int, restart: float = 0.2, steps: int = 300
) -> tuple[Vector, Matrix]:
    """Personalised PageRank over edges of strength exp(w · features), and its gradient (algorithm 1 of the paper).

    >>> ranks, gradient = supervised_ranks([{1: [0.0], 2: [1.0]}, {}, {}], [math.log(3.0)], source=0, restart=0.5)
    >>> [round(p, 4) for p in ranks], [round(row[0], 4) for row in gradient[1:]]
    ([0.6667, 0.0833, 0.25], [-0.0625, 0.0625])
    """
    n, size = len(graph), len(weights)
    Q = [[restart * (v == source) for v in range(n)] for _ in range(n)]
    dQ = [[[0.0] * size for _ in range(n)] for _ in range(n)]
    for u, edges in enumerate(graph):
        strength = {v: math.exp(dot(weights, features)) for v, features in edges.items()}
        total = sum(strength.values())
        if not edges:
            Q[u][source] += 1 - restart
        for v, features in edges.items():
            Q[u][v] += (1 - restart) * strength[v] / total
            for k in range(size):
                slope = sum(strength[x] * edges[x][k] for x in edges)
                dQ[u][v][k] = (1 - restart) * strength[v] * (features[k] * total - slope) / total**2
    p = [float(v == source) for v in range(n)]
    for _ in range(steps):
        p = [sum(p[u] * Q[u][v] for u in range(n)) for v in range(n)]
    dp = [[0.0] * size for _ in range(n)]
    for _ in range(steps):
        dp = [[sum(Q[u][v] * dp[u][k] + p[u] * dQ[u][v][k] for u in range(n)) for k in range(size)] for v in range(n)]
    return p, dp


def wmw_loss(differences: Sequence[float], width: float) -> tuple[Vector, Vector]:
    """A smooth step and its derivative.

    >>> wmw_loss([0.0], 0.5)
    ([0.5], [0.5])
    """
    values = [1 / (1 + math.exp(-x / width)) for x in differences]
    return values, [h / (1 + math.exp(x / width)) / width for x, h in zip(differences, values, strict=True)]
