"""GraphSAGE: vectors of nodes from samples of their neighbours, also for nodes and graphs never seen before.

(Hamilton, Ying, Leskovec: Inductive Representation Learning on Large Graphs, NIPS 2017.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.autograd import Tensor, concatenate, log_sigmoid, no_grad, primitive, relu, softmax, sqrt, take
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.base import BaseEstimator
from whitebox.errors import EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.graph._labels import class_numbers, labelled_nodes
from whitebox.graph._sparse_product import sparse_product
from whitebox.graph.edges import as_nodes, check_graph
from whitebox.graph.walks import random_walks
from whitebox.linalg.sparse import CSR, Indices
from whitebox.nn import Linear, Module, Optimizer, cross_entropy
from whitebox.optimize.first_order import Adam

Aggregator = Literal["mean", "pool"]


class Neighbourhood(NamedTuple):
    """What a layer needs to compute some nodes.

    Attributes:
        needed: Nodes whose features are read, sorted, shape (k,).
        own: Place of each computed node among them, shape (m,).
        edges: From each computed node to the needed ones that were sampled, shape (m, k).
    """

    needed: Indices
    own: Indices
    edges: CSR


def sample_neighbours(graph: CSR, nodes: npt.ArrayLike, size: int | None, rng: np.random.Generator) -> Neighbourhood:
    """Up to `size` neighbours of each node, drawn without replacement and each with the same probability.

    O(e · log e) for e edges of the nodes.

    Args:
        graph: Weights of edges, shape (n, n); those of weight 0 are none.
        nodes: Which ones, shape (m,).
        size: How many neighbours at most; None takes all.
        rng: Draws one number an edge.

    Raises:
        RangeError: `size` is less than 1, a node is out of range, or a weight is negative.
        DtypeError, ShapeError: For what is no graph, and no nodes.

    >>> from whitebox.graph.edges import adjacency
    >>> star = adjacency([[0, 1], [0, 2], [0, 3]], nodes=5)
    >>> found = sample_neighbours(star, [0, 4], 2, np.random.default_rng(0))
    >>> np.diff(found.edges.starts).tolist()
    [2, 0]
    """
    check_graph(graph)
    chosen = as_nodes(nodes, graph.shape[0], "nodes")
    lengths = np.diff(graph.starts)[chosen]
    rows = np.repeat(np.arange(len(chosen)), lengths)
    entries = np.arange(len(rows)) + np.repeat(graph.starts[chosen] - (np.cumsum(lengths) - lengths), lengths)
    kept = graph.values[entries] > 0
    rows, entries = rows[kept], entries[kept]
    if size is not None:
        limit = positive_int(size, "size")
        # The first of each node's edges in a random order.
        order = np.lexsort((rng.random(len(rows)), rows))
        rows, entries = rows[order], entries[order]
        first = np.arange(len(rows)) - np.searchsorted(rows, rows) < limit
        rows, entries = rows[first], entries[first]
    columns = graph.columns[entries]
    needed = np.unique(np.concatenate([chosen, columns]))
    if not needed.size:
        raise EmptyInputError("nodes is empty")
    edges = CSR.from_triplets(rows, np.searchsorted(needed, columns), graph.values[entries], (len(chosen), len(needed)))
    return Neighbourhood(needed, np.searchsorted(needed, chosen), edges)


def mean_aggregation(edges: CSR, x: Tensor) -> Tensor:
    r"""Weighted mean of the neighbours' features, :math:`\sum_j w_{ij} x_j / \sum_j w_{ij}`; 0 without neighbours.

    O(edges · d).

    Args:
        edges: Weights from nodes to their neighbours, shape (m, k).
        x: Shape (k, d).

    Raises:
        ShapeError: They do not fit together.

    >>> from whitebox.graph.edges import adjacency
    >>> path = adjacency([[0, 1], [1, 2]], nodes=3)
    >>> mean_aggregation(path, Tensor([[1.0], [2.0], [5.0]])).data.tolist()
    [[2.0], [3.0], [2.0]]
    """
    totals = np.bincount(edges.rows, weights=edges.values, minlength=edges.shape[0])
    shares = edges.values / np.where(totals > 0, totals, 1.0)[edges.rows]
    return sparse_product(CSR(shares, edges.columns, edges.starts, edges.shape), x)


@primitive
def max_aggregation(edges: CSR, x: Any) -> tuple[AnyArray, Pullback]:
    """Largest of each feature among the neighbours; 0 without neighbours. Ties share the gradient. O(edges · d).

    Args:
        edges: From nodes to their neighbours, shape (m, k); weights do not count.
        x: Shape (k, d).

    Raises:
        ShapeError: They do not fit together.

    >>> from whitebox.graph.edges import adjacency
    >>> path = adjacency([[0, 1], [1, 2]], nodes=3)
    >>> max_aggregation(path, Tensor([[1.0], [2.0], [5.0]])).data.tolist()
    [[2.0], [5.0], [2.0]]
    """
    if x.ndim != 2 or len(x) != edges.shape[1]:
        raise ShapeError(f"the graph has {edges.shape[1]} nodes, the features have shape {x.shape}")
    largest = np.zeros((edges.shape[0], x.shape[1]), x.dtype)
    filled = np.flatnonzero(np.diff(edges.starts))
    moved = x[edges.columns]
    if filled.size:
        largest[filled] = np.maximum.reduceat(moved, edges.starts[filled], axis=0)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        whole = np.zeros_like(x)
        if filled.size:
            hit = (moved == largest[edges.rows]).astype(x.dtype)
            ties = np.add.reduceat(hit, edges.starts[filled], axis=0)
            share = np.zeros_like(largest)
            share[filled] = g[filled] / ties
            # Sorted by neighbour, what comes back to each is summed by segments.
            order = np.argsort(edges.columns, kind="stable")
            numbers, starts = np.unique(edges.columns[order], return_index=True)
            whole[numbers] = np.add.reduceat((hit * share[edges.rows])[order], starts, axis=0)
        return (whole,)

    return largest, pullback


class SageLayer(Module):
    r"""A node's own features beside those of its neighbours, mapped.

    .. math:: W [x_i;\, \mathrm{agg}_{j \in N(i)}\, x_j] + b

    (Algorithm 1, line 5.) The pool aggregator takes the largest of each feature of
    :math:`\operatorname{ReLU}(W_p x_j + b_p)` (eq. 3).

    Args:
        in_features: The d.
        out_features: The m.
        aggregator: "mean" or "pool".
        rng: Draws the weights.
        dtype: Their precision.

    Raises:
        RangeError: The aggregator is another one.

    >>> from whitebox.graph.edges import adjacency
    >>> layer = SageLayer(3, 2, rng=np.random.default_rng(0))
    >>> everyone = sample_neighbours(adjacency([[0, 1]], nodes=2), [0, 1], None, np.random.default_rng(0))
    >>> layer(everyone, Tensor(np.ones((2, 3), np.float32))).shape
    (2, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        aggregator: Aggregator = "mean",
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if aggregator not in ("mean", "pool"):
            raise RangeError(f"aggregator must be 'mean' or 'pool', got {aggregator!r}")
        pooled = aggregator == "pool"
        self.pool = Linear(in_features, in_features, rng=rng, dtype=dtype) if pooled else None
        self.linear = Linear(2 * in_features, out_features, rng=rng, dtype=dtype)

    def forward(self, neighbourhood: Neighbourhood, x: Tensor) -> Tensor:
        """From features of the needed nodes, shape (k, d), to those of the computed ones, shape (m, out)."""
        if self.pool is None:
            gathered = mean_aggregation(neighbourhood.edges, x)
        else:
            gathered = max_aggregation(neighbourhood.edges, relu(self.pool(x)))
        mapped: Tensor = self.linear(concatenate([take(x, neighbourhood.own), gathered], axis=1))
        return mapped


class GraphSAGE(BaseEstimator):
    r"""Vectors of nodes, and classes where labels are given, from two or more layers of sampled neighbours.

    Each layer is a `SageLayer`, with ReLU behind all but the last; vectors are brought to length 1. With labels, a
    linear map of them is trained on cross-entropy. Without, nodes that walks visit together are to be near, and those
    drawn at random far away (eq. 1):

    .. math:: -\log \sigma(z_u^\top z_v / \tau) - \sum_{q=1}^{Q} \log \sigma(-z_u^\top z_{v_q} / \tau)

    with v from a walk that starts at u. O(batch · product of sizes) a step, whatever the size of the graph.

    Args:
        hidden: Width of every layer.
        aggregator: "mean" or "pool".
        sample_sizes: Neighbours drawn at each layer, from the last to the first; None takes all.
        batch_size: Nodes a step of training.
        learning_rate: Of Adam.
        epochs: Passes over the nodes.
        walk_length: Steps of each walk, without labels.
        negatives: The Q, without labels.
        temperature: The :math:`\tau`, without labels.
        random_state: Seed.

    Attributes:
        layers_: The layers.
        head_: The map to classes, with labels.
        classes_: Sorted class labels, with labels.
        losses_: Mean loss of each epoch.

    >>> from whitebox.graph.edges import adjacency
    >>> graph = adjacency([[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]], nodes=6)
    >>> X = [[1.0], [1.1], [0.9], [-1.0], [-1.1], [-0.9]]
    >>> model = GraphSAGE(4, random_state=0).fit(graph, X, ["a", "b"], nodes=[0, 5])
    >>> model.predict(adjacency([[0, 1]], nodes=3), [[1.0], [1.0], [-1.0]]).tolist()
    ['a', 'a', 'b']
    """

    def __init__(
        self,
        hidden: int = 32,
        *,
        aggregator: Aggregator = "mean",
        sample_sizes: Sequence[int | None] = (10, 10),
        batch_size: int = 64,
        learning_rate: float = 0.01,
        epochs: int = 50,
        walk_length: int = 3,
        negatives: int = 5,
        temperature: float = 0.2,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.aggregator = aggregator
        self.sample_sizes = sample_sizes
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.walk_length = walk_length
        self.negatives = negatives
        self.temperature = temperature
        self.random_state = random_state

    def fit(
        self, graph: CSR, X: npt.ArrayLike, y: npt.ArrayLike | None = None, *, nodes: npt.ArrayLike | None = None
    ) -> Self:
        """Learns from the labels of some nodes, or from walks.

        Args:
            graph: Weights of edges, shape (n, n).
            X: Features, shape (n, d).
            y: Labels of `nodes`, in their order; of all n without these. None learns from walks.
            nodes: Which ones have labels, or start walks.

        Raises:
            ShapeError: They do not fit together.
            RangeError: A node is out of range or stands there twice, or a parameter is out of its range.
            SingleClassError: All labels are the same.
            EmptyInputError: There are no edges to walk along.
            DtypeError, NotFiniteError: For unusable input.
        """
        features = self._checked(graph, X)
        labelled = labelled_nodes(nodes, len(features))
        sizes, width = list(self.sample_sizes), positive_int(self.hidden, "hidden")
        if not sizes:
            raise RangeError("sample_sizes needs a number for each layer, got none")
        epochs, batch = positive_int(self.epochs, "epochs"), positive_int(self.batch_size, "batch_size")
        rng = np.random.default_rng(self.random_state)
        self.n_features_in_ = features.shape[1]
        widths = [self.n_features_in_, *[width] * len(sizes)]
        self.layers_ = [SageLayer(n, width, aggregator=self.aggregator, rng=rng) for n in widths[:-1]]
        learned = [one for layer in self.layers_ for one in layer.parameters()]
        numbers = None
        if y is not None:
            self.classes_, numbers = class_numbers(y, len(labelled))
            self.head_ = Linear(width, len(self.classes_), rng=rng)
            learned += self.head_.parameters()
        optimizer = Optimizer(learned, Adam(self.learning_rate))
        self.losses_ = np.zeros(epochs)
        for epoch in range(epochs):
            order = rng.permutation(len(labelled))
            for start in range(0, len(order), batch):
                some = order[start : start + batch]
                if numbers is None:
                    loss = self._walk_loss(graph, features, labelled[some], rng)
                else:
                    vectors = self._vectors(graph, features, labelled[some], rng)
                    loss = cross_entropy(self.head_(vectors), numbers[some])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.losses_[epoch] += loss.item() * len(some) / len(order)
        return self

    def transform(self, graph: CSR, X: npt.ArrayLike) -> Array:
        """Vectors of all nodes, from all of their neighbours, shape (n, hidden).

        Args:
            graph: That of `fit` or another one with the same features.
            X: Shape (n, d).

        Raises:
            NotFittedError: Before `fit`.
            ShapeError, DtypeError, RangeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        return self._all_vectors(graph, X).data.astype(np.float64)

    def predict_proba(self, graph: CSR, X: npt.ArrayLike) -> Array:
        """Probability of each class for each node, shape (n, c).

        Raises as `transform`, and where there were no labels.
        """
        vectors = self._all_vectors(graph, X)
        if not hasattr(self, "head_"):
            raise NotFittedError("this GraphSAGE was fitted without labels: it has vectors, but no classes")
        with no_grad():
            return softmax(self.head_(vectors)).data.astype(np.float64)

    def predict(self, graph: CSR, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each node, shape (n,). Raises as `predict_proba`."""
        probabilities = self.predict_proba(graph, X)
        predicted: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return predicted

    def _all_vectors(self, graph: CSR, X: npt.ArrayLike) -> Tensor:
        features = self._checked(graph, X, fitted=True)
        with no_grad():
            return self._vectors(graph, features, np.arange(len(features)), None)

    def _vectors(self, graph: CSR, features: AnyArray, nodes: Indices, rng: np.random.Generator | None) -> Tensor:
        """Vectors of nodes; from all neighbours without `rng`."""
        blocks: list[Neighbourhood] = []
        for size in self.sample_sizes:
            drawn = np.random.default_rng(0) if rng is None else rng
            wanted = blocks[-1].needed if blocks else nodes
            blocks.append(sample_neighbours(graph, wanted, None if rng is None else size, drawn))
        x = Tensor(features[blocks[-1].needed])
        for place, (layer, block) in enumerate(zip(self.layers_, reversed(blocks), strict=True)):
            x = layer(block, x)
            if place < len(self.layers_) - 1:
                x = relu(x)
        return x / sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12)

    def _walk_loss(self, graph: CSR, features: AnyArray, nodes: Indices, rng: np.random.Generator) -> Tensor:
        count = positive_int(self.negatives, "negatives")
        heat = number_in(self.temperature, "temperature", 0, open_low=True)
        walks = random_walks(graph, nodes, positive_int(self.walk_length, "walk_length"), rng)[:, 1:]
        rows, columns = np.nonzero((walks >= 0) & (walks != nodes[:, None]))
        if not rows.size:
            raise EmptyInputError("no walk leads anywhere: without labels, edges are needed")
        near, far = walks[rows, columns], rng.integers(0, graph.shape[0], (len(rows), count))
        asked, places = np.unique(np.concatenate([nodes[rows], near, far.ravel()]), return_inverse=True)
        vectors = self._vectors(graph, features, asked, rng)
        at, beside, apart = (take(vectors, part) for part in np.split(places, [len(rows), 2 * len(rows)]))
        together = (at * beside).sum(axis=1) / heat
        away = (at.reshape(len(rows), 1, -1) * apart.reshape(len(rows), count, -1)).sum(axis=2) / heat
        return -(log_sigmoid(together).mean() + log_sigmoid(-away).sum(axis=1).mean())

    def _checked(self, graph: CSR, X: npt.ArrayLike, *, fitted: bool = False) -> AnyArray:
        if fitted and not hasattr(self, "layers_"):
            raise NotFittedError("this GraphSAGE is not fitted yet: call fit first")
        check_graph(graph)
        features = as_matrix(X, "X", dtype=np.float32)
        if len(features) != graph.shape[0]:
            raise ShapeError(f"X has {len(features)} rows, the graph has {graph.shape[0]} nodes")
        if fitted and features.shape[1] != self.n_features_in_:
            raise ShapeError(f"X has {features.shape[1]} features, GraphSAGE is expecting {self.n_features_in_}")
        return features
