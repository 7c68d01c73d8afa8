"""Graph convolutional networks: labels of a few nodes, spread over features and edges."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.autograd import Tensor, no_grad, primitive, relu, softmax
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.base import BaseEstimator
from whitebox.errors import NotFittedError, RangeError, ShapeError
from whitebox.graph._labels import class_numbers, labelled_nodes
from whitebox.graph._sparse_product import multiply
from whitebox.graph.edges import check_graph
from whitebox.graph.uncertainty import Uncertainty, predictive_uncertainty
from whitebox.linalg.sparse import CSR
from whitebox.nn import Dropout, Module, Optimizer, Parameter, cross_entropy
from whitebox.optimize.first_order import Adam


def normalized_adjacency(graph: CSR) -> CSR:
    r"""What a graph convolution spreads features with.

    .. math:: \hat A = \tilde D^{-1/2} \tilde A \tilde D^{-1/2}, \qquad \tilde A = A + I,\;
              \tilde D_{ii} = \sum_j \tilde A_{ij}

    (Kipf, Welling 2017, eq. 2: the renormalisation trick). Its eigenvalues lie in (-1, 1]. O(edges · log).

    Args:
        graph: Symmetric weights, shape (n, n).

    Raises:
        NotSymmetricError: An edge leads one way only.
        DtypeError, ShapeError, RangeError: For what is no graph.

    >>> from whitebox.graph.edges import adjacency
    >>> normalized_adjacency(adjacency([[0, 1]], nodes=3)).to_dense().round(3).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    check_graph(graph, symmetric=True)
    nodes = np.arange(graph.shape[0])
    looped = CSR.from_triplets(
        np.concatenate([graph.rows, nodes]),
        np.concatenate([graph.columns, nodes]),
        np.concatenate([graph.values, np.ones(len(nodes))]),
        graph.shape,
    )
    root = 1 / np.sqrt(np.bincount(looped.rows, weights=looped.values, minlength=len(nodes)))
    return CSR(root[looped.rows] * root[looped.columns] * looped.values, looped.columns, looped.starts, looped.shape)


@primitive
def graph_convolution(propagation: CSR, x: Any, weight: Any, bias: Any = None) -> tuple[AnyArray, Pullback]:
    r"""Features, mapped and spread over the edges: :math:`\hat A X W + b`.

    (Kipf, Welling: Semi-Supervised Classification with Graph Convolutional Networks, ICLR 2017, eq. 2.) The gradients
    are :math:`\hat A^\top G W^\top` and :math:`X^\top \hat A^\top G`. O(n · d · m + edges · m).

    Args:
        propagation: :math:`\hat A`, as `normalized_adjacency` makes it, shape (n, n).
        x: Shape (n, d).
        weight: Shape (d, m).
        bias: Shape (m,), or none.

    Raises:
        ShapeError: They do not fit together.

    >>> from whitebox.graph.edges import adjacency
    >>> pair = normalized_adjacency(adjacency([[0, 1]], nodes=2))
    >>> graph_convolution(pair, Tensor([[2.0], [4.0]]), Tensor([[10.0]])).data.round(6).tolist()
    [[30.0], [30.0]]
    """
    if x.ndim != 2 or x.shape[1] != len(weight):
        raise ShapeError(f"weights of shape {weight.shape} take {len(weight)} features, got shape {x.shape}")
    value = multiply(propagation, x @ weight)
    if bias is not None:
        value += bias

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        back = multiply(propagation.T, g)
        parts: tuple[Part, ...] = ((lambda: back @ weight.T), (lambda: x.T @ back))
        return parts if bias is None else (*parts, lambda: g.sum(axis=0))

    return value, pullback


class GraphConvolution(Module):
    """A layer of `graph_convolution`, with weights as Glorot and Bengio (2010) draw them.

    Args:
        in_features: The d.
        out_features: The m.
        rng: Draws the weights.
        dtype: Their precision.

    >>> from whitebox.graph.edges import adjacency
    >>> layer = GraphConvolution(3, 2, rng=np.random.default_rng(0))
    >>> layer(normalized_adjacency(adjacency([[0, 1]], nodes=2)), Tensor(np.ones((2, 3), np.float32))).shape
    (2, 2)
    """

    def __init__(
        self, in_features: int, out_features: int, *, rng: np.random.Generator, dtype: npt.DTypeLike = np.float32
    ) -> None:
        super().__init__()
        shape = (positive_int(in_features, "in_features"), positive_int(out_features, "out_features"))
        bound = math.sqrt(6 / sum(shape))
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = Parameter(np.zeros(out_features, dtype))

    def forward(self, propagation: CSR, x: Tensor) -> Tensor:
        """From (n, d) to (n, m). Raises as `graph_convolution`."""
        return graph_convolution(propagation, x, self.weight, self.bias)


