"""Questions to the documents."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.telemetry import current_trace_id

from whitebox_gateway import answering
from whitebox_gateway.answering import NOT_FOUND, Answerer, Asked, DraftText, Filters, Found, Passage
from whitebox_gateway.event_stream import EventStream, event
from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.problems import describe
from whitebox_gateway.rest import wire
from whitebox_gateway.rest.wire import Body, Integer, Name, json_response, principal

router = APIRouter(route_class=JsonRoute, tags=["questions"])

_Value = Annotated[str, Field(max_length=512)]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; or with `stream` the events `sources`, `draft` (unchecked, on request), `answer` "
        "and `done`, or `error` with a problem",
        "content": wire.EVENTS,
    }
}


class FiltersBody(Body):
    """Which passages may be used; conditions of different kinds must all hold."""

    document_ids: Annotated[list[Name], Field(max_length=100)] = Field(default_factory=list, description="Any of these")
    metadata: Annotated[
        dict[Annotated[str, StringConstraints(min_length=1, max_length=64)], _Value], Field(max_length=16)
    ] = Field(default_factory=dict, description="All of these")
    media_types: Annotated[list[Name], Field(max_length=16)] = Field(default_factory=list, description="Any of these")


class QuestionBody(Body):
    """A question."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"\w")]
    top_k: Annotated[Integer, Field(ge=1, le=100)] = Field(5, description="Passages to look at")
    filters: FiltersBody = Field(default_factory=FiltersBody)
    mode: Literal["hybrid", "dense", "sparse"] = "hybrid"
    citations: bool = Field(True, description="Put [n] behind sentences; the lists of citations come in any case")
    stream: bool = False
    draft: bool = Field(False, description="With stream: also send the unchecked draft while it is made")
    model: Annotated[str, Field(max_length=256)] = Field("", description="Empty: the default model")
    max_tokens: Annotated[Integer, Field(ge=1, le=8192)] | None = None
    seed: Annotated[Integer, Field(ge=0, le=2**32 - 2)] | None = None


class SentenceAnswer(wire.Answer):
    """A sentence and what it stands on."""

    text: str
    citations: list[int]


class CitationAnswer(wire.Answer):
    """A place in a document."""

    n: int
    document_id: str
    filename: str
    page: int | None = Field(description="1-based; null where the format has no pages")
    chunk_id: str
    score: float = Field(description="How well the quoted sentence answers, 0 to 1")
    quote: str = Field(description="The document's own words")


class SourceAnswer(wire.Answer):
    """A passage that was looked at, with its scores by stage."""

    chunk_id: str
    document_id: str
    filename: str
    media_type: str
    page: int | None
    last_page: int | None
    chunk_index: int
    text: str
    score: float = Field(description="Of the search mode: fused, cosine or BM25")
    dense_score: float
    dense_rank: int | None = Field(description="1-based; null where it was not in that list")
    sparse_score: float
    sparse_rank: int | None
    metadata: dict[str, str]


class DroppedSentence(wire.Answer):
    """A sentence of the model's draft that was not let through."""

    text: str
    reason: str


