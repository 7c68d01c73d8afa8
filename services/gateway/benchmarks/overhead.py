"""What the gateway adds to a call: POST /v1/embeddings against the direct gRPC call, both to one embedding process.

Prints JSON lines: name, ours, peer, peer_name, ratio, unit. The text is the same each time, so the embedding service
answers from its cache and the difference is the way there. Run: `python services/gateway/benchmarks/overhead.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc
import httpx
from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_gateway.authentication import create_key
from whitebox_runtime.testing import free_port

CALLS, ROUNDS, CONCURRENT = 200, 5, 16
TEXT = "How often is the gearbox oil of a turbine changed?"

Call = Callable[[], Awaitable[object]]


def start(module: str, prefix: str, **settings: object) -> subprocess.Popen[bytes]:
    """Starts a process of the platform, quiet unless something is wrong."""
    variables = {f"WHITEBOX_{prefix}_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, **variables, f"WHITEBOX_{prefix}_LOG_LEVEL": "ERROR"}
    return subprocess.Popen([sys.executable, "-m", f"{module}.main"], env=environment)


async def seconds_each(call: Call) -> list[float]:
    """Latency of calls one after another."""
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return taken


async def calls_per_second(call: Call) -> float:
    """Throughput with several callers at once."""

    async def caller() -> None:
        for _ in range(CALLS // CONCURRENT):
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CONCURRENT)))
    return CALLS // CONCURRENT * CONCURRENT / (time.perf_counter() - began)


def row(name: str, ours: float, peer: float, unit: str) -> str:
    """One line of the benchmark's output."""
    line = {
        "name": name,
        "ours": ours,
        "peer": peer,
        "peer_name": "direct gRPC call",
        "ratio": ours / peer,
        "unit": unit,
    }
    return json.dumps(line)


async def measure(http_port: int, grpc_port: int, key: str) -> None:
    """Interleaves both ways, so that noise of the machine meets both alike."""
    limits = httpx.Limits(max_connections=CONCURRENT)
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{http_port}", headers=headers, limits=limits, timeout=30
        ) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel,
    ):
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        request = embedding_pb2.EmbedRequest(texts=[TEXT])
        model = (await stub.Embed(request, wait_for_ready=True)).model
        body = {"input": TEXT, "model": model, "encoding_format": "base64"}

        async def direct() -> None:
            await stub.Embed(request)

        async def through() -> None:
            (await client.post("/v1/embeddings", json=body)).raise_for_status()

        async with asyncio.timeout(60):
            while True:
                try:
                    await through()
                    break
                except httpx.HTTPError:
                    await asyncio.sleep(0.2)
        latency: dict[str, list[float]] = {"ours": [], "peer": []}
        rate: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(ROUNDS):
            for name, call in (("ours", through), ("peer", direct)):
                latency[name] += await seconds_each(call)
                rate[name].append(await calls_per_second(call))
    ours, peer = (statistics.median(latency[name]) * 1e3 for name in ("ours", "peer"))
    print(row("gateway: POST /v1/embeddings, one at a time", ours, peer, "ms p50"))
    ours, peer = (statistics.median(rate[name]) for name in ("ours", "peer"))
    print(row(f"gateway: POST /v1/embeddings, {CONCURRENT} at a time", ours, peer, "calls/s"))


def main() -> None:
    """Starts both processes, measures, stops them."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.jsonl"
        key, _ = create_key(keys, "default", frozenset({"user"}))
        http_port, grpc_port = free_port(), free_port()
        embedding = start("whitebox_embedding", "EMBEDDING", port=grpc_port, metrics_port=-1, data_dir=folder)
        target = f"127.0.0.1:{grpc_port}"
        gateway = start("whitebox_gateway", "GATEWAY", port=http_port, api_keys_file=keys, embedding_target=target)
        try:
            asyncio.run(measure(http_port, grpc_port, key))
        finally:
            for process in (gateway, embedding):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
