"""Which links are likely to appear, from those there are (Liben-Nowell, Kleinberg: The Link-Prediction Problem for
Social Networks, 2007).

Graphs are undirected; weights and loops do not count, only who is whose neighbour. Γ(u) are the neighbours of u.
"""  # noqa: D205  # the title is longer than a line

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import ConvergenceError
from whitebox.graph.edges import as_pairs, check_graph
from whitebox.linalg.sparse import CSR, Indices


def common_neighbours(graph: CSR, pairs: npt.ArrayLike) -> Array:
    r"""How many neighbours two nodes share, :math:`|\Gamma(u) \cap \Gamma(v)|`. O(pairs · degree).

    Args:
        graph: Symmetric, shape (n, n).
        pairs: Shape (pairs, 2).

    Returns:
        Shape (pairs,).

    Raises:
        NotSymmetricError: if the graph is directed.
        RangeError: if a node is out of range.
        DtypeError, ShapeError: for what is no graph, and no pairs.

    >>> from whitebox.graph.edges import adjacency
    >>> common_neighbours(adjacency([[0, 1], [0, 2], [3, 1], [3, 2]], nodes=4), [[0, 3], [0, 1]]).tolist()
    [2.0, 0.0]
    """
    simple = _simple(graph)
    return _shared_worth(simple, pairs, np.ones(simple.shape[0]))


def jaccard(graph: CSR, pairs: npt.ArrayLike) -> Array:
    r"""What two nodes share of all their neighbours, :math:`|\Gamma(u) \cap \Gamma(v)| / |\Gamma(u) \cup \Gamma(v)|`.

    0 where neither has any. Arguments, complexity and errors as `common_neighbours`.

    >>> from whitebox.graph.edges import adjacency
    >>> jaccard(adjacency([[0, 1], [0, 2], [3, 1]], nodes=4), [[0, 3]]).tolist()
    [0.5]
    """
    simple = _simple(graph)
    shared, degrees = _shared_worth(simple, pairs, np.ones(simple.shape[0])), np.diff(simple.starts)
    held = as_pairs(pairs, simple.shape[0], "pairs")
    union = degrees[held].sum(axis=1) - shared
    result: Array = shared / np.where(union > 0, union, 1)
    return result


def adamic_adar(graph: CSR, pairs: npt.ArrayLike) -> Array:
    r"""Shared neighbours, each for less the more neighbours it has itself.

    .. math:: \sum_{z \in \Gamma(u) \cap \Gamma(v)} \frac{1}{\ln |\Gamma(z)|}

    (Adamic, Adar: Friends and Neighbors on the Web, 2003.) Arguments, complexity and errors as `common_neighbours`.

    >>> from whitebox.graph.edges import adjacency
    >>> adamic_adar(adjacency([[0, 1], [1, 2]], nodes=3), [[0, 2]]).round(4).tolist()
    [1.4427]
    """
    simple = _simple(graph)
    # What two nodes share has two neighbours at least: others never count.
    return _shared_worth(simple, pairs, 1 / np.log(np.maximum(np.diff(simple.starts), 2)))


def resource_allocation(graph: CSR, pairs: npt.ArrayLike) -> Array:
    r"""What arrives if each neighbour hands on what it gets in equal parts, :math:`\sum_z 1 / |\Gamma(z)|`.

    (Zhou, Lü, Zhang: Predicting Missing Links via Local Information, 2009.) Arguments, complexity and errors as
    `common_neighbours`.

    >>> from whitebox.graph.edges import adjacency
    >>> resource_allocation(adjacency([[0, 1], [1, 2]], nodes=3), [[0, 2]]).tolist()
    [0.5]
    """
    simple = _simple(graph)
    return _shared_worth(simple, pairs, 1 / np.maximum(np.diff(simple.starts), 1))


