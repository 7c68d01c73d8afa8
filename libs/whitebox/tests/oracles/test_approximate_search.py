from __future__ import annotations

import hnswlib
import numpy as np
import pytest
from datasketch import MinHash as DatasketchMinHash
from datasketch import MinHashLSH as DatasketchLSH
from datasketch.lsh import _optimal_param
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from whitebox.metrics.ranking import recall_at_k
from whitebox.search import exact
from whitebox.search._lloyd import assign, kmeans
from whitebox.search.hnsw import HNSW
from whitebox.search.ivf import IVF
from whitebox.search.lsh import HyperplaneLSH, MinHash, MinHashLSH, best_bands, jaccard
from whitebox.search.quantization import ProductQuantizer


def clustered(n: int, d: int, queries: int, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around 50 centres, and queries from the same."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((50, d))
    X, Q = (centres[rng.integers(0, 50, rows)] + spread * rng.standard_normal((rows, d)) for rows in (n, queries))
    return X.astype(np.float32), Q.astype(np.float32)


@pytest.mark.parametrize(("metric", "space"), [("cosine", "cosine"), ("dot", "ip")])
def test_hnsw_recalls_as_much_as_hnswlib(metric: str, space: str) -> None:
    X, queries = clustered(4000, 32, 200)
    expected = exact.search(queries, X, 10, metric=metric)[0].tolist()
    ours = HNSW(32, metric, m=12, ef_construction=60)
    ours.add(X)
    theirs = hnswlib.Index(space=space, dim=32)
    theirs.init_index(len(X), M=12, ef_construction=60, random_seed=0)
    theirs.set_num_threads(1)
    theirs.add_items(X)
    for ef in (20, 80):
        theirs.set_ef(ef)
        recall = recall_at_k(ours.search(queries, 10, ef=ef)[0].tolist(), expected, 10)
        peer = recall_at_k(theirs.knn_query(queries, 10)[0].tolist(), expected, 10)
        assert recall > peer - 0.015
    assert recall > (0.98 if metric == "cosine" else 0.9)


def test_hnsw_distances_are_hnswlibs() -> None:
    X = load_digits().data.astype(np.float32)
    ours = HNSW(64, "euclidean", m=16, ef_construction=100)
    ours.add(X)
    theirs = hnswlib.Index(space="l2", dim=64)
    theirs.init_index(len(X), M=16, ef_construction=100)
    theirs.add_items(X, num_threads=1)
    theirs.set_ef(200)
    _, scores = ours.search(X[:300], 5, ef=200)
    _, distances = theirs.knn_query(X[:300], 5)
    np.testing.assert_allclose(np.sort(-scores), np.sort(distances), rtol=1e-5)


def test_minhash_estimates_as_well_as_datasketch() -> None:
    rng = np.random.default_rng(1)
    sets = [{f"w{i}" for i in rng.integers(0, 120, 80)} for _ in range(30)]
    signatures = MinHash(256, random_state=2).signatures(sets)
    theirs = []
    for elements in sets:
        sketch = DatasketchMinHash(num_perm=256, seed=3)
        for element in elements:
            sketch.update(element.encode())
        theirs.append(sketch)
    pairs = [(i, j) for i in range(30) for j in range(i)]
    truth = np.array([jaccard(sets[i], sets[j]) for i, j in pairs])
    ours = np.array([MinHash.similarity(signatures[i], signatures[j]) for i, j in pairs]) - truth
    peers = np.array([theirs[i].jaccard(theirs[j]) for i, j in pairs]) - truth
    expected = np.sqrt((truth * (1 - truth)).mean() / 256)
    assert 0.7 * expected < np.sqrt((ours**2).mean()) < 1.4 * expected
    assert np.sqrt((peers**2).mean()) < 1.4 * expected


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("hashes", [64, 128])
def test_bands_are_those_of_datasketch(threshold: float, hashes: int) -> None:
    assert best_bands(threshold, hashes) == _optimal_param(threshold, hashes, 0.5, 0.5)


def test_minhash_lsh_finds_what_datasketch_finds() -> None:
    rng = np.random.default_rng(4)
    base = [rng.integers(0, 10**6, 60) for _ in range(60)]
    sets = [{int(i) for i in row} for row in base]
    sets += [{int(i) for i in row[:54]} | {int(i) for i in rng.integers(0, 10**6, 6)} for row in base]
    bands, rows = best_bands(0.6, 128)
    ours = {(i, j) for i, j in MinHashLSH(bands, rows).fit(sets).pairs().tolist()}
    theirs = DatasketchLSH(params=(bands, rows), num_perm=128)
    peers = set()
    for number, elements in enumerate(sets):
        sketch = DatasketchMinHash(num_perm=128)
        sketch.update_batch([str(element).encode() for element in elements])
        peers |= {(other, number) for other in theirs.query(sketch)}
        theirs.insert(number, sketch)
    true = {(i, i + 60) for i in range(60)}
    # Both estimate: what is alike both find nearly always, what is not nearly never.
    assert len(ours & true) >= 58
    assert len(peers & true) >= 58
    assert len(ours - true) <= 2


def test_hyperplane_tables_recall_with_few_candidates() -> None:
    X, queries = clustered(4000, 32, 60, spread=0.5)
    expected = exact.search(queries, X, 10)[0].tolist()
    index = HyperplaneLSH(tables=10, bits=10).fit(X)
    for probes, least in ((1, 0.75), (6, 0.97)):
        ids, _ = index.search(queries, 10, probes=probes)
        assert recall_at_k([[i for i in row if i >= 0] for row in ids.tolist()], expected, 10) > least
    assert np.mean([len(index.candidates(query)) for query in queries]) < 0.2 * len(X)


def test_inverted_file_recalls_with_few_cells() -> None:
    X, queries = clustered(2000, 32, 50)
    expected = exact.search(queries, X, 10)[0].tolist()
    index = IVF(40).fit(X)
    assert recall_at_k(index.search(queries, 10, probes=10)[0].tolist(), expected, 10) > 0.9
    coded = IVF(40, quantizer=ProductQuantizer(parts=16, centres=32)).fit(X)
    assert recall_at_k(coded.search(queries, 10, probes=40)[0].tolist(), expected, 10) > 0.55


def test_lloyd_comes_to_as_good_centres_as_scikit_learn() -> None:
    X = load_digits().data
    ours = min(assign(X, kmeans(X, 10, np.random.default_rng(seed), 100))[1].sum() for seed in range(5))
    theirs = KMeans(10, init="random", n_init=5, random_state=0).fit(X).inertia_
    assert ours < 1.01 * theirs
