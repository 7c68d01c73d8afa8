"""Graph convolutions, node by node."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.graph.edges import Graph


def normalized_adjacency(graph: Graph) -> Graph:
    """Weights, with a loop of weight 1 at each node, over the roots of both ends' degrees.

    >>> normalized_adjacency([{}, {}])
    [{0: 1.0}, {1: 1.0}]
    """
    looped = [{**edges, i: edges.get(i, 0.0) + 1.0} for i, edges in enumerate(graph)]
    degrees = [sum(edges.values()) for edges in looped]
    return [
        {j: weight / math.sqrt(degrees[i] * degrees[j]) for j, weight in edges.items()}
        for i, edges in enumerate(looped)
    ]


def graph_convolution(
    propagation: Graph, x: Sequence[Sequence[float]], weight: Sequence[Sequence[float]], bias: Sequence[float]
) -> list[list[float]]:
    """What each node gathers along its edges, mapped.

    >>> graph_convolution([{0: 0.5, 1: 0.5}, {0: 0.5, 1: 0.5}], [[2.0], [4.0]], [[10.0]], [1.0])
    [[31.0], [31.0]]
    """
    convolved = []
    for edges in propagation:
        gathered = [sum(share * x[j][k] for j, share in edges.items()) for k in range(len(weight))]
        convolved.append(
            [sum(g * row[m] for g, row in zip(gathered, weight, strict=True)) + b for m, b in enumerate(bias)]
        )
    return convolved
