"""Formulas over SciPy's sparse matrices, at realistic size."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from whitebox.autograd import Tensor
from whitebox.graph.edges import adjacency
from whitebox.graph.gcn import GCN, graph_convolution, normalized_adjacency
from whitebox.graph.graphsage import GraphSAGE, mean_aggregation


def large() -> tuple[np.ndarray, int]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 2000, (9000, 2)), 2000


def test_convolution_and_its_gradients_are_those_of_scipys_matrices() -> None:
    pairs, n = large()
    graph = adjacency(pairs, n)
    looped = sp.csr_matrix((graph.values, graph.columns, graph.starts), (n, n)) + sp.eye(n)
    root = sp.diags(1 / np.sqrt(np.asarray(looped.sum(axis=1)).ravel()))
    expected = root @ looped @ root
    propagation = normalized_adjacency(graph)
    rng = np.random.default_rng(1)
    x, weight, bias = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((n, 24), (24, 8), (8,)))
    found = graph_convolution(propagation, x, weight, bias)
    np.testing.assert_allclose(found.data, expected @ x.data @ weight.data + bias.data, atol=1e-11)
    g = rng.standard_normal(found.shape)
    found.backward(g)
    np.testing.assert_allclose(x.grad, expected.T @ g @ weight.data.T, atol=1e-11)
    np.testing.assert_allclose(weight.grad, x.data.T @ (expected.T @ g), atol=1e-10)
    np.testing.assert_allclose(bias.grad, g.sum(axis=0), atol=1e-11)


def test_means_of_neighbours_are_those_of_scipys_matrices() -> None:
    pairs, n = large()
    graph, x = adjacency(pairs, n), np.random.default_rng(1).standard_normal((n, 16))
    theirs = sp.csr_matrix((graph.values, graph.columns, graph.starts), (n, n))
    degrees = np.maximum(np.asarray(theirs.sum(axis=1)), 1e-300)
    np.testing.assert_allclose(mean_aggregation(graph, Tensor(x)).data, (theirs @ x) / degrees, atol=1e-12)


def test_without_edges_both_networks_know_what_a_classifier_of_rows_knows() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 240)
    X = 1.5 * np.eye(3)[y] @ rng.standard_normal((3, 5)) + rng.standard_normal((240, 5))
    none = adjacency([], 240)
    alone = LogisticRegression().fit(X[:120], y[:120]).score(X[120:], y[120:])
    for model in (GCN(dropout=0.2, random_state=0), GraphSAGE(16, epochs=20, random_state=0)):
        found = model.fit(none, X, y[:120], nodes=np.arange(120)).predict(none, X)
        assert abs((found[120:] == y[120:]).mean() - alone) < 0.08