def preferential_attachment(graph: CSR, pairs: npt.ArrayLike) -> Array:
    r"""The product of the degrees, :math:`|\Gamma(u)| \, |\Gamma(v)|` (Barabási, Albert 1999). O(pairs).

    Arguments and errors as `common_neighbours`.

    >>> from whitebox.graph.edges import adjacency
    >>> preferential_attachment(adjacency([[0, 1], [1, 2]], nodes=4), [[0, 1], [1, 3]]).tolist()
    [2.0, 0.0]
    """
    simple = _simple(graph)
    degrees = np.diff(simple.starts).astype(np.float64)
    result: Array = degrees[as_pairs(pairs, simple.shape[0], "pairs")].prod(axis=1)
    return result


def katz(graph: CSR, pairs: npt.ArrayLike, beta: float = 0.05, *, tol: float = 1e-12, max_iter: int = 1000) -> Array:
    r"""Paths between two nodes, each for less the longer it is.

    .. math:: \sum_{l \ge 1} \beta^l (A^l)_{uv} = \big((I - \beta A)^{-1} - I\big)_{uv}

    (Katz: A New Status Index Derived from Sociometric Analysis, 1953.) The sum is finite for β below one over the
    largest eigenvalue of A, and is added up for all first nodes of pairs together: O(iterations · edges · first nodes).

    Args:
        graph: Symmetric, shape (n, n).
        pairs: Shape (pairs, 2).
        beta: β, positive.
        tol: Stops when what is added falls to this share of the sum.
        max_iter: Longest paths.

    Raises:
        ConvergenceError: if β is so large that the sum does not settle.
        NotSymmetricError, RangeError, DtypeError, ShapeError: as `common_neighbours`.

    >>> from whitebox.graph.edges import adjacency
    >>> katz(adjacency([[0, 1]], nodes=2), [[0, 1]], beta=0.5).round(6).tolist()
    [0.666667]
    """
    simple = _simple(graph)
    held = as_pairs(pairs, simple.shape[0], "pairs")
    beta, tol = number_in(beta, "beta", 0, open_low=True), number_in(tol, "tol", 0)
    sources, which = np.unique(held[:, 0], return_inverse=True)
    if len(held) == 0:
        return np.zeros(0)
    # The column of each first node; the matrix is symmetric.
    term = np.zeros((simple.shape[0], len(sources)))
    term[sources, np.arange(len(sources))] = 1.0
    total = np.zeros_like(term)
    for _ in range(positive_int(max_iter, "max_iter")):
        with np.errstate(over="ignore"):
            grown = beta * np.asarray(simple @ term) if np.isfinite(term).all() else term
        if not np.isfinite(grown).all() or grown.max() > 1e200:
            break
        term = grown
        total += term
        if term.max() <= max(tol, 1e-16) * max(total.max(), 1e-300):
            result: Array = total[held[:, 1], which.reshape(-1)]
            return result
    raise ConvergenceError(
        f"the sum over paths does not settle at beta = {beta:g}: it must be below 1 / (largest eigenvalue)"
    )


def _simple(graph: CSR) -> CSR:
    """Every edge once, with weight 1, and no loops; an edge of weight 0 is none."""
    check_graph(graph, symmetric=True)
    kept = (graph.rows != graph.columns) & (graph.values > 0)
    rows, columns = graph.rows[kept], graph.columns[kept]
    starts = np.searchsorted(rows, np.arange(graph.shape[0] + 1))
    return CSR(np.ones(len(columns)), columns, starts, graph.shape)


def _shared_worth(simple: CSR, pairs: npt.ArrayLike, worth: npt.NDArray[Any]) -> Array:
    held = as_pairs(pairs, simple.shape[0], "pairs")
    return _sum_shared(simple.starts, simple.columns, held, worth.astype(np.float64))


@compiled
def _sum_shared(starts: Indices, columns: Indices, pairs: Indices, worth: Array) -> Array:
    """For each pair the sum over shared neighbours, by merging two sorted lists."""
    totals = np.zeros(len(pairs))
    for number in range(len(pairs)):
        left, right = starts[pairs[number, 0]], starts[pairs[number, 1]]
        left_end, right_end = starts[pairs[number, 0] + 1], starts[pairs[number, 1] + 1]
        while left < left_end and right < right_end:
            if columns[left] < columns[right]:
                left += 1
            elif columns[left] > columns[right]:
                right += 1
            else:
                totals[number] += worth[columns[left]]
                left += 1
                right += 1
    return totals