class UsageAnswer(wire.Answer):
    """Tokens that the language model read and wrote."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int


class TimingsAnswer(wire.Answer):
    """Where the time went, in seconds."""

    search_seconds: float
    embed_seconds: float
    index_seconds: float
    judge_seconds: float
    draft_seconds: float
    check_seconds: float
    total_seconds: float


class QuestionAnswer(wire.Answer):
    """An answer with everything that it stands on."""

    answer: str
    outcome: Literal["generated", "extractive", "not_found"]
    sentences: list[SentenceAnswer]
    citations: list[CitationAnswer]
    sources: list[SourceAnswer]
    dropped: list[DroppedSentence]
    degraded: list[str] = Field(description="Parts of the platform that were missing, each with the reason")
    model: str | None = Field(description="Model that wrote the draft; null when none did")
    usage: UsageAnswer | None = Field(
        description="null where the draft was stopped because it had said enough: the model counts at its end"
    )
    timings: TimingsAnswer
    trace_id: str


@router.post("/v1/questions", response_model=QuestionAnswer, responses=_STREAM, summary="Ask the documents")
async def ask(request: Request, body: QuestionBody) -> Response:
    """Answers from the documents alone: every sentence is supported by a passage, or the answer says there is none."""
    answerer: Answerer = request.app.state.answerer
    asked = Asked(
        tenant=principal(request).tenant,
        question=body.question,
        top_k=body.top_k,
        mode=body.mode,
        filters=Filters(body.filters.document_ids, body.filters.metadata, body.filters.media_types),
        model=body.model,
        max_tokens=body.max_tokens or 0,
        seed=body.seed,
    )
    if not body.stream:
        return json_response(_answer(await answerer.answer(asked), cite=body.citations))
    steps = answerer.stream(asked)
    # What is refused is refused with its own status, before the stream's 200 is out.
    first = await anext(steps)

    async def events() -> AsyncGenerator[bytes]:
        async with aclosing(steps):
            try:
                yield _event(first, body)
                async for step in steps:
                    if body.draft or not isinstance(step, DraftText):
                        yield _event(step, body)
            except ServiceError as error:
                yield event(orjson.dumps(describe(request.scope["path"], error)), "error")
                return
        yield event(orjson.dumps({"trace_id": current_trace_id()}), "done")

    return EventStream(events())


def _event(step: Found | DraftText | answering.Answer, body: QuestionBody) -> bytes:
    match step:
        case Found():
            return event(orjson.dumps({"sources": [_source(passage) for passage in step.passages]}), "sources")
        case DraftText():
            return event(orjson.dumps({"text": step.text}), "draft")
        case answering.Answer():
            return event(orjson.dumps(_answer(step, cite=body.citations)), "answer")


def _answer(answer: answering.Answer, *, cite: bool) -> dict[str, Any]:
    return {
        "answer": _text(answer, cite=cite),
        "outcome": answer.outcome,
        "sentences": [{"text": one.text, "citations": list(one.citations)} for one in answer.sentences],
        "citations": [_citation(citation) for citation in answer.citations],
        "sources": [_source(passage) for passage in answer.passages],
        "dropped": [{"text": one.text, "reason": one.reason} for one in answer.dropped],
        "degraded": list(answer.degraded),
        "model": answer.model or None,
        "usage": _usage(answer.usage),
        "timings": dataclasses.asdict(answer.timings),
        "trace_id": current_trace_id(),
    }


def _usage(usage: answering.Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {**dataclasses.asdict(usage), "total_tokens": usage.prompt_tokens + usage.completion_tokens}


def _text(answer: answering.Answer, *, cite: bool) -> str:
    if not answer.sentences:
        return NOT_FOUND
    if not cite:
        return " ".join(one.text for one in answer.sentences)
    return " ".join(one.text + "".join(f" [{n}]" for n in one.citations) for one in answer.sentences)


def _citation(citation: answering.Citation) -> dict[str, Any]:
    passage = citation.passage
    return {
        "n": citation.n,
        "document_id": passage.document_id,
        "filename": passage.filename,
        "page": passage.page or None,
        "chunk_id": passage.chunk_id,
        "score": float(citation.score),
        "quote": citation.quote,
    }


def _source(passage: Passage) -> dict[str, Any]:
    return {
        "chunk_id": passage.chunk_id,
        "document_id": passage.document_id,
        "filename": passage.filename,
        "media_type": passage.media_type,
        "page": passage.page or None,
        "last_page": passage.last_page or None,
        "chunk_index": passage.chunk_index,
        "text": passage.text,
        "score": passage.score,
        "dense_score": passage.dense_score,
        "dense_rank": passage.dense_rank or None,
        "sparse_score": passage.sparse_score,
        "sparse_rank": passage.sparse_rank or None,
        "metadata": dict(passage.metadata),
    }
