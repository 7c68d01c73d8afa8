"""The pairs of `whitebox.graph`."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import graph, reference

slow = reference.graph


@st.composite
def directed(draw: st.DrawFn) -> tuple[list[tuple[int, int]], int, list[float]]:
    """Edges with loops, repetitions and dangling nodes among them, the number of nodes, and weights, some zero."""
    nodes = draw(st.integers(1, 7))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), min_size=1, max_size=14))
    weights = st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=len(edges), max_size=len(edges))
    return edges, nodes, draw(weights)


@st.composite
def with_pairs(draw: st.DrawFn) -> tuple[Any, int, Any]:
    """Edges, the number of nodes, and pairs of different nodes."""
    nodes = draw(st.integers(2, 7))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), min_size=1, max_size=14))
    different = st.tuples(node, node).filter(lambda pair: pair[0] != pair[1])
    return edges, nodes, draw(st.lists(different, max_size=6))


def _fast(edges: Any, nodes: int, weights: Any = None, directed: bool = False) -> Any:
    return graph.edges.adjacency(edges, nodes, weights=weights, directed=directed)


def _dense(edges: Any, nodes: int, weights: Any, directed: bool) -> list[list[float]]:
    rows = slow.edges.adjacency(edges, nodes, weights, directed)
    return [[row.get(j, 0.0) for j in range(nodes)] for row in rows]


def _linking(name: str) -> Pair:
    return Pair(
        f"graph.link_prediction.{name}",
        lambda edges, nodes, pairs: getattr(slow.link_prediction, name)(slow.edges.adjacency(edges, nodes), pairs),
        lambda edges, nodes, pairs: getattr(graph.link_prediction, name)(_fast(edges, nodes), pairs),
        with_pairs(),
        rtol=1e-12,
    )


def _drawn_walks(edges: Any, nodes: int, weights: Any, seed: int) -> Any:
    """Walks with draws that both twins are given."""
    rng = mock.Mock()
    rng.random.return_value = np.random.default_rng(seed).random((nodes, 6))
    return graph.walks.random_walks(_fast(edges, nodes, weights, True), np.arange(nodes), 6, rng)


@st.composite
def featured(draw: st.DrawFn) -> tuple[Any, int, Any, list[float], int, float]:
    """Edges, features of each, weights, a source and a restart."""
    nodes = draw(st.integers(1, 5))
    node, size = st.integers(0, nodes - 1), draw(st.integers(1, 2))
    edges = draw(st.lists(st.tuples(node, node), min_size=1, max_size=9, unique=True).map(sorted))
    number = st.integers(-2, 2).map(lambda n: n / 2)
    row = st.lists(number, min_size=size, max_size=size)
    features = draw(st.lists(row, min_size=len(edges), max_size=len(edges)))
    return edges, nodes, features, draw(row), draw(node), draw(st.sampled_from([0.2, 0.5, 1.0]))


def _slow_ranks(edges: Any, nodes: int, features: Any, weights: Any, source: int, restart: float) -> Any:
    held: list[dict[int, list[float]]] = [{} for _ in range(nodes)]
    for (i, j), row in zip(edges, features, strict=True):
        held[i][j] = row
    return slow.supervised_walks.supervised_ranks(held, weights, source, restart)


PAIRS = [
    Pair(
        "graph.edges.adjacency",
        _dense,
        lambda *drawn: _fast(*drawn).to_dense(),
        st.tuples(directed(), st.booleans()).map(lambda drawn: (*drawn[0], drawn[1])),
        rtol=1e-14,
    ),
    Pair(
        "graph.pagerank.pagerank",
        lambda edges, n, weights, d, v: slow.pagerank.pagerank(slow.edges.adjacency(edges, n, weights, True), d, v[:n]),
        lambda edges, n, weights, d, v: graph.pagerank.pagerank(
            _fast(edges, n, weights, True), d, personalization=v[:n], tol=1e-15
        ),
        st.tuples(
            directed(), st.sampled_from([0.0, 0.5, 0.85]), st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=7)
        ).map(lambda drawn: (*drawn[0], *drawn[1:])),
        rtol=1e-11,
        atol=1e-13,
    ),
    *map(
        _linking,
        ("common_neighbours", "jaccard", "adamic_adar", "resource_allocation", "preferential_attachment"),
    ),
    Pair(
        "graph.link_prediction.katz",
        lambda edges, nodes, pairs: slow.link_prediction.katz(slow.edges.adjacency(edges, nodes), pairs, 0.1),
        lambda edges, nodes, pairs: graph.link_prediction.katz(_fast(edges, nodes), pairs, 0.1, tol=1e-15),
        with_pairs(),
        rtol=1e-10,
        atol=1e-13,
    ),
    Pair(
        "graph.walks.random_walks",
        lambda edges, n, weights, seed: slow.walks.random_walks(
            slow.edges.adjacency(edges, n, weights, True), range(n), np.random.default_rng(seed).random((n, 6)).tolist()
        ),
        _drawn_walks,
        st.tuples(directed(), st.integers(0, 2**32)).map(lambda drawn: (*drawn[0], drawn[1])),
    ),
    Pair(
        "graph.walks.node2vec_probabilities",
        lambda edges, n, weights, a, b, p, q: slow.walks.node2vec_probabilities(
            slow.edges.adjacency(edges, n, weights, True), a % n, b % n, p, q
        ),
        lambda edges, n, weights, a, b, p, q: graph.walks.node2vec_probabilities(
            _fast(edges, n, weights, True), a % n, b % n, p=p, q=q
        ),
        st.tuples(
            directed(),
            st.integers(0, 6),
            st.integers(0, 6),
            st.sampled_from([0.25, 1.0, 4.0]),
            st.sampled_from([0.5, 1.0, 2.0]),
        ).map(lambda drawn: (*drawn[0], *drawn[1:])),
        rtol=1e-12,
    ),
    Pair(
        "graph.supervised_walks.supervised_ranks",
        _slow_ranks,
        lambda edges, nodes, features, weights, source, restart: tuple(
            graph.supervised_walks.supervised_ranks(
                _fast(edges, nodes, None, True), features, weights, source, restart=restart
            )
        ),
        featured(),
        rtol=1e-9,
        atol=1e-11,
    ),
    Pair(
        "graph.supervised_walks.wmw_loss",
        slow.supervised_walks.wmw_loss,
        graph.supervised_walks.wmw_loss,
        st.tuples(st.lists(st.floats(-1, 1), min_size=1, max_size=5), st.sampled_from([0.01, 0.5])),
        rtol=1e-12,
        atol=1e-15,
    ),
]
