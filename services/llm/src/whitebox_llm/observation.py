"""Metrics and the span of one generation, after the OpenTelemetry conventions for generative AI."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.telemetry import counter, gauge, histogram, tracer

from whitebox_llm.engine import Chunk, FinishReason, Request

# https://opentelemetry.io/docs/specs/semconv/gen-ai/ has no name for llama.cpp or vLLM: their own names are used.
_PROVIDERS = {"llama.cpp": "llama_cpp", "vllm": "vllm", "openai": "openai"}


class Observation:
    """Watches one generation; use as a context manager around it.

    Texts are never recorded: they are the caller's.

    Args:
        request: What was asked.
        engine: Name of the engine that answers.
    """

    def __init__(self, request: Request, engine: str) -> None:
        self._request = request
        self._began = self._last = time.perf_counter()
        self._first_seen = False
        self._finish: FinishReason | None = None
        operation = "text_completion" if isinstance(request.input, str) else "chat"
        self._span = tracer().start_span(
            f"{operation} {request.model}",
            kind=trace.SpanKind.CLIENT,
            attributes={
                gen_ai.GEN_AI_OPERATION_NAME: operation,
                gen_ai.GEN_AI_PROVIDER_NAME: _PROVIDERS[engine],
                gen_ai.GEN_AI_REQUEST_MODEL: request.model,
                gen_ai.GEN_AI_REQUEST_MAX_TOKENS: request.max_tokens,
                gen_ai.GEN_AI_REQUEST_TEMPERATURE: request.temperature,
                gen_ai.GEN_AI_REQUEST_TOP_P: request.top_p,
                gen_ai.GEN_AI_OUTPUT_TYPE: "json" if request.schema else "text",
                gen_ai.GEN_AI_RESPONSE_MODEL: request.model,
            },
        )
        if request.seed is not None:
            self._span.set_attribute(gen_ai.GEN_AI_REQUEST_SEED, request.seed)

    def __enter__(self) -> Self:
        gauge("whitebox_llm_requests_in_flight").labels(self._request.model).inc()
        return self

    def see(self, chunk: Chunk) -> None:
        """Takes note of the next chunk."""
        now = time.perf_counter()
        if chunk.text:
            kind = "inter_token" if self._first_seen else "time_to_first_token"
            since = self._last if self._first_seen else self._began
            histogram(f"whitebox_llm_{kind}_seconds").labels(self._request.model).observe(now - since)
            if not self._first_seen:
                self._span.set_attribute(gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, now - since)
            self._first_seen = True
            self._last = now
        if chunk.finish_reason is not None:
            self._finish = chunk.finish_reason
            self._span.set_attribute(gen_ai.GEN_AI_RESPONSE_FINISH_REASONS, [chunk.finish_reason.value])
        if chunk.usage is not None:
            tokens = counter("whitebox_llm_tokens_total")
            for kind, attribute, count in (
                ("prompt", gen_ai.GEN_AI_USAGE_INPUT_TOKENS, chunk.usage.prompt_tokens),
                ("completion", gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS, chunk.usage.completion_tokens),
                ("cached", gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, chunk.usage.cached_tokens),
            ):
                tokens.labels(self._request.model, kind).inc(count)
                self._span.set_attribute(attribute, count)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        outcome = self._outcome(error)
        gauge("whitebox_llm_requests_in_flight").labels(self._request.model).dec()
        counter("whitebox_llm_requests_total").labels(self._request.model, outcome).inc()
        if error is not None and outcome != "cancelled":
            self._span.set_attribute(ERROR_TYPE, outcome)
            self._span.set_status(trace.StatusCode.ERROR, outcome)
        self._span.end()

    def _outcome(self, error: BaseException | None) -> str:
        if self._finish is not None and not isinstance(error, ServiceError):
            return self._finish.value
        match error:
            case asyncio.CancelledError() | GeneratorExit():
                return "cancelled"
            case ServiceError():
                return error.reason
            case _:
                return "error"
