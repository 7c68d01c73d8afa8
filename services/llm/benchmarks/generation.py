"""Tokens per second, time to the first token and CPU time of the service, against llama.cpp's own HTTP server.

Both run the same weights with the same slots, context and threads, each in a process of its own, and take turns; the
client is this process: gRPC for the service, HTTP with server-sent events for the peer. Prompts are new each time, so
that no prefix cache helps. Prints one JSON line per measure; `ratio` is ours over the peer's.

    python services/llm/benchmarks/generation.py [--rounds 5] [--tokens 64] [--threads 1]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx2
import psutil
from whitebox_contracts.llm.v1 import llm_pb2, llm_pb2_grpc
from whitebox_llm.model_file import open_model_file

SLOTS = 8
CONTEXT_TOKENS = 1024
PEER_NAME = "llama.cpp HTTP server (xllamacpp)"
PROMPT = "Write a very long story, number {number}, about a ship that sails around the world and never comes home."


@dataclass(frozen=True)
class Answer:
    """One answer: seconds to its first text, and its tokens."""

    first_seconds: float
    tokens: int


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: how to ask it, and its process."""

    ask: Callable[[str, int], Coroutine[Any, Any, Answer]]
    process: psutil.Process

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


async def measure(side: Side, prompts: list[str], tokens: int) -> tuple[float, float, float]:
    """Returns tokens per second, mean seconds to the first token, and CPU seconds per token of concurrent requests."""
    cpu, began = side.cpu_seconds(), time.perf_counter()
    answers = await asyncio.gather(*(side.ask(prompt, tokens) for prompt in prompts))
    seconds, cpu = time.perf_counter() - began, side.cpu_seconds() - cpu
    made = sum(answer.tokens for answer in answers)
    return made / seconds, statistics.mean(answer.first_seconds for answer in answers), cpu / made


@asynccontextmanager
async def ours(threads: int) -> AsyncIterator[Side]:
    """The service as it is deployed, with default settings but for size."""
    port = free_port()
    size = {"SLOTS": SLOTS, "CONTEXT_TOKENS": CONTEXT_TOKENS, "THREADS": threads, "PORT": port, "METRICS_PORT": 0}
    variables = {f"WHITEBOX_LLM_{name}": str(value) for name, value in size.items()}
    async with (
        child([sys.executable, "-m", "whitebox_llm.main"], variables) as process,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        await asyncio.wait_for(channel.channel_ready(), 60)
        stub = llm_pb2_grpc.LanguageModelServiceStub(channel)

        async def ask(prompt: str, tokens: int) -> Answer:
            messages = llm_pb2.Messages(messages=[llm_pb2.Message(role="user", content=prompt)])
            request = llm_pb2.GenerateRequest(chat=messages, max_tokens=tokens, temperature=0)
            began, first, used = time.perf_counter(), 0.0, 0
            async for message in stub.Generate(request):
                if message.text and not first:
                    first = time.perf_counter() - began
                used = message.usage.completion_tokens or used
            return Answer(first, used)

        yield Side(ask, process)


@asynccontextmanager
async def peer(threads: int) -> AsyncIterator[Side]:
    """llama.cpp's server with its own defaults but for size and the prompt cache's unbounded memory."""
    port = free_port()
    async with (
        child([sys.executable, __file__, "--serve-peer", str(port), "--threads", str(threads)], {}) as process,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        for _ in range(600):
            try:
                if (await client.get("/health")).status_code == 200:
                    break
            except httpx2.TransportError:
                await asyncio.sleep(0.1)

        async def ask(prompt: str, tokens: int) -> Answer:
            body = {
                "messages": [{"role": "user", "content": prompt}],
                "max_tokens": tokens,
                "temperature": 0,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
            began, first, used = time.perf_counter(), 0.0, 0
            async with client.stream("POST", "/v1/chat/completions", json=body) as response:
                async for line in response.aiter_lines():
                    if not line.startswith("data: {"):
                        continue
                    event = json.loads(line[6:])
                    if not first and event["choices"] and event["choices"][0]["delta"].get("content"):
                        first = time.perf_counter() - began
                    used = (event.get("usage") or {}).get("completion_tokens", used)
            return Answer(first, used)

        yield Side(ask, process)


def serve_peer(port: int, threads: int) -> None:
    """Runs llama.cpp's HTTP server until it is told to stop."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(open_model_file(None, "", "").path)
    parameters.n_parallel, parameters.n_ctx = SLOTS, SLOTS * CONTEXT_TOKENS
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.cache_ram_mib = 256
    parameters.port, parameters.verbosity = port, 1
    server = xllamacpp.Server(parameters)
    signal.sigwait({signal.SIGTERM})
    del server


@asynccontextmanager
async def child(argv: list[str], variables: dict[str, str]) -> AsyncIterator[psutil.Process]:
    environment = os.environ | variables | {"OMP_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=sys.stderr)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def main(rounds: int, tokens: int, threads: int) -> None:
    numbers = itertools.count(1)
    results: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    async with ours(threads) as our_side, peer(threads) as peer_side:
        sides = {"ours": our_side, "peer": peer_side}
        for round_ in range(rounds + 1):
            for concurrency in (1, SLOTS):
                # Who goes first changes, so that a machine that slows down is not one side's.
                for name in sorted(sides, reverse=bool(round_ % 2)):
                    prompts = [PROMPT.format(number=next(numbers)) for _ in range(concurrency)]
                    result = await measure(sides[name], prompts, tokens)
                    if round_ > 0:  # the first round warms up
                        results.setdefault((name, concurrency), []).append(result)

    def median(name: str, concurrency: int, measured: int) -> float:
        return statistics.median(result[measured] for result in results[name, concurrency])

    for concurrency in (1, SLOTS):
        measures = (("tokens_per_second", "tokens/s"), ("time_to_first_token", "s"), ("server_cpu_per_token", "s"))
        for measured, (label, unit) in enumerate(measures):
            report(
                f"{label}_at_{concurrency}", *(median(name, concurrency, measured) for name in ("ours", "peer")), unit
            )
    speedups = [median(name, SLOTS, 0) / median(name, 1, 0) for name in ("ours", "peer")]
    report(f"batching_speedup_at_{SLOTS}", *speedups, "times one at a time")


def report(name: str, our_value: float, peer_value: float, unit: str) -> None:
    line = {"name": name, "ours": round(our_value, 4), "peer": round(peer_value, 4), "peer_name": PEER_NAME}
    print(json.dumps(line | {"ratio": round(our_value / peer_value, 3), "unit": unit}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--serve-peer", type=int, metavar="PORT", help="run only the peer, on this port")
    arguments = parser.parse_args()
    if arguments.serve_peer:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        serve_peer(arguments.serve_peer, arguments.threads)
    else:
        asyncio.run(main(arguments.rounds, arguments.tokens, arguments.threads))
