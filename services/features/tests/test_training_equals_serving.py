"""Online reads and training sets against each other (bit for bit) and against a brute-force oracle."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore
from whitebox_features.aggregation import Status
from whitebox_features.definitions import Aggregation, Definitions, Entity, Feature, FeatureView, Source, microseconds
from whitebox_features.entity_log import EntityLogLayout
from whitebox_features.event_frame import event_frame
from whitebox_features.events import FeatureEvent
from whitebox_features.historical import read_historical
from whitebox_features.online import OnlineReader

MINUTE = microseconds(timedelta(minutes=1))
HOUR = 60 * MINUTE
NOW = 1_795_000_000_123_457
SOURCE = Source("payments", entity="customer", fields=("amount", "fee"), lateness=timedelta(minutes=10))
VIEW = FeatureView(
    "spend",
    version=1,
    source="payments",
    entity="customer",
    freshness_limit=timedelta(hours=6),
    features=(
        Feature("count_1h", Aggregation.COUNT, timedelta(hours=1)),
        Feature("sum_1h", Aggregation.SUM, timedelta(hours=1), "amount"),
        Feature("sum_odd", Aggregation.SUM, timedelta(minutes=7, microseconds=13), "fee"),
        Feature("mean_24h", Aggregation.MEAN, timedelta(hours=24), "amount", default=-1.0),
        Feature("min_24h", Aggregation.MIN, timedelta(hours=24), "fee"),
        Feature("max_24h", Aggregation.MAX, timedelta(hours=24), "amount"),
        Feature("last_7d", Aggregation.LAST, timedelta(days=7), "amount"),
    ),
)
DEFINITIONS = Definitions((Entity("customer"),), (SOURCE,), (VIEW,))

amounts = st.floats(-1e9, 1e9) | st.sampled_from([0.1, 0.2, 0.3, 1e16])
# Coarse times make ties and events exactly on a window's edge likely; fine ones fall anywhere.
ages = (
    st.integers(-2, 26 * 60).map(lambda minutes: minutes * MINUTE)
    | st.integers(-MINUTE, 30 * HOUR)
    | st.just(100 * HOUR)
)
events_strategy = st.lists(
    st.builds(
        lambda number, entity, age, amount, fee: FeatureEvent(
            "payments", f"e{number}", entity, NOW - age, NOW, (amount, fee)
        ),
        st.integers(0, 10**9),
        st.sampled_from(["a", "b", "c"]),
        ages,
        amounts,
        amounts,
    ),
    max_size=40,
    unique_by=lambda event: event.event_id,
)


def feature_value(
    feature: Feature, source: Source, events: Sequence[FeatureEvent], entity_id: str, as_of: int
) -> float:
    """The definition in plain Python loops, one event at a time."""
    window = microseconds(feature.window)
    distinct = {event.event_id: event for event in events}
    inside = sorted(
        (event for event in distinct.values() if event.entity_id == entity_id and as_of - window < event.time <= as_of),
        key=lambda event: (event.time, event.digest),
    )
    if feature.aggregation == Aggregation.COUNT:
        return float(len(inside)) if inside else feature.default
    column = source.fields.index(feature.field)
    values = [event.values[column] for event in inside if not math.isnan(event.values[column])]
    if not values:
        return feature.default
    return {
        Aggregation.SUM: math.fsum(values),
        Aggregation.MEAN: math.fsum(values) / len(values),
        Aggregation.MIN: min(values),
        Aggregation.MAX: max(values),
        Aggregation.LAST: values[-1],
    }[feature.aggregation]


async def append(store: RedisOnlineStore, events: list[FeatureEvent], now: int = NOW) -> int:
    records = dict(EntityLogLayout(SOURCE).pack(event_frame(SOURCE, events)))
    return (await store.append(SOURCE, records, now)).added


async def read_online(client: Redis, batches: list[list[FeatureEvent]], entity_ids: list[str], now: int):
    store = RedisOnlineStore(client, DEFINITIONS, max_events_per_entity=1000)
    await client.flushall()
    await store.mark_built(SOURCE, "here")
    for batch in batches:
        await append(store, batch)
    return await OnlineReader(DEFINITIONS, store).read(VIEW, VIEW.features, entity_ids, now)


def read_offline(batches: list[list[FeatureEvent]], entity_ids: list[str], now: int):
    with tempfile.TemporaryDirectory() as folder:
        store = ParquetOfflineStore(Path(folder))
        for batch in batches:
            store.write(SOURCE, event_frame(SOURCE, batch))
        return read_historical(
            store,
            SOURCE,
            VIEW,
            VIEW.features,
            entity_ids=entity_ids,
            as_of=np.full(len(entity_ids), now, dtype=np.int64),
        )


def assert_equals_oracle(values: np.ndarray, events: list[FeatureEvent], entity_ids: list[str], as_of: list[int]):
    for row, (entity_id, moment) in enumerate(zip(entity_ids, as_of, strict=True)):
        for column, feature in enumerate(VIEW.features):
            expected = feature_value(feature, SOURCE, events, entity_id, moment)
            scale = sum(abs(value) for event in events for value in event.values)
            assert math.isclose(values[row, column], expected, rel_tol=0, abs_tol=1e-12 * scale), (
                feature.name,
                entity_id,
            )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events_strategy, data=st.data())
def test_online_at_t_equals_historical_at_t_bit_for_bit(redis, events, data):
    """Whatever the order of arrival, the batches and the redeliveries, up to the lateness in the past."""
    from whitebox_features.adapters.redis_store import open_redis

    arrivals = data.draw(
        st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=10) if events else st.just([])))
    )
    cut = data.draw(st.integers(0, len(arrivals)))
    batches = [batch for batch in (arrivals[:cut], arrivals[cut:]) if batch]
    moment = NOW - data.draw(st.integers(0, 10 * MINUTE))
    entity_ids = ["a", "nobody", "b", "c"]

    async def online():
        client = open_redis(f"redis://{redis.address}/0", max_connections=4, timeout_seconds=5)
        try:
            return await read_online(client, batches, entity_ids, moment)
        finally:
            await client.aclose()

    served = asyncio.run(online())
    trained = read_offline(batches, entity_ids, moment)
    assert served.values.tobytes() == trained.values.tobytes()
    assert (served.statuses == trained.statuses).all()
    assert (served.newest == trained.newest).all()
    assert_equals_oracle(served.values, events, entity_ids, [moment] * len(entity_ids))


@settings(max_examples=60, deadline=None)
@given(
    events=events_strategy,
    rows=st.lists(st.tuples(st.sampled_from(["a", "b", "c", "nobody"]), ages), min_size=1, max_size=30),
)
def test_a_point_in_time_join_equals_brute_force_at_every_row(events, rows):
    entity_ids = [entity_id for entity_id, _ in rows]
    as_of = [NOW - age for _, age in rows]
    with tempfile.TemporaryDirectory() as folder:
        store = ParquetOfflineStore(Path(folder))
        if events:
            store.write(SOURCE, event_frame(SOURCE, events))
        result = read_historical(
            store, SOURCE, VIEW, VIEW.features, entity_ids=entity_ids, as_of=np.array(as_of, dtype=np.int64)
        )
        # Many rows are searched in another way than few.
        many = read_historical(
            store, SOURCE, VIEW, VIEW.features, entity_ids=entity_ids * 30, as_of=np.tile(np.array(as_of), 30)
        )
    assert_equals_oracle(result.values, events, entity_ids, as_of)
    assert many.values.tobytes() == result.values.tobytes() * 30
    assert many.statuses.tobytes() == result.statuses.tobytes() * 30


def payment(number: int, time: int, amount: float = 1.0, entity: str = "a") -> FeatureEvent:
    return FeatureEvent("payments", f"p{number}", entity, time, time, (amount, 0.5))


async def test_a_window_excludes_its_start_and_includes_its_end(redis_client: Redis):
    events = [
        payment(1, NOW - HOUR, 1.0),
        payment(2, NOW - HOUR + 1, 2.0),
        payment(3, NOW, 4.0),
        payment(4, NOW + 1, 8.0),
    ]
    served = await read_online(redis_client, [events], ["a"], NOW)
    assert served.values[0, :2].tolist() == [2.0, 6.0]
    assert read_offline([events], ["a"], NOW).values[0, :2].tolist() == [2.0, 6.0]


async def test_status_tells_present_from_default_from_stale(redis_client: Redis):
    served = await read_online(
        redis_client, [[payment(1, NOW - 7 * HOUR), payment(2, NOW - 5, entity="b")]], ["a", "b", "nobody"], NOW
    )
    names = [feature.name for feature in VIEW.features]
    status = {
        entity: dict(zip(names, row, strict=True)) for entity, row in zip("abn", served.statuses.tolist(), strict=True)
    }
    assert status["a"]["count_1h"] == Status.DEFAULT
    assert status["a"]["mean_24h"] == Status.STALE
    assert set(status["b"].values()) == {Status.PRESENT}
    assert set(status["n"].values()) == {Status.DEFAULT}
    assert served.values[2].tolist() == [feature.default for feature in VIEW.features]


async def test_a_field_that_old_events_lack_is_left_out_of_its_aggregates(redis_client: Redis):
    before = FeatureEvent("payments", "old", "a", NOW - 5, NOW, (3.0, math.nan))
    after = FeatureEvent("payments", "new", "a", NOW - 6, NOW, (4.0, 0.25))
    only_old = FeatureEvent("payments", "old-b", "b", NOW - 5, NOW, (3.0, math.nan))
    for result in (
        await read_online(redis_client, [[before, after, only_old]], ["a", "b"], NOW),
        read_offline([[before, after, only_old]], ["a", "b"], NOW),
    ):
        assert result.values[:, 2].tolist() == [0.25, 0.0]
        assert result.values[:, 4].tolist() == [0.25, 0.0]
        assert result.statuses[:, 2].tolist() == [Status.PRESENT, Status.DEFAULT]
        assert result.values[:, 0].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("size", [1, 3, 40])
async def test_above_the_cap_the_newest_events_count_and_the_value_says_so(redis_client: Redis, size: int):
    store = RedisOnlineStore(redis_client, DEFINITIONS, max_events_per_entity=100)
    await store.mark_built(SOURCE, "here")
    events = [payment(number, NOW - 2 * HOUR + number * MINUTE // 4) for number in range(400)]
    for start in range(0, 400, size):
        await append(store, events[start : start + size])
    await append(store, events[:3])  # what was dropped does not come back
    served = await OnlineReader(DEFINITIONS, store).read(VIEW, VIEW.features, ["a"], NOW)
    by_name = dict(
        zip([f.name for f in VIEW.features], zip(served.values[0], served.statuses[0], strict=True), strict=True)
    )
    _value, status = by_name["max_24h"]
    assert status == Status.TRUNCATED
    assert by_name["last_7d"] == (1.0, Status.PRESENT)
    kept = (await redis_client.strlen((await redis_client.keys("*:a"))[0])) // EntityLogLayout(SOURCE).width - 1
    assert 100 <= kept <= 112
    # A day later the dropped events are out of every window, and the store is exact again.
    later = NOW + 25 * HOUR
    await append(store, [payment(1000 + number, later - number * MINUTE) for number in range(50)], later)
    served = await OnlineReader(DEFINITIONS, store).read(VIEW, VIEW.features, ["a"], later)
    assert served.statuses[0, 0] == Status.PRESENT
    assert served.values[0, 0] == 50


async def test_memory_stays_bounded_as_time_goes_by_and_last_survives(redis_client: Redis):
    store = RedisOnlineStore(redis_client, DEFINITIONS, max_events_per_entity=1000)
    await store.mark_built(SOURCE, "here")
    for hour in range(120):
        moment = NOW + hour * HOUR
        await append(store, [payment(hour, moment, float(hour))], moment)
    key = (await redis_client.keys("*:a"))[0]
    assert (await redis_client.strlen(key)) // EntityLogLayout(SOURCE).width - 1 <= 32
    assert 7 * 24 * 3600 <= await redis_client.ttl(key) <= 9 * 24 * 3600
    later = NOW + (119 + 6 * 24) * HOUR
    await append(store, [payment(1000, later, entity="b")], later)
    served = await OnlineReader(DEFINITIONS, store).read(VIEW, VIEW.select(["last_7d", "count_1h"]), ["a"], later)
    assert served.values[0].tolist() == [119.0, 0.0]
    assert served.statuses[0].tolist() == [Status.STALE, Status.DEFAULT]


async def test_neither_a_late_event_nor_one_ahead_of_time_hides_the_last_one(redis_client: Redis):
    store = RedisOnlineStore(redis_client, DEFINITIONS, max_events_per_entity=1000)
    await store.mark_built(SOURCE, "here")
    await append(store, [payment(number, NOW - 5 + number, float(number)) for number in range(5)])
    later = NOW + 30 * HOUR
    assert await append(store, [payment(10, NOW - HOUR, 10.0)], later) == 0
    await append(store, [payment(11, later + 30_000_000, 11.0)], later)
    reader, last = OnlineReader(DEFINITIONS, store), VIEW.select(["last_7d"])
    assert (await reader.read(VIEW, last, ["a"], later)).values[0, 0] == 4.0
    assert (await reader.read(VIEW, last, ["a"], later + 30_000_000)).values[0, 0] == 11.0
