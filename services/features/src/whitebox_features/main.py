"""Starts the feature store: `python -m whitebox_features.main api` or `stream`."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_contracts.features.v1 import features_pb2, features_pb2_grpc
from whitebox_runtime.database import open_engine
from whitebox_runtime.errors import ServiceError, Unavailable
from whitebox_runtime.events import EventConsumer, EventProducer
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.outbox import OutboxRelay
from whitebox_runtime.process import Process, run_process

from whitebox_features.adapters.ledger import OUTBOX, OutboxAcknowledger, SqlLedger, check_database, create_tables
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore, open_redis
from whitebox_features.api import FeaturesApi
from whitebox_features.definitions import Definitions, load_definitions, microseconds
from whitebox_features.events import now_microseconds
from whitebox_features.intake import Intake
from whitebox_features.materialisation import Materialisation
from whitebox_features.online import OnlineReader
from whitebox_features.settings import FeaturesSettings, StreamSettings
from whitebox_features.skew import SkewCheck, SkewSample
from whitebox_features.stream import StreamHandler
from whitebox_features.wire import TOPIC, EventCodec

logger = logging.getLogger(__name__)

_SERVICE = features_pb2.DESCRIPTOR.services_by_name["FeatureService"].full_name
S = TypeVar("S", bound=FeaturesSettings)

_PRUNE_SECONDS = 3600.0
_RETRY_SECONDS = 1.0


@dataclass
class Stores:
    """What both processes open."""

    definitions: Definitions
    engine: AsyncEngine
    online: RedisOnlineStore
    offline: ParquetOfflineStore


@asynccontextmanager
async def open_stores(process: Process[S]) -> AsyncIterator[Stores]:
    """Opens definitions, database, Redis and files, and closes them; waits for none of them."""
    settings = process.settings
    definitions = load_definitions(settings.definitions)
    redis = open_redis(
        settings.redis_url,
        max_connections=settings.redis_max_connections,
        timeout_seconds=settings.redis_timeout_seconds,
    )
    engine = open_engine(settings.database_url)
    online = RedisOnlineStore(redis, definitions, max_events_per_entity=settings.max_events_per_entity)
    offline = ParquetOfflineStore(settings.offline_dir)

    async def files() -> None:
        await asyncio.to_thread(offline.check)

    process.health.add_check("database", lambda: check_database(engine))
    process.health.add_check("redis", online.ping)
    process.health.add_check("offline store", files)
    process.spawn(_create_tables(engine, process.stopping), name="create tables")
    try:
        yield Stores(definitions, engine, online, offline)
    finally:
        await redis.aclose()
        await engine.dispose()


async def serve_api(process: Process[FeaturesSettings]) -> None:
    """Answers RPCs and publishes what is in the outbox."""
    settings = process.settings
    async with open_stores(process) as stores:
        codec = EventCodec(stores.definitions)
        ledger = SqlLedger(stores.engine, codec.encode)
        producer = EventProducer(settings.kafka_bootstrap_servers, "features-api")
        relay = OutboxRelay(stores.engine, OUTBOX, producer, republish_after_seconds=settings.republish_after_seconds)
        reader = OnlineReader(stores.definitions, stores.online)
        sample = SkewSample()
        api = FeaturesApi(
            definitions=stores.definitions,
            intake=Intake(stores.definitions, ledger, max_future_seconds=settings.max_future_seconds),
            online=reader,
            offline=stores.offline,
            served=sample,
            on_accepted=relay.wake,
        )

        async def online_store_is_built() -> None:
            for source in stores.definitions.sources:
                if (await stores.online.incarnation(source)).empty:
                    raise Unavailable(
                        f"no events of source {source.name}: the stream process has not built the online store"
                    )

        # Events are taken without the broker: the outbox holds them until it is back.
        process.health.add_check("broker", producer.ready, critical=False)
        process.health.add_check("online store", online_store_is_built)
        await producer.start()
        process.spawn(relay.run(process.stopping), name="outbox relay")
        process.spawn(_prune(ledger, settings.dedupe_days, process.stopping), name="ledger pruning")
        if settings.skew_check_seconds:
            settled = min(
                2 * settings.flush_seconds + 5,
                *(source.lateness.total_seconds() for source in stores.definitions.sources),
            )
            check = SkewCheck(stores.definitions, reader, stores.offline, sample, settled_seconds=settled)
            process.spawn(check.run(process.stopping, every_seconds=settings.skew_check_seconds), name="skew check")
        async with GrpcServer(process, service_names=[_SERVICE]) as server:
            features_pb2_grpc.add_FeatureServiceServicer_to_server(api, server.server)
            await server.serve_until_stopped()
        await producer.close()


async def serve_stream(process: Process[StreamSettings]) -> None:
    """Brings events from the broker into both stores."""
    settings = process.settings
    async with open_stores(process) as stores:
        acknowledge = OutboxAcknowledger(stores.engine)
        materialisation = Materialisation(
            stores.definitions, stores.online, stores.offline, acknowledge, flush_events=settings.flush_events
        )
        handler = StreamHandler(EventCodec(stores.definitions), materialisation, acknowledge)
        consumer = EventConsumer(
            settings.kafka_bootstrap_servers,
            "features-stream",
            [TOPIC],
            handler,
            max_batch=settings.stream_batch_events,
        )
        process.health.add_check("broker", consumer.ready)
        process.spawn(_keep_complete(materialisation, stores.definitions, process.stopping), name="recovery")
        flushed = asyncio.Event()
        flushing = process.spawn(
            materialisation.keep_flushing(flushed, every_seconds=settings.flush_seconds), name="flushing"
        )
        try:
            await consumer.run(process.stopping)
        finally:
            # Only now can nothing be added any more: the last flush takes all that is left.
            flushed.set()
            await asyncio.wait([flushing])


async def _keep_complete(materialisation: Materialisation, definitions: Definitions, stopping: asyncio.Event) -> None:
    """Notices a new, restarted or emptied Redis even while no event arrives."""
    while not stopping.is_set():
        try:
            for source in definitions.sources:
                await materialisation.recover(source)
        except (ServiceError, OSError) as error:
            logger.warning("the online store cannot be checked", extra={"reason": str(error)})
        await _sleep(_RETRY_SECONDS, stopping)


async def _create_tables(engine: AsyncEngine, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            await create_tables(engine)
        except Unavailable as error:
            logger.warning("tables cannot be created yet", extra={"reason": error.message})
            await _sleep(_RETRY_SECONDS, stopping)
        else:
            return


async def _prune(ledger: SqlLedger, days: int, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await _sleep(_PRUNE_SECONDS, stopping)
        try:
            await ledger.prune(now_microseconds() - microseconds(timedelta(days=days)))
        except (SQLAlchemyError, OSError) as error:
            logger.warning("old event ids cannot be forgotten yet", extra={"reason": str(error)})


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass


_PROCESSES = ("api", "stream")


def main() -> None:
    """Entry point."""
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    wants_help = bool({"-h", "--help"} & set(sys.argv[1:]))
    if len(words) > 1 or not set(words) <= set(_PROCESSES) or not (words or wants_help):
        print("features: name one process: api or stream", file=sys.stderr)
        raise SystemExit(2)
    if words == ["stream"]:
        run_process("features-stream", StreamSettings, serve_stream)
    else:
        run_process("features-api", FeaturesSettings, serve_api)


if __name__ == "__main__":
    main()
