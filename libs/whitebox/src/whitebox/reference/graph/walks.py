"""The probabilities of a step of node2vec, and walks by given draws."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.graph.edges import Graph


def node2vec_probabilities(graph: Graph, previous: int, current: int, p: float = 1.0, q: float = 1.0) -> list[float]:
    """To each node: back for 1/p, to a neighbour of where the walk was for 1, farther away for 1/q.

    >>> node2vec_probabilities([{1: 1.0}, {0: 1.0, 2: 1.0}, {1: 1.0}], 0, 1, p=0.5, q=2.0)
    [0.8, 0.0, 0.2]
    """
    weights = [0.0] * len(graph)
    for other, weight in graph[current].items():
        if other == previous:
            weights[other] = weight / p
        elif other in graph[previous]:
            weights[other] = weight
        else:
            weights[other] = weight / q
    total = sum(weights)
    return [weight / total for weight in weights] if total else weights


def random_walks(graph: Graph, starts: Sequence[int], draws: Sequence[Sequence[float]]) -> list[list[int]]:
    """Walks by weight, one draw from [0, 1) a step; -1 after a node without a way out.

    >>> random_walks([{1: 1.0}, {0: 1.0, 2: 3.0}, {}], [0], [[0.5, 0.5, 0.5]])
    [[0, 1, 2, -1]]
    """
    walks = []
    for start, numbers in zip(starts, draws, strict=True):
        walk = [start]
        for draw in numbers:
            walk.append(_step(graph, walk[-1], draw) if walk[-1] >= 0 else -1)
        walks.append(walk)
    return walks


def _step(graph: Graph, node: int, draw: float) -> int:
    target = draw * sum(graph[node].values())
    running = 0.0
    for other in sorted(graph[node]):
        running += graph[node][other]
        if running > target:
            return other
    return -1
