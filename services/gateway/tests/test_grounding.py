"""Drafts are let through where a passage says the same, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from whitebox_gateway.asking import analyse
from whitebox_gateway.extraction import Thresholds, candidates_of, judge
from whitebox_gateway.grounding import Verdict, check, contradiction, enough, split_draft

PASSAGE = (
    "Members of the cooperative pay 21.4 cents per kilowatt hour. Everyone else pays 24.9 cents per kilowatt hour.\n"
    "The basic charge is 8.50 euros a month for members and 11 euros a month for others.\n"
    "The dome is shut when the wind exceeds 18 metres per second. Visitors may not touch the glass.\n"
    "A loose bolt caused the alarm. It was replaced by the technician Mirela Costin on 5 February 2026.\n"
    "Beer that has not been tasted may not be bottled. The cellar is cool and quiet at night."
)


def verdicts(question: str, draft: str, passage: str = PASSAGE, *, close: bool = True) -> list[Verdict]:
    """Checks a draft with an encoder that finds everything close, or nothing."""
    asked = analyse(question)
    candidates = candidates_of([passage])
    sentences = split_draft(draft)
    evidence_vectors = {text: np.array([1, 0], np.float32) for text in (question, *(c.spelt_out for c in candidates))}
    evidence = judge(asked, candidates, candidates, evidence_vectors, Thresholds())
    direction = np.array([1, 0] if close else [0, 1], np.float32)
    vectors = evidence_vectors | {
        one.text: direction for one in sentences if one.text not in evidence_vectors or not close
    }
    return check(asked, sentences, evidence, vectors)


ASK = "How much do members pay per kilowatt hour?"


def test_a_sentence_that_a_passage_says_is_let_through_with_its_place() -> None:
    (verdict,) = verdicts(ASK, "Members pay 21.4 cents per kilowatt hour [1].")
    assert verdict.evidence is not None
    assert verdict.evidence.candidate.sentence.text.startswith("Members of the cooperative pay 21.4")
    assert verdict.text == "Members pay 21.4 cents per kilowatt hour."


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        ("Members pay 22.4 cents per kilowatt hour.", "'22.4'"),
        ("Members pay 24.9 cents per kilowatt hour.", "'24.9'"),
        ("Members pay 21.4 euros per kilowatt hour.", "'euros'"),
        ("Members do not pay 21.4 cents per kilowatt hour.", "negate"),
        ("Members in Berlin pay 21.4 cents per kilowatt hour.", "'berlin'"),
        ("Members always happily pay 21.4 cents per kilowatt hour.", "'happily'"),
        ("Only members pay 21.4 cents per kilowatt hour.", "'only'"),
        ("I hope this helps!", "does not say"),
        ("Yes.", "does not say"),
        ("What do members pay?", "states nothing"),
        ("...", ""),
    ],
)
def test_what_no_passage_says_is_dropped_with_the_reason(draft: str, reason: str) -> None:
    for verdict in verdicts(ASK, draft):
        assert verdict.evidence is None, verdict
        assert reason in verdict.reason


@pytest.mark.parametrize(
    ("draft", "supported"),
    [
        ("The basic charge is 8.50 euros a month for members.", True),
        ("The basic charge is 11 euros a month for members.", False),
        ("The dome is shut when the wind exceeds 18 metres per second.", True),
        ("The dome is shut.", False),
        ("Visitors may not touch the glass.", True),
        ("Visitors may touch the glass.", False),
        ("The bolt was replaced by Mirela Costin on 5 February 2026.", True),
        ("The bolt was replaced by Mirela Costin on 2 May 2026.", False),
        ("The alarm was replaced by Jonas Weber.", False),
        ("Beer may not be bottled.", False),
        ("Beer that has been tasted may be bottled.", False),
        ("The cellar is cool at night.", True),
    ],
)
def test_facts_may_not_be_changed_swapped_or_cut_off(draft: str, supported: bool) -> None:
    (sentence,) = split_draft(draft)
    assert any(not contradiction(sentence, one) for one in candidates_of([PASSAGE])) is supported


def test_a_true_sentence_that_does_not_answer_is_dropped() -> None:
    (verdict,) = verdicts(ASK, "Visitors may not touch the glass.")
    assert verdict.reason == "it is true, but does not answer the question"


def test_shared_words_are_not_enough_where_the_encoder_sees_another_meaning() -> None:
    (verdict,) = verdicts(ASK, "Per hour, cents pay members 21.4 kilowatt.", close=False)
    assert verdict.evidence is None


def test_a_repeated_sentence_is_let_through_once() -> None:
    found = verdicts(ASK, "Members pay 21.4 cents per kilowatt hour. Members pay 21.4 cents per kilowatt hour.")
    assert [one.evidence is not None for one in found] == [True, False]


def test_drafts_stop_when_they_repeat_themselves_or_have_said_enough() -> None:
    assert not enough("One thing. Another")
    assert enough("A thing is here. A thing is here. And")
    assert enough(" ".join(f"Sentence number {n} stands here." for n in range(6)))


def test_nothing_to_check_against_lets_nothing_through() -> None:
    (verdict,) = verdicts(ASK, "Members pay 21.4 cents.", passage="")
    assert verdict.reason == "there are no passages"
