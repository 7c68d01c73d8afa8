from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, gradcheck
from whitebox.graph.edges import adjacency
from whitebox.graph.gcn import GCN, graph_convolution, normalized_adjacency
from whitebox.graph.graphsage import (
    GraphSAGE,
    SageLayer,
    max_aggregation,
    mean_aggregation,
    sample_neighbours,
)
from whitebox.linalg.sparse import CSR


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def some_graph(n: int = 7, seed: int = 0) -> CSR:
    """With a loop, and an isolated node at the end."""
    rng = np.random.default_rng(seed)
    pairs = np.concatenate([rng.integers(0, n - 1, (12, 2)), [[0, 0]]])
    return adjacency(pairs, n, weights=rng.uniform(0.5, 2, len(pairs)))


def permuted(graph: CSR, order: np.ndarray) -> CSR:
    return CSR.from_dense(graph.to_dense()[np.ix_(order, order)])


def karate() -> tuple[CSR, np.ndarray]:
    """Zachary's club, whose leaders are 0 and 33, and who went with whom."""
    club = nx.karate_club_graph()
    return adjacency(np.array(club.edges()), 34), np.array([club.nodes[i]["club"] for i in club])


def blocks(sizes: tuple[int, ...], seed: int) -> tuple[CSR, np.ndarray, np.ndarray]:
    """A stochastic block model, with features that say little of the block."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(sizes)), sizes)
    likely = np.where(y[:, None] == y, 0.12, 0.012)
    pairs = np.argwhere(np.triu(rng.random(likely.shape) < likely, 1))
    centres = np.random.default_rng(9).standard_normal((len(sizes), 4))
    return adjacency(pairs, len(y)), centres[y] + 1.5 * rng.standard_normal((len(y), 4)), y


# ---- convolution


def test_the_propagation_is_symmetric_and_its_spectrum_lies_within_one() -> None:
    found = normalized_adjacency(some_graph()).to_dense()
    np.testing.assert_array_equal(found, found.T)
    values = np.linalg.eigvalsh(found)
    assert values[0] > -1
    np.testing.assert_allclose(values[-1], 1, rtol=1e-12)


def test_layer_upon_layer_forgets_all_but_the_component_and_the_degree() -> None:
    """The limit of label propagation: features become the root of the degree, times one number a component."""
    graph = adjacency([[0, 1], [1, 2], [2, 0], [2, 3], [4, 5]], nodes=6)
    x, identity = drawn(6, 2), Tensor(np.eye(2))
    propagation, spread = normalized_adjacency(graph), x
    for _ in range(200):
        spread = graph_convolution(propagation, spread, identity)
    root = np.sqrt(graph.to_dense().sum(axis=1) + 1)
    for component in ([0, 1, 2, 3], [4, 5]):
        unit = root[component] / np.linalg.norm(root[component])
        np.testing.assert_allclose(spread.data[component], np.outer(unit, unit @ x.data[component]), atol=1e-12)


def test_a_new_order_of_the_nodes_reorders_what_is_computed() -> None:
    graph, order = some_graph(), np.random.default_rng(1).permutation(7)
    x, weight, rng = drawn(7, 3), drawn(3, 2, seed=1), np.random.default_rng(2)
    before = graph_convolution(normalized_adjacency(graph), x, weight).data
    after = graph_convolution(normalized_adjacency(permuted(graph, order)), x[order], weight).data
    np.testing.assert_allclose(after, before[order], atol=1e-12)
    for aggregator in ("mean", "pool"):
        layer = SageLayer(3, 2, aggregator=aggregator, rng=rng, dtype=np.float64)
        whole = sample_neighbours(graph, np.arange(7), None, rng)
        moved = sample_neighbours(permuted(graph, order), np.arange(7), None, rng)
        np.testing.assert_allclose(layer(moved, x[order]).data, layer(whole, x).data[order], atol=1e-12)


def test_an_isolated_node_keeps_to_itself() -> None:
    graph, x, weight = some_graph(), drawn(7, 3), drawn(3, 2, seed=1)
    found = graph_convolution(normalized_adjacency(graph), x, weight).data
    np.testing.assert_allclose(found[6], x.data[6] @ weight.data)
    np.testing.assert_array_equal(mean_aggregation(graph, x).data[6], 0)
    np.testing.assert_array_equal(max_aggregation(graph, x).data[6], 0)


def check_convolution() -> None:
    directed = adjacency([[0, 1], [1, 2], [2, 2], [0, 3]], 5, directed=True)
    assert gradcheck(lambda x, w, b: graph_convolution(directed, x, w, b), drawn(5, 3), drawn(3, 2), drawn(2))


def check_aggregation() -> None:
    directed = adjacency([[0, 1], [0, 2], [1, 2], [2, 2], [0, 3]], 5, weights=[1, 2, 1, 1, 3], directed=True)
    for function in (mean_aggregation, max_aggregation):
        assert gradcheck(lambda x, function=function: function(directed, x), drawn(5, 3))


@pytest.mark.parametrize("check", [check_convolution, check_aggregation])
def test_gradients_are_those_of_differences(check) -> None:
    check()


def test_neighbours_that_tie_for_the_largest_share_the_gradient() -> None:
    x = Tensor([[1.0], [3.0], [3.0]], requires_grad=True)
    max_aggregation(adjacency([[0, 1], [0, 2]], nodes=3), x)[0].sum().backward()
    assert x.grad.tolist() == [[0.0], [0.5], [0.5]]


def test_single_precision_stays_single() -> None:
    graph = some_graph()
    x = Tensor(np.ones((7, 3), np.float32), requires_grad=True)
    for found in (mean_aggregation(graph, x), max_aggregation(graph, x), graph_convolution(graph, x, x[:3])):
        assert found.dtype == np.float32
        found.sum().backward(retain_graph=True)
        assert x.grad.dtype == np.float32


# ---- neighbours drawn


@EXAMPLES
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_a_sample_holds_each_neighbour_at_most_once_and_as_many_as_there_are(seed: int, size: int) -> None:
    graph = some_graph(seed=seed)
    nodes = np.array([5, 0, 6, 0])
    found = sample_neighbours(graph, nodes, size, np.random.default_rng(seed))
    np.testing.assert_array_equal(found.needed[found.own], nodes)
    for place, node in enumerate(nodes):
        taken = found.needed[found.edges.columns[found.edges.starts[place] : found.edges.starts[place + 1]]]
        there = graph.columns[graph.starts[node] : graph.starts[node + 1]]
        assert set(taken) <= set(there)
        assert len(taken) == min(size, len(there))


def test_every_neighbour_is_drawn_equally_often() -> None:
    star, rng = adjacency([[0, j] for j in range(1, 6)], nodes=6), np.random.default_rng(0)
    found = sample_neighbours(star, np.zeros(3000, int), 2, rng)
    counts = np.bincount(found.needed[found.edges.columns], minlength=6)[1:]
    # Two of five: 1200 each, with standard deviation sqrt(3000 * 0.4 * 0.6) = 27.
    assert (np.abs(counts - 1200) < 4 * 27).all()


# ---- learning


def test_two_known_members_divide_the_karate_club() -> None:
    graph, sides = karate()
    X = np.eye(34)
    model = GCN(random_state=0).fit(graph, X, sides[[0, 33]], nodes=[0, 33])
    assert (model.predict(graph, X) == sides).mean() > 0.94


def test_dropout_in_prediction_says_what_is_not_known() -> None:
    club, sides = karate()
    strangers = np.array([[34, 35], [35, 36], [36, 34]])
    graph = adjacency(np.concatenate([np.argwhere(np.triu(club.to_dense())), strangers]), 37)
    X = np.eye(37)
    model = GCN(random_state=0).fit(graph, X, sides[[0, 33]], nodes=[0, 33])
    unsure = model.predict_uncertainty(graph, X)
    assert (unsure.mutual_information > 0).all()
    assert (unsure.mutual_information <= unsure.entropy).all()
    # Of the leaders most is known; of those who never met a member, next to nothing: log 2 nats are all.
    assert unsure.entropy[[0, 33]].max() < 0.25
    assert unsure.entropy[34:].min() > 0.5
    np.testing.assert_allclose(unsure.probabilities, model.predict_proba(graph, X), atol=0.2)


def test_without_dropout_all_draws_agree() -> None:
    graph, sides = karate()
    model = GCN(dropout=0.0, max_iter=20, random_state=0).fit(graph, np.eye(34), sides)
    unsure = model.predict_uncertainty(graph, np.eye(34), draws=5)
    np.testing.assert_allclose(unsure.mutual_information, 0, atol=1e-12)
    np.testing.assert_allclose(unsure.probabilities, model.predict_proba(graph, np.eye(34)), rtol=1e-6)


def test_what_was_learned_on_one_graph_holds_on_another() -> None:
    graph, X, y = blocks((80, 80, 80), 0)
    other, features, labels = blocks((80, 80, 80), 1)
    known = np.random.default_rng(0).choice(240, 30, replace=False)
    # Features alone divide no better than this.
    centres = np.array([X[y == c].mean(axis=0) for c in range(3)])
    alone = (np.square(features[:, None] - centres).sum(axis=2).argmin(axis=1) == labels).mean()
    assert alone < 0.75
    spread = GCN(random_state=0).fit(graph, X, y[known], nodes=known)
    assert (spread.predict(graph, X) == y).mean() > 0.95
    for aggregator, expected in (("mean", 0.9), ("pool", 0.75)):
        model = GraphSAGE(16, aggregator=aggregator, epochs=12, random_state=0).fit(graph, X, y)
        assert (model.predict(other, features) == labels).mean() > expected
        assert model.losses_[-1] < 0.5 * model.losses_[0]


def test_walks_alone_bring_nodes_of_a_block_together() -> None:
    graph, X, _ = blocks((40, 40), 0)
    other, features, labels = blocks((40, 40), 1)
    vectors = GraphSAGE(16, negatives=3, epochs=8, random_state=0).fit(graph, X).transform(other, features)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    same = labels[:, None] == labels
    cosine = vectors @ vectors.T
    assert cosine[same].mean() > cosine[~same].mean() + 0.25


def test_the_same_seed_gives_the_same_numbers() -> None:
    graph, X, y = blocks((20, 20), 0)
    for make in (lambda: GCN(max_iter=5, random_state=3), lambda: GraphSAGE(epochs=2, random_state=3)):
        first, second = (make().fit(graph, X, y).predict_proba(graph, X) for _ in range(2))
        np.testing.assert_array_equal(first, second)
