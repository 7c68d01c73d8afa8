"""Supervised random walks: edge strengths learnt so that walks end where links will appear.

(Backstrom, Leskovec: Supervised Random Walks: Predicting and Recommending Links in Social Networks, WSDM 2011.)
"""

# What a walk depends on is much.
# ruff: noqa: PLR0917

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import ConvergenceError, EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.graph.edges import as_nodes, check_graph
from whitebox.linalg.sparse import CSR, Indices
from whitebox.optimize import lbfgs

Strength = Literal["exponential", "logistic"]
_TOL = 1e-13
_MAX_ITER = 10_000


class Ranks(NamedTuple):
    """Where walks from a source spend their time.

    Attributes:
        p: Shape (n,), sums to 1.
        gradient: Of each entry by each weight, shape (n, features).
    """

    p: Array
    gradient: Array


def supervised_ranks(
    graph: CSR,
    features: npt.ArrayLike,
    weights: npt.ArrayLike,
    source: int,
    *,
    restart: float = 0.2,
    strength: Strength = "exponential",
) -> Ranks:
    r"""Personalised PageRank over edges whose strengths depend on their features, and its gradient.

    .. math:: a_{uv} = e^{w \cdot \psi_{uv}} \text{ or } \frac{1}{1 + e^{-w \cdot \psi_{uv}}}, \qquad
              Q_{uv} = (1 - \alpha) \frac{a_{uv}}{\sum_k a_{uk}} + \alpha [v = s], \qquad p^\top = p^\top Q

    .. math:: \frac{\partial p_u}{\partial w} = \sum_j Q_{ju} \frac{\partial p_j}{\partial w}
              + p_j \frac{\partial Q_{ju}}{\partial w}

    (equations 3 to 7), both by power iteration, which gains a factor of :math:`1 - \alpha` a step. A node without a way
    out leads back to the source. O(steps · edges · features).

    Args:
        graph: Which edges there are, shape (n, n); their own weights do not count.
        features: ψ, in the order of the graph's entries, shape (edges, features).
        weights: w, shape (features,).
        source: s.
        restart: α, above 0.
        strength: Which a.

    Raises:
        RangeError: if a number or node is out of range, or the strength is unknown.
        ShapeError: if there is not one row of features an edge, or one weight a feature.
        ConvergenceError: if the restart is so small that 10 000 steps are not enough.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> from whitebox.graph.edges import adjacency
    >>> star = adjacency([[0, 1], [0, 2]], nodes=3, directed=True)
    >>> ranks = supervised_ranks(star, [[0.0], [1.0]], [np.log(3.0)], source=0, restart=0.5)
    >>> ranks.p.round(4).tolist(), ranks.gradient.round(4).tolist()
    ([0.6667, 0.0833, 0.25], [[0.0], [-0.0625], [0.0625]])
    """
    rows, w, restart = _checked(graph, features, weights, restart, strength)
    (start,) = as_nodes([source], graph.shape[0], "source").tolist()
    return _ranks(graph, rows, w, start, restart, strength)


def wmw_loss(differences: npt.ArrayLike, width: float) -> tuple[Array, Array]:
    r"""A smooth step that counts pairs in the wrong order, and its derivative.

    .. math:: h(x) = \frac{1}{1 + e^{-x / b}}, \qquad h'(x) = \frac{h(x) (1 - h(x))}{b}

    of :math:`x = p_l - p_d`, which should be negative. As b shrinks, the mean over pairs tends to one minus the area
    under the ROC curve (Yan, Dodier, Mozer, Wolniewicz: Optimizing Classifier Performance via an Approximation to the
    Wilcoxon-Mann-Whitney Statistic, ICML 2003). O(differences).

    Raises:
        RangeError: if the width is not positive.

    >>> [values.round(3).tolist() for values in wmw_loss([0.0, -1.0], width=0.5)]
    [[0.5, 0.119], [0.5, 0.21]]
    """
    b = number_in(width, "width", 0, open_low=True)
    z = np.asarray(differences, dtype=np.float64) / b
    small = np.exp(-np.abs(z))  # never overflows, and loses nothing where h is close to 0 or 1
    return np.where(z >= 0, 1.0, small) / (1 + small), small / (1 + small) ** 2 / b


