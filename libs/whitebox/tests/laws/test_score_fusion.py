from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.search.fusion import comb_mnz, comb_sum, normalize_scores

SCORES = st.dictionaries(st.sampled_from("abcdef"), st.integers(-8, 8).map(float), min_size=1)


@EXAMPLES
@given(SCORES, st.sampled_from([0.25, 3.0]), st.integers(-5, 5).map(float))
def test_scales_do_not_depend_on_units(scores, factor: float, shift: float) -> None:
    moved = {item: factor * score + shift for item, score in scores.items()}
    for scale in ("min-max", "z-score"):
        assert normalize_scores(moved, scale) == pytest.approx(normalize_scores(scores, scale), abs=1e-12)


@EXAMPLES
@given(SCORES.filter(lambda scores: len(set(scores.values())) > 1))
def test_scales_reach_what_they_promise(scores) -> None:
    shares = normalize_scores(scores, "min-max").values()
    assert (min(shares), max(shares)) == (0, 1)
    z = np.array(list(normalize_scores(scores, "z-score").values()))
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-12)


def test_scores_that_overflow_together_are_scaled() -> None:
    assert normalize_scores({"a": 1.7e308, "b": 0.0, "c": -1.7e308}) == {"a": 1.0, "b": 0.5, "c": 0.0}
    assert normalize_scores({"a": 1e308, "b": -1e308}, "z-score") == {"a": 1.0, "b": -1.0}


@EXAMPLES
@given(st.lists(SCORES, max_size=4), st.integers(1, 4))
def test_a_weight_counts_as_so_many_copies(results, weight: int) -> None:
    weighted = dict(comb_sum(results, [weight] * len(results)))
    assert weighted == pytest.approx(dict(comb_sum(results * weight)))


@EXAMPLES
@given(st.lists(SCORES, min_size=1, max_size=4))
def test_mnz_is_the_sum_times_the_number_of_results(results) -> None:
    sums, fused = dict(comb_sum(results)), dict(comb_mnz(results))
    for item, score in fused.items():
        assert score == pytest.approx(sums[item] * sum(item in result for result in results))


def test_agreement_beats_a_single_high_score_with_mnz_only() -> None:
    results = [{"a": 1.0, "b": 0.55, "c": 0.0}, {"d": 1.0, "b": 0.4, "e": 0.0}]
    assert comb_sum(results)[0] == ("a", 1.0)
    assert comb_mnz(results)[0] == ("b", pytest.approx(1.9))


def test_what_a_result_leaves_out_is_no_better_than_its_last() -> None:
    fused = dict(comb_sum([{"a": 3.0, "b": 2.0, "c": 1.0}, {"a": 1.0, "d": 0.0}], scale="z-score"))
    lowest = min(normalize_scores({"a": 3.0, "b": 2.0, "c": 1.0}, "z-score").values())
    assert fused["d"] == pytest.approx(lowest - 1)
    assert fused["b"] == pytest.approx(-1)


def test_a_result_with_one_score_says_that_all_these_were_found() -> None:
    assert comb_sum([{"a": 5.0, "b": 5.0}, {"b": 2.0, "c": 1.0}]) == [("b", 2.0), ("a", 1.0), ("c", 0.0)]


def test_ties_keep_the_order_of_appearance() -> None:
    assert [item for item, _ in comb_sum([{"z": 1.0, "a": 1.0}])] == ["z", "a"]
    assert comb_sum([]) == comb_mnz([]) == []
