"""What the models serve, recomputed from the same weights by libs/whitebox; for operators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from whitebox_contracts.embedding.v1 import embedding_pb2
from whitebox_contracts.llm.v1 import llm_pb2
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.rest.openai_requests import MAX_CHARACTERS, ChatMessage, Model
from whitebox_gateway.rest.wire import Answer, Body, json_response, principal, services

router = APIRouter(route_class=JsonRoute, tags=["self-checks"])

# Reading all weights and computing with them in NumPy takes longer than a call usually may.
_TIMEOUT_SECONDS = 100.0
_Text = Annotated[str, Field(max_length=65_536)]


class EmbeddingCheckBody(Body):
    """Texts to embed twice."""

    texts: Annotated[list[_Text], Field(min_length=1, max_length=16)]
    model: Model = ""


class CompletionCheckBody(Body):
    """A completion whose log-probabilities to compute twice, and what it follows: either `messages` or `prompt`."""

    completion: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=256)] | None = None
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)] | None = None
    model: Model = ""

    @model_validator(mode="after")
    def _one_input(self) -> CompletionCheckBody:
        if (self.messages is None) == (self.prompt is None):
            raise ValueError("send either messages or prompt")
        return self


class _CheckAnswer(Answer):
    model: str
    weights_sha256: str = Field(description="Of the weights that both were computed from")
    agrees: bool = Field(description="Whether tokens are the same and rounding explains the differences")
    tolerance: float
    served_seconds: float
    recomputed_seconds: float = Field(description="Reading the weights included")


class TextCheck(Answer):
    """One text, served and recomputed."""

    cosine_distance: float | None = Field(description="Null where what is served has no direction")
    largest_difference: float | None = Field(description="Between two entries at the same place")
    token_count: int
    recomputed_token_count: int


class EmbeddingCheckAnswer(_CheckAnswer):
    """Texts in their order; `tolerance` is the largest cosine distance that rounding explains."""

    precision: str
    texts: list[TextCheck]


class TokenCheck(Answer):
    """One token of the completion; logarithms are natural."""

    token: str = Field(description="A part of a character shows as U+FFFD")
    id: int
    served_logprob: float | None = Field(description="Null where the engine reports none: parts of characters")
    recomputed_logprob: float


class CompletionCheckAnswer(_CheckAnswer):
    """Tokens in their order; `tolerance` is the largest mean difference, in nats, that rounding explains."""

    prompt_tokens: int
    recomputed_prompt_tokens: int
    mean_difference: float
    largest_difference: float
    tokens: list[TokenCheck]


@router.post(
    "/v1/self-checks/embeddings", response_model=EmbeddingCheckAnswer, summary="Recompute embeddings (operators)"
)
async def check_embeddings(request: Request, body: EmbeddingCheckBody) -> Response:
    """Embeds texts as callers get them, and once more with libs/whitebox, and compares."""
    principal(request).require_operator()
    wanted = embedding_pb2.SelfCheckRequest(texts=body.texts, model=body.model)
    with calling("embedding"):
        found = await services(request).embedding.SelfCheck(wanted, timeout=_TIMEOUT_SECONDS)
    texts = [
        {
            "cosine_distance": one.cosine_distance,
            "largest_difference": one.largest_difference,
            "token_count": one.token_count,
            "recomputed_token_count": one.recomputed_token_count,
        }
        for one in found.texts
    ]
    return json_response({**_verdict(found), "precision": found.precision, "texts": texts})


@router.post(
    "/v1/self-checks/completions", response_model=CompletionCheckAnswer, summary="Recompute a completion (operators)"
)
async def check_completion(request: Request, body: CompletionCheckBody) -> Response:
    """Computes the log-probability of each token with the engine, and once more with libs/whitebox, and compares."""
    principal(request).require_operator()
    wanted = llm_pb2.SelfCheckRequest(model=body.model, completion=body.completion)
    if body.messages is not None:
        wanted.chat.messages.extend(message.to_proto() for message in body.messages)
    else:
        wanted.prompt = body.prompt or ""
    with calling("llm"):
        found = await services(request).llm.SelfCheck(wanted, timeout=_TIMEOUT_SECONDS)
    tokens = [
        {
            "token": one.token,
            "id": one.id,
            "served_logprob": one.served_logprob if one.HasField("served_logprob") else None,
            "recomputed_logprob": one.recomputed_logprob,
        }
        for one in found.tokens
    ]
    return json_response(
        {
            **_verdict(found),
            "prompt_tokens": found.prompt_tokens,
            "recomputed_prompt_tokens": found.recomputed_prompt_tokens,
            "mean_difference": found.mean_difference,
            "largest_difference": found.largest_difference,
            "tokens": tokens,
        }
    )


def _verdict(found: embedding_pb2.SelfCheckResponse | llm_pb2.SelfCheckResponse) -> dict[str, Any]:
    return {
        "model": found.model,
        "weights_sha256": found.weights_sha256,
        "agrees": found.agrees,
        "tolerance": found.tolerance,
        "served_seconds": found.served_seconds,
        "recomputed_seconds": found.recomputed_seconds,
    }
