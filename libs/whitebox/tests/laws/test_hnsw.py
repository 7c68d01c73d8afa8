from __future__ import annotations

import numpy as np
from whitebox.metrics.ranking import recall_at_k
from whitebox.search import exact
from whitebox.search.hnsw import HNSW, draw_levels


def _clusters(count: int, size: int, d: int = 3) -> np.ndarray:
    """Tight clusters far from one another, one after the other."""
    rng = np.random.default_rng(0)
    centres = 100 * rng.standard_normal((count, d))
    return np.concatenate([centre + rng.standard_normal((size, d)) for centre in centres])


def _exact(queries: np.ndarray, X: np.ndarray, k: int) -> np.ndarray:
    lengths = ((queries[:, None] - X) ** 2).sum(axis=2)
    return np.argsort(lengths, axis=1, kind="stable")[:, :k]


def _built(X: np.ndarray, m: int = 4, ef: int = 20, **options) -> HNSW:
    index = HNSW(X.shape[1], "euclidean", m=m, ef_construction=ef, **options)
    index.add(X)
    return index


def _reached(index: HNSW) -> set[int]:
    """What layer 0 leads to from the entry point."""
    reached, waiting = {index.entry_point}, [index.entry_point]
    while waiting:
        fresh = set(index.neighbours(waiting.pop()).tolist()) - reached
        reached |= fresh
        waiting += fresh
    return reached


def test_clusters_stay_connected() -> None:
    # Each cluster holds far more than a node may link to.
    X = _clusters(6, 20)
    index = _built(X)
    assert len(_reached(index)) == len(X)
    queries = X[::7] + 0.1
    assert recall_at_k(index.search(queries, 5, ef=30)[0].tolist(), _exact(queries, X, 5).tolist(), 5) > 0.97


def test_more_candidates_find_more() -> None:
    rng = np.random.default_rng(1)
    X, queries = rng.standard_normal((110, 8)), rng.standard_normal((25, 8))
    index = _built(X, m=3, ef=6)
    expected = _exact(queries, X, 5).tolist()
    recalls = [recall_at_k(index.search(queries, 5, ef=ef)[0].tolist(), expected, 5) for ef in (5, 20, 110)]
    assert recalls[0] < recalls[1] <= recalls[2]
    assert recalls[1] - recalls[0] > 0.05
    assert recalls[2] > 0.97


def test_a_graph_that_everything_is_linked_in_is_exact() -> None:
    X = np.random.default_rng(2).standard_normal((12, 4))
    index = _built(X, m=12, ef=12)
    np.testing.assert_array_equal(index.search(X, 12, ef=12)[0], _exact(X, X, 12))


def test_every_vector_finds_itself() -> None:
    X = np.random.default_rng(3).standard_normal((80, 5)).astype(np.float32)
    indices, scores = _built(X).search(X, 1, ef=20)
    assert (indices[:, 0] == np.arange(80)).mean() > 0.97
    assert (scores[indices[:, 0] == np.arange(80), 0] == 0).all()


def test_searches_start_in_the_highest_layer() -> None:
    index = HNSW(1, "euclidean", m=2)
    for level, entry in ((0, 0), (2, 1), (1, 1), (3, 3)):
        index.add([[float(len(index))]], levels=[level])
        assert index.entry_point == entry
    assert index.levels[index.entry_point] == index.levels.max()


def test_nodes_are_linked_within_their_layers_and_no_more_than_allowed() -> None:
    index = _built(np.random.default_rng(4).standard_normal((150, 3)), m=3, ef=10)
    for node in range(len(index)):
        for layer in range(index.levels[node] + 1):
            links = index.neighbours(node, layer)
            assert len(links) <= (6 if layer == 0 else 3)
            assert len(set(links.tolist()) | {node}) == len(links) + 1
            assert (index.levels[links] >= layer).all()


def test_a_link_is_kept_only_if_no_other_link_is_nearer_to_its_end() -> None:
    X = np.random.default_rng(5).standard_normal((100, 3)).astype(np.float32).astype(float)
    index = _built(X, m=3, ef=30)
    first = index.neighbours(99)  # nothing has been added after it
    lengths = ((X[first] - X[99]) ** 2).sum(axis=1)
    assert (np.diff(lengths) > 0).all()
    for place, node in enumerate(first):
        others = ((X[first[:place]] - X[node]) ** 2).sum(axis=1)
        assert (others >= lengths[place] * (1 - 1e-6)).all()


