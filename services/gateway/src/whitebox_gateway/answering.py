"""From a question to an answer that stands on passages: search, judge, draft and check; else extract, or refuse."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from whitebox_runtime.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from whitebox_runtime.telemetry import counter, histogram

from whitebox_gateway.asking import analyse
from whitebox_gateway.extraction import Evidence, Thresholds, candidates_of, judge, select, shortlist, words_to_embed
from whitebox_gateway.grounding import Verdict, check, enough, split_draft
from whitebox_gateway.prompting import Prompt, Source, assemble, context_budget

logger = logging.getLogger(__name__)

NOT_FOUND = "The documents do not say."
# One call to the encoder takes 256 texts.
_SHORTLIST = 24
_WORDS = 200
_ANSWER_SENTENCES = 3
_REMEMBERED = 8192
# What may befall a service that is not the question's fault; anything else is.
_ABSENT = (Unavailable, DeadlineExceeded, ResourceExhausted, Internal)

Mode = Literal["hybrid", "dense", "sparse"]
Outcome = Literal["generated", "extractive", "not_found"]
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Filters:
    """Which passages may be used."""

    document_ids: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    media_types: Sequence[str] = ()


@dataclass(frozen=True)
class Asked:
    """A question with its circumstances.

    Attributes:
        tenant: Whose documents.
        question: What is asked.
        top_k: Passages to look at.
        mode: How to search.
        filters: Which passages may be used.
        model: Language model; empty for the default.
        max_tokens: Longest draft; 0 for the default.
        seed: For the draft.
    """

    tenant: str
    question: str
    top_k: int = 5
    mode: Mode = "hybrid"
    filters: Filters = field(default_factory=Filters)
    model: str = ""
    max_tokens: int = 0
    seed: int | None = None


@dataclass(frozen=True)
class Passage:
    """A passage as retrieval found it, with its scores by stage."""

    chunk_id: str
    document_id: str
    filename: str
    media_type: str
    page: int
    last_page: int
    chunk_index: int
    text: str
    score: float
    dense_score: float
    dense_rank: int
    sparse_score: float
    sparse_rank: int
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Found:
    """What a search returned, and how long its stages took."""

    passages: Sequence[Passage]
    embed_seconds: float
    index_seconds: float


@dataclass(frozen=True)
class Usage:
    """Tokens that the language model read and wrote."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True)
class Piece:
    """A piece of a draft; the last one of a draft that was not stopped carries the usage."""

    text: str
    model: str
    usage: Usage | None = None


class Retriever(Protocol):
    """Finds passages."""

    async def search(self, asked: Asked) -> Found:
        """Returns passages, the best first."""


class Encoder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns (texts, dimensions) unit vectors for at most 256 texts."""


class Drafter(Protocol):
    """Writes drafts."""

    async def context_tokens(self, model: str) -> int:
        """Returns the window of a model; 0 where it is not known."""

    def draft(self, prompt: Prompt, *, model: str, max_tokens: int, seed: int | None) -> AsyncGenerator[Piece]:
        """Yields a draft as it is made. Closing it stops the model."""


@dataclass(frozen=True)
class Citation:
    """A place in a document that supports a sentence."""

    n: int
    passage: Passage
    quote: str
    score: float


@dataclass(frozen=True)
class AnswerSentence:
    """A sentence of an answer and the numbers of its citations."""

    text: str
    citations: Sequence[int]


@dataclass(frozen=True)
class Timings:
    """Where the time went, in seconds."""

    search_seconds: float
    embed_seconds: float
    index_seconds: float
    judge_seconds: float
    draft_seconds: float
    check_seconds: float
    total_seconds: float


@dataclass(frozen=True)
class Answer:
    """An answer with everything that it stands on.

    Attributes:
        outcome: `generated` by a model and checked, `extractive` from the documents' own sentences, or `not_found`.
        sentences: The answer.
        citations: Numbered from 1.
        passages: Everything that was looked at.
        model: Which model wrote the draft; empty when none did.
        dropped: Sentences of the draft that no passage supports or that do not answer.
        degraded: Which parts were missing, each with the reason.
        usage: Tokens; None where a draft was stopped, since the model counts at its end.
        timings: Seconds.
    """

    outcome: Outcome
    sentences: Sequence[AnswerSentence]
    citations: Sequence[Citation]
    passages: Sequence[Passage]
    model: str
    dropped: Sequence[Verdict]
    degraded: Sequence[str]
    usage: Usage | None
    timings: Timings


@dataclass(frozen=True)
class DraftText:
    """A piece of the unchecked draft."""

    text: str


class _Vectors:
    """Vectors by text. The last ones stay: the same passages and words are asked about again and again."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[str, Vector] = OrderedDict()

    async def of(self, texts: Sequence[str]) -> dict[str, Vector]:
        """Returns the vector of each text; embeds in one call what is not known."""
        wanted = dict.fromkeys(texts)
        found = {text: self._known[text] for text in wanted if text in self._known}
        missing = [text for text in wanted if text not in found]
        if missing:
            rows = await self._encoder.embed(missing)
            for text, row in zip(missing, rows, strict=True):
                found[text] = self._known[text] = row
        for text in wanted:
            self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found


