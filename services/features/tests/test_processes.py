"""The two processes as they run, with a real broker and Redis, through what kills them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import polars as pl
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis
from whitebox_contracts.features.v1 import features_pb2 as pb
from whitebox_contracts.features.v1 import features_pb2_grpc
from whitebox_runtime.testing import Server, free_port, tansu_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Processes:
    """The feature store's processes on free ports."""

    def __init__(self, folder: Path, redis: Server, broker: Server) -> None:
        self.offline = folder / "offline"
        self.port = free_port()
        self._log = (folder / "processes.log").open("wb")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        settings = {
            "PORT": self.port,
            "METRICS_PORT": -1,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/features.sqlite",
            "OFFLINE_DIR": self.offline,
            "REDIS_URL": f"redis://{redis.address}/0",
            "KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "FLUSH_SECONDS": 0.5,
            "REPUBLISH_AFTER_SECONDS": 4,
            "STREAM_BATCH_EVENTS": 40,
        }
        self._environment = os.environ | {f"WHITEBOX_FEATURES_{name}": str(value) for name, value in settings.items()}

    def start(self, name: str) -> None:
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", "whitebox_features.main", name],
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def end(self, name: str, number: signal.Signals) -> int:
        process = self._running.pop(name)
        process.send_signal(number)
        return process.wait(30)

    def run(self, module: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    def close(self) -> None:
        for name in list(self._running):
            self.end(name, signal.SIGKILL)
        self._log.close()


@pytest.fixture
def broker() -> Iterator[Server]:
    with tansu_broker() as server:
        yield server


@pytest.fixture
def processes(tmp_path: Path, redis: Server, broker: Server, redis_client: Redis) -> Iterator[Processes]:
    processes = Processes(tmp_path, redis, broker)
    yield processes
    processes.close()


@pytest.fixture
async def stub(processes: Processes) -> AsyncIterator[features_pb2_grpc.FeatureServiceStub]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{processes.port}") as channel:
        yield features_pb2_grpc.FeatureServiceStub(channel)


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 60) -> None:
    """Asks until it is so; gRPC errors mean not yet."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(grpc.aio.AioRpcError):
            if await condition():
                return
        await asyncio.sleep(0.02)
    pytest.fail(f"not within {seconds} s: {what}")


ENTITIES = [f"customer-{number}" for number in range(25)]


def events(count: int, first: int = 0) -> list[pb.Event]:
    now = datetime.now(UTC)
    made = []
    for number in range(first, first + count):
        stamp = Timestamp()
        stamp.FromDatetime(now - timedelta(milliseconds=number))
        made.append(
            pb.Event(
                event_id=f"e{number}",
                source="transactions",
                entity_id=ENTITIES[number % len(ENTITIES)],
                event_time=stamp,
                values={"amount": number},
            )
        )
    return made


async def push(stub: features_pb2_grpc.FeatureServiceStub, some: list[pb.Event]) -> int:
    accepted = 0
    for start in range(0, len(some), 500):
        answer = await stub.PushEvents(pb.PushEventsRequest(events=some[start : start + 500]))
        accepted += answer.accepted
    return accepted


async def online(stub: features_pb2_grpc.FeatureServiceStub) -> tuple[int, float]:
    """Events counted and amounts summed over all entities."""
    request = pb.GetOnlineRequest(
        feature_view="customer_spend", entity_ids=ENTITIES, features=["transaction_count_1h", "transaction_sum_1h"]
    )
    entities = (await stub.GetOnline(request)).entities
    return int(sum(e.values[0].value for e in entities)), sum(e.values[1].value for e in entities)


def offline(processes: Processes) -> tuple[int, int, float]:
    """Distinct events, their amounts summed, and rows, read with plain polars."""
    frame = pl.read_parquet(processes.offline / "**" / "*.parquet", hive_partitioning=False)
    distinct = frame.unique("event_id")
    return len(distinct), len(frame), distinct["amount"].sum()


async def test_killing_the_stream_process_in_mid_work_neither_loses_nor_doubles_an_event(
    processes: Processes, stub: features_pb2_grpc.FeatureServiceStub
):
    processes.start("api")
    processes.start("stream")

    async def built() -> bool:
        return await online(stub) == (0, 0)

    await eventually(built, "an empty online store that is complete")
    expected = (2000, float(sum(range(2000))))
    assert await push(stub, events(2000)) == 2000
    killed_at = []
    for least in (1, 600, 1300):

        async def in_mid_work(least: int = least) -> bool:
            return (await online(stub))[0] >= least

        await eventually(in_mid_work, f"{least} events")
        processes.end("stream", signal.SIGKILL)
        killed_at.append((await online(stub))[0])
        processes.start("stream")
    assert killed_at[0] < 2000, "the first kill came after the work"

    async def all_there() -> bool:
        return await online(stub) == expected and offline(processes)[0] == 2000

    await eventually(all_there, f"all events, having been killed at {killed_at}", seconds=90)
    # An orderly stop writes what is buffered; then nothing is left to come and change the figures.
    assert processes.end("stream", signal.SIGTERM) == 0
    assert await online(stub) == expected
    distinct, _rows, total = offline(processes)
    assert (distinct, total) == expected
    assert await push(stub, events(2000)) == 0


async def test_the_store_survives_the_broker_and_the_loss_of_redis(
    processes: Processes, stub: features_pb2_grpc.FeatureServiceStub, broker: Server, redis_client: Redis
):
    processes.start("api")
    processes.start("stream")

    def counted(number: int) -> Callable[[], Awaitable[bool]]:
        async def so() -> bool:
            return (await online(stub))[0] == number

        return so

    await eventually(counted(0), "an online store that is complete")
    await push(stub, events(300))
    await eventually(counted(300), "300 events")
    broker.kill()
    assert await push(stub, events(100, first=300)) == 100, "events are taken without the broker"
    broker.start()  # empty: it keeps nothing
    await eventually(counted(400), "the events taken meanwhile")
    await redis_client.flushall()
    await eventually(counted(400), "everything back in an emptied Redis")
    assert processes.end("stream", signal.SIGTERM) == 0
    await redis_client.flushall()
    assert processes.run("whitebox_features.rebuild").stdout == "transactions: 400 events added\n"
    assert await online(stub) == (400, float(sum(range(400))))
    assert processes.end("api", signal.SIGTERM) == 0
