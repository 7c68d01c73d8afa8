"""Checking a model's draft against the passages: what no passage says is dropped.

A sentence of a draft stands on one sentence of one passage or on none. Its numbers, names, negations, conditions and
nearly all its words must be in that sentence; where several facts of a kind stand side by side, in the same order, so
that they cannot have been swapped; and an encoder must place the two close together. That sentence must moreover be one
that answers the question: what is true but beside the point is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from whitebox.metrics.pairwise import cosine_similarity

from whitebox_gateway.asking import Kind, Question, holds_kind
from whitebox_gateway.extraction import Candidate, Evidence
from whitebox_gateway.sentences import Sentence, split_sentences
from whitebox_gateway.words import stems

Vector = NDArray[np.float32]

_MARKS = re.compile(r"\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
# Words of a draft's sentence that may be missing where it holds no fact that could be wrong.
_COVERAGE = 0.8
# Calibrated on labelled drafts, see tests/test_grounding_calibration.py.
_COSINE = 0.7
# Verbs that add nothing: "is located at" says what "at" says.
_FILLERS = stems("located situated")
# An answer has three sentences at most; a few more allow for some to be dropped.
_DRAFT_SENTENCES = 5


@dataclass(frozen=True)
class Verdict:
    """What became of one sentence of a draft.

    Attributes:
        text: The sentence, without citation marks of the model's own.
        evidence: The sentence it stands on; None when it was dropped.
        reason: Why it was dropped; else empty.
    """

    text: str
    evidence: Evidence | None
    reason: str


def split_draft(draft: str) -> list[Sentence]:
    """Cuts a draft into its sentences, without the `[1]` that models put where they like."""
    return split_sentences(_without_marks(draft))


def enough(draft: str) -> bool:
    """Whether to stop a draft that is being written: it has said enough, or begins to repeat itself."""
    sentences = split_draft(draft)
    # The last one may still be growing.
    done = [sentence.stems for sentence in sentences[:-1]]
    return len(done) >= _DRAFT_SENTENCES or len(set(done)) < len(done)


def check(
    question: Question,
    draft: Sequence[Sentence],
    evidence: Sequence[Evidence],
    vectors: Mapping[str, Vector],
) -> list[Verdict]:
    """Judges each sentence of a draft.

    Args:
        question: What was asked.
        draft: Its sentences.
        evidence: All judged sentences of the passages.
        vectors: Unit vectors by text, of the draft's sentences and of the evidence.
    """
    verdicts = []
    said: set[frozenset[str]] = set()
    for sentence in draft:
        if sentence.stems in said:
            verdicts.append(Verdict(sentence.text, None, "it repeats what was said"))
            continue
        verdict = _verdict(question, sentence, evidence, vectors)
        if verdict.evidence is not None:
            said.add(sentence.stems)
        verdicts.append(verdict)
    return verdicts


def _verdict(
    question: Question, sentence: Sentence, evidence: Sequence[Evidence], vectors: Mapping[str, Vector]
) -> Verdict:
    if sentence.heading or not sentence.content:
        return Verdict(sentence.text, None, "it states nothing")
    cosines = _cosines(sentence, evidence, vectors)
    # The closest first: the first that supports it is also the one a reader would be shown.
    order = np.argsort(-cosines)
    nearest = ""
    for index in order:
        one = evidence[index]
        reason = contradiction(sentence, one.candidate)
        if not reason and cosines[index] < _COSINE:
            reason = "no passage says something close to it"
        if not reason:
            if not one.answers:
                return Verdict(sentence.text, None, "it is true, but does not answer the question")
            if question.kind is not Kind.ANYTHING and not holds_kind(question, sentence):
                return Verdict(sentence.text, None, f"it holds no {question.kind.value}")
            return Verdict(sentence.text, one, "")
        nearest = nearest or reason
    return Verdict(sentence.text, None, nearest or "there are no passages")


def contradiction(sentence: Sentence, candidate: Candidate) -> str:
    """Returns what a sentence says that the candidate does not, or an empty string."""
    source = candidate.sentence
    pointed = frozenset[str]()
    if candidate.spelt_out != source.text:
        # "It was replaced": what the pronoun stands for is in the sentence before.
        pointed = candidate.context[-1].stems
    known = source.stems | pointed
    invented = sentence.facts.numbers - source.facts.numbers
    if invented:
        return f"no passage says {_listed(invented)} there"
    if unknown := sentence.facts.names - known:
        return f"no passage names {_listed([word.text for word in sentence.words if word.stem in unknown])} there"
    if sentence.facts.negations != source.facts.negations:
        return "the passage does not negate it alike"
    if turned := sentence.facts.polarity - source.facts.polarity:
        return f"the passage does not say {_listed(turned)}"
    if lost := source.facts.conditions - sentence.facts.conditions:
        return f"it leaves out {_listed(lost)}"
    missing = [word.text for word in sentence.content if word.stem not in known | _FILLERS]
    has_facts = bool(sentence.facts.numbers or sentence.facts.names or source.facts.numbers)
    allowed = 0.0 if has_facts else (1 - _COVERAGE) * len(sentence.content)
    if len(missing) > allowed:
        return f"the passage does not say {_listed(missing)}"
    if _several_facts(source) and not _in_order(sentence, source):
        return "it puts the passage's facts together in another way"
    return ""


def _several_facts(source: Sentence) -> bool:
    return len(source.facts.numbers) > 1 or len(source.facts.names) > 1


def _in_order(sentence: Sentence, source: Sentence) -> bool:
    """Whether the words that both have come in the same order, in one run of the source."""
    order = [word.stem for word in source.content]
    position = -1
    for word in sentence.content:
        if word.stem not in order:
            continue
        try:
            position = order.index(word.stem, position + 1)
        except ValueError:
            return False
    return True


def _cosines(sentence: Sentence, evidence: Sequence[Evidence], vectors: Mapping[str, Vector]) -> NDArray[np.float64]:
    if not evidence:
        return np.zeros(0)
    places = np.stack([vectors[one.candidate.spelt_out] for one in evidence])
    similarities: NDArray[np.float64] = cosine_similarity(vectors[sentence.text][None, :], places)
    row: NDArray[np.float64] = similarities[0]
    return row


def _listed(words: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(repr(word) for word in sorted(set(words))[:5])


def _without_marks(draft: str) -> str:
    return _MARKS.sub("", draft)
