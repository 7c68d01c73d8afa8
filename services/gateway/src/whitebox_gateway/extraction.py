"""Finding the sentences in passages that answer a question, or finding that none does.

Each sentence is judged by what a reader would look for: does it hold the kind of thing asked for, is it about the
numbers and names in the question, does it (with its heading and the two sentences before it) cover the words of the
question, and does an encoder place it near the question. Everything is visible in the `Evidence`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from whitebox.metrics.pairwise import cosine_similarity

from whitebox_gateway.asking import Kind, Question, counted_words, holds_kind, measured
from whitebox_gateway.sentences import Sentence, split_sentences
from whitebox_gateway.words import LIGHT_VERBS, words_of

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Thresholds:
    """What a sentence needs to answer; calibrated on labelled questions, see the README.

    Attributes:
        coverage: Least share of the question's weight that sentence and context cover.
        own: Least share that the sentence covers by itself.
        score: Least value of coverage and cosine together.
        lexical_coverage: Instead of `coverage` and `score`, when there are no vectors.
        same_meaning: Least cosine of two words that count as the same.
        margin: Further sentences may score less than the best by so much.
    """

    coverage: float = 0.61
    own: float = 0.2
    score: float = 0.59
    lexical_coverage: float = 0.75
    same_meaning: float = 0.6
    margin: float = 0.1


_PRONOUNS = frozenset("it its they their he his she her this these those".split())


@dataclass(frozen=True)
class Candidate:
    """A sentence in its place.

    Attributes:
        passage: Which passage, 0-based.
        sentence: The sentence.
        context: Heading and sentences before it.
    """

    passage: int
    sentence: Sentence
    context: tuple[Sentence, ...]

    @property
    def spelt_out(self) -> str:
        """The sentence as an encoder should read it: with the one before it, where a pronoun points there."""
        words = self.sentence.words
        if self.context and words and words[0].text in _PRONOUNS:
            return f"{self.context[-1].text} {self.sentence.text}"
        return self.sentence.text


@dataclass(frozen=True)
class Evidence:
    """How well a candidate answers.

    Attributes:
        candidate: The sentence.
        score: Coverage and cosine together, 0 to 1.
        coverage: Share of the question's weight covered by sentence and context.
        own: Share covered by the sentence alone.
        cosine: Of sentence and question; 0 without vectors.
        answers: Whether it passes.
        reason: Why it does not pass; else empty.
    """

    candidate: Candidate
    score: float
    coverage: float
    own: float
    cosine: float
    answers: bool
    reason: str


def candidates_of(passages: Sequence[str]) -> list[Candidate]:
    """Returns every sentence of the passages that states something, each once."""
    found: list[Candidate] = []
    seen: set[str] = set()
    for number, text in enumerate(passages):
        heading: tuple[Sentence, ...] = ()
        before: tuple[Sentence, ...] = ()
        for sentence in split_sentences(text):
            if sentence.heading:
                heading, before = (sentence,), ()
                continue
            if sentence.text not in seen and sentence.content:
                seen.add(sentence.text)
                found.append(Candidate(number, sentence, (*heading, *before)))
            before = (*before[-1:], sentence)
    return found


def shortlist(question: Question, candidates: Sequence[Candidate], size: int) -> list[Candidate]:
    """Returns the candidates that share most with the question, in their order; only these are worth vectors."""
    if len(candidates) <= size:
        return list(candidates)
    weights = term_weights(question, candidates)
    scored = []
    for index, candidate in enumerate(candidates):
        context = frozenset[str]().union(*(one.stems for one in candidate.context))
        shared = sum(
            weight * (1.0 if term in candidate.sentence.stems else 0.7 if term in context else 0.0)
            for term, weight in weights.items()
        )
        scored.append((-shared, not holds_kind(question, candidate.sentence), index))
    return [candidates[index] for index in sorted(index for _, _, index in sorted(scored)[:size])]


def term_weights(question: Question, candidates: Sequence[Candidate]) -> dict[str, float]:
    """Returns how much each word of the question says, by its rarity among the candidates (BM25's IDF).

    A word that no candidate has weighs most: it is what the passages may be silent about.
    """
    frequency = Counter(stem for candidate in candidates for stem in candidate.sentence.stems)
    count = len(candidates)
    weights: dict[str, float] = {}
    for term in question.terms:
        rarity = math.log1p((count - frequency[term.stem] + 0.5) / (frequency[term.stem] + 0.5))
        light = 0.25 if term.stem in LIGHT_VERBS else 1.0
        # What every sentence says still has to be said.
        weights[term.stem] = light * max(rarity, 0.3)
    return weights


def words_to_embed(question: Question, candidates: Sequence[Candidate], limit: int) -> list[str]:
    """Returns words whose vectors help to see synonyms: the question's uncovered ones, and those they may match."""
    present = frozenset[str]().union(*(c.sentence.stems.union(*(s.stems for s in c.context)) for c in candidates))
    if all(term.stem in present for term in question.terms):
        return []
    words = dict.fromkeys(term.text for term in question.terms)
    for candidate in candidates:
        for sentence in (candidate.sentence, *candidate.context):
            words |= dict.fromkeys(word.text for word in sentence.content if not word.number)
    return list(words)[:limit]


def judge(
    question: Question,
    candidates: Sequence[Candidate],
    everything: Sequence[Candidate],
    vectors: Mapping[str, Vector] | None,
    thresholds: Thresholds,
) -> list[Evidence]:
    """Judges candidates, the best first.

    Args:
        question: What is asked.
        candidates: Sentences to judge.
        everything: All sentences of the passages, which say how rare a word is.
        vectors: Unit vectors by text, of the question, the candidates and some words; None where there is no encoder.
        thresholds: What a sentence needs.
    """
    weights = term_weights(question, everything)
    total = sum(weights.values()) or 1.0
    synonyms = _Synonyms(question, vectors or {}, thresholds.same_meaning)
    cosines = _cosines(question, candidates, vectors)
    found = []
    for candidate, cosine in zip(candidates, cosines, strict=True):
        own_stems = candidate.sentence.stems
        context_stems = frozenset[str]().union(*(one.stems for one in candidate.context))
        own_words = [word.text for word in candidate.sentence.content]
        context_words = [word.text for one in candidate.context for word in one.content]
        own = coverage = 0.0
        uncovered: set[str] = set()
        for term in question.terms:
            weight = weights[term.stem] / total
            here = 1.0 if term.stem in own_stems else synonyms.match(term.text, own_words)
            if term.stem == question.measure and measured(question, candidate.sentence):
                here = 1.0
            there = 0.9 if term.stem in context_stems else 0.8 * synonyms.match(term.text, context_words)
            own += weight * here
            coverage += weight * max(here, there)
            if max(here, there) <= 0:
                uncovered.add(term.stem)
        reason = _reason_against(question, candidate, uncovered, context_stems, synonyms)
        score = coverage if vectors is None else 0.5 * coverage + 0.5 * max(0.0, cosine)
        if not reason:
            if vectors is None:
                enough = coverage >= thresholds.lexical_coverage
            else:
                enough = coverage >= thresholds.coverage and score >= thresholds.score and own >= thresholds.own
            reason = "" if enough else "it says too little about the question"
        found.append(Evidence(candidate, score, coverage, own, cosine, not reason, reason))
    return sorted(found, key=lambda one: (not one.answers, -one.score, one.candidate.passage))


def select(evidence: Sequence[Evidence], limit: int, margin: float) -> list[Evidence]:
    """Returns the sentences to show as the answer: the best, and others that are nearly as good and add something."""
    chosen: list[Evidence] = []
    for one in evidence:
        if not one.answers or len(chosen) == limit or (chosen and one.score < chosen[0].score - margin):
            break
        stems = one.candidate.sentence.stems
        if not any(stems <= other.candidate.sentence.stems for other in chosen):
            chosen.append(one)
    return chosen


def _reason_against(
    question: Question, candidate: Candidate, uncovered: set[str], context: frozenset[str], synonyms: _Synonyms
) -> str:
    said = candidate.sentence.stems | context | {word.stem for word in candidate.sentence.words}
    missing = question.demands - said
    if missing:
        return f"it is not about {', '.join(sorted(missing))}"
    if not holds_kind(question, candidate.sentence):
        return f"it holds no {question.kind.value}"
    if question.kind is Kind.COUNT and question.counted:
        counted = counted_words(candidate.sentence)
        if all(word.stem != question.counted for word in counted):
            term = next((term.text for term in question.terms if term.stem == question.counted), "")
            if not synonyms.match(term, [word.text for word in counted]):
                return f"it counts no {term or question.counted}"
    if question.focus and question.focus <= uncovered:
        return f"it does not mention {', '.join(sorted(question.focus))}"
    other = _about_another(question, candidate.sentence)
    return f"it is about another {other}" if other else ""


def _about_another(question: Question, sentence: Sentence) -> str:
    """Returns the noun of which the sentence names another one: "aroma hops" where "bittering hops" are asked for."""
    words = words_of(question.text)
    asked = {word.stem for word in words}
    for modifier, noun in pairwise(words):
        if (
            not (modifier.content and noun.content)
            or modifier.stem in sentence.stems
            or noun.stem not in sentence.stems
        ):
            continue
        if modifier.stem in LIGHT_VERBS or noun.stem in LIGHT_VERBS or modifier.number:
            continue
        # The same noun and not, say, its verb: "rattles" is no kind of "rattling".
        places = [i for i, word in enumerate(sentence.words) if word.text.rstrip("s") == noun.text.rstrip("s")]
        before = [sentence.words[index - 1] if index else None for index in places]
        if places and all(
            word is not None and word.content and not word.number and word.stem not in asked for word in before
        ):
            return noun.text
    return ""


def _cosines(
    question: Question, candidates: Sequence[Candidate], vectors: Mapping[str, Vector] | None
) -> NDArray[np.float64]:
    if vectors is None or not candidates:
        return np.zeros(len(candidates))
    asked = vectors[question.text][None, :]
    similarities: NDArray[np.float64] = cosine_similarity(
        asked, np.stack([vectors[one.spelt_out] for one in candidates])
    )
    row: NDArray[np.float64] = similarities[0]
    return row


class _Synonyms:
    """Says how far other words mean the same, by the vectors of single words."""

    def __init__(self, question: Question, vectors: Mapping[str, Vector], threshold: float) -> None:
        self._threshold = threshold
        terms = [term.text for term in question.terms if term.text in vectors]
        words = [text for text in vectors if " " not in text]
        self._columns = {word: index for index, word in enumerate(words)}
        self._rows = {term: index for index, term in enumerate(terms)}
        self._similarity = (
            cosine_similarity(np.stack([vectors[t] for t in terms]), np.stack([vectors[w] for w in words]))
            if terms
            else np.zeros((0, 0))
        )

    def match(self, term: str, words: Sequence[str]) -> float:
        """Returns the similarity to the most similar of the words, 0 below the threshold."""
        row = self._rows.get(term)
        columns = [self._columns[word] for word in words if word in self._columns]
        if row is None or not columns:
            return 0.0
        best = float(self._similarity[row, columns].max())
        return best if best >= self._threshold else 0.0
