"""Scores of pairs of nodes, by sets of neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.graph.edges import Graph

Pairs = Sequence[tuple[int, int]]


def common_neighbours(graph: Graph, pairs: Pairs) -> list[float]:
    """How many neighbours two nodes share.

    >>> common_neighbours([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], [(0, 2)])
    [1.0]
    """
    return [float(len(_neighbours(graph, u) & _neighbours(graph, v))) for u, v in pairs]


def jaccard(graph: Graph, pairs: Pairs) -> list[float]:
    """What two nodes share of all their neighbours.

    >>> jaccard([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], [(0, 2)])
    [1.0]
    """
    scores = []
    for u, v in pairs:
        union = _neighbours(graph, u) | _neighbours(graph, v)
        scores.append(len(_neighbours(graph, u) & _neighbours(graph, v)) / len(union) if union else 0.0)
    return scores


def adamic_adar(graph: Graph, pairs: Pairs) -> list[float]:
    """Shared neighbours, each for one over the logarithm of its degree.

    >>> adamic_adar([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], [(0, 2)])
    [1.4426950408889634]
    """
    return [
        sum(1 / math.log(len(_neighbours(graph, z))) for z in _neighbours(graph, u) & _neighbours(graph, v) if u != v)
        for u, v in pairs
    ]


def resource_allocation(graph: Graph, pairs: Pairs) -> list[float]:
    """Shared neighbours, each for one over its degree.

    >>> resource_allocation([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], [(0, 2)])
    [0.5]
    """
    return [
        sum(1 / len(_neighbours(graph, z)) for z in _neighbours(graph, u) & _neighbours(graph, v)) for u, v in pairs
    ]


def preferential_attachment(graph: Graph, pairs: Pairs) -> list[float]:
    """The product of the degrees.

    >>> preferential_attachment([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], [(0, 1)])
    [2.0]
    """
    return [float(len(_neighbours(graph, u)) * len(_neighbours(graph, v))) for u, v in pairs]


def katz(graph: Graph, pairs: Pairs, beta: float = 0.05, longest: int = 400) -> list[float]:
    """Paths of every length, counted by walking them from the first node.

    >>> [round(score, 6) for score in katz([{1: 1.0}, {0: 1.0}], [(0, 1)], beta=0.5)]
    [0.666667]
    """
    scores = []
    for u, v in pairs:
        paths = [float(i == u) for i in range(len(graph))]
        total = 0.0
        for _ in range(longest):
            paths = [beta * sum(paths[j] for j in _neighbours(graph, i)) for i in range(len(graph))]
            total += paths[v]
        scores.append(total)
    return scores


def _neighbours(graph: Graph, node: int) -> set[int]:
    return {other for other, weight in graph[node].items() if weight > 0 and other != node}
