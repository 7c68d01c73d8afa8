"""One small real model for all tests, and the whole service in front of it, once per engine."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from whitebox_llm.adapters.llamacpp import LlamaCppEngine
from whitebox_llm.model_file import ModelFile, open_model_file

# Tests are no package: this lets them share one module.
sys.path.insert(0, str(Path(__file__).parent))

from llm_service import Service, load, opened, serve


@pytest.fixture(scope="session")
def model_file() -> ModelFile:
    return open_model_file(None, "", "")


@pytest.fixture(scope="session")
def llamacpp(model_file: ModelFile) -> LlamaCppEngine:
    return load(model_file)


@pytest.fixture(params=["llamacpp", "openai"])
async def service(request: pytest.FixtureRequest, llamacpp: LlamaCppEngine) -> AsyncIterator[Service]:
    async with opened(request.param, llamacpp) as engine, serve(engine) as service:
        yield service


@pytest.fixture(scope="session")
def one_slot_engine(model_file: ModelFile) -> LlamaCppEngine:
    return load(model_file, slots=1)


@pytest.fixture(params=["llamacpp", "openai"])
async def one_slot(request: pytest.FixtureRequest, one_slot_engine: LlamaCppEngine) -> AsyncIterator[Service]:
    async with opened(request.param, one_slot_engine) as engine, serve(engine, slots=1) as service:
        yield service


@pytest.fixture
def spans() -> Iterator[list[Any]]:
    """Finished spans, newest last."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    finished: list[Any] = []

    class Collector(SpanProcessor):
        def on_end(self, span: Any) -> None:
            finished.append(span)

    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    collector = Collector()
    provider.add_span_processor(collector)
    yield finished
    collector.on_end = lambda span: None  # type: ignore[method-assign]
