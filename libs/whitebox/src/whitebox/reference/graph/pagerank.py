"""PageRank, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.graph.edges import Graph


def pagerank(
    graph: Graph, damping: float = 0.85, personalization: Sequence[float] | None = None, steps: int = 500
) -> list[float]:
    """Hands every node's share on along its edges, so many times.

    >>> [round(x, 3) for x in pagerank([{1: 1.0}, {}, {1: 1.0}])]
    [0.213, 0.574, 0.213]
    """
    n = len(graph)
    weights = personalization or [1.0] * n
    start = [weight / sum(weights) for weight in weights]
    x = start
    for _ in range(steps):
        following = [0.0] * n
        lost = 0.0
        for i, edges in enumerate(graph):
            total = sum(edges.values())
            if total == 0:
                lost += x[i]  # nowhere to go: the walk starts anew
            else:
                for j, weight in edges.items():
                    following[j] += x[i] * weight / total
        x = [damping * (following[i] + lost * start[i]) + (1 - damping) * start[i] for i in range(n)]
    return x
