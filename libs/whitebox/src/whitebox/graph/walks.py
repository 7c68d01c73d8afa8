"""Random walks: by weight, with a memory of one step (node2vec), with restarts."""

# Loops over plain arrays take many of them.
# ruff: noqa: PLR0917

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, number_in, positive_int
from whitebox.graph.edges import as_nodes, check_graph
from whitebox.linalg.sparse import CSR, Indices


def random_walks(graph: CSR, starts: npt.ArrayLike, length: int, rng: np.random.Generator) -> Indices:
    """Walks that take each edge with a probability in proportion to its weight.

    (DeepWalk: Perozzi, Al-Rfou, Skiena: DeepWalk: Online Learning of Social Representations, KDD 2014.)

    O(walks · length · log degree).

    Args:
        graph: Weights of edges, shape (n, n).
        starts: Where each walk starts, shape (walks,).
        length: Steps.
        rng: Draws one number a step.

    Returns:
        Nodes, shape (walks, length + 1); -1 after a node without a way out.

    Raises:
        RangeError: if `length` is less than 1, a node is out of range, or a weight is negative.
        DtypeError, ShapeError: for what is no graph, and no nodes.

    >>> from whitebox.graph.edges import adjacency
    >>> path = adjacency([[0, 1], [1, 2]], nodes=3, directed=True)
    >>> random_walks(path, [0], 3, np.random.default_rng(0)).tolist()
    [[0, 1, 2, -1]]
    """
    first, length = _checked(graph, starts, length)
    draws = rng.random((len(first), length))
    return _walk(graph.starts, graph.columns, _running_weights(graph), first, draws)


def walks_with_restart(
    graph: CSR, starts: npt.ArrayLike, length: int, restart: float, rng: np.random.Generator
) -> Indices:
    """Walks that go back to their start with probability `restart` in each step, and where there is no way out.

    How often a long one visits a node tends to the PageRank with damping 1 - restart, personalised to the start (Tong,
    Faloutsos, Pan: Fast Random Walk with Restart, ICDM 2006). O(walks · length · log degree).

    Args:
        graph: Weights of edges, shape (n, n).
        starts: Where each walk starts, shape (walks,).
        length: Steps.
        restart: From 0 to 1.
        rng: Draws two numbers a step.

    Returns:
        Nodes, shape (walks, length + 1).

    Raises:
        RangeError: if a number or node is out of range, or a weight is negative.
        DtypeError, ShapeError: for what is no graph, and no nodes.

    >>> from whitebox.graph.edges import adjacency
    >>> walks_with_restart(adjacency([[0, 1]], nodes=2), [0], 3, 1.0, np.random.default_rng(0)).tolist()
    [[0, 0, 0, 0]]
    """
    first, length = _checked(graph, starts, length)
    restart = number_in(restart, "restart", 0, 1)
    returns = rng.random((len(first), length)) < restart
    draws = rng.random((len(first), length))
    return _walk_home(graph.starts, graph.columns, _running_weights(graph), first, draws, returns)


def node2vec_walks(
    graph: CSR, starts: npt.ArrayLike, length: int, rng: np.random.Generator, *, p: float = 1.0, q: float = 1.0
) -> Indices:
    r"""Walks that like or dislike to go back, and to go away from where they were before.

    .. math:: P(x \mid t, v) \propto w_{vx} \cdot \begin{cases} 1/p & x = t \\ 1 & t \to x \text{ is an edge} \\
              1/q & \text{otherwise} \end{cases}

    for a step from v that was reached from t (Grover, Leskovec: node2vec, KDD 2016). A small p keeps walks near home, a
    small q drives them outwards. O(walks · length · degree · log degree), without a table for every edge.

    Args:
        graph: Weights of edges, shape (n, n).
        starts: Where each walk starts, shape (walks,).
        length: Steps.
        rng: Draws one number a step.
        p: Return parameter, positive.
        q: In-out parameter, positive.

    Returns:
        Nodes, shape (walks, length + 1); -1 after a node without a way out.

    Raises:
        RangeError: if a number or node is out of range, or a weight is negative.
        DtypeError, ShapeError: for what is no graph, and no nodes.

    >>> from whitebox.graph.edges import adjacency
    >>> path = adjacency([[0, 1], [1, 2], [2, 3]], nodes=4)
    >>> node2vec_walks(path, [0], 3, np.random.default_rng(0), p=1e9).tolist()
    [[0, 1, 2, 3]]
    """
    first, length = _checked(graph, starts, length)
    p, q = number_in(p, "p", 0, open_low=True), number_in(q, "q", 0, open_low=True)
    draws = rng.random((len(first), length))
    return _biased_walk(graph.starts, graph.columns, graph.values, first, draws, p, q)