class GCN(BaseEstimator):
    r"""Classifies nodes of a graph of which a few have labels, by two graph convolutions.

    .. math:: Z = \operatorname{softmax}(\hat A \operatorname{ReLU}(\hat A X W_0 + b_0) W_1 + b_1)

    (Kipf, Welling 2017, eq. 9), by Adam on the cross-entropy of the labelled nodes, with dropout of what enters each
    layer, and weight decay of the first. Dropout that stays on in prediction draws from an approximation to the
    posterior of the weights (Gal, Ghahramani: Dropout as a Bayesian Approximation, ICML 2016): see
    `predict_uncertainty`. O(iterations · (n · d · hidden + edges · hidden)).

    Args:
        hidden: Width between the layers.
        dropout: Share of numbers that is set to 0, from 0 to below 1.
        weight_decay: Of the first layer's weights, as :math:`\tfrac\lambda2 \lVert W_0 \rVert^2`.
        learning_rate: Of Adam.
        max_iter: Steps of training.
        random_state: Seed.

    Attributes:
        classes_: Sorted class labels.
        layers_: The two layers.
        losses_: Cross-entropy at each step of training.

    >>> from whitebox.graph.edges import adjacency
    >>> graph = adjacency([[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5], [2, 3]], nodes=6)
    >>> GCN(random_state=0).fit(graph, np.eye(6), ["a", "b"], nodes=[0, 5]).predict(graph, np.eye(6)).tolist()
    ['a', 'a', 'a', 'b', 'b', 'b']
    """

    def __init__(
        self,
        hidden: int = 16,
        *,
        dropout: float = 0.5,
        weight_decay: float = 5e-4,
        learning_rate: float = 0.01,
        max_iter: int = 200,
        random_state: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, graph: CSR, X: npt.ArrayLike, y: npt.ArrayLike, *, nodes: npt.ArrayLike | None = None) -> Self:
        """Learns from the labels of some nodes, and the features and edges of all.

        Args:
            graph: Symmetric weights, shape (n, n).
            X: Features, shape (n, d).
            y: Labels of `nodes`, in their order; of all n without these.
            nodes: Which ones have labels.

        Raises:
            ShapeError: They do not fit together.
            RangeError: A node is out of range or stands there twice, or a parameter is out of its range.
            SingleClassError: All labels are the same.
            NotSymmetricError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        propagation, features = self._checked(graph, X)
        labelled = labelled_nodes(nodes, len(features))
        self.classes_, numbers = class_numbers(y, len(labelled))
        if number_in(self.dropout, "dropout", 0, 1) == 1:
            raise RangeError("dropout must be below 1")
        decay = number_in(self.weight_decay, "weight_decay", 0)
        iterations, hidden = positive_int(self.max_iter, "max_iter"), positive_int(self.hidden, "hidden")
        rng = np.random.default_rng(self.random_state)
        self.n_features_in_ = features.shape[1]
        self.layers_ = [
            GraphConvolution(self.n_features_in_, hidden, rng=rng),
            GraphConvolution(hidden, len(self.classes_), rng=rng),
        ]
        first = self.layers_[0].weight
        optimizer = Optimizer([one for layer in self.layers_ for one in layer.parameters()], Adam(self.learning_rate))
        self.losses_ = np.empty(iterations)
        for number in range(iterations):
            loss = cross_entropy(self._logits(propagation, features, rng)[labelled], numbers)
            self.losses_[number] = loss.item()
            optimizer.zero_grad()
            (loss + (first * first).sum() * (decay / 2)).backward()
            optimizer.step()
        return self

    def predict_proba(self, graph: CSR, X: npt.ArrayLike) -> Array:
        """Probability of each class for each node, with dropout switched off, shape (n, c).

        Args:
            graph: That of `fit` or another one with the same features.
            X: Shape (n, d).

        Raises:
            NotFittedError: Before `fit`.
            ShapeError, NotSymmetricError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        propagation, features = self._checked(graph, X, fitted=True)
        with no_grad():
            return softmax(self._logits(propagation, features, None)).data.astype(np.float64)

    def predict(self, graph: CSR, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each node, shape (n,). Raises as `predict_proba`."""
        probabilities = self.predict_proba(graph, X)
        predicted: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return predicted

    def predict_uncertainty(
        self, graph: CSR, X: npt.ArrayLike, *, draws: int = 50, random_state: int | None = 0
    ) -> Uncertainty:
        """Mean probabilities over draws with dropout on, their entropy, and what the draws disagree on.

        Args:
            graph: That of `fit` or another one with the same features.
            X: Shape (n, d).
            draws: How many.
            random_state: Seed of the draws.

        Raises:
            RangeError: `draws` is less than 1. Otherwise as `predict_proba`.
        """
        propagation, features = self._checked(graph, X, fitted=True)
        rng, count = np.random.default_rng(random_state), positive_int(draws, "draws")
        with no_grad():
            drawn = [softmax(self._logits(propagation, features, rng)).data for _ in range(count)]
        return predictive_uncertainty(np.array(drawn, np.float64))

    def _logits(self, propagation: CSR, features: AnyArray, rng: np.random.Generator | None) -> Tensor:
        """With dropout drawn from `rng`, or without."""
        drop = Dropout(self.dropout, rng=np.random.default_rng(0) if rng is None else rng).train(rng is not None)
        hidden = relu(self.layers_[0](propagation, drop(Tensor(features))))
        logits: Tensor = self.layers_[1](propagation, drop(hidden))
        return logits

    def _checked(self, graph: CSR, X: npt.ArrayLike, *, fitted: bool = False) -> tuple[CSR, AnyArray]:
        if fitted and not hasattr(self, "layers_"):
            raise NotFittedError("this GCN is not fitted yet: call fit first")
        propagation, features = normalized_adjacency(graph), as_matrix(X, "X", dtype=np.float32)
        if len(features) != propagation.shape[0]:
            raise ShapeError(f"X has {len(features)} rows, the graph has {propagation.shape[0]} nodes")
        if fitted and features.shape[1] != self.n_features_in_:
            raise ShapeError(f"X has {features.shape[1]} features, GCN is expecting {self.n_features_in_}")
        return propagation, features
