"""vLLM as a child process: started as configured, waited for, watched, and started again when it dies.

Its GPU code stays in its own process and environment; this service talks to it through its OpenAI-compatible API.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from whitebox_runtime.errors import Unavailable

from whitebox_llm.adapters.openai_compatible import OpenAiEngine, OpenAiOptions
from whitebox_llm.engine import Chunk, ModelInfo, Request

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
# A child that worked for this long did not fail because of its configuration: its next failure counts as the first.
_HEALTHY_SECONDS = 300.0


@dataclass(frozen=True)
class SupervisionOptions:
    """How the child is looked after.

    Attributes:
        argv: What to run.
        port: Where it listens on loopback.
        environment: Its environment variables, without the API key.
        start_seconds: Longest time to its first healthy answer; large models load for minutes.
        stop_seconds: What it gets to stop before it is killed.
        max_failures: Failures in a row after which to give up.
        silence_seconds: Longest wait for a piece of an answer.
    """

    argv: Sequence[str]
    port: int
    environment: Mapping[str, str]
    start_seconds: float
    stop_seconds: float
    max_failures: int
    silence_seconds: float


class VllmEngine:
    """A supervised `vllm serve`.

    Args:
        options: What to run and how to look after it.
    """

    name = "vllm"

    def __init__(self, options: SupervisionOptions) -> None:
        self._options = options
        # Loopback is shared by everything in the pod: only this service knows the key.
        self._api_key = secrets.token_urlsafe(32)
        self._client = OpenAiEngine(
            OpenAiOptions(
                base_url=f"http://127.0.0.1:{options.port}/v1",
                api_key=self._api_key,
                silence_seconds=options.silence_seconds,
                health_path="/health",
                engine=self.name,
            )
        )
        self._state = "vllm is not started yet"
        self._closing = asyncio.Event()
        self._running = asyncio.Lock()

    async def run(self) -> None:
        """Keeps the child running until `close`.

        Raises:
            Unavailable: It failed too often in a row.
        """
        failures = 0
        while not self._closing.is_set():
            began = time.monotonic()
            async with self._running:
                reason = await self._run_once()
            if self._closing.is_set():
                return
            failures = 1 if time.monotonic() - began > _HEALTHY_SECONDS else failures + 1
            self._state = f"vllm {reason}"
            logger.error("vllm %s", reason, extra={"failures": failures})
            if failures >= self._options.max_failures:
                raise Unavailable(f"vllm {reason}; gave up after {failures} failures in a row", reason="engine_failed")
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (failures - 1))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`."""
        self._require_started()
        async with aclosing(self._client.generate(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def list_models(self) -> Sequence[ModelInfo]:
        """Returns the model and its LoRA adapters."""
        self._require_started()
        return await self._client.list_models()

    async def check(self) -> None:
        """Returns when the child answers.

        Raises:
            Unavailable: It is loading, dead or silent.
        """
        self._require_started()
        await self._client.check()

    async def close(self) -> None:
        """Ends the child, after which `run` returns, and closes the connections."""
        self._closing.set()
        async with self._running:
            await self._client.close()

    def _require_started(self) -> None:
        if self._state:
            raise Unavailable(self._state, reason="engine_starting")

    async def _run_once(self) -> str:
        """Runs one child to its end and returns why it ended."""
        options = self._options
        logger.info("starting vllm", extra={"argv": list(options.argv)})
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "whitebox_llm.leash",
            f"{options.stop_seconds:g}",
            *options.argv,
            stdin=asyncio.subprocess.PIPE,
            env={**options.environment, "VLLM_API_KEY": self._api_key},
        )
        self._state = "vllm is loading the model"
        ended = asyncio.create_task(child.wait())
        stopped = asyncio.create_task(self._closing.wait())
        try:
            if not await self._until_healthy(ended, stopped):
                return self._why(ended, f"was not healthy within {options.start_seconds:g} s")
            self._state = ""
            logger.info("vllm is ready")
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return self._why(ended, "was stopped")
        finally:
            self._state = "vllm has stopped"
            stopped.cancel()
            if child.stdin is not None:
                child.stdin.close()
            await ended

    async def _until_healthy(self, ended: asyncio.Task[int], stopped: asyncio.Task[bool]) -> bool:
        deadline = time.monotonic() + self._options.start_seconds
        while time.monotonic() < deadline:
            with suppress(Unavailable):
                await self._client.check()
                return not ended.done()
            await asyncio.wait({ended, stopped}, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() or stopped.done():
                return False
        return False

    def _why(self, ended: asyncio.Task[int], otherwise: str) -> str:
        return f"exited with code {ended.result()}" if ended.done() else otherwise


def child_environment() -> dict[str, str]:
    """Returns this process's environment without its own settings, which are no business of the child's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WHITEBOX_")}
