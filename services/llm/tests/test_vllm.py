"""Supervision, with `vllm_stand_in.py` for vLLM: a real process with a real model that is started like vLLM."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from llm_service import chat, serve
from whitebox_llm.adapters.vllm import SupervisionOptions, VllmEngine, child_environment
from whitebox_llm.vllm_command import VllmOptions, vllm_argv
from whitebox_runtime.errors import Unavailable

pytestmark = pytest.mark.slow

STAND_IN = (sys.executable, str(Path(__file__).parent / "vllm_stand_in.py"))


def supervised(model: str, **changes: Any) -> VllmEngine:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options: dict[str, Any] = {
        "argv": vllm_argv(VllmOptions(command=STAND_IN, model=model, port=port)),
        "port": port,
        "environment": child_environment(),
        "start_seconds": 60.0,
        "stop_seconds": 5.0,
        "max_failures": 3,
        "silence_seconds": 30.0,
    }
    return VllmEngine(SupervisionOptions(**(options | changes)))


@asynccontextmanager
async def running(engine: VllmEngine) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(engine.run())
    try:
        yield task
    finally:
        await engine.close()
        with suppress(Unavailable):
            await task


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def until_ready(engine: VllmEngine) -> None:
    while True:
        with suppress(Unavailable):
            await engine.check()
            return
        await asyncio.sleep(0.02)


def stand_ins(engine: VllmEngine) -> list[psutil.Process]:
    port = str(engine._options.port)
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = process.cmdline()
            if port in line and "whitebox_llm.leash" not in line and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


async def test_it_is_not_ready_until_the_child_answers_and_then_it_generates() -> None:
    engine = supervised("house-model")
    with pytest.raises(Unavailable, match="not started"):
        await engine.check()
    async with running(engine), serve(engine) as service:
        await until_ready(engine)
        (model,) = await engine.list_models()
        assert (model.name, model.engine) == ("house-model", "vllm")
        answer = await service.ask(chat("Say hello.", max_tokens=5))
        assert answer.last.usage.completion_tokens > 0
    assert not stand_ins(engine)


async def test_a_child_that_dies_is_started_again() -> None:
    engine = supervised("house-model")
    async with running(engine):
        await until_ready(engine)
        (first,) = stand_ins(engine)
        first.kill()
        await until(lambda: bool(engine._state))
        with pytest.raises(Unavailable, match="vllm"):
            await engine.check()
        await until_ready(engine)
        (second,) = stand_ins(engine)
        assert second.pid != first.pid


async def test_a_child_that_never_starts_is_given_up_with_its_exit_code() -> None:
    engine = supervised("crash", max_failures=2)
    with pytest.raises(Unavailable, match="exited with code 3; gave up after 2 failures"):
        await engine.run()
    await engine.close()


async def test_a_child_that_is_never_healthy_is_stopped() -> None:
    engine = supervised("hang", max_failures=1, start_seconds=0.5)
    with pytest.raises(Unavailable, match=r"not healthy within 0\.5 s"):
        await engine.run()
    assert not stand_ins(engine)
    await engine.close()


async def test_closing_while_the_model_loads_ends_the_child() -> None:
    engine = supervised("hang")
    async with running(engine):
        await until(lambda: bool(stand_ins(engine)))
    assert not stand_ins(engine)


async def test_a_program_that_does_not_exist_is_a_failure_like_any_other() -> None:
    engine = supervised("m", argv=["/nonexistent/vllm", "serve"], max_failures=1)
    with pytest.raises(Unavailable, match="exited with code"):
        await engine.run()
    await engine.close()


class TestLeash:
    @asynccontextmanager
    async def leashed(self, script: str, grace: str = "5") -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
        """Starts a script that prints its process id and then does as it likes."""
        leash = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "whitebox_llm.leash", grace, sys.executable, "-c", f"import os, signal, sys, time\n{script}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert leash.stdout is not None
        child = int(await leash.stdout.readline())
        try:
            yield leash, child
        finally:
            with suppress(ProcessLookupError):
                leash.kill()
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            await leash.wait()
            assert leash.stdin is not None
            leash.stdin.close()

    async def test_the_command_ends_when_the_parent_is_gone(self) -> None:
        async with self.leashed("print(os.getpid(), flush=True); time.sleep(100)") as (leash, child):
            leash.stdin.close()  # what the kernel does when a process dies, however it dies
            assert await leash.wait() == 128 + signal.SIGTERM
            assert not psutil.pid_exists(child)

    async def test_a_command_that_ignores_the_request_is_killed(self) -> None:
        stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True); time.sleep(100)"
        async with self.leashed(stubborn, grace="0.2") as (leash, child):
            leash.terminate()
            assert await leash.wait() == 128 + signal.SIGKILL
            assert not psutil.pid_exists(child)

    async def test_workers_of_a_command_that_crashed_are_killed(self) -> None:
        crash = "worker = os.fork()\nif worker == 0: time.sleep(100)\nprint(worker, flush=True); os._exit(7)"
        async with self.leashed(crash) as (leash, worker):
            assert await leash.wait() == 7
            await until(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == "zombie")
