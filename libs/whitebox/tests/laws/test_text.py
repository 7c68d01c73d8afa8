from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from whitebox.text.bleu import corpus_bleu, sentence_bleu, tokenize_13a
from whitebox.text.edit_distance import levenshtein, similarity
from whitebox.text.rouge import rouge_l, rouge_lsum, rouge_n
from whitebox.text.tfidf import TfidfVectorizer

WORDS = st.lists(st.sampled_from(["tide", "power", "wind", "flat"]), max_size=8).map(" ".join)
STRINGS = st.text("abc", max_size=7)


@EXAMPLES
@given(STRINGS, STRINGS, STRINGS)
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert levenshtein(a, b) == levenshtein(b, a)
    assert (levenshtein(a, b) == 0) == (a == b)
    assert levenshtein(a, c) <= levenshtein(a, b) + levenshtein(b, c)
    assert abs(len(a) - len(b)) <= levenshtein(a, b) <= max(len(a), len(b))
    assert 0 <= similarity(a, b) <= 1


def test_edits_of_each_kind_cost_one() -> None:
    assert [levenshtein("tide", other) for other in ("tides", "tie", "tade", "tide")] == [1, 1, 1, 0]
    assert levenshtein("intention", "execution") == 5
    assert similarity("", "") == 1


@EXAMPLES
@given(st.lists(WORDS, min_size=1, max_size=5).filter(any))
def test_rows_have_unit_length_or_none(texts) -> None:
    lengths = np.sqrt((TfidfVectorizer().fit_transform(texts).to_dense() ** 2).sum(axis=1))
    np.testing.assert_allclose(lengths, [1.0 if text else 0.0 for text in texts])


def test_a_term_in_every_text_still_counts_but_least() -> None:
    vectorizer = TfidfVectorizer(norm=None).fit(["all rare", "all some", "all some"])
    idf = dict(zip(vectorizer.get_feature_names_out(), vectorizer.idf_, strict=True))
    assert 1 == idf["all"] < idf["some"] < idf["rare"] == pytest.approx(np.log(4 / 2) + 1)


def test_idf_counts_texts_and_not_occurrences() -> None:
    vectorizer = TfidfVectorizer().fit(["tide tide tide", "wind", "wind"])
    assert vectorizer.idf_[vectorizer.vocabulary_["tide"]] > vectorizer.idf_[vectorizer.vocabulary_["wind"]]


def test_occurrences_count_by_their_logarithm_if_asked() -> None:
    row = TfidfVectorizer(sublinear_tf=True, use_idf=False, norm=None).fit_transform(["tide tide tide wind"])
    np.testing.assert_allclose(row.to_dense(), [[1 + np.log(3), 1]])


def test_rare_and_frequent_terms_are_left_out() -> None:
    texts = ["tide power", "tide wind", "tide power flat", "tide"]
    assert list(TfidfVectorizer(min_df=2, max_df=0.5).fit(texts).vocabulary_) == ["power"]
    assert list(TfidfVectorizer(max_features=2).fit(texts).vocabulary_) == ["power", "tide"]
    # Of terms as frequent, the first in order stay.
    assert list(TfidfVectorizer(max_features=3).fit(texts).vocabulary_) == ["flat", "power", "tide"]


def test_unknown_terms_do_not_count() -> None:
    vectorizer = TfidfVectorizer().fit(["tidal power", "wind power"])
    known, unknown = vectorizer.transform(["power", "power of rivers"]).to_dense()
    np.testing.assert_array_equal(known, unknown)
    assert not vectorizer.transform(["rivers"]).to_dense().any()


def test_transforming_what_was_learnt_gives_what_learning_gave() -> None:
    texts = ["tidal power", "", "wind and tidal wind"]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    learnt, again = vectorizer.fit_transform(texts), vectorizer.transform(texts)
    np.testing.assert_array_equal(learnt.to_dense(), again.to_dense())
    copy = clone(vectorizer)
    assert copy.get_params() == vectorizer.get_params()
    assert not hasattr(copy, "vocabulary_")


def test_stop_words_leave_no_gap_in_runs() -> None:
    vectorizer = TfidfVectorizer(ngram_range=(2, 2), stop_words=["the", "of"])
    assert vectorizer.analyze("The power of the tide") == ["power tide"]


