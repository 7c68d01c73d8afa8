"""Graphs as sparse matrices: the entry in row i and column j is the weight of the edge from i to j."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_vector, positive_int
from whitebox.errors import DtypeError, NotSymmetricError, RangeError, ShapeError
from whitebox.linalg.sparse import CSR


def adjacency(edges: npt.ArrayLike, nodes: int, *, weights: npt.ArrayLike | None = None, directed: bool = False) -> CSR:
    """The matrix of a list of edges. Weights of repeated edges add up. O(edges · log).

    Args:
        edges: Pairs of nodes, numbered from 0, shape (edges, 2); none is allowed.
        nodes: How many there are.
        weights: One an edge, not negative; 1 each by default.
        directed: Whether an edge leads one way only; otherwise its reverse is added, but for that of a loop.

    Raises:
        ShapeError: if the edges are no pairs, or there are not as many weights.
        RangeError: if a node is out of range or a weight is negative.
        DtypeError, NotFiniteError: for nodes that are no whole numbers, and weights that are no finite numbers.

    >>> adjacency([[0, 1], [1, 2]], nodes=3).to_dense().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    nodes = positive_int(nodes, "nodes")
    pairs = as_pairs(edges, nodes, "edges")
    values = np.ones(len(pairs)) if weights is None else as_vector(weights, "weights")
    if len(values) != len(pairs):
        raise ShapeError(f"{len(values)} weights for {len(pairs)} edges")
    if (values < 0).any():
        raise RangeError(f"weights[{int(values.argmin())}] is {values.min():g}: weights must not be negative")
    if not directed:
        between = pairs[:, 0] != pairs[:, 1]
        pairs = np.concatenate([pairs, pairs[between, ::-1]])
        values = np.concatenate([values, values[between]])
    return CSR.from_triplets(pairs[:, 0], pairs[:, 1], values, (nodes, nodes))


def as_pairs(pairs: npt.ArrayLike, nodes: int, name: str) -> npt.NDArray[np.int64]:
    """Pairs of nodes, shape (pairs, 2).

    Raises:
        ShapeError: if they are no pairs.
        DtypeError: if they are no whole numbers.
        RangeError: if a node is out of range.
    """
    held = np.asarray(pairs)
    if held.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if held.ndim != 2 or held.shape[1] != 2:
        raise ShapeError(f"{name} must have shape (pairs, 2), got {held.shape}")
    return as_nodes(held.ravel(), nodes, name).reshape(-1, 2)


def as_nodes(numbers: npt.ArrayLike, nodes: int, name: str) -> npt.NDArray[np.int64]:
    """A vector of nodes.

    Raises:
        ShapeError: if it is no vector.
        DtypeError: if it holds anything but whole numbers.
        RangeError: if a node is out of range.
    """
    held = np.asarray(numbers)
    if held.ndim != 1:
        raise ShapeError(f"{name} must be a vector of nodes, got shape {held.shape}")
    if held.size and held.dtype.kind not in "iu":
        raise DtypeError(f"{name} must hold whole numbers, got dtype {held.dtype}")
    outside = np.flatnonzero((held < 0) | (held >= nodes))
    if outside.size:
        raise RangeError(f"{name} holds node {held[outside[0]]}, outside 0 to {nodes - 1}")
    return held.astype(np.int64)


def check_graph(graph: CSR, *, symmetric: bool = False) -> CSR:
    """The graph itself, if it is one.

    Raises:
        DtypeError: if it is no sparse matrix.
        ShapeError: if it is not square.
        RangeError: if a weight is negative or not finite.
        NotSymmetricError: if it has to be, and an edge has no reverse of the same weight.
    """
    if not isinstance(graph, CSR):
        raise DtypeError(f"graph must be a CSR matrix, as `adjacency` makes one, got {type(graph).__name__}")
    if graph.shape[0] != graph.shape[1]:
        raise ShapeError(f"graph must be square, got shape {graph.shape}")
    if not (np.isfinite(graph.values) & (graph.values >= 0)).all():
        raise RangeError("graph has weights that are negative or not finite")
    if symmetric:
        reverse = graph.T
        same = np.array_equal(reverse.starts, graph.starts) and np.array_equal(reverse.columns, graph.columns)
        # Weights of repeated edges may have been added up in another order on the way back.
        if not same or not np.allclose(reverse.values, graph.values, rtol=1e-12, atol=0.0):
            raise NotSymmetricError("graph is directed, but what is asked for is defined for undirected ones")
    return graph