def test_one_in_m_stands_a_layer_higher() -> None:
    levels = draw_levels(np.random.default_rng(6), 20_000, m=4)
    for level in (1, 2, 3):
        share = (levels >= level).mean()
        assert abs(share - 4.0**-level) < 5 * np.sqrt(4.0**-level / 20_000)


def test_scores_are_those_of_exact_search() -> None:
    rng = np.random.default_rng(7)
    X, queries = rng.standard_normal((40, 5)) + 1, rng.standard_normal((5, 5)) + 1
    for metric in ("cosine", "dot"):
        index = HNSW(5, metric, m=8, ef_construction=40)
        index.add(X)
        indices, scores = index.search(queries, 4, ef=40)
        expected, worth = exact.search(queries, X, 4, metric=metric)
        np.testing.assert_array_equal(indices, expected)
        np.testing.assert_allclose(scores, worth, rtol=1e-5)


def test_what_is_deleted_or_not_allowed_leads_on_but_is_not_found() -> None:
    X = np.arange(60.0)[:, None]  # a line: what is left out lies between what is searched and the rest
    index = _built(X, m=2, ef=10)
    index.delete(np.arange(0, 60, 2))
    assert index.deleted.tolist() == [True, False] * 30
    assert sorted(index.search([[30.0]], 4)[0][0].tolist()) == [27, 29, 31, 33]
    allowed = np.zeros(60, dtype=bool)
    allowed[[5, 6, 59]] = True
    indices, scores = index.search([[0.0]], 4, allowed=allowed)
    assert indices[0].tolist() == [5, 59, -1, -1]
    assert scores[0].tolist() == [-25.0, -(59.0**2), -np.inf, -np.inf]


def test_adding_later_finds_as_adding_at_once(tmp_path) -> None:
    X = np.random.default_rng(8).standard_normal((90, 4))
    levels = draw_levels(np.random.default_rng(9), 90, 4)
    at_once, later = (HNSW(4, m=4, ef_construction=20) for _ in range(2))
    at_once.add(X, levels)
    later.add(X[:50], levels[:50])
    later.save(tmp_path / "index.npz")
    later = HNSW.load(tmp_path / "index.npz")
    assert later.add(X[50:], levels[50:]).tolist() == list(range(50, 90))
    for left, right in zip(at_once.search(X, 3), later.search(X, 3), strict=True):
        np.testing.assert_array_equal(left, right)


def test_an_index_comes_back_from_disk_as_it_was(tmp_path) -> None:
    X = np.random.default_rng(10).standard_normal((60, 4))
    index = HNSW(4, "dot", m=3, ef_construction=12, random_state=5)
    index.add(X)
    index.delete([3])
    index.save(tmp_path / "index.npz")
    held = HNSW.load(tmp_path / "index.npz")
    assert (held.metric, held.m, held.ef_construction, held.random_state) == ("dot", 3, 12, 5)
    assert held.deleted[3]
    index.add(X[:5])
    held.add(X[:5])  # levels go on alike
    assert held.entry_point == index.entry_point
    np.testing.assert_array_equal(held.search(X, 5)[0], index.search(X, 5)[0])


def test_equal_vectors_are_all_found() -> None:
    index = _built(np.ones((7, 2)), m=4, ef=10)
    assert sorted(index.search([[1.0, 1.0]], 7)[0][0].tolist()) == list(range(7))


def test_stamps_that_run_out_begin_anew() -> None:
    # A stamp is one of 255: what a search has met must not look met to a later one that has its stamp again.
    index = _built(np.arange(30.0)[:, None], m=2, ef=4)
    for gap in (254, 255, 256):
        queries = np.where(np.arange(gap + 1) % gap == 0, 0.0, 29.0)[:, None]
        indices, _ = index.search(queries, 2, ef=3)
        np.testing.assert_array_equal(indices, np.where(queries == 0, [[0, 1]], [[29, 28]]))
