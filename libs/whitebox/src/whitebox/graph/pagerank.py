"""PageRank: where a random surfer spends the time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import ConvergenceError, RangeError, ShapeError
from whitebox.graph.edges import check_graph
from whitebox.linalg.sparse import CSR


def pagerank(
    graph: CSR,
    damping: float = 0.85,
    *,
    personalization: npt.ArrayLike | None = None,
    tol: float = 1e-10,
    max_iter: int = 1000,
) -> Array:
    r"""The stationary distribution of a walk that follows an edge with probability d, and otherwise starts anew.

    .. math:: x = d \Big(P^\top x + v \sum_{i \text{ dangling}} x_i\Big) + (1 - d)\, v, \qquad
              P_{ij} = \frac{w_{ij}}{\sum_k w_{ik}}

    (Page, Brin, Motwani, Winograd: The PageRank Citation Ranking, 1999.) A node without a way out starts anew, so that
    no mass is lost. By power iteration, whose error shrinks by d a step: O(edges · log(tol) / log(d)).

    Args:
        graph: Weights of edges, shape (n, n).
        damping: d, from 0 to below 1.
        personalization: Where walks start, not negative, shape (n,); v is its share. Uniform by default.
        tol: Stops when no more than this, in sum of absolute values, changes in a step.
        max_iter: Steps at most.

    Returns:
        x, which sums to 1, shape (n,).

    Raises:
        RangeError: if a parameter is out of its range, a weight is negative, or the personalisation is all zero.
        ShapeError: if the graph is not square or the personalisation has another length.
        ConvergenceError: if `max_iter` steps are not enough.
        DtypeError, NotFiniteError: for unusable input.

    >>> from whitebox.graph.edges import adjacency
    >>> pagerank(adjacency([[0, 1], [2, 1]], nodes=3, directed=True)).round(3).tolist()
    [0.213, 0.574, 0.213]
    """
    n = check_graph(graph).shape[0]
    damping = number_in(damping, "damping", 0, 1)
    if damping == 1:
        raise RangeError("damping must be below 1: at 1 a walk never starts anew, and may have no unique distribution")
    tol, max_iter = number_in(tol, "tol", 0), positive_int(max_iter, "max_iter")
    start = start_distribution(personalization, n)
    rows = graph.rows
    probabilities, dangling = transition_probabilities(graph)
    x = start
    for _ in range(max_iter):
        moved = np.bincount(graph.columns, weights=probabilities * x[rows], minlength=n)
        following: Array = damping * (moved + x[dangling].sum() * start) + (1 - damping) * start
        change = float(np.abs(following - x).sum())
        x = following
        # Rounding leaves a change of this size in the end.
        if change <= max(tol, 4e-16):
            return x
    raise ConvergenceError(f"PageRank still changes by {change:.3g} after {max_iter} steps; tol is {tol:g}")


def transition_probabilities(graph: CSR) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The probability of each edge, shape (edges,), and which nodes have no way out, shape (n,). O(edges)."""
    # Shares of the heaviest edge of each node, so that no sum overflows.
    heaviest = np.zeros(graph.shape[0])
    np.maximum.at(heaviest, graph.rows, graph.values)
    dangling = heaviest == 0
    shares = graph.values / np.where(dangling, 1.0, heaviest)[graph.rows]
    totals = np.bincount(graph.rows, weights=shares, minlength=graph.shape[0])
    return shares / np.where(dangling, 1.0, totals)[graph.rows], dangling


def start_distribution(personalization: npt.ArrayLike | None, n: int) -> Array:
    """Where walks start, as probabilities, shape (n,).

    Raises:
        ShapeError: if it has another length.
        RangeError: if it is negative somewhere, or zero everywhere.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.
    """
    if personalization is None:
        return np.full(n, 1 / n)
    weights = as_vector(personalization, "personalization")
    if len(weights) != n:
        raise ShapeError(f"personalization must have shape ({n},), got {weights.shape}")
    if (weights < 0).any():
        raise RangeError(f"personalization[{int(weights.argmin())}] is {weights.min():g}: it must not be negative")
    if not weights.any():
        raise RangeError("personalization is zero everywhere: walks would start nowhere")
    shares = weights / weights.max()
    probabilities: Array = shares / shares.sum()
    return probabilities
