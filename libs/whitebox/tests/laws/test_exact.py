from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whitebox.metrics.pairwise import cosine_similarity
from whitebox.search import exact


@EXAMPLES
@given(
    arrays(float, (3, 2), elements=st.integers(-2, 2)),
    arrays(float, (9, 2), elements=st.integers(-2, 2)),
    st.integers(1, 12),
)
def test_equals_a_stable_sort_of_all_scores_ties_included(queries, corpus, k: int) -> None:
    indices, scores = exact.search(queries, corpus, k, metric="dot")
    table = queries @ corpus.T
    expected = np.argsort(-table, axis=1, kind="stable")[:, :k]
    assert indices.tolist() == expected.tolist()
    assert scores.tolist() == np.take_along_axis(table, expected, axis=1).tolist()


def test_ties_across_blocks_go_to_the_lower_index() -> None:
    corpus = np.ones((40_000, 2))
    assert exact.search([[1.0, 1.0]], corpus, 5)[0].tolist() == [[0, 1, 2, 3, 4]]
    corpus[[20_000, 39_999]] = 2
    assert exact.search([[1.0, 1.0]], corpus, 4, metric="dot")[0].tolist() == [[20_000, 39_999, 0, 1]]


@EXAMPLES
@given(arrays(float, (2, 3), elements=st.floats(-5, 5)), st.sampled_from([1e-3, 0.5, 2, 1e6]))
def test_cosine_is_blind_to_length_and_symmetric(rows, factor: float) -> None:
    left, right = rows[:1], rows[1:]
    np.testing.assert_allclose(cosine_similarity(factor * left, right), cosine_similarity(left, right), atol=1e-12)
    np.testing.assert_allclose(cosine_similarity(left, right), cosine_similarity(right, left).T, atol=1e-15)


@EXAMPLES
@given(arrays(float, (4, 3), elements=st.floats(-1e300, 1e300)))
def test_cosine_lies_between_minus_one_and_one_at_any_magnitude(rows) -> None:
    similarity = cosine_similarity(rows, rows)
    assert (np.abs(similarity) <= 1).all()
    own = np.diag(similarity)
    assert ((own == 0) == (rows == 0).all(axis=1)).all()
    np.testing.assert_allclose(own[own != 0], 1, rtol=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_squares_neither_overflow_nor_vanish(size: float) -> None:
    assert cosine_similarity([[3 * size, 4 * size]], [[4 * size, 3 * size]])[0, 0] == pytest.approx(0.96)
    assert exact.search([[size, 0.0]], [[0.0, size], [size, size]], 1)[1][0, 0] == pytest.approx(np.sqrt(0.5))


def test_the_zero_vector_is_similar_to_nothing() -> None:
    assert cosine_similarity([[0.0, 0.0]], [[1.0, 2.0], [0.0, 0.0]]).tolist() == [[0.0, 0.0]]
    assert exact.search([[1.0, 0.0]], [[0.0, 0.0], [-1.0, 0.0]], 2)[1].tolist() == [[0.0, -1.0]]
