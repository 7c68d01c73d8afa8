"""Graphs as lists of dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

Graph = list[dict[int, float]]


def adjacency(
    edges: Sequence[tuple[int, int]], nodes: int, weights: Sequence[float] | None = None, directed: bool = False
) -> Graph:
    """For each node the weight of the edge to each neighbour; repeated edges add up.

    >>> adjacency([(0, 1), (1, 2)], nodes=3)
    [{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}]
    """
    graph: Graph = [{} for _ in range(nodes)]
    for (i, j), weight in zip(edges, weights or [1.0] * len(edges), strict=True):
        graph[i][j] = graph[i].get(j, 0.0) + weight
        if not directed and i != j:
            graph[j][i] = graph[j].get(i, 0.0) + weight
    return graph
