"""The contract through a real channel, with Redis, a database and files behind it; only the broker is left out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import numpy as np
import pytest
import sqlalchemy as sa
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis
from whitebox_contracts.features.v1 import features_pb2 as pb
from whitebox_contracts.features.v1 import features_pb2_grpc
from whitebox_features.adapters.ledger import OUTBOX, OutboxAcknowledger, SqlLedger, create_tables
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore
from whitebox_features.api import FeaturesApi
from whitebox_features.demo import DEFINITIONS
from whitebox_features.intake import Intake
from whitebox_features.materialisation import Materialisation
from whitebox_features.online import OnlineReader
from whitebox_features.settings import FeaturesSettings
from whitebox_features.skew import SkewCheck, SkewSample
from whitebox_features.stream import StreamHandler
from whitebox_features.wire import TOPIC, EventCodec
from whitebox_runtime.database import open_engine
from whitebox_runtime.events import Event
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process
from whitebox_runtime.telemetry import counter

SOURCE = DEFINITIONS.source_by_name["transactions"]
FEATURES = [feature.name for feature in DEFINITIONS.view("customer_spend").features]


class Platform:
    stub: features_pb2_grpc.FeatureServiceStub

    def __init__(self, client: Redis, folder: Path) -> None:
        self.engine = open_engine(f"sqlite+aiosqlite:///{folder}/features.sqlite")
        self.online = RedisOnlineStore(client, DEFINITIONS, max_events_per_entity=1000)
        self.offline = ParquetOfflineStore(folder / "offline")
        self.reader = OnlineReader(DEFINITIONS, self.online)
        self.sample = SkewSample()
        self.codec = EventCodec(DEFINITIONS)
        acknowledge = OutboxAcknowledger(self.engine)
        self.materialisation = Materialisation(DEFINITIONS, self.online, self.offline, acknowledge, flush_events=10_000)
        self.handler = StreamHandler(self.codec, self.materialisation, acknowledge)
        self.api = FeaturesApi(
            definitions=DEFINITIONS,
            intake=Intake(DEFINITIONS, SqlLedger(self.engine, self.codec.encode), max_future_seconds=60),
            online=self.reader,
            offline=self.offline,
            served=self.sample,
            on_accepted=lambda: None,
        )

    async def deliver(self, flush: bool = True) -> int:
        """Does what relay, broker and stream process do: hands on what is in the outbox."""
        async with self.engine.connect() as connection:
            rows = (await connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.sequence))).all()
        events = [
            Event(r.event_id, r.type, r.source, r.topic, r.key, datetime.fromtimestamp(r.time, UTC), r.data)
            for r in rows
        ]
        assert {event.topic for event in events} <= {TOPIC}
        assert set(await self.handler(events)) <= {None}
        if flush:
            await self.materialisation.flush()
        return len(events)

    async def push(self, *events: pb.Event) -> pb.PushEventsResponse:
        return await self.stub.PushEvents(pb.PushEventsRequest(events=events))

    async def online_values(self, *entity_ids: str, view: str = "customer_spend", features=()) -> pb.GetOnlineResponse:
        return await self.stub.GetOnline(
            pb.GetOnlineRequest(feature_view=view, entity_ids=entity_ids, features=features)
        )


@pytest.fixture
async def platform(redis_client: Redis, tmp_path: Path) -> AsyncIterator[Platform]:
    platform = Platform(redis_client, tmp_path)
    await create_tables(platform.engine)
    await platform.materialisation.recover(SOURCE)
    process = Process("features-api", FeaturesSettings(port=0, shutdown_grace_seconds=0))
    async with GrpcServer(process, service_names=["whitebox.features.v1.FeatureService"]) as server:
        features_pb2_grpc.add_FeatureServiceServicer_to_server(platform.api, server.server)
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            platform.stub = features_pb2_grpc.FeatureServiceStub(channel)
            yield platform
        process.stopping.set()
    await platform.engine.dispose()


def at(age_seconds: float = 1.0) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) - timedelta(seconds=age_seconds))
    return stamp


def event(event_id: str = "e1", entity_id: str = "c1", age: float = 1.0, **change) -> pb.Event:
    fields = {
        "event_id": event_id,
        "source": "transactions",
        "entity_id": entity_id,
        "event_time": at(age),
        "values": {"amount": 12.5},
    }
    return pb.Event(**{name: value for name, value in (fields | change).items() if value is not None})


async def refused(call) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return refusal.value


async def test_events_come_out_as_features(platform: Platform):
    answer = await platform.push(event("e1", values={"amount": 10}, age=3), event("e2", values={"amount": 30}, age=2))
    assert (answer.accepted, answer.duplicates) == (2, 0)
    await platform.deliver()
    read = await platform.online_values("c1", "nobody")
    assert (read.feature_view, read.feature_view_version) == ("customer_spend", 1)
    known, unknown = read.entities
    assert (known.entity_id, unknown.entity_id) == ("c1", "nobody")
    assert {v.feature: v.value for v in known.values} == dict(zip(FEATURES, [2, 40, 20, 30, 30], strict=True))
    assert {v.status for v in known.values} == {pb.VALUE_STATUS_PRESENT}
    for value in known.values:
        age = value.age.ToTimedelta()
        assert timedelta(seconds=1.5) < age < timedelta(seconds=60)
    assert {v.status for v in unknown.values} == {pb.VALUE_STATUS_DEFAULT}
    assert not any(v.HasField("event_time") or v.HasField("age") for v in unknown.values)


async def test_a_repeated_event_counts_once_within_and_across_requests(platform: Platform):
    first = await platform.push(event("e1"), event("e1", values={"amount": 99}), event("e2"))
    assert (first.accepted, first.duplicates) == (2, 1)
    await platform.deliver()
    again = await platform.push(event("e2"), event("e1"))
    assert (again.accepted, again.duplicates) == (0, 2)
    await platform.deliver()
    read = await platform.online_values("c1", features=["transaction_sum_1h", "transaction_count_1h"])
    assert [v.value for v in read.entities[0].values] == [25, 2]


async def test_accepted_events_wait_in_the_outbox_until_both_stores_have_them(platform: Platform):
    await platform.push(event())
    assert await platform.deliver(flush=False) == 1
    assert await platform.deliver(flush=True) == 1
    assert await platform.deliver() == 0


async def test_an_old_event_reads_stale(platform: Platform):
    await platform.push(event(age=7 * 3600))
    await platform.deliver()
    read = await platform.online_values("c1", features=["last_amount", "transaction_count_1h"])
    assert [v.status for v in read.entities[0].values] == [pb.VALUE_STATUS_STALE, pb.VALUE_STATUS_DEFAULT]


async def test_a_late_event_is_counted_as_late_and_kept_for_training(platform: Platform):
    late = counter("whitebox_feature_late_events_total").labels("transactions")
    before = late._value.get()
    await platform.push(event(age=30 * 86400), event("e2"))
    await platform.deliver()
    assert late._value.get() == before + 1
    answer = await platform.stub.GetHistorical(
        pb.GetHistoricalRequest(
            feature_view="customer_spend@1",
            rows=[pb.HistoricalRow(entity_id="c1", as_of=at(30 * 86400 - 60))],
            features=["transaction_count_1h"],
        )
    )
    assert np.frombuffer(answer.values, "<f8").tolist() == [1.0]


async def test_training_sets_hold_the_past_and_nothing_later(platform: Platform):
    await platform.push(
        *(event(f"e{age}", age=age, values={"amount": age}) for age in (4000, 300, 200, 100)), event("x", "c2", age=5)
    )
    await platform.deliver()
    rows = [("c1", 250), ("c1", 5000), ("c2", 1), ("c1", 50), ("nobody", 1)]
    answer = await platform.stub.GetHistorical(
        pb.GetHistoricalRequest(
            feature_view="customer_spend",
            rows=[pb.HistoricalRow(entity_id=entity, as_of=at(age)) for entity, age in rows],
        )
    )
    assert list(answer.features) == FEATURES
    values = np.frombuffer(answer.values, "<f8").reshape(len(rows), len(FEATURES))
    statuses = np.frombuffer(answer.statuses, np.uint8).reshape(values.shape)
    assert values[0].tolist() == [1, 300, 2150, 4000, 300]
    assert values[1].tolist() == [0, 0, 0, 0, 0]
    assert values[2].tolist() == [1, 12.5, 12.5, 12.5, 12.5]
    assert values[3].tolist() == [3, 600, 1150, 4000, 100]
    assert (statuses[[1, 4]] == pb.VALUE_STATUS_DEFAULT).all()
    assert (statuses[[0, 2, 3]] == pb.VALUE_STATUS_PRESENT).all()


async def test_a_thousand_entities_fit_in_one_read(platform: Platform):
    await platform.push(*(event(f"e{n}", f"c{n}") for n in range(1000)))
    await platform.deliver()
    read = await platform.online_values(*(f"c{n}" for n in range(1000)))
    assert sum(v.value for e in read.entities for v in e.values if v.feature == "transaction_count_1h") == 1000


async def test_views_are_listed_with_their_definitions(platform: Platform):
    (view,) = (await platform.stub.ListFeatureViews(pb.ListFeatureViewsRequest())).feature_views
    assert (view.name, view.version, view.entity, view.source) == ("customer_spend", 1, "customer", "transactions")
    assert view.freshness_limit.ToTimedelta() == timedelta(hours=6)
    mean = next(feature for feature in view.features if feature.name == "transaction_mean_24h")
    assert (mean.aggregation, mean.field, mean.window.ToTimedelta()) == ("mean", "amount", timedelta(days=1))


async def test_skew_is_zero_for_what_both_stores_have_and_seen_where_one_lacks_it(platform: Platform):
    await platform.push(*(event(f"e{n}", f"c{n}", age=100) for n in range(10)))
    await platform.deliver()
    check = SkewCheck(DEFINITIONS, platform.reader, platform.offline, platform.sample, settled_seconds=5)
    await platform.online_values(*(f"c{n}" for n in range(10)), "nobody")
    assert await check.compare() == {"customer_spend": (55, 0)}
    assert await check.compare() == {}
    await platform.push(event("unflushed", "c1", age=90))
    await platform.deliver(flush=False)
    await platform.online_values("c1", "c2")
    equal, different = (await check.compare())["customer_spend"]
    assert (equal, different) == (8, 2)  # count and sum; mean, largest and last happen to be the same


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (event(source="refunds"), r"events\[1\].source: unknown source 'refunds'; there is transactions"),
        (event(source=None), r"unknown source ''"),
        (event(event_id=""), r"events\[1\].event_id: has 0 characters; 1 to 128"),
        (event(event_id="x" * 129), r"event_id: has 129 characters"),
        (event(event_id="a\nb"), r"event_id: contains control characters"),
        (event(entity_id=""), r"events\[1\].entity_id: has 0 characters; 1 to 256"),
        (event(entity_id="x" * 257), r"entity_id: has 257 characters"),
        (event(event_time=None), r"events\[1\].event_time: is missing"),
        (event(age=-3600), r"event_time: is \d+ s in the future, at most 60 s"),
        (event(event_time=Timestamp(seconds=-5)), r"event_time: is before 1970"),
        (event(event_time=Timestamp(seconds=2**62)), r"in the future"),
        (event(values={}), r"values: has fields none; source 'transactions' takes amount"),
        (event(values={"amount": 1, "fee": 2}), r"has fields amount, fee; source"),
        (event(values={"amount": float("nan")}), r"values\['amount'\]: nan is not a finite number"),
        (event(values={"amount": float("-inf")}), r"-inf is not a finite number"),
    ],
)
async def test_one_bad_event_refuses_the_request_and_nothing_is_kept(platform: Platform, bad: pb.Event, message: str):
    error = await refused(platform.push(event("good"), bad))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert re.search(message, error.details())
    assert await platform.deliver() == 0
    assert (await platform.push(event("good"))).accepted == 1


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            pb.GetOnlineRequest(feature_view="spend", entity_ids=["a"]),
            "NOT_FOUND",
            "no 'spend'; there is customer_spend@1",
        ),
        (
            pb.GetOnlineRequest(feature_view="customer_spend@2", entity_ids=["a"]),
            "NOT_FOUND",
            "there is customer_spend@1",
        ),
        (pb.GetOnlineRequest(entity_ids=["a"]), "NOT_FOUND", "no ''"),
        (
            pb.GetOnlineRequest(feature_view="customer_spend", entity_ids=["a"], features=["x"]),
            "INVALID_ARGUMENT",
            "no 'x'; there is transaction_count_1h, transaction_sum_1h",
        ),
        (
            pb.GetOnlineRequest(feature_view="customer_spend", entity_ids=["a"], features=["last_amount"] * 2),
            "INVALID_ARGUMENT",
            "repeated",
        ),
        (pb.GetOnlineRequest(feature_view="customer_spend"), "INVALID_ARGUMENT", "entity_ids: is empty"),
        (pb.GetOnlineRequest(feature_view="customer_spend", entity_ids=["a"] * 1001), "OUT_OF_RANGE", "at most 1000"),
        (pb.GetOnlineRequest(feature_view="customer_spend", entity_ids=["a", ""]), "INVALID_ARGUMENT", "entity_ids[1]"),
        (
            pb.GetHistoricalRequest(feature_view="x", rows=[pb.HistoricalRow(entity_id="a", as_of=at())]),
            "NOT_FOUND",
            "no 'x'",
        ),
        (pb.GetHistoricalRequest(feature_view="customer_spend"), "INVALID_ARGUMENT", "rows: is empty"),
        (
            pb.GetHistoricalRequest(feature_view="customer_spend", rows=[pb.HistoricalRow(entity_id="a")]),
            "INVALID_ARGUMENT",
            "rows[0].as_of: is missing",
        ),
        (
            pb.GetHistoricalRequest(
                feature_view="customer_spend", rows=[pb.HistoricalRow(entity_id="a", as_of=at(-3600))]
            ),
            "INVALID_ARGUMENT",
            "between 1970 and now",
        ),
        (
            pb.GetHistoricalRequest(feature_view="customer_spend", rows=[pb.HistoricalRow(as_of=at())]),
            "INVALID_ARGUMENT",
            "rows[0].entity_id",
        ),
        (
            pb.GetHistoricalRequest(
                feature_view="customer_spend", rows=[pb.HistoricalRow(entity_id="a", as_of=at())] * 10_001
            ),
            "OUT_OF_RANGE",
            "at most 10000",
        ),
        (pb.PushEventsRequest(), "INVALID_ARGUMENT", "events: is empty"),
        (pb.PushEventsRequest(events=[event()] * 1001), "OUT_OF_RANGE", "at most 1000"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_a_bad_request_says_what_is_wrong_and_what_exists(platform: Platform, request_, code: str, message: str):
    method = type(request_).__name__.removesuffix("Request")
    error = await refused(getattr(platform.stub, method)(request_))
    assert error.code() == grpc.StatusCode[code]
    assert message in error.details()


async def test_reads_from_an_emptied_store_are_refused_until_it_is_built(platform: Platform, redis_client: Redis):
    await platform.push(event())
    await platform.deliver()
    await redis_client.flushall()
    error = await refused(platform.online_values("c1"))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert "the stream process is building it" in error.details()
    await platform.materialisation.recover(SOURCE)
    assert (await platform.online_values("c1")).entities[0].values[0].value == 1
