"""What is particular to the engine in process."""

import asyncio
import urllib.error
import urllib.request
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from llm_service import counter, load
from whitebox_llm.adapters.llamacpp import LlamaCppEngine, ModelLoadError
from whitebox_llm.engine import Request
from whitebox_llm.model_file import ModelFile
from whitebox_runtime.errors import Unavailable


def request(prompt: str = "Once upon a time", **changes: Any) -> Request:
    fields: dict[str, Any] = {"max_tokens": 400, "temperature": 0, "top_p": 1} | changes
    return Request("smollm2-135m-instruct", prompt, **fields)


async def test_a_call_cancelled_while_its_prompt_is_read_frees_the_slot(one_slot_engine: LlamaCppEngine) -> None:
    read_before = counter(one_slot_engine, "prompt_tokens_total")
    prompt = "alpha beta gamma delta " * 100

    async def ask() -> None:
        async for _ in one_slot_engine.generate(request(prompt)):
            pass

    task = asyncio.create_task(ask())
    await until_started(one_slot_engine)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    async for _ in one_slot_engine.generate(request(max_tokens=1)):
        pass
    assert counter(one_slot_engine, "prompt_tokens_total") - read_before < 300, "the whole prompt was read"


async def until_started(engine: LlamaCppEngine) -> None:
    while not any(relay.started for relay in engine._running):
        await asyncio.sleep(0)


async def test_a_closed_generator_has_given_its_slot_back(one_slot_engine: LlamaCppEngine) -> None:
    async with aclosing(one_slot_engine.generate(request())) as chunks:
        await anext(chunks)
    assert not one_slot_engine._running
    assert one_slot_engine._threads._work_queue.empty()


async def test_a_slow_reader_gets_everything_in_fewer_chunks(one_slot_engine: LlamaCppEngine) -> None:
    quick = [chunk.text async for chunk in one_slot_engine.generate(request(max_tokens=30))]
    slow = []
    async with aclosing(one_slot_engine.generate(request(max_tokens=30))) as chunks:
        slow.append((await anext(chunks)).text)
        (relay,) = one_slot_engine._running
        while len(relay._events) < 20:
            await asyncio.sleep(0.001)
        slow += [chunk.text async for chunk in chunks]
    assert "".join(slow) == "".join(quick)
    assert len(slow) < len(quick) - 15


async def test_silence_is_unhealthy_only_during_a_generation(model_file: ModelFile) -> None:
    engine = load(model_file, slots=1, stalled_after_seconds=0.0)
    await engine.check()
    async with aclosing(engine.generate(request(max_tokens=100))) as chunks:
        await anext(chunks)
        with pytest.raises(Unavailable, match="silent"):
            await engine.check()
    await engine.check()
    await engine.close()


async def test_closing_ends_running_generations_and_refuses_new_ones(model_file: ModelFile) -> None:
    engine = load(model_file, slots=1)
    chunks = engine.generate(request())
    await anext(chunks)
    await engine.close()
    with pytest.raises(Unavailable, match="broke off"):
        async for _ in chunks:
            pass
    with pytest.raises(Unavailable, match="stopping"):
        await anext(engine.generate(request()))


def test_other_processes_cannot_use_the_port_that_the_library_opens(one_slot_engine: LlamaCppEngine) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{one_slot_engine.address}/v1/models")
    raised.value.close()
    assert raised.value.code == 401


@pytest.mark.parametrize("content", [b"", b"GGUF" + bytes(100), b"not a model"])
def test_a_file_that_is_no_model_is_refused(model_file: ModelFile, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelLoadError, match=r"broken\.gguf"):
        load(model_file, model_path=path)