def node2vec_probabilities(graph: CSR, previous: int, current: int, *, p: float = 1.0, q: float = 1.0) -> Array:
    """The probabilities of a node2vec step from `current`, reached from `previous`, to each node, shape (n,).

    Zeros where there is no way out. O(n + degree · log degree).

    Raises:
        RangeError: if a number or node is out of range, or a weight is negative.
        DtypeError, ShapeError: for what is no graph, and no nodes.

    >>> from whitebox.graph.edges import adjacency
    >>> node2vec_probabilities(adjacency([[0, 1], [1, 2]], nodes=3), 0, 1, p=0.5, q=2.0).tolist()
    [0.8, 0.0, 0.2]
    """
    before, here = as_nodes([previous, current], check_graph(graph).shape[0], "previous and current").tolist()
    p, q = number_in(p, "p", 0, open_low=True), number_in(q, "q", 0, open_low=True)
    weights = np.zeros(int(graph.starts[here + 1] - graph.starts[here]))
    total = _biased_weights(graph.starts, graph.columns, graph.values, before, here, p, q, weights)
    probabilities = np.zeros(graph.shape[0])
    if total > 0:
        probabilities[graph.columns[graph.starts[here] : graph.starts[here + 1]]] = weights / total
    return probabilities


def _checked(graph: CSR, starts: npt.ArrayLike, length: int) -> tuple[Indices, int]:
    return as_nodes(starts, check_graph(graph).shape[0], "starts"), positive_int(length, "length")


def _running_weights(graph: CSR) -> Array:
    """Sums of weights along each row, shape (edges,)."""
    totals: Array = np.cumsum(graph.values)
    before = np.concatenate([[0.0], totals])[graph.starts[:-1]]
    running: Array = totals - np.repeat(before, np.diff(graph.starts))
    return running


@compiled
def _step(starts: Indices, columns: Indices, running: Array, node: int, draw: float) -> int:
    """The neighbour that a number in [0, 1) draws; -1 where there is none."""
    low, high = starts[node], starts[node + 1]
    if low == high or running[high - 1] <= 0:
        return -1
    target, last = draw * running[high - 1], high - 1
    while low < last:
        middle = (low + last) // 2
        if running[middle] > target:
            last = middle
        else:
            low = middle + 1
    return int(columns[low])


@compiled
def _walk(starts: Indices, columns: Indices, running: Array, first: Indices, draws: Array) -> Indices:
    walks = np.full((draws.shape[0], draws.shape[1] + 1), -1, dtype=np.int64)
    for number in range(len(first)):
        node = first[number]
        walks[number, 0] = node
        for step in range(draws.shape[1]):
            node = _step(starts, columns, running, node, draws[number, step])
            if node < 0:
                break
            walks[number, step + 1] = node
    return walks


@compiled
def _walk_home(
    starts: Indices,
    columns: Indices,
    running: Array,
    first: Indices,
    draws: Array,
    returns: npt.NDArray[np.bool_],
) -> Indices:
    walks = np.empty((draws.shape[0], draws.shape[1] + 1), dtype=np.int64)
    for number in range(len(first)):
        node = first[number]
        walks[number, 0] = node
        for step in range(draws.shape[1]):
            if returns[number, step]:
                node = first[number]
            else:
                node = _step(starts, columns, running, node, draws[number, step])
                if node < 0:
                    node = first[number]
            walks[number, step + 1] = node
    return walks


@compiled
def _has_edge(starts: Indices, columns: Indices, node: int, other: int) -> bool:
    low, high = starts[node], starts[node + 1]
    while low < high:
        middle = (low + high) // 2
        if columns[middle] < other:
            low = middle + 1
        else:
            high = middle
    return bool(low < starts[node + 1] and columns[low] == other)


@compiled
def _biased_weights(
    starts: Indices, columns: Indices, values: Array, previous: int, current: int, p: float, q: float, weights: Array
) -> float:
    """Fills in the weight of each edge from `current`, and gives their sum."""
    total = 0.0
    for place in range(starts[current], starts[current + 1]):
        other = columns[place]
        weight = values[place]
        if other == previous:
            weight /= p
        elif not _has_edge(starts, columns, previous, other):
            weight /= q
        weights[place - starts[current]] = weight
        total += weight
    return total


@compiled
def _biased_walk(
    starts: Indices, columns: Indices, values: Array, first: Indices, draws: Array, p: float, q: float
) -> Indices:
    widest = 0
    for node in range(len(starts) - 1):
        widest = max(widest, starts[node + 1] - starts[node])
    weights = np.empty(widest)
    walks = np.full((draws.shape[0], draws.shape[1] + 1), -1, dtype=np.int64)
    for number in range(len(first)):
        previous, current = -1, first[number]
        walks[number, 0] = current
        for step in range(draws.shape[1]):
            begin, count = starts[current], starts[current + 1] - starts[current]
            total = 0.0
            if previous < 0:
                for place in range(count):
                    weights[place] = values[begin + place]
                    total += weights[place]
            else:
                total = _biased_weights(starts, columns, values, previous, current, p, q, weights)
            if total <= 0:
                break
            target, chosen = draws[number, step] * total, -1
            for place in range(count):
                if weights[place] > 0:
                    # Rounding may leave a little of the target: then the last edge that counts is taken.
                    chosen = place
                    if target < weights[place]:
                        break
                    target -= weights[place]
            previous, current = current, columns[begin + chosen]
            walks[number, step + 1] = current
    return walks
