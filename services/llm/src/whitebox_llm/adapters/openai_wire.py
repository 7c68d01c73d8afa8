"""The OpenAI format, which llama.cpp and vLLM speak as well: requests out, streamed chunks and errors in.

Where the dialects differ, what is read is the union of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from whitebox_runtime.errors import (
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)

from whitebox_llm.engine import Chunk, FinishReason, Request, TokenDetail, TokenLogprob, Usage

_FINISH_REASONS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}
_MAX_MESSAGE_CHARACTERS = 1000


def request_body(request: Request) -> dict[str, Any]:
    """Returns the standard part of a streaming request: of a chat completion or, for a plain prompt, a completion."""
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    # At least one alternative is asked for: llama.cpp reports no log-probabilities at all for 0.
    alternatives = None if request.top_logprobs is None else max(1, request.top_logprobs)
    if isinstance(request.input, str):
        body["prompt"] = request.input
        if alternatives is not None:
            body["logprobs"] = alternatives
        return body
    body["messages"] = [{"role": message.role, "content": message.content} for message in request.input]
    if alternatives is not None:
        body |= {"logprobs": True, "top_logprobs": alternatives}
    if request.schema is not None:
        body["response_format"] = response_format(request.schema.document)
    return body


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the `response_format` that asks for output of this schema."""
    return {"type": "json_schema", "json_schema": {"name": "output", "schema": schema, "strict": True}}


class ChunkReader:
    """Turns the events of one stream into chunks.

    Args:
        request: The request that is answered.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._finish_reason: FinishReason | None = None
        self._usage: Usage | None = None

    def read(self, events: Iterable[Mapping[str, Any]]) -> Chunk | None:
        """Returns what the next events bring, as one chunk; `None` when that is nothing.

        Raises:
            ServiceError: An event reports an error.
        """
        texts: list[str] = []
        tokens: list[TokenDetail] = []
        for event in events:
            if (error := event.get("error")) is not None:
                raise error_from(error if isinstance(error, Mapping) else {"message": str(error)})
            if usage := event.get("usage"):
                self._usage = _usage(usage)
            for choice in event.get("choices") or ():
                texts.append(choice.get("text") or (choice.get("delta") or {}).get("content") or "")
                if self._request.top_logprobs is not None:
                    tokens.extend(_token_details(choice.get("logprobs") or {}, self._request.top_logprobs))
                if reason := choice.get("finish_reason"):
                    self._finish_reason = _finish_reason(reason)
        text = "".join(texts)
        return Chunk(text, tuple(tokens)) if text or tokens else None

    def finish(self) -> Chunk:
        """Returns the last chunk, once the stream has ended.

        Raises:
            Unavailable: It ended too early.
        """
        if self._finish_reason is None:
            raise Unavailable("the engine broke off in the middle of its answer", reason="engine_broke_off")
        return Chunk(finish_reason=self._finish_reason, usage=self._usage)


def error_from(
    error: Mapping[str, Any], status: int | None = None, *, retry_after: float | None = None
) -> ServiceError:
    """Translates an engine's error.

    Args:
        error: Its body, as far as it has one: `message`, `type`, `code`.
        status: HTTP status; left out, the body's `code` stands for it.
        retry_after: What the engine said about when to come back.
    """
    message = str(error.get("message") or "no reason given")[:_MAX_MESSAGE_CHARACTERS]
    code = error.get("code")
    status = status or (code if isinstance(code, int) else 500)
    if status in (400, 413, 422):
        if too_long := _prompt_too_long(error, message):
            return too_long
        return InvalidArgument(f"the engine refuses the request: {message}", reason="refused_by_engine")
    if status in (401, 403):
        return FailedPrecondition(
            "the engine refuses this service's credentials: check the API key in its configuration",
            reason="engine_credentials",
        )
    if status == 404:
        return NotFound(f"the engine does not know that: {message}", reason="model_not_found")
    if status == 429:
        return ResourceExhausted(f"the engine is full: {message}", reason="engine_full", retry_after=retry_after or 1.0)
    if status in (408, 502, 503, 504):
        return Unavailable(
            f"the engine is not available: {message}", reason="engine_unavailable", retry_after=retry_after
        )
    return Internal(f"the engine failed: {message}", reason="engine_failed")


def _prompt_too_long(error: Mapping[str, Any], message: str) -> InvalidArgument | None:
    tokens, limit = error.get("n_prompt_tokens"), error.get("n_ctx")
    if tokens is None and (found := re.search(r"maximum context length is (\d+) tokens", message)):
        limit = found[1]
        # vLLM and OpenAI: "... your request has 3000 input tokens", "(3000 in the messages, 100 in the completion)".
        counted = re.search(r"(\d+) (?:input tokens|in the messages|in your prompt)", message)
        tokens = counted[1] if counted else None
    elif tokens is None and error.get("code") != "context_length_exceeded":
        return None
    if tokens is None or limit is None:
        return InvalidArgument(f"the prompt does not fit into the model's context: {message}", reason="prompt_too_long")
    return InvalidArgument(
        f"the prompt has {tokens} tokens, the model's context holds {limit} for prompt and output: shorten it",
        reason="prompt_too_long",
        metadata={"prompt_tokens": str(tokens), "context_tokens": str(limit)},
    )


def _finish_reason(reason: str) -> FinishReason:
    if reason not in _FINISH_REASONS:
        raise FailedPrecondition(f"the engine ended its answer because of {reason!r}", reason="ended_by_engine")
    return _FINISH_REASONS[reason]


def _usage(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        cached_tokens=details.get("cached_tokens") or 0,
    )


def _token_details(logprobs: Mapping[str, Any], alternatives: int) -> Iterator[TokenDetail]:
    if logprobs.get("content") is not None:
        for entry in logprobs["content"]:
            ranked = (TokenLogprob(other["token"], other["logprob"]) for other in entry.get("top_logprobs") or ())
            yield _detail(entry["token"], entry["logprob"], ranked, alternatives)
        return
    # Completions of OpenAI and vLLM: parallel lists, and no log-probability for the very first token.
    tops = logprobs.get("top_logprobs") or [None] * len(logprobs.get("tokens") or ())
    for token, logprob, top in zip(
        logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), tops, strict=False
    ):
        if logprob is not None:
            ranked = (TokenLogprob(name, value) for name, value in (top or {}).items())
            yield _detail(token, logprob, ranked, alternatives)


def _detail(token: str, logprob: float, others: Iterable[TokenLogprob], alternatives: int) -> TokenDetail:
    ranked = sorted(others, key=lambda other: -other.logprob)
    return TokenDetail(TokenLogprob(token, logprob), tuple(ranked[:alternatives]))
