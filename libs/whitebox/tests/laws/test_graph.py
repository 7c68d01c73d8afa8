from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.errors import NotSymmetricError
from whitebox.graph.edges import adjacency, check_graph
from whitebox.graph.link_prediction import adamic_adar, common_neighbours, jaccard, katz, resource_allocation
from whitebox.graph.pagerank import pagerank
from whitebox.graph.supervised_walks import SupervisedRandomWalk, supervised_ranks, wmw_loss
from whitebox.graph.walks import node2vec_probabilities, node2vec_walks, random_walks, walks_with_restart
from whitebox.linalg import CSR

EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=15)


def _random_graph(n: int = 25, edges: int = 70, seed: int = 0, *, directed: bool = True) -> CSR:
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, n, (edges, 2))
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    return adjacency(pairs, n, weights=rng.integers(1, 5, len(pairs)).astype(float), directed=directed)


@EXAMPLES
@given(EDGES, st.floats(0, 0.95))
def test_pagerank_is_a_distribution_that_a_step_leaves_alone(edges, damping: float) -> None:
    graph = adjacency(edges, 7, directed=True)
    x = pagerank(graph, damping, tol=1e-14)
    assert x.sum() == pytest.approx(1, abs=1e-12)
    A = graph.to_dense()
    degrees = A.sum(axis=1)
    P = np.where(degrees[:, None] > 0, A / np.where(degrees, degrees, 1)[:, None], 1 / 7)
    np.testing.assert_allclose(damping * x @ P + (1 - damping) / 7, x, atol=1e-12)


def test_without_damping_rank_is_where_walks_start() -> None:
    start = np.array([3.0, 1.0, 0.0])
    np.testing.assert_allclose(pagerank(adjacency([[0, 1]], 3), 0.0, personalization=start), start / 4)


def test_a_personal_rank_stays_where_it_can_go() -> None:
    # Two components: nothing reaches the other.
    x = pagerank(adjacency([[0, 1], [2, 3]], 4), personalization=[1.0, 0, 0, 0])
    assert x[2:].tolist() == [0, 0]
    np.testing.assert_allclose(x[:2], [1 / 1.85, 0.85 / 1.85], rtol=1e-8)


@EXAMPLES
@given(EDGES, st.permutations(range(7)))
def test_renaming_nodes_renames_ranks(edges, names) -> None:
    x = pagerank(adjacency(edges, 7, directed=True))
    y = pagerank(adjacency([(names[i], names[j]) for i, j in edges], 7, directed=True))
    np.testing.assert_allclose(y[list(names)], x, atol=1e-9)


def test_weights_count_in_proportion_however_large() -> None:
    edges = [[0, 1], [0, 2], [1, 0], [2, 0]]
    small = pagerank(adjacency(edges, 3, weights=[1.0, 3.0, 1.0, 1.0], directed=True))
    large = pagerank(adjacency(edges, 3, weights=[0.4e308, 1.2e308, 1.0, 1.0], directed=True))
    np.testing.assert_allclose(large, small)
    assert small[2] > small[1]


@EXAMPLES
@given(EDGES)
def test_link_scores_do_not_depend_on_the_order_of_a_pair(edges) -> None:
    graph = adjacency(edges, 7)
    pairs = np.array([(i, j) for i in range(7) for j in range(7) if i != j])
    for score in (common_neighbours, jaccard, adamic_adar, resource_allocation):
        np.testing.assert_allclose(score(graph, pairs), score(graph, pairs[:, ::-1]))
    assert (resource_allocation(graph, pairs) <= common_neighbours(graph, pairs) / 2 + 1e-12).all()
    assert ((jaccard(graph, pairs) >= 0) & (jaccard(graph, pairs) <= 1)).all()


def test_a_hub_that_two_nodes_share_says_less() -> None:
    # 0 and 1 share node 2, which has two neighbours; 3 and 4 share node 5, which has ten.
    edges = [[0, 2], [1, 2], *([other, 5] for other in (3, 4, *range(6, 14)))]
    rare, common = adamic_adar(adjacency(edges, 14), [[0, 1], [3, 4]])
    assert rare == pytest.approx(1 / np.log(2))
    assert common == pytest.approx(1 / np.log(10))