class _Clock:
    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()

    def lap(self) -> float:
        """Returns the seconds since the last lap."""
        now = time.perf_counter()
        lap, self._last = now - self._last, now
        return lap

    def total(self) -> float:
        """Returns the seconds since the start."""
        return time.perf_counter() - self._began


class Answerer:
    """Answers questions from a tenant's documents.

    Args:
        retriever: Finds passages.
        encoder: Turns texts into vectors.
        drafter: Writes drafts.
        context_characters: Most text of passages in a prompt.
        draft_tokens: Longest draft where a question names none.
        thresholds: What a sentence needs to answer.
    """

    def __init__(
        self,
        retriever: Retriever,
        encoder: Encoder,
        drafter: Drafter,
        *,
        context_characters: int,
        draft_tokens: int,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._retriever = retriever
        self._vectors = _Vectors(encoder)
        self._drafter = drafter
        self._context_characters = context_characters
        self._draft_tokens = draft_tokens
        self._thresholds = thresholds or Thresholds()

    async def answer(self, asked: Asked) -> Answer:
        """Answers in one piece.

        Raises:
            ServiceError: Retrieval cannot be reached, or something in the question is wrong.
        """
        async with aclosing(self.stream(asked)) as steps:
            async for step in steps:
                if isinstance(step, Answer):
                    return step
        raise Internal("the answer did not come to an end")  # pragma: no cover - stream always ends with an answer

    async def stream(self, asked: Asked) -> AsyncGenerator[Found | DraftText | Answer]:
        """Yields what was found, then the unchecked draft as it is made, and last the answer.

        Raises:
            ServiceError: See `answer`.
        """
        clock = _Clock()
        degraded: list[str] = []
        found = await self._search(asked, degraded)
        search_seconds = clock.lap()
        yield found
        clock.lap()

        question = analyse(asked.question)
        everything = candidates_of([passage.text for passage in found.passages])
        near = shortlist(question, everything, _SHORTLIST)
        vectors: dict[str, Vector] | None = None
        if near:
            words = words_to_embed(question, near, _WORDS)
            try:
                vectors = await self._vectors.of([question.text, *(one.spelt_out for one in near), *words])
            except _ABSENT as error:
                degraded.append(_away("embedding", error))
        evidence = judge(question, near, everything, vectors, self._thresholds)
        judge_seconds = clock.lap()

        verdicts: list[Verdict] = []
        used: Usage | None = Usage()
        model = ""
        draft_seconds = check_seconds = 0.0
        extracted = select(evidence, _ANSWER_SENTENCES, self._thresholds.margin)
        # Where nothing answers, a model could only invent; and without an encoder nothing it says could be checked.
        if extracted and vectors is not None:
            draft = ""
            try:
                async with aclosing(self._draft(asked, found.passages, evidence)) as pieces:
                    async for piece in pieces:
                        model = piece.model or model
                        used = piece.usage
                        draft += piece.text
                        if piece.text:
                            yield DraftText(piece.text)
                        if enough(draft):
                            break
            except _ABSENT as error:
                degraded.append(_away("llm", error))
                draft = ""
            draft_seconds = clock.lap()
            sentences = split_draft(draft)
            if sentences:
                try:
                    vectors |= await self._vectors.of([sentence.text for sentence in sentences])
                    verdicts = check(question, sentences, evidence, vectors)
                except _ABSENT as error:
                    degraded.append(_away("embedding", error))
            check_seconds = clock.lap()

        supported = [(verdict.text, verdict.evidence) for verdict in verdicts if verdict.evidence is not None]
        outcome: Outcome = "generated" if supported else "extractive" if extracted else "not_found"
        chosen = supported[:_ANSWER_SENTENCES] or [(one.candidate.sentence.text, one) for one in extracted]
        citations, answer_sentences = _cite(chosen, found.passages)
        timings = Timings(
            search_seconds,
            found.embed_seconds,
            found.index_seconds,
            judge_seconds,
            draft_seconds,
            check_seconds,
            clock.total(),
        )
        counter("whitebox_answers_total").labels(outcome).inc()
        histogram("whitebox_answer_duration_seconds").observe(timings.total_seconds)
        dropped = [verdict for verdict in verdicts if verdict.evidence is None]
        yield Answer(outcome, answer_sentences, citations, found.passages, model, dropped, degraded, used, timings)

    async def _search(self, asked: Asked, degraded: list[str]) -> Found:
        """Searches; where only the encoder is away, by words."""
        try:
            return await self._retriever.search(asked)
        except _ABSENT as error:
            if error.metadata.get("peer") != "embedding" or asked.mode == "sparse":
                raise
            degraded.append(_away("embedding", error))
            return await self._retriever.search(replace(asked, mode="sparse"))

    async def _draft(
        self, asked: Asked, passages: Sequence[Passage], evidence: Sequence[Evidence]
    ) -> AsyncGenerator[Piece]:
        # A draft can only stand on passages with evidence: others would cost time and invite what is beside the point.
        useful = dict.fromkeys(one.candidate.passage for one in evidence if one.answers)
        sources = [Source(passages[i].filename, passages[i].page, passages[i].text) for i in useful]
        max_tokens = asked.max_tokens or self._draft_tokens
        window = await self._drafter.context_tokens(asked.model)
        if window and max_tokens > window // 2:
            raise InvalidArgument(
                f"max_tokens is {max_tokens}: it must be at most half of the model's window of {window} tokens",
                reason="max_tokens_too_large",
            )
        budget = context_budget(self._context_characters, window, max_tokens)
        prompt = assemble(asked.question, sources, budget)
        async with aclosing(
            self._drafter.draft(prompt, model=asked.model, max_tokens=max_tokens, seed=asked.seed)
        ) as pieces:
            async for piece in pieces:
                yield piece


def _cite(
    chosen: Sequence[tuple[str, Evidence]], passages: Sequence[Passage]
) -> tuple[list[Citation], list[AnswerSentence]]:
    citations: list[Citation] = []
    numbers: dict[tuple[int, str], int] = {}
    sentences = []
    for text, evidence in chosen:
        quote = evidence.candidate.sentence.text
        key = (evidence.candidate.passage, quote)
        if key not in numbers:
            numbers[key] = len(citations) + 1
            citations.append(Citation(numbers[key], passages[key[0]], quote, evidence.score))
        sentences.append(AnswerSentence(text, [numbers[key]]))
    return citations, sentences


def _away(name: str, error: ServiceError) -> str:
    logger.warning("answering without %s: %s", name, error.message)
    return f"{name}: {error.message}"
