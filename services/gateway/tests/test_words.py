"""Words, sentences and questions as the answer checks see them."""

from __future__ import annotations

import doctest

import pytest
from whitebox_gateway import sentences, words
from whitebox_gateway.asking import Kind, analyse, holds_kind
from whitebox_gateway.sentences import Sentence, split_sentences
from whitebox_gateway.words import facts_of, words_of


@pytest.mark.parametrize("module", [words, sentences])
def test_the_examples_in_the_documentation_hold(module) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("replaces", "replacement"), ("stopped", "stopping"), ("batteries", "battery"), ("metres", "meters"), ("built", "build"),
        ("paid", "pay"), ("members", "member"), ("installation", "installed"), ("5,000", "5000"), ("8.50", "8.5"), ("twelve", "12"),
    ],
)  # fmt: skip
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert words_of(one)[0].stem == words_of(other)[0].stem


@pytest.mark.parametrize(
    ("one", "other"), [("bus", "but"), ("oil", "oily sea"), ("12", "21"), ("1.5", "15"), ("glass", "glad")]
)
def test_different_words_keep_different_stems(one: str, other: str) -> None:
    assert words_of(one)[0].stem != words_of(other)[-1].stem


def test_facts_are_numbers_names_negations_and_conditions() -> None:
    facts = facts_of(
        words_of("On 3 May 2026 Dr. Osei doesn't work, unless the Mill Lane site needs more than 1,200 litres.")
    )
    assert {"3", "2026", "1200"} <= facts.numbers
    assert {"may", "osei", "mill", "lane"} <= facts.names
    assert facts.negations == 2
    assert (facts.conditions, facts.polarity) == ({"unless"}, {"more"})


def test_empty_and_odd_texts_have_no_words_and_no_sentences() -> None:
    for text in ("", "   ", "—!?…", "\n\n\n", "|||"):
        assert words_of(text) == []
        assert split_sentences(text) == []


def test_sentences_end_at_ends_and_line_breaks_but_not_at_abbreviations_or_decimals() -> None:
    text = "The limit is 1.5 bar, e.g. for Dr. A. Smith.\n1. First do this.\nMarine life\n## Why?\nIt works! “Yes.” Then it stops"
    assert [one.text for one in split_sentences(text)] == [
        "The limit is 1.5 bar, e.g. for Dr. A. Smith.", "First do this.", "Marine life", "Why?", "It works!", "“Yes.”", "Then it stops",
    ]  # fmt: skip
    assert [one.heading for one in split_sentences("Marine life\nSeals are seen.")] == [True, False]


def test_a_long_text_without_any_end_is_cut_not_refused() -> None:
    assert len(split_sentences("word " * 100_000)[0].text) <= 1000


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How deep is it?", Kind.NUMBER), ("How much does it cost?", Kind.MONEY), ("How many beds are there?", Kind.COUNT),
        ("How often is it cleaned?", Kind.FREQUENCY), ("How long does it take?", Kind.DURATION), ("When does it open?", Kind.TIME),
        ("On which day is it closed?", Kind.TIME), ("Who signs the form?", Kind.NAME), ("Which company made it?", Kind.NAME),
        ("Where is the lift?", Kind.PLACE), ("Why is it shut?", Kind.ANYTHING), ("What is the salary of the guard?", Kind.MONEY),
        ("Is it open?", Kind.ANYTHING), ("opening hours", Kind.ANYTHING), ("?", Kind.ANYTHING), ("", Kind.ANYTHING),
    ],
)  # fmt: skip
def test_a_question_asks_for_a_kind_of_thing(question: str, kind: Kind) -> None:
    assert analyse(question).kind is kind


@pytest.mark.parametrize(
    ("question", "answers", "does_not"),
    [
        ("How much does it cost?", "It costs 4 euros.", "It has 4 wheels."),
        ("When is it open?", "It is open on Mondays.", "It is open to everyone."),
        ("Who repaired it?", "It was repaired by Mirela Costin.", "It was repaired in a hurry."),
        ("How often is it oiled?", "It is oiled every month.", "It is oiled by hand."),
        ("How many doors has it?", "It has three doors.", "It has doors."),
        ("Where does it come from?", "It comes from Tettnang.", "It comes at night."),
    ],
)
def test_a_sentence_holds_the_kind_of_thing_or_not(question: str, answers: str, does_not: str) -> None:
    assert holds_kind(analyse(question), Sentence(answers, heading=False))
    assert not holds_kind(analyse(question), Sentence(does_not, heading=False))


def test_what_the_question_says_itself_is_no_answer() -> None:
    question = analyse("How many turbines stood there in 2019?")
    assert not holds_kind(question, Sentence("In 2019 the turbines stood there.", heading=False))
    assert question.demands == {"2019"}
