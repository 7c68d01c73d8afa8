from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from whitebox.graph import link_prediction
from whitebox.graph.edges import adjacency
from whitebox.graph.pagerank import pagerank
from whitebox.graph.supervised_walks import supervised_ranks
from whitebox.linalg import CSR

KARATE = nx.karate_club_graph()


def _csr(graph: nx.Graph) -> CSR:
    edges = np.array(graph.edges)
    weights = [data.get("weight", 1.0) for _, _, data in graph.edges(data=True)]
    return adjacency(edges, len(graph), weights=weights, directed=graph.is_directed())


def _web(seed: int) -> nx.DiGraph:
    """Directed, with weights and nodes without a way out."""
    graph = nx.gnp_random_graph(300, 0.01, seed=seed, directed=True)
    rng = np.random.default_rng(seed)
    for _, _, data in graph.edges(data=True):
        data["weight"] = float(rng.integers(1, 10))
    assert any(degree == 0 for _, degree in graph.out_degree())
    return graph


@pytest.mark.parametrize("damping", [0.5, 0.85, 0.95])
@pytest.mark.parametrize("graph", [KARATE, _web(0)], ids=["karate", "web"])
def test_pagerank_is_networkxs(graph: nx.Graph, damping: float) -> None:
    theirs = nx.pagerank(graph, alpha=damping, tol=1e-14, max_iter=2000)
    np.testing.assert_allclose(pagerank(_csr(graph), damping, tol=1e-14), list(theirs.values()), atol=1e-11)


def test_personal_pagerank_is_networkxs() -> None:
    graph = _web(1)
    start = {node: float(node % 3 == 0) for node in graph}
    theirs = nx.pagerank(graph, personalization=start, tol=1e-14, max_iter=2000)
    ours = pagerank(_csr(graph), personalization=list(start.values()), tol=1e-14)
    np.testing.assert_allclose(ours, list(theirs.values()), atol=1e-11)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("jaccard", nx.jaccard_coefficient),
        ("adamic_adar", nx.adamic_adar_index),
        ("resource_allocation", nx.resource_allocation_index),
        ("preferential_attachment", nx.preferential_attachment),
        (
            "common_neighbours",
            lambda graph, pairs: ((u, v, len(list(nx.common_neighbors(graph, u, v)))) for u, v in pairs),
        ),
    ],
)
def test_link_scores_are_networkxs(name: str, theirs) -> None:
    for graph in (KARATE, nx.barabasi_albert_graph(200, 3, seed=2)):
        rng = np.random.default_rng(3)
        pairs = rng.integers(0, len(graph), (500, 2))
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        expected = [score for _, _, score in theirs(graph, pairs.tolist())]
        np.testing.assert_allclose(getattr(link_prediction, name)(_csr(graph), pairs), expected, rtol=1e-12)


def test_katz_sums_are_networkxs_centralities() -> None:
    graph = _csr(KARATE)
    beta, n = 0.05, len(KARATE)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    ours = link_prediction.katz(graph, pairs, beta).reshape(n, n).sum(axis=0) + 1
    theirs = nx.katz_centrality(KARATE, alpha=beta, beta=1.0, normalized=False, tol=1e-12, max_iter=5000, weight=None)
    np.testing.assert_allclose(ours, list(theirs.values()), rtol=1e-8)


def test_supervised_ranks_are_networkxs_personal_pagerank_of_the_strengths() -> None:
    graph = _csr(_web(4))
    rng = np.random.default_rng(5)
    features, w = rng.standard_normal((len(graph.columns), 3)), rng.standard_normal(3)
    weighted = nx.DiGraph()
    weighted.add_nodes_from(range(300))
    strengths = np.exp(features @ w)
    weighted.add_weighted_edges_from(zip(graph.rows.tolist(), graph.columns.tolist(), strengths.tolist(), strict=True))
    theirs = nx.pagerank(weighted, alpha=0.8, personalization={7: 1.0}, tol=1e-15, max_iter=2000)
    np.testing.assert_allclose(supervised_ranks(graph, features, w, 7).p, list(theirs.values()), atol=1e-11)
