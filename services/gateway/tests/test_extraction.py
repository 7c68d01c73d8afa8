"""Which sentences answer, without any encoder and with vectors made for the case."""

from __future__ import annotations

import numpy as np
import pytest
from whitebox_gateway.asking import analyse
from whitebox_gateway.extraction import Thresholds, candidates_of, judge, select, shortlist, words_to_embed

PASSAGE = (
    "## The pump\nThe seal must be replaced after 8,000 hours. It is made of bronze. Red pumps are painted twice.\n"
    "## Is it loud?\nThe noise is 60 decibels."
)


def answers(question: str, *passages: str, vectors=None) -> list[str]:
    asked = analyse(question)
    everything = candidates_of(passages or [PASSAGE])
    near = shortlist(asked, everything, 24)
    evidence = judge(asked, near, everything, vectors, Thresholds())
    return [one.candidate.sentence.text for one in select(evidence, 3, 0.1)]


def test_without_vectors_the_words_decide() -> None:
    assert answers("When must the seal be replaced?") == ["The seal must be replaced after 8,000 hours."]


@pytest.mark.parametrize(
    "question",
    [
        "When must the filter be replaced?",
        "Who must replace the seal?",
        "How much does the seal cost?",
        "When must the seal of the X9 be replaced?",
        "How often are blue pumps painted?",
        "What is the weather like?",
        "?",
        "",
    ],
)
def test_what_is_not_said_is_not_answered(question: str) -> None:
    assert answers(question) == []


def test_no_passages_and_empty_passages_answer_nothing() -> None:
    assert answers("When must the seal be replaced?", "") == []
    assert candidates_of([]) == []


def test_headings_are_context_and_never_answers() -> None:
    candidates = candidates_of([PASSAGE])
    assert all(not candidate.sentence.heading for candidate in candidates)
    assert [one.text for one in candidates[-1].context] == ["Is it loud?"]


def test_a_sentence_in_two_passages_counts_once() -> None:
    assert len(answers("When must the seal be replaced?", PASSAGE, PASSAGE)) == 1


def test_a_pronoun_is_read_with_the_sentence_before_it() -> None:
    bronze = candidates_of([PASSAGE])[1]
    assert bronze.spelt_out == "The seal must be replaced after 8,000 hours. It is made of bronze."


def test_the_shortlist_keeps_the_sentences_that_share_most() -> None:
    passage = " ".join(f"Number {n} is here." for n in range(100)) + " The seal is made of bronze."
    near = shortlist(analyse("What is the seal made of?"), candidates_of([passage]), 5)
    assert len(near) == 5
    assert near[-1].sentence.text == "The seal is made of bronze."


def test_words_are_embedded_only_where_a_word_of_the_question_is_missing() -> None:
    candidates = candidates_of([PASSAGE])
    assert words_to_embed(analyse("What is the seal made of?"), candidates, 50) == []
    assert "gasket" in words_to_embed(analyse("When is the gasket replaced?"), candidates, 50)
    assert len(words_to_embed(analyse("When is the gasket replaced?"), candidates, 5)) == 5


def test_a_synonym_by_vectors_counts_as_the_word() -> None:
    question = "When must the gasket be replaced?"
    texts = [question, *(c.spelt_out for c in candidates_of([PASSAGE]))]
    words = words_to_embed(analyse(question), candidates_of([PASSAGE]), 200)
    rng = np.random.default_rng(0)
    vectors = {text: rng.standard_normal(64).astype(np.float32) for text in words}
    vectors |= dict.fromkeys(texts, np.ones(64, np.float32))
    assert answers(question, vectors=vectors) == []
    vectors["gasket"] = vectors["seal"]
    assert answers(question, vectors=vectors) == ["The seal must be replaced after 8,000 hours."]