@EXAMPLES
@given(WORDS, WORDS, st.integers(1, 3))
def test_swapping_texts_swaps_precision_and_recall(a: str, b: str, n: int) -> None:
    for forth, back in ((rouge_n(a, b, n), rouge_n(b, a, n)), (rouge_l(a, b), rouge_l(b, a))):
        assert (forth.precision, forth.recall) == (back.recall, back.precision)
        assert 0 <= forth.f1 <= 1


def test_recall_is_of_the_reference_and_precision_of_the_candidate() -> None:
    for rouge in (rouge_n, rouge_l, rouge_lsum):
        assert rouge("the tide rises at six", "the tide")[:2] == (1.0, 0.4)


def test_order_matters_to_the_subsequence_only() -> None:
    assert rouge_l("police killed the gunman", "police kill the gunman").f1 == 0.75
    assert rouge_l("police killed the gunman", "the gunman kill police").f1 == 0.5
    assert rouge_n("a b c", "c b a").f1 == 1


def test_summaries_take_the_union_over_sentences() -> None:
    # Lin 2004, section 3.2.
    assert rouge_lsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5").recall == 0.8
    assert rouge_l("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8 w1 w3 w8 w9 w5").recall == 0.8


@EXAMPLES
@given(WORDS.filter(lambda text: len(text.split()) > 3))
def test_a_text_translates_itself_perfectly(text: str) -> None:
    assert corpus_bleu([text], [[text, "other"]]).score == pytest.approx(1)


def test_repeating_a_word_earns_nothing() -> None:
    # Papineni et al. 2002, section 2.1: clipped, 2 of 7 and not 7 of 7.
    result = corpus_bleu(["the the the the the the the"], [["The cat is on the mat", "There is a cat on the mat"]])
    assert result.precisions[0] == pytest.approx(1 / 7)
    result = corpus_bleu(["the the the"], [["the cat on the mat", "the dog"]])
    assert result.precisions[0] == pytest.approx(2 / 3)


def test_short_candidates_are_punished() -> None:
    result = corpus_bleu(["the tide rises at"], [["the tide rises at six in the"]])
    assert result.precisions == (1, 1, 1, 1)
    assert result.score == result.brevity_penalty == pytest.approx(np.exp(1 - 7 / 4))
    assert corpus_bleu(["the tide rises at six"], [["the tide rises at"]]).brevity_penalty == 1


def test_of_references_the_nearest_length_counts_the_shorter_of_two() -> None:
    result = corpus_bleu(["a b c d"], [["a b c d e", "a b c", "a"]])
    assert (result.candidate_length, result.reference_length) == (4, 3)


def test_counts_are_added_over_the_corpus_before_dividing() -> None:
    result = corpus_bleu(["a b", "c d e f g h"], [["a b"], ["x x x x x x"]])
    assert result.precisions[0] == pytest.approx(2 / 8)


def test_smoothing_decides_about_orders_without_a_match() -> None:
    def precisions(smoothing: str, amount: float | None = None) -> tuple[float, ...]:
        return sentence_bleu("a b c d", ["a x b y c z d"], smoothing=smoothing, amount=amount).precisions

    assert precisions("none") == (1, 0, 0, 0)
    assert precisions("exp") == (1, 1 / 6, 1 / 8, 1 / 8)
    assert precisions("floor", 0.5) == (1, 1 / 6, 1 / 4, 1 / 2)
    assert precisions("add-k") == (1, 1 / 4, 1 / 3, 1 / 2)


def test_single_sentences_leave_out_orders_they_are_too_short_for() -> None:
    assert sentence_bleu("the tide", ["the tide"]).score == pytest.approx(1)
    assert corpus_bleu(["the tide"], [["the tide"]]).score == 0


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Hello, world!", ["Hello", ",", "world", "!"]),
        ("1,000.5 and a.b", ["1,000.5", "and", "a", ".", "b"]),
        ("5-7 well-known", ["5", "-", "7", "well-known"]),
        ("&lt;a&gt; &amp; &quot;b&quot;", ["<", "a", ">", "&", '"', "b", '"']),
        ("line-\nbreak\nhere", ["linebreak", "here"]),
        ("", []),
    ],
)
def test_tokens_are_nists(text: str, tokens: list[str]) -> None:
    assert tokenize_13a(text) == tokens
