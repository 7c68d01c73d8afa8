"""Online reads of 1, 100 and 1000 entities: ours against redis-py reading ready-made values.

    python services/features/benchmarks/online_reads.py

The peer is the least a feature store can do: one HGETALL per entity in one pipeline, of hashes that already hold the
five features, decoded to floats. It computes nothing, so its values are as old as its last write; ours computes exact
sliding windows over each entity's events at the time of the read. `grpc` adds the service itself: channel, checks,
protobuf. Same Redis, same process, turn by turn. Prints JSON lines; ratio = ours / peer in time, below 1 is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import grpc
import numpy as np
import redis as redis_package
import uvloop
from redis.asyncio import Redis
from whitebox_contracts.features.v1 import features_pb2 as pb
from whitebox_contracts.features.v1 import features_pb2_grpc
from whitebox_features.adapters.ledger import SqlLedger
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore, open_redis
from whitebox_features.api import FeaturesApi
from whitebox_features.demo import DEFINITIONS
from whitebox_features.entity_log import EntityLogLayout
from whitebox_features.event_frame import event_frame
from whitebox_features.events import FeatureEvent, now_microseconds
from whitebox_features.intake import Intake
from whitebox_features.online import OnlineReader
from whitebox_features.settings import FeaturesSettings
from whitebox_features.skew import SkewSample
from whitebox_features.wire import EventCodec
from whitebox_runtime.database import open_engine
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process
from whitebox_runtime.testing import redis_server

SOURCE = DEFINITIONS.source_by_name["transactions"]
VIEW = DEFINITIONS.view("customer_spend")
NAMES = [feature.name for feature in VIEW.features]
Call = Callable[[list[str]], Awaitable[object]]


async def fill(client: Redis, store: RedisOnlineStore, entity_ids: list[str], events_each: int) -> None:
    now = now_microseconds()
    chance = np.random.default_rng(5)
    events = [
        FeatureEvent("transactions", f"{entity}-{n}", entity, now - int(age), now, (float(age % 97),))
        for entity in entity_ids
        for n, age in enumerate(chance.integers(24 * 3_600_000_000, size=events_each))
    ]
    records = dict(EntityLogLayout(SOURCE).pack(event_frame(SOURCE, events)))
    await store.append(SOURCE, records, now)
    await store.mark_built(SOURCE, "benchmark")
    reader = OnlineReader(DEFINITIONS, store)
    values = (await reader.read(VIEW, VIEW.features, entity_ids, now)).values
    async with client.pipeline(transaction=False) as pipeline:
        for entity_id, row in zip(entity_ids, values.tolist(), strict=True):
            pipeline.hset(f"peer:{entity_id}", mapping=dict(zip(NAMES, row, strict=True)))
        await pipeline.execute()


async def compare(name: str, ours: Call, peer: Call, entity_ids: list[str], rounds: int) -> None:
    samples: list[tuple[float, float]] = []
    for round_ in range(rounds + 5):
        pair = []
        for call in (ours, peer):
            start = time.perf_counter()
            await call(entity_ids)
            pair.append((time.perf_counter() - start) * 1000)
        if round_ >= 5:
            samples.append((pair[0], pair[1]))
    mine, theirs = (statistics.median(sample[side] for sample in samples) for side in (0, 1))
    print(
        json.dumps(
            {
                "name": name,
                "ours": round(mine, 3),
                "peer": round(theirs, 3),
                "peer_name": f"redis-py {redis_package.__version__} HGETALL pipeline",
                "ratio": round(mine / theirs, 3),
                "unit": "ms p50",
            }
        ),
        flush=True,
    )


async def run(address: str, folder: Path, events_each: int, rounds: int) -> None:
    client = open_redis(f"redis://{address}/0", max_connections=8, timeout_seconds=30)
    store = RedisOnlineStore(client, DEFINITIONS, max_events_per_entity=10_000)
    entity_ids = [f"customer-{number}" for number in range(1000)]
    await fill(client, store, entity_ids, events_each)
    reader = OnlineReader(DEFINITIONS, store)

    async def ours(some: list[str]) -> object:
        return await reader.read(VIEW, VIEW.features, some, now_microseconds())

    async def peer(some: list[str]) -> object:
        async with client.pipeline(transaction=False) as pipeline:
            for entity_id in some:
                pipeline.hgetall(f"peer:{entity_id}")
            hashes = await pipeline.execute()
        return [{name: float(value) for name, value in values.items()} for values in hashes]

    engine = open_engine(f"sqlite+aiosqlite:///{folder}/features.sqlite")
    api = FeaturesApi(
        definitions=DEFINITIONS,
        intake=Intake(DEFINITIONS, SqlLedger(engine, EventCodec(DEFINITIONS).encode), max_future_seconds=60),
        online=reader,
        offline=ParquetOfflineStore(folder),
        served=SkewSample(),
        on_accepted=lambda: None,
    )
    process = Process("features-api", FeaturesSettings(port=0, shutdown_grace_seconds=0))
    async with GrpcServer(process, service_names=["whitebox.features.v1.FeatureService"]) as server:
        features_pb2_grpc.add_FeatureServiceServicer_to_server(api, server.server)
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = features_pb2_grpc.FeatureServiceStub(channel)

            async def served(some: list[str]) -> object:
                return await stub.GetOnline(pb.GetOnlineRequest(feature_view=VIEW.name, entity_ids=some))

            for count in (1, 100, 1000):
                size = f"{count} entities x 5 features, {events_each} events each"
                await compare(f"online read, {size}", ours, peer, entity_ids[:count], rounds)
                await compare(f"online read over grpc, {size}", served, peer, entity_ids[:count], rounds)
        process.stopping.set()
    await engine.dispose()
    await client.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-each", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with redis_server() as server, tempfile.TemporaryDirectory() as folder:
        uvloop.run(run(server.address, Path(folder), options.events_each, options.rounds))


if __name__ == "__main__":
    main()
