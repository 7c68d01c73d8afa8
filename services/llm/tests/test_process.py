"""The process as an operator meets it."""

import asyncio
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import psutil
import pytest
from llm_service import chat
from whitebox_contracts.llm.v1 import llm_pb2_grpc

pytestmark = pytest.mark.slow


@asynccontextmanager
async def started(**variables: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """Starts the service; its log lines are collected as they come."""
    environment = os.environ | {"WHITEBOX_LLM_PORT": "0", "WHITEBOX_LLM_METRICS_PORT": "0", "WHITEBOX_LLM_SLOTS": "2"}
    environment |= {f"WHITEBOX_LLM_{name}": value for name, value in variables.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "whitebox_llm.main"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    lines: list[str] = []

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            lines.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        yield process, lines
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def port_in(lines: list[str]) -> int:
    while True:
        if found := re.search(r'"address": ?"127\.0\.0\.1:(\d+)"', "".join(lines)):
            return int(found[1])
        await asyncio.sleep(0.02)


async def test_it_starts_answers_and_ends_in_order_with_a_generation_running() -> None:
    async with started() as (process, lines):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await port_in(lines)}") as channel:
            call = llm_pb2_grpc.LanguageModelServiceStub(channel).Generate(chat("Count to ten.", max_tokens=40))
            finish_reasons = []
            async for message in call:
                if not finish_reasons:
                    process.send_signal(signal.SIGTERM)
                finish_reasons.append(message.finish_reason)
        assert finish_reasons[-1], "the running generation was cut off"
        assert await process.wait() == 0
    assert re.search(r'"sha256": ?"[0-9a-f]{64}"', "".join(lines))


async def test_a_missing_model_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    async with started(MODEL_PATH=str(tmp_path / "none.gguf")) as (process, lines):
        assert await process.wait() == 1
    assert "none.gguf: No such file or directory" in "".join(lines)


async def test_a_missing_key_file_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    variables = {"ENGINE": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    async with started(OPENAI_API_KEY_FILE=str(tmp_path / "key"), **variables) as (process, lines):
        assert await process.wait() == 1
    assert "cannot read the API key file" in "".join(lines)


async def test_it_starts_without_its_upstream_and_says_what_is_missing() -> None:
    async with started(ENGINE="openai", OPENAI_BASE_URL="http://127.0.0.1:9/v1") as (process, lines):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await port_in(lines)}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await llm_pb2_grpc.LanguageModelServiceStub(channel).Generate(chat("x")).read()
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "cannot reach http://127.0.0.1:9/v1" in raised.value.details()
        assert process.returncode is None


async def test_vllm_does_not_outlive_the_service_however_that_ends() -> None:
    stand_in = Path(__file__).parent / "vllm_stand_in.py"
    variables = {"ENGINE": "vllm", "VLLM_MODEL": "hang", "VLLM_COMMAND": shlex.join([sys.executable, str(stand_in)])}
    async with started(**variables) as (process, lines):
        await port_in(lines)
        while not (
            family := [child for child in psutil.Process(process.pid).children(recursive=True) if is_vllm(child)]
        ):
            await asyncio.sleep(0.02)
        process.kill()
        await process.wait()
        _gone, alive = await asyncio.to_thread(psutil.wait_procs, family, 15)
        assert not alive


def is_vllm(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        line = process.cmdline()
        return "serve" in line and "whitebox_llm.leash" not in line
    return False
