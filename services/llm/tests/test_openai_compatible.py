"""Failures of a server, from a real HTTP server that fails on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from whitebox_llm.adapters.openai_compatible import OpenAiEngine, OpenAiOptions
from whitebox_llm.engine import Chunk, Message, Request
from whitebox_llm.output_schema import OutputSchema
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, ResourceExhausted, ServiceError, Unavailable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST = Request("m", (Message("user", "x"),), max_tokens=5, temperature=0, top_p=1)


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[OpenAiEngine]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    engine = OpenAiEngine(OpenAiOptions(f"http://127.0.0.1:{port}/v1", "key", **({"silence_seconds": 5} | options)))
    try:
        yield engine
    finally:
        await engine.close()
        await runner.cleanup()


async def collect(engine: OpenAiEngine, request: Request = REQUEST) -> list[Chunk]:
    async with aclosing(engine.generate(request)) as chunks:
        return [chunk async for chunk in chunks]


async def stream(request: web.Request, *events: Any, end: bool = True) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    if end:
        await response.write(b"data: [DONE]\n\n")
    return response


def delta(text: str, finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}


@pytest.mark.parametrize(
    ("status", "headers", "kind", "text"),
    [
        (401, {}, FailedPrecondition, "credentials"),
        (429, {"Retry-After": "7"}, ResourceExhausted, "slow down"),
        (503, {}, Unavailable, "slow down"),
        (400, {}, InvalidArgument, "slow down"),
    ],
)
async def test_an_error_status_becomes_the_matching_error(
    status: int, headers: dict[str, str], kind: type[ServiceError], text: str
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": "slow down"}}, status=status, headers=headers)

    async with server(handler) as engine:
        with pytest.raises(kind, match=text) as raised:
            await collect(engine)
    assert raised.value.retry_after == (7 if status == 429 else None)
    assert "key" not in str(raised.value).replace("API key", "")


async def test_a_failure_is_not_retried_behind_the_callers_back() -> None:
    calls = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return web.Response(status=500)

    async with server(handler) as engine:
        with pytest.raises(ServiceError):
            await collect(engine)
    assert calls == 1


async def test_nobody_listening_is_unavailable() -> None:
    engine = OpenAiEngine(OpenAiOptions("http://127.0.0.1:9/v1", "key", silence_seconds=1))
    for attempt in (collect(engine), engine.list_models(), engine.check()):
        with pytest.raises(Unavailable, match=r"cannot reach http://127\.0\.0\.1:9/v1"):
            await attempt
    await engine.close()


async def test_a_server_that_dies_in_the_middle_is_unavailable() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, delta("half an ans"), end=False)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with server(handler) as engine:
        with pytest.raises(Unavailable):
            await collect(engine)


async def test_a_server_that_falls_silent_is_unavailable() -> None:
    hold = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, delta("wait for it"), end=False)
        await hold.wait()
        return response

    async with server(handler, silence_seconds=0.1) as engine:
        with pytest.raises(Unavailable, match="silent"):
            await collect(engine)
        hold.set()


async def test_a_closed_generator_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, delta("first"), end=False)
        try:
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.01)
        except ConnectionResetError:
            gone.set()
        return response

    async with server(handler) as engine:
        async with aclosing(engine.generate(REQUEST)) as chunks:
            assert (await anext(chunks)).text == "first"
        await asyncio.wait_for(gone.wait(), 5)


async def test_an_error_within_the_stream_is_reported() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, delta("x"), {"error": {"message": "CUDA is unhappy", "code": 500}})

    async with server(handler) as engine:
        with pytest.raises(ServiceError, match="CUDA is unhappy"):
            await collect(engine)


async def test_what_is_sent_is_plain_openai() -> None:
    bodies = []

    async def handler(request: web.Request) -> web.StreamResponse:
        bodies.append((request.path, await request.json()))
        return await stream(request, delta("{}", "stop"))

    schema = OutputSchema.parse('{"type": "object"}')
    async with server(handler) as engine:
        await collect(engine, Request("m", (Message("user", "x"),), 5, 0.5, 0.9, seed=3, schema=schema, top_logprobs=2))
        await collect(engine, Request("m", "x", 5, 0.5, 0.9, stop=("y",)))
    sampling = {"model": "m", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9}
    streaming = {"stream": True, "stream_options": {"include_usage": True}}
    asked = {"type": "json_schema", "json_schema": {"name": "output", "schema": {"type": "object"}, "strict": True}}
    assert bodies == [
        (
            "/v1/chat/completions",
            sampling
            | streaming
            | {"messages": [{"role": "user", "content": "x"}], "seed": 3, "response_format": asked}
            | {"logprobs": True, "top_logprobs": 2},
        ),
        ("/v1/completions", sampling | streaming | {"prompt": "x", "stop": ["y"]}),
    ]


async def test_models_and_their_context_as_vllm_lists_them() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        cards = [{"id": "base", "object": "model", "max_model_len": 4096}, {"id": "lora", "object": "model"}]
        return web.json_response({"object": "list", "data": cards})

    async with server(handler) as engine:
        assert [(model.name, model.context_tokens) for model in await engine.list_models()] == [
            ("base", 4096),
            ("lora", 0),
        ]


async def test_health_is_asked_where_the_server_has_it() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503 if request.path == "/health" else 200)

    async with server(handler, health_path="/health") as engine:
        with pytest.raises(Unavailable, match="/health answers 503"):
            await engine.check()
