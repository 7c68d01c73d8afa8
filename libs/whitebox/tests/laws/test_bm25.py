from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.search import bm25

WORDS = st.sampled_from("abcdef")


@EXAMPLES
@given(st.integers(1, 30), st.floats(0.1, 3), st.floats(0, 1))
def test_more_occurrences_at_the_same_length_score_higher_but_by_less_and_less(n: int, k1: float, b: float) -> None:
    documents = [["x"] * count + ["y"] * (40 - count) for count in (n, n + 1, n + 2)]
    first, second, third = bm25.BM25(k1, b).fit(documents).scores(["x"])
    assert first < second < third
    assert third - second < second - first


def test_the_weight_saturates_at_k1_plus_1() -> None:
    assert bm25.term_weights(["x"] * 10**5, 10**5, k1=1.2)["x"] == pytest.approx(2.2, rel=1e-4)


def test_of_two_documents_that_say_it_once_the_shorter_wins() -> None:
    long, short = bm25.BM25().fit([["x", *"abcdefgh"], ["x", "a"]]).scores(["x"])
    assert short > long


def test_without_length_normalisation_length_does_not_matter() -> None:
    long, short = bm25.BM25(b=0).fit([["x", *"abcdefgh"], ["x", "a"]]).scores(["x"])
    assert short == long


@EXAMPLES
@given(st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=6), st.lists(WORDS, min_size=1, max_size=4))
def test_scores_are_never_negative_and_positive_exactly_where_a_term_is_shared(documents, query) -> None:
    scores = bm25.BM25().fit(documents).scores(query)
    assert [score > 0 for score in scores] == [bool(set(query) & set(document)) for document in documents]
    assert (scores >= 0).all()


def test_a_term_in_every_document_still_counts_but_least() -> None:
    index = bm25.BM25().fit([["all", "rare"], ["all", "some"], ["all", "some"]])
    everywhere, twice, once = (index.scores([word])[i] for word, i in (("all", 0), ("some", 1), ("rare", 0)))
    assert 0 < everywhere < twice < once


@EXAMPLES
@given(st.lists(st.lists(WORDS, max_size=6), min_size=1, max_size=6), st.lists(WORDS, max_size=5))
def test_a_query_is_the_sum_of_its_terms_in_any_order(documents, query) -> None:
    index = bm25.BM25().fit(documents)
    alone = sum((index.scores([word]) for word in query), np.zeros(len(documents)))
    np.testing.assert_allclose(index.scores(query[::-1]), alone, rtol=1e-12)


def test_search_returns_every_tie_before_the_cut_by_index() -> None:
    index = bm25.BM25().fit([["x"], ["y"], ["x"], ["x"], ["x", "x"], ["x"]])
    assert index.search(["x"], 3)[0].tolist() == [4, 0, 2]
    assert index.search(["x"], 100)[0].tolist() == [4, 0, 2, 3, 5]
    assert index.search(["nothing"], 3)[0].tolist() == []


@EXAMPLES
@given(st.lists(WORDS, min_size=1, max_size=20), st.floats(0.5, 30))
def test_term_weights_times_idf_is_the_score(tokens, average_length: float) -> None:
    # With an index of a matching average length; this is what a sparse vector engine relies on.
    documents = [tokens, ["other"] * len(tokens)]
    index = bm25.BM25().fit(documents)
    weights = bm25.term_weights(tokens, len(tokens))
    idf = np.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    for term, weight in weights.items():
        assert index.scores([term])[0] == pytest.approx(idf * weight)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Straße ﬁnal", ["strasse", "final"]),
        ("hyphen\u00adation", ["hyphenation"]),
        ("caf\u0065\u0301", ["café"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("snake_case 3.14", ["snake", "case", "3", "14"]),
        ("", []),
        ("!? …", []),
    ],
)
def test_tokens_are_words_in_any_script(text: str, tokens: list[str]) -> None:
    assert bm25.tokenize(text) == tokens
