from __future__ import annotations

import random

import pytest
from examples import EXAMPLES
from hypothesis import example, given
from hypothesis import strategies as st
from whitebox.search import fusion

RANKINGS = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=4)


def test_the_first_of_one_ranking_scores_one_over_k_plus_one() -> None:
    assert fusion.reciprocal_rank_fusion([["a", "b"]], k=60) == [("a", 1 / 61), ("b", 1 / 62)]


@EXAMPLES
@given(RANKINGS, st.integers(0, 100))
def test_the_order_of_the_rankings_does_not_matter_to_the_scores(rankings, k: int) -> None:
    shuffled = random.Random(k).sample(rankings, len(rankings))
    ours, theirs = (dict(fusion.reciprocal_rank_fusion(r, k)) for r in (rankings, shuffled))
    assert ours == pytest.approx(theirs)


@EXAMPLES
@given(RANKINGS)
@example([["a", "b"], ["b", "a"]])  # a tie
def test_renaming_the_items_renames_the_result(rankings) -> None:
    names = dict(zip("abcdef", "uvwxyz", strict=True))
    renamed = fusion.reciprocal_rank_fusion([[names[item] for item in ranking] for ranking in rankings])
    assert renamed == [(names[item], score) for item, score in fusion.reciprocal_rank_fusion(rankings)]


@EXAMPLES
@given(st.lists(st.integers(), unique=True), st.integers(1, 4))
def test_rankings_that_agree_keep_their_order(ranking, copies: int) -> None:
    assert [item for item, _ in fusion.reciprocal_rank_fusion([ranking] * copies)] == ranking


@EXAMPLES
@given(RANKINGS, st.integers(1, 5))
def test_a_weight_counts_as_so_many_copies(rankings, weight: int) -> None:
    weighted = dict(fusion.reciprocal_rank_fusion(rankings, weights=[weight] * len(rankings)))
    assert weighted == pytest.approx(dict(fusion.reciprocal_rank_fusion(rankings * weight)))


def test_two_mirrored_rankings_tie_in_order_of_appearance() -> None:
    (first, score), (second, same) = fusion.reciprocal_rank_fusion([["a", "b"], ["b", "a"]])
    assert (first, second) == ("a", "b")
    assert score == same


def test_a_ranking_of_weight_zero_adds_its_items_last() -> None:
    assert fusion.reciprocal_rank_fusion([["a"], ["b"]], weights=[0, 1])[1] == ("a", 0.0)
