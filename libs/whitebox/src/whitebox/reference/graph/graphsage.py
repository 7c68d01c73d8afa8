"""What a node learns of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.graph.edges import Graph


def mean_aggregation(edges: Graph, x: Sequence[Sequence[float]]) -> list[list[float]]:
    """The weighted mean of the neighbours' features; 0 without neighbours.

    >>> mean_aggregation([{1: 1.0}, {0: 1.0, 2: 1.0}, {}], [[1.0], [2.0], [5.0]])
    [[2.0], [3.0], [0.0]]
    """
    means = []
    for weights in edges:
        total = sum(weights.values())
        means.append([sum(w * x[j][k] for j, w in weights.items()) / (total or 1.0) for k in range(len(x[0]))])
    return means


def max_aggregation(edges: Graph, x: Sequence[Sequence[float]]) -> list[list[float]]:
    """The largest of each feature among the neighbours; 0 without neighbours.

    >>> max_aggregation([{1: 1.0}, {0: 1.0, 2: 1.0}, {}], [[1.0], [2.0], [5.0]])
    [[2.0], [5.0], [0.0]]
    """
    return [[max((x[j][k] for j in weights), default=0.0) for k in range(len(x[0]))] for weights in edges]
