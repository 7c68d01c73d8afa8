from __future__ import annotations

import numpy as np
import pytest
from whitebox.metrics.ranking import recall_at_k
from whitebox.search import exact
from whitebox.search._lloyd import assign, kmeans
from whitebox.search.ivf import IVF
from whitebox.search.quantization import ProductQuantizer


def _data(n: int = 300, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((12, d))
    return (
        centres[rng.integers(0, 12, n)] + rng.standard_normal((n, d)),
        centres[rng.integers(0, 12, 25)] + rng.standard_normal((25, d)),
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_all_cells_together_are_exact(metric: str) -> None:
    X, queries = _data()
    ids, scores = IVF(10, metric).fit(X).search(queries, 7, probes=10)
    if metric == "cosine":
        expected, worth = exact.search(queries, X, 7)
    else:
        lengths = ((queries[:, None] - X) ** 2).sum(axis=2)
        expected = np.argsort(lengths, axis=1, kind="stable")[:, :7]
        worth = -np.take_along_axis(lengths, expected, axis=1)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(scores, worth, rtol=1e-9, atol=1e-12)


def test_more_probes_find_more() -> None:
    X, queries = _data()
    expected = exact.search(queries, X, 10)[0].tolist()
    index = IVF(30).fit(X)
    recalls = [
        recall_at_k(
            [[i for i in row if i >= 0] for row in index.search(queries, 10, probes=p)[0].tolist()], expected, 10
        )
        for p in (1, 4, 12, 30)
    ]
    assert recalls == sorted(recalls)
    assert recalls[0] < 0.9 < recalls[2]
    assert recalls[3] == 1


def test_one_probe_searches_the_nearest_cell_only() -> None:
    X = np.array([[0.0], [1.0], [9.0], [10.0]])
    index = IVF(2, "euclidean").fit(X)
    ids, scores = index.search([[0.4]], 4, probes=1)
    assert ids.tolist() == [[0, 1, -1, -1]]
    np.testing.assert_allclose(scores, [[-0.16, -0.36, -np.inf, -np.inf]])


def test_every_vector_stands_in_the_cell_of_its_nearest_centre() -> None:
    X, _ = _data()
    index = IVF(10, "euclidean").fit(X)
    assert sorted(index.order_.tolist()) == list(range(len(X)))
    cells = np.repeat(np.arange(10), np.diff(index.starts_))
    nearest = ((X[index.order_][:, None] - index.centres_) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(cells, nearest)


def test_quantised_cells_find_nearly_the_same() -> None:
    X, queries = _data(600)
    quantizer = ProductQuantizer(parts=4, centres=64)
    index = IVF(8, "euclidean", quantizer=quantizer).fit(X)
    whole = IVF(8, "euclidean").fit(X).search(queries, 10, probes=8)[0].tolist()
    found, scores = index.search(queries, 10, probes=8)
    assert recall_at_k(found.tolist(), whole, 10) > 0.6
    # Of the residual, not of the vector: what is left of the distance is small.
    lengths = ((queries[:, None] - X[found]) ** 2).sum(axis=2)
    assert np.sqrt(np.mean((scores + lengths) ** 2)) < 0.25 * lengths.mean()


def test_table_distances_are_those_to_the_decoded_vectors() -> None:
    X, queries = _data(100)
    quantizer = ProductQuantizer(parts=4, centres=16).fit(X)
    codes = quantizer.encode(X)
    assert codes.dtype == np.uint8
    lengths = ((queries[:, None] - quantizer.decode(codes)) ** 2).sum(axis=2)
    np.testing.assert_allclose(quantizer.distances(queries, codes), lengths, rtol=1e-10)
    np.testing.assert_array_equal(quantizer.encode(quantizer.decode(codes)), codes)


def test_more_centres_lose_less_and_as_many_as_rows_lose_nothing() -> None:
    X, _ = _data(64)
    losses = []
    for centres in (2, 8, 64):
        quantizer = ProductQuantizer(parts=4, centres=centres).fit(X)
        losses.append(float(((quantizer.decode(quantizer.encode(X)) - X) ** 2).sum()))
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] < 1e-20


def test_centres_are_means_of_what_is_nearest_to_them() -> None:
    X, _ = _data()
    centres = kmeans(X, 5, np.random.default_rng(1), iterations=300)
    labels, lengths = assign(X, centres)
    np.testing.assert_allclose(lengths, ((X - centres[labels]) ** 2).sum(axis=1), atol=1e-9)
    for label in range(5):
        np.testing.assert_allclose(centres[label], X[labels == label].mean(axis=0), rtol=1e-9)


def test_repeated_rows_leave_no_centre_undefined() -> None:
    centres = kmeans(np.repeat([[0.0, 0.0], [5.0, 5.0]], 10, axis=0), 6, np.random.default_rng(2))
    assert np.isfinite(centres).all()
    assert {tuple(row) for row in centres.tolist()} == {(0.0, 0.0), (5.0, 5.0)}
