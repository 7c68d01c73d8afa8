from __future__ import annotations

import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.metrics import ranking

ORDER = st.permutations(range(6))


def test_a_worked_example() -> None:
    found, wanted = [["a", "x", "b", "y"]], [{"a", "b", "c"}]
    assert ranking.precision_at_k(found, wanted, 3) == pytest.approx(2 / 3)
    assert ranking.recall_at_k(found, wanted, 3) == pytest.approx(2 / 3)
    assert ranking.precision_at_k(found, wanted, 8) == pytest.approx(2 / 8)
    assert ranking.mean_reciprocal_rank([["x", "y", "a"]], [{"a"}]) == pytest.approx(1 / 3)
    assert ranking.mean_reciprocal_rank([["x", "y", "a"]], [{"a"}], k=2) == 0
    # (1/log2(2) + 3/log2(3)) / (3/log2(2) + 1/log2(3))
    assert ranking.ndcg_at_k([["b", "a"]], [{"a": 3.0, "b": 1.0}]) == pytest.approx(0.796708, abs=1e-6)


@EXAMPLES
@given(ORDER, st.sets(st.integers(0, 5), min_size=1), st.integers(1, 6))
def test_precision_and_recall_count_the_same_hits(order, wanted, k: int) -> None:
    hits = ranking.precision_at_k([order], [wanted], k) * k
    assert ranking.recall_at_k([order], [wanted], k) * len(wanted) == pytest.approx(hits)


@EXAMPLES
@given(ORDER, st.lists(st.floats(0, 9), min_size=6, max_size=6).filter(any), st.integers(1, 6))
def test_ndcg_is_one_for_the_best_order_and_no_more_for_any(order, gains, k: int) -> None:
    worth = dict(enumerate(gains))
    best = sorted(worth, key=lambda item: -worth[item])
    assert ranking.ndcg_at_k([best], [worth], k) == pytest.approx(1)
    assert -1e-12 <= ranking.ndcg_at_k([order], [worth], k) <= 1 + 1e-12


@EXAMPLES
@given(ORDER, st.sets(st.integers(0, 5), min_size=1), st.integers(1, 5))
def test_looking_further_never_lowers_recall_or_reciprocal_rank(order, wanted, k: int) -> None:
    assert ranking.recall_at_k([order], [wanted], k) <= ranking.recall_at_k([order], [wanted], k + 1)
    near, far = (ranking.mean_reciprocal_rank([order], [wanted], depth) for depth in (k, k + 1))
    assert near <= far