def test_katz_is_the_sum_over_powers() -> None:
    graph = adjacency([[0, 1], [1, 2], [2, 0], [2, 3]], 4)
    A, beta = graph.to_dense(), 0.2
    expected = np.linalg.inv(np.eye(4) - beta * A) - np.eye(4)
    pairs = [(i, j) for i in range(4) for j in range(4)]
    np.testing.assert_allclose(katz(graph, pairs, beta), expected.ravel(), rtol=1e-10)


def test_walks_follow_edges_in_proportion_to_their_weights() -> None:
    graph = adjacency([[0, 1], [0, 2], [0, 3]], 4, weights=[1.0, 2.0, 0.0], directed=True)
    walks = random_walks(graph, np.zeros(3000, int), 2, np.random.default_rng(0))
    counts = np.bincount(walks[:, 1], minlength=4)
    assert counts[3] == counts[0] == 0
    assert abs(counts[1] / 3000 - 1 / 3) < 4 * np.sqrt(2 / 9 / 3000)
    assert (walks[:, 2] == -1).all()


def test_walks_with_restart_visit_by_personal_rank() -> None:
    graph = _random_graph(8, 20)
    walks = walks_with_restart(graph, [3] * 40, 700, 0.25, np.random.default_rng(1))
    shares = np.bincount(walks[:, 50:].ravel(), minlength=8) / walks[:, 50:].size
    x = pagerank(graph, 0.75, personalization=np.eye(8)[3])
    # Returns are independent: a walk of 650 steps holds about 160 independent ones.
    assert (abs(shares - x) < 4.5 * np.sqrt(x * (1 - x) / (40 * 80)) + 1e-12).all()


def test_node2vec_with_both_parameters_one_is_a_plain_walk() -> None:
    graph = _random_graph()
    A = graph.to_dense()
    for node in range(25):
        if A[node].any():
            np.testing.assert_allclose(node2vec_probabilities(graph, 3, node), A[node] / A[node].sum())


def test_p_is_for_going_back_and_q_for_going_away() -> None:
    # From 1, reached from 0: back to 0, to 2 which 0 knows, or away to 3.
    graph = adjacency([[0, 1], [1, 2], [0, 2], [1, 3]], 4)
    back = node2vec_probabilities(graph, 0, 1, p=0.1)
    np.testing.assert_allclose(back, np.array([10, 0, 1, 1]) / 12)
    away = node2vec_probabilities(graph, 0, 1, q=0.1)
    np.testing.assert_allclose(away, np.array([1, 0, 1, 10]) / 12)


def test_node2vec_walks_step_with_their_probabilities() -> None:
    graph = adjacency([[0, 1], [1, 2], [0, 2], [1, 3]], 4)
    walks = node2vec_walks(graph, np.zeros(6000, int), 2, np.random.default_rng(2), p=0.5, q=4.0)
    second = walks[walks[:, 1] == 1, 2]
    expected = node2vec_probabilities(graph, 0, 1, p=0.5, q=4.0)
    shares = np.bincount(second, minlength=4) / len(second)
    assert (abs(shares - expected) < 4.5 * np.sqrt(expected * (1 - expected) / len(second)) + 1e-12).all()


def test_walks_end_where_there_is_no_way_out() -> None:
    graph = adjacency([[0, 1]], 3, directed=True)
    for walk in (random_walks, node2vec_walks):
        assert walk(graph, [0, 2], 3, np.random.default_rng(3)).tolist() == [[0, 1, -1, -1], [2, -1, -1, -1]]
    assert walks_with_restart(graph, [0], 4, 0.0, np.random.default_rng(3)).tolist() == [[0, 1, 0, 1, 0]]


def test_the_gradient_of_the_ranks_is_that_of_differences() -> None:
    graph = _random_graph(8, 24)
    rng = np.random.default_rng(4)
    features, w = rng.standard_normal((len(graph.columns), 3)), rng.standard_normal(3)
    for strength in ("exponential", "logistic"):
        ranks = supervised_ranks(graph, features, w, 2, strength=strength)
        assert ranks.p.sum() == pytest.approx(1)
        np.testing.assert_allclose(ranks.gradient.sum(axis=0), 0, atol=1e-12)
        for k in range(3):
            step = 1e-5 * np.eye(3)[k]
            high, low = (supervised_ranks(graph, features, w + s, 2, strength=strength).p for s in (step, -step))
            np.testing.assert_allclose(ranks.gradient[:, k], (high - low) / 2e-5, atol=1e-9)


