"""What the gateway adds to a call: POST /v1/embeddings against the direct gRPC call, both to one embedding process.

Prints JSON lines: name, ours, peer, peer_name, ratio, unit. The text is the same each time, so the embedding service
answers from its cache and the difference is the way there. HTTP is spoken over bare streams, since a client library
would cost more than the gateway and be counted as its own. Run: `python services/gateway/benchmarks/overhead.py`.
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
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import grpc
import uvloop
from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_gateway.authentication import create_key
from whitebox_runtime.testing import free_port

CALLS, ROUNDS, CONCURRENT = 200, 5, 16
TEXT = "How often is the gearbox oil of a turbine changed?"

Call = Callable[[], Awaitable[object]]


class Connection:
    """One connection to the gateway that stays open and sends the same request again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self._reader, self._writer, self._request = reader, writer, request

    @classmethod
    async def open(cls, port: int, key: str, body: bytes) -> Connection:
        """Connects, once the gateway listens."""
        async with asyncio.timeout(60):
            while True:
                try:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        head = (
            f"POST /v1/embeddings HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return cls(reader, writer, head.encode() + body)

    async def call(self) -> int:
        """Sends the request, reads the whole answer, and returns its status."""
        self._writer.write(self._request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head.split(b" ", 2)[1])


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


async def calls_per_second(calls: Sequence[Call]) -> float:
    """Throughput with several callers at once."""

    async def caller(call: Call) -> None:
        for _ in range(CALLS // CONCURRENT):
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(caller(call) for call in calls))
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
    async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        request = embedding_pb2.EmbedRequest(texts=[TEXT])
        model = (await stub.Embed(request, wait_for_ready=True)).model
        body = json.dumps({"input": TEXT, "model": model, "encoding_format": "base64"}).encode()
        connections = [await Connection.open(http_port, key, body) for _ in range(CONCURRENT)]
        async with asyncio.timeout(60):
            while await connections[0].call() != 200:  # noqa: ASYNC110 - another process becomes ready
                await asyncio.sleep(0.1)

        async def direct() -> None:
            await stub.Embed(request)

        ways: dict[str, list[Call]] = {
            "ours": [connection.call for connection in connections],
            "peer": [direct] * CONCURRENT,
        }
        latency: dict[str, list[float]] = {"ours": [], "peer": []}
        rate: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(ROUNDS):
            for name, calls in ways.items():
                latency[name] += await seconds_each(calls[0])
                rate[name].append(await calls_per_second(calls))
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
            uvloop.run(measure(http_port, grpc_port, key))
        finally:
            for process in (gateway, embedding):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