class SupervisedRandomWalk:
    r"""Learns the weights of edge features from nodes that links should lead to.

    .. math:: \min_w \; \lVert w \rVert^2 + \lambda \sum_s \sum_{d \in D_s} \sum_{l \in L_s} h(p_l - p_d)

    (equation 2), with h of `wmw_loss`, by L-BFGS with the gradient of `supervised_ranks`. The objective is not convex:
    what is found is a minimum near w = 0. O(iterations · sources · steps · edges · features).

    Args:
        restart: α of the walks.
        strength: "exponential" or "logistic", as `supervised_ranks`.
        width: b, in units of probability.
        loss_weight: λ, not negative.
        max_iter: Iterations at most.
        tol: Stops when the norm of the gradient falls to this.

    Attributes:
        weights_: w, shape (features,).
        loss_: The objective there.
        n_iter_: Iterations taken.

    >>> from whitebox.graph.edges import adjacency
    >>> star = adjacency([[0, 1], [0, 2]], nodes=3, directed=True)
    >>> walk = SupervisedRandomWalk().fit(star, [[0.0], [1.0]], sources=[0], destinations=[[2]], others=[[1]])
    >>> bool(walk.weights_[0] > 0)
    True
    """

    weights_: Array
    loss_: float
    n_iter_: int

    def __init__(
        self,
        restart: float = 0.2,
        strength: Strength = "exponential",
        *,
        width: float = 0.01,
        loss_weight: float = 1.0,
        max_iter: int = 200,
        tol: float = 1e-6,
    ) -> None:
        self.restart = restart
        self.strength = strength
        self.width = width
        self.loss_weight = loss_weight
        self.max_iter = max_iter
        self.tol = tol

    def fit(
        self,
        graph: CSR,
        features: npt.ArrayLike,
        sources: npt.ArrayLike,
        destinations: Sequence[npt.ArrayLike],
        others: Sequence[npt.ArrayLike] | None = None,
    ) -> Self:
        """Learns the weights.

        Args:
            graph: Shape (n, n).
            features: Shape (edges, features).
            sources: Where walks start, shape (sources,).
            destinations: Nodes that each source should come to, D.
            others: Nodes it should not, L; by default all but the source, its neighbours and its destinations.

        Raises:
            EmptyInputError: if there is no source, or no pair of a destination and another node.
            ShapeError: if the lists differ in length.
            RangeError: if a parameter or node is out of its range, or a node is a destination and not one.
            DtypeError, NotFiniteError, ConvergenceError: as `supervised_ranks`.
        """
        start = np.zeros(np.shape(features)[-1] if np.ndim(features) == 2 else 1)
        rows, start, restart = _checked(graph, features, start, self.restart, self.strength)
        factor = number_in(self.loss_weight, "loss_weight", 0)
        number_in(self.width, "width", 0, open_low=True)
        tasks = _tasks(graph, sources, destinations, others)

        def objective(w: Array) -> tuple[float, Array]:
            value, gradient = float(w @ w), 2 * w
            for source, wanted, unwanted in tasks:
                ranks = _ranks(graph, rows, w, source, restart, self.strength)
                loss, slope = wmw_loss(ranks.p[unwanted][:, None] - ranks.p[wanted], self.width)
                value += factor * float(loss.sum())
                gradient = gradient + factor * (
                    slope.sum(axis=1) @ ranks.gradient[unwanted] - slope.sum(axis=0) @ ranks.gradient[wanted]
                )
            return value, gradient

        found = lbfgs(objective, start, tol=self.tol, max_iter=positive_int(self.max_iter, "max_iter"))
        self.weights_, self.loss_, self.n_iter_ = found.x, found.value, found.iterations
        return self

    def rank(self, graph: CSR, features: npt.ArrayLike, source: int) -> Array:
        """How likely a walk from the source is at each node of this or another graph, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            RangeError, ShapeError, DtypeError, EmptyInputError, NotFiniteError: as `supervised_ranks`.
        """
        if not hasattr(self, "weights_"):
            raise NotFittedError("fit the walk before ranking with it")
        return supervised_ranks(graph, features, self.weights_, source, restart=self.restart, strength=self.strength).p


def _checked(
    graph: CSR, features: npt.ArrayLike, weights: npt.ArrayLike, restart: float, strength: Strength
) -> tuple[Array, Array, float]:
    check_graph(graph)
    rows, w = as_matrix(features, "features"), as_vector(weights, "weights")
    if len(rows) != len(graph.columns):
        raise ShapeError(f"{len(rows)} rows of features for {len(graph.columns)} edges")
    if len(w) != rows.shape[1]:
        raise ShapeError(f"{len(w)} weights for {rows.shape[1]} features")
    if strength not in get_args(Strength):
        raise RangeError(f"strength must be 'exponential' or 'logistic', got {strength!r}")
    return rows, w, number_in(restart, "restart", 0, 1, open_low=True)


