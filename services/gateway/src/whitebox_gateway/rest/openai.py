"""The OpenAI-compatible routes; the unmodified `openai` client is their test."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response
from whitebox_contracts.embedding.v1 import embedding_pb2
from whitebox_contracts.llm.v1 import llm_pb2
from whitebox_runtime.errors import InvalidArgument, NotFound, ServiceError, Unavailable
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.event_stream import EventStream, event
from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.problems import describe
from whitebox_gateway.rest.openai_answers import (
    ChatCompletion,
    ChatShape,
    Completion,
    CompletionShape,
    EmbeddingList,
    ModelEntry,
    ModelList,
)
from whitebox_gateway.rest.openai_requests import ChatBody, CompletionBody, EmbeddingsBody
from whitebox_gateway.rest.wire import EVENTS, json_response, services

logger = logging.getLogger(__name__)
router = APIRouter(route_class=JsonRoute, tags=["openai"])

# The contract's limit for one call; longer lists go in several.
_TEXTS_PER_CALL = 256
_DONE = event(b"[DONE]")
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The completion, or with `stream` a stream of chunks that ends with [DONE]",
        "content": EVENTS,
    }
}


@router.get("/v1/models", response_model=ModelList, summary="List models")
async def list_models(request: Request) -> Response:
    """Lists the language models and the embedding model that can be asked now."""
    return json_response({"object": "list", "data": await _models(request)})


@router.get("/v1/models/{model:path}", response_model=ModelEntry, summary="Describe a model")
async def get_model(request: Request, model: Annotated[str, Path(min_length=1, max_length=256)]) -> Response:
    """Describes one model."""
    for entry in await _models(request):
        if entry["id"] == model:
            return json_response(entry)
    raise NotFound(
        f"there is no model {model!r}: GET /v1/models lists them", reason="model_not_found", metadata={"param": "model"}
    )


@router.post(
    "/v1/chat/completions", response_model=ChatCompletion, responses=_STREAM, summary="Continue a conversation"
)
async def chat(request: Request, body: ChatBody) -> Response:
    """Generates the next message of a conversation."""
    shape = ChatShape(logprobs=bool(body.logprobs))
    return await _generate(request, body.to_proto(), body, shape)


@router.post("/v1/completions", response_model=Completion, responses=_STREAM, summary="Continue a text")
async def complete(request: Request, body: CompletionBody) -> Response:
    """Continues a text as it stands."""
    shape = CompletionShape(logprobs=body.logprobs is not None)
    return await _generate(request, body.to_proto(), body, shape)


@router.post("/v1/embeddings", response_model=EmbeddingList, summary="Embed texts")
async def embed(request: Request, body: EmbeddingsBody) -> Response:
    """Turns texts into unit vectors."""
    texts = body.texts
    stub = services(request).embedding
    with calling("embedding"):
        if len(texts) <= _TEXTS_PER_CALL:
            answers = [await stub.Embed(embedding_pb2.EmbedRequest(texts=texts, model=body.model))]
        else:
            requests = (
                embedding_pb2.EmbedRequest(texts=texts[start : start + _TEXTS_PER_CALL], model=body.model)
                for start in range(0, len(texts), _TEXTS_PER_CALL)
            )
            # One after the other: a long list should not take the whole service.
            answers = [await stub.Embed(part) for part in requests]
    dimensions = answers[0].dimensions
    if body.dimensions is not None and body.dimensions != dimensions:
        raise InvalidArgument(
            f"dimensions is {body.dimensions}: the model {answers[0].model!r} makes vectors of {dimensions}",
            reason="dimensions_fixed",
            metadata={"param": "dimensions"},
        )
    vectors = [row for answer in answers for row in np.frombuffer(answer.vectors, "<f4").reshape(-1, dimensions)]
    encoded: list[Any] = vectors
    if body.encoding_format == "base64":
        encoded = [base64.b64encode(row.data).decode() for row in vectors]
    tokens = sum(sum(answer.token_counts) for answer in answers)
    document = {
        "object": "list",
        "model": answers[0].model,
        "data": [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(encoded)],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return json_response(document)


async def _models(request: Request) -> list[dict[str, Any]]:
    """Lists what the two services have; one that is away leaves the other's models."""
    reached = services(request)

    async def language_models() -> list[dict[str, Any]]:
        with calling("llm"):
            listed = await reached.llm.ListModels(llm_pb2.ListModelsRequest(), timeout=5.0)
        return [
            _entry(request, model.name, "llm", model.engine, model.context_tokens, default=model.is_default)
            for model in listed.models
        ]

    async def embedding_models() -> list[dict[str, Any]]:
        with calling("embedding"):
            model = await reached.embedding.GetModel(embedding_pb2.GetModelRequest(), timeout=5.0)
        return [_entry(request, model.model, "embedding", model.runtime, model.max_tokens, default=True)]

    answers = await asyncio.gather(language_models(), embedding_models(), return_exceptions=True)
    found = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not found:
        raise Unavailable(
            "neither the language models nor the embedding model can be reached", reason="peer_unreachable"
        )
    for answer in answers:
        if isinstance(answer, ServiceError):
            logger.warning("some models are not listed: %s", answer.message)
        elif isinstance(answer, BaseException):
            raise answer
    return [entry for entries in found for entry in entries]


def _entry(
    request: Request, name: str, kind: str, engine: str, context_tokens: int, *, default: bool
) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": request.app.state.started,
        "owned_by": "whitebox",
        "kind": kind,
        "engine": engine,
        "context_tokens": context_tokens,
        "is_default": default,
    }


async def _generate(
    request: Request,
    wanted: llm_pb2.GenerateRequest,
    body: ChatBody | CompletionBody,
    shape: ChatShape | CompletionShape,
) -> Response:
    pieces = _pieces(services(request).llm.Generate(wanted))
    if not body.stream:
        async with aclosing(pieces):
            return json_response(shape.whole([piece async for piece in pieces]))
    # What is refused is refused with its own status, before the stream's 200 is out.
    first = await anext(pieces)

    async def events() -> AsyncGenerator[bytes]:
        try:
            async with aclosing(pieces):
                if (opening := shape.opening(first.model)) is not None:
                    yield event(orjson.dumps(opening))
                yield event(orjson.dumps(shape.chunk(first)))
                last = first
                async for piece in pieces:
                    last = piece
                    yield event(orjson.dumps(shape.chunk(piece)))
                if body.includes_usage:
                    yield event(orjson.dumps(shape.usage_chunk(last)))
                yield _DONE
        except ServiceError as error:
            yield event(orjson.dumps(describe(request.scope["path"], error)))

    return EventStream(events())


async def _pieces(call: Any) -> AsyncGenerator[llm_pb2.GenerateResponse]:
    """Yields what the language model makes; closing it, or being cancelled in it, stops the engine."""
    made = False
    try:
        with calling("llm"):
            async for piece in call:
                made = True
                yield piece
        if not made:
            raise Unavailable("llm ended the generation before it began: try again", reason="empty_generation")
    finally:
        call.cancel()
