"""The service in front of an engine, as tests start and ask it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from whitebox_contracts.llm.v1 import llm_pb2, llm_pb2_grpc
from whitebox_llm.adapters.llamacpp import LlamaCppEngine, LlamaCppOptions
from whitebox_llm.adapters.openai_compatible import OpenAiEngine, OpenAiOptions
from whitebox_llm.admission import Admission
from whitebox_llm.api import Defaults, LanguageModelApi
from whitebox_llm.catalogue import Catalogue
from whitebox_llm.engine import Engine
from whitebox_llm.generator import Generator
from whitebox_llm.model_file import ModelFile
from whitebox_llm.recomputation import Scorer, SelfCheck
from whitebox_llm.settings import LlmSettings
from whitebox_runtime.grpc_client import open_channel
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process

SLOTS = 8
CONTEXT_TOKENS = 512


def load(file: ModelFile, **changes: Any) -> LlamaCppEngine:
    options: dict[str, Any] = {
        "model_path": file.path,
        "model_name": file.name,
        "weights_sha256": file.sha256,
        "slots": SLOTS,
        "context_tokens": CONTEXT_TOKENS,
        "threads": 1,
        "batch_tokens": 64,
        "prefix_cache_bytes": 0,
        "stalled_after_seconds": 60.0,
    }
    return LlamaCppEngine(LlamaCppOptions(**(options | changes)))


def counter(engine: LlamaCppEngine, name: str) -> float:
    found = re.search(rf"^llamacpp:{name} (\S+)$", engine.counters(), re.MULTILINE)
    assert found, engine.counters()
    return float(found[1])


@dataclass
class Answer:
    """What came back, message by message."""

    messages: list[llm_pb2.GenerateResponse] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(message.text for message in self.messages)

    @property
    def last(self) -> llm_pb2.GenerateResponse:
        return self.messages[-1]


@dataclass(frozen=True)
class Service:
    stub: llm_pb2_grpc.LanguageModelServiceAsyncStub
    engine: Engine

    async def ask(self, request: llm_pb2.GenerateRequest) -> Answer:
        return Answer([message async for message in self.stub.Generate(request, timeout=60)])


@asynccontextmanager
async def serve(engine: Engine, *, slots: int = SLOTS, max_waiting: int = 64) -> AsyncIterator[Service]:
    process = Process("llm", LlmSettings(port=0, metrics_port=-1, shutdown_grace_seconds=0))
    admission = Admission(slots, max_waiting, saturated_after_seconds=30)
    api = LanguageModelApi(
        Generator(engine, admission),
        Catalogue(engine),
        Defaults(tokens=16, max_tokens=400, temperature=0.2, top_p=0.9),
        SelfCheck(engine if isinstance(engine, Scorer) else None, admission, CONTEXT_TOKENS),
    )
    async with GrpcServer(process, service_names=["whitebox.llm.v1.LanguageModelService"]) as server:
        llm_pb2_grpc.add_LanguageModelServiceServicer_to_server(api, server.server)
        async with open_channel(f"127.0.0.1:{await server.start()}", timeout_seconds=60) as channel:
            yield Service(llm_pb2_grpc.LanguageModelServiceStub(channel), engine)
        process.stopping.set()


@asynccontextmanager
async def opened(kind: str, llamacpp: LlamaCppEngine) -> AsyncIterator[Engine]:
    """The engine in process, or llama.cpp's own HTTP server as an OpenAI-compatible URL."""
    if kind == "llamacpp":
        yield llamacpp
        return
    engine = OpenAiEngine(OpenAiOptions(f"{llamacpp.address}/v1", llamacpp.api_key, silence_seconds=30))
    try:
        yield engine
    finally:
        await engine.close()


def chat(*turns: str, **fields: Any) -> llm_pb2.GenerateRequest:
    messages = [
        llm_pb2.Message(role="user" if position % 2 == 0 else "assistant", content=content)
        for position, content in enumerate(turns)
    ]
    return llm_pb2.GenerateRequest(chat=llm_pb2.Messages(messages=messages), **fields)


def continuation(prompt: str, **fields: Any) -> llm_pb2.GenerateRequest:
    return llm_pb2.GenerateRequest(prompt=prompt, **fields)