def test_features_that_say_nothing_give_plain_personal_ranks() -> None:
    graph = adjacency([[0, 1], [0, 2], [1, 2], [2, 3]], 4)
    ranks = supervised_ranks(graph, np.ones((8, 1)), [5.0], 0, restart=0.15)
    np.testing.assert_allclose(ranks.p, pagerank(graph, 0.85, personalization=np.eye(4)[0]), atol=1e-9)
    np.testing.assert_allclose(ranks.gradient, 0, atol=1e-12)


def test_strengths_that_overflow_are_shares_still() -> None:
    star = adjacency([[0, 1], [0, 2]], 3, directed=True)
    for strength in ("exponential", "logistic"):
        ranks = supervised_ranks(star, [[0.0], [1.0]], [2000.0], 0, restart=0.5, strength=strength)
        assert np.isfinite(ranks.p).all()
        assert np.isfinite(ranks.gradient).all()


def _planted(seed: int = 5) -> tuple[CSR, np.ndarray, np.ndarray, list[int], list[np.ndarray], list[np.ndarray]]:
    """A graph whose walks with known weights end somewhere: a part of the best are destinations, of the rest others."""
    graph = _random_graph(20, 110, seed)
    rng = np.random.default_rng(seed)
    features, w = rng.standard_normal((len(graph.columns), 2)), np.array([1.5, -1.0])
    sources, destinations, others = [0, 3, 7, 11], [], []
    for source in sources:
        p = supervised_ranks(graph, features, w, source).p.copy()
        p[source] = -1
        order = np.argsort(-p)[:-1]
        destinations.append(order[:4])
        others.append(order[4:])
    return graph, features, w, sources, destinations, others


def test_planted_strengths_are_recovered() -> None:
    graph, features, w, sources, destinations, others = _planted()
    walk = SupervisedRandomWalk(width=0.01, max_iter=25, tol=1e-3).fit(graph, features, sources, destinations, others)
    found = walk.weights_
    assert found @ w / np.sqrt((found @ found) * (w @ w)) > 0.95
    wrong = {"learnt": 0.0, "plain": 0.0}
    for source, wanted, unwanted in zip(sources, destinations, others, strict=True):
        plain = supervised_ranks(graph, features, [0.0, 0.0], source).p
        for name, p in (("learnt", walk.rank(graph, features, source)), ("plain", plain)):
            wrong[name] += (p[unwanted][:, None] >= p[wanted]).mean()
    assert wrong["learnt"] < 0.3 * wrong["plain"]


def test_the_loss_counts_pairs_in_the_wrong_order_in_the_end() -> None:
    value, _ = wmw_loss([-0.5, 0.5, 0.2, -1e300, 1e300], width=1e-3)
    np.testing.assert_allclose(value, [0, 1, 1, 0, 1], atol=1e-12)
    x = np.linspace(-0.3, 0.3, 7)
    high, low = (wmw_loss(x + step, 0.1)[0] for step in (1e-6, -1e-6))
    np.testing.assert_allclose(wmw_loss(x, 0.1)[1], (high - low) / 2e-6, rtol=1e-6)


def test_repeated_edges_add_up_and_loops_stand_once() -> None:
    A = adjacency([[0, 1], [1, 0], [1, 1]], 2, weights=[1.0, 2.0, 5.0])
    assert A.to_dense().tolist() == [[0, 3], [3, 5]]


@EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0.1, 10.0)), min_size=1, max_size=30))
def test_repeated_edges_make_an_undirected_graph_in_whatever_order_their_weights_add_up(edges) -> None:
    graph = adjacency([edge[:2] for edge in edges], 4, weights=[edge[2] for edge in edges])
    assert check_graph(graph, symmetric=True) is graph
    heavier = CSR(np.where(np.arange(len(graph.values)) == 0, 20.0, graph.values), graph.columns, graph.starts, (4, 4))
    if heavier.columns[0] != np.flatnonzero(np.diff(graph.starts))[0]:
        with pytest.raises(NotSymmetricError):
            check_graph(heavier, symmetric=True)