def _tasks(
    graph: CSR,
    sources: npt.ArrayLike,
    destinations: Sequence[npt.ArrayLike],
    others: Sequence[npt.ArrayLike] | None,
) -> list[tuple[int, Indices, Indices]]:
    n = graph.shape[0]
    starts = as_nodes(sources, n, "sources")
    if len(starts) == 0:
        raise EmptyInputError("there is no source to walk from")
    if len(destinations) != len(starts) or (others is not None and len(others) != len(starts)):
        raise ShapeError(f"{len(starts)} sources need as many lists of destinations and of others")
    tasks = []
    for number, source in enumerate(starts.tolist()):
        wanted = np.unique(as_nodes(destinations[number], n, f"destinations[{number}]"))
        if others is None:
            taken = np.zeros(n, dtype=bool)
            taken[[source, *wanted, *graph.columns[graph.starts[source] : graph.starts[source + 1]]]] = True
            unwanted = np.flatnonzero(~taken)
        else:
            unwanted = np.unique(as_nodes(others[number], n, f"others[{number}]"))
        both = np.intersect1d(wanted, unwanted)
        if both.size:
            raise RangeError(f"node {both[0]} is a destination of source {source}, and is not one")
        if wanted.size == 0 or unwanted.size == 0:
            raise EmptyInputError(f"source {source} has no pair of a destination and another node to learn from")
        tasks.append((source, wanted, unwanted))
    return tasks


def _ranks(graph: CSR, features: Array, w: Array, source: int, restart: float, strength: Strength) -> Ranks:
    n, rows = graph.shape[0], graph.rows
    z = features @ w
    if strength == "exponential":
        logs, slopes = z, features
    else:
        logs = -np.logaddexp(0.0, -z)
        slopes = features * -np.expm1(logs)[:, None]
    shares = _softmax(logs, graph)
    filled = np.flatnonzero(np.diff(graph.starts))
    means = np.zeros((n, features.shape[1]))
    if filled.size:
        means[filled] = np.add.reduceat(shares[:, None] * slopes, graph.starts[filled], axis=0)
    # The share of an edge changes by how much more than the average of its node's edges its logarithm does.
    changes = shares[:, None] * (slopes - means[rows])
    order = np.argsort(graph.columns, kind="stable")
    into = np.searchsorted(graph.columns[order], np.arange(n + 1))
    incoming = CSR(shares[order], rows[order], into, (n, n))
    dangling = np.diff(graph.starts) == 0
    home = np.zeros(n)
    home[source] = 1.0
    p = _settled(incoming, dangling, source, restart, restart * home, home)
    pushed = np.zeros((n, features.shape[1]))
    np.add.at(pushed, graph.columns, (1 - restart) * p[rows, None] * changes)
    return Ranks(p, _settled(incoming, dangling, source, restart, pushed, np.zeros_like(pushed)))


def _settled(incoming: CSR, dangling: npt.NDArray[np.bool_], source: int, restart: float, c: Array, x: Array) -> Array:
    """The solution of x = (1 - restart) · (Q'ᵀ x) + c, from the given beginning."""
    for _ in range(_MAX_ITER):
        moved = np.asarray(incoming @ x)
        moved[source] += x[dangling].sum(axis=0)
        following = (1 - restart) * moved + c
        change = float(np.abs(following - x).max())
        x = following
        if change <= _TOL * max(1.0, float(np.abs(x).max())):
            return x
    raise ConvergenceError(f"the walk has not settled after {_MAX_ITER} steps: restart = {restart:g} is very small")


def _softmax(logs: Array, graph: CSR) -> Array:
    """Exponentials as shares of their row's sum, shape (edges,)."""
    filled = np.flatnonzero(np.diff(graph.starts))
    if filled.size == 0:
        return np.zeros(0)
    lengths = np.diff(graph.starts)[filled]
    highest = np.maximum.reduceat(logs, graph.starts[filled])
    powers = np.exp(logs - np.repeat(highest, lengths))
    shares: Array = powers / np.repeat(np.add.reduceat(powers, graph.starts[filled]), lengths)
    return shares
