"""Limits, measurements and the schema check, with an engine whose words are known."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import grpc
import pytest
from llm_service import chat, serve
from prometheus_client import REGISTRY
from whitebox_llm.engine import Chunk, FinishReason, ModelInfo, Request, Usage


class Recital:
    """An engine that says what it is told to."""

    name = "vllm"

    def __init__(self, *chunks: Chunk | Exception, model: str = "recital") -> None:
        self.chunks = chunks
        self.model = model
        self.requests: list[Request] = []

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def list_models(self) -> Sequence[ModelInfo]:
        return [ModelInfo(self.model, self.name)]

    async def check(self) -> None: ...

    async def close(self) -> None: ...


END = Chunk(finish_reason=FinishReason.STOP, usage=Usage(11, 3, 5))


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_defaults_fill_what_is_not_said_and_large_numbers_are_cut() -> None:
    engine = Recital(END)
    async with serve(engine) as service:
        await service.ask(chat("x"))
        await service.ask(chat("x", max_tokens=2**32 - 1, temperature=0, top_p=0.5, seed=0, top_logprobs=0))
    said_nothing, said_all = engine.requests
    assert (said_nothing.max_tokens, said_nothing.temperature, said_nothing.top_p) == (16, 0.2, 0.9)
    assert (said_nothing.seed, said_nothing.top_logprobs) == (None, None)
    assert (said_all.max_tokens, said_all.temperature, said_all.top_p) == (400, 0, 0.5)
    assert (said_all.seed, said_all.top_logprobs) == (0, 0)


async def test_an_engine_that_ignores_the_schema_is_found_out() -> None:
    async with serve(Recital(Chunk("Sure! "), Chunk("{}"), END)) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await service.ask(chat("x", json_schema='{"type": "object"}'))
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "does not satisfy json_schema" in raised.value.details()


async def test_json_cut_off_by_max_tokens_is_reported_as_such_and_not_as_an_error() -> None:
    engine = Recital(Chunk('{"a": '), Chunk(finish_reason=FinishReason.LENGTH))
    async with serve(engine) as service:
        answer = await service.ask(chat("x", json_schema='{"type": "object"}'))
    assert answer.text == '{"a": '


async def test_what_the_engine_breaks_is_counted_and_hidden() -> None:
    engine = Recital(Chunk("a"), RuntimeError("secret internals"), model="breaks")
    async with serve(engine) as service:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await service.ask(chat("x"))
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in raised.value.details()
    assert sample("whitebox_llm_requests_total", model="breaks", outcome="error") == 1
    assert sample("whitebox_llm_requests_in_flight", model="breaks") == 0


async def test_a_full_queue_is_answered_with_when_to_come_back() -> None:
    class Endless(Recital):
        async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
            while True:
                yield Chunk("x" * 100_000)

    async with serve(Endless(model="endless"), slots=1, max_waiting=0) as service:
        first = service.stub.Generate(chat("x"), timeout=60)
        await first.read()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await service.ask(chat("x"))
        first.cancel()
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert sample("whitebox_llm_requests_total", model="endless", outcome="queue_full") == 1


async def test_metrics_count_tokens_and_times() -> None:
    engine = Recital(Chunk("a"), Chunk("b"), Chunk("c"), END, model="measured")
    async with serve(engine) as service:
        await service.ask(chat("x"))
    for kind, tokens in (("prompt", 11), ("completion", 3), ("cached", 5)):
        assert sample("whitebox_llm_tokens_total", model="measured", kind=kind) == tokens
    assert sample("whitebox_llm_time_to_first_token_seconds_count", model="measured") == 1
    assert sample("whitebox_llm_inter_token_seconds_count", model="measured") == 2
    assert sample("whitebox_llm_requests_total", model="measured", outcome="stop") == 1
    assert sample("whitebox_llm_requests_in_flight", model="measured") == 0


async def test_the_span_follows_the_generative_ai_conventions_and_holds_no_text(spans: list[Any]) -> None:
    async with serve(Recital(Chunk("the secret is 42"), END)) as service:
        await service.ask(chat("what is the secret?", seed=5))
    (span,) = [span for span in spans if span.name == "chat recital"]
    attributes = dict(span.attributes)
    assert attributes.pop("gen_ai.response.time_to_first_chunk") >= 0
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "recital",
        "gen_ai.request.max_tokens": 16,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.seed": 5,
        "gen_ai.output.type": "text",
        "gen_ai.response.model": "recital",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 5,
    }
    assert "secret" not in span.to_json()
