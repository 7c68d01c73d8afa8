"""Both stores for real: Redis and Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore, open_redis
from whitebox_features.definitions import Definitions, microseconds
from whitebox_features.demo import DEFINITIONS
from whitebox_features.event_frame import event_frame
from whitebox_features.events import FeatureEvent, now_microseconds
from whitebox_features.materialisation import Materialisation
from whitebox_features.online import OnlineReader
from whitebox_features.stores import NotMaterialisedError
from whitebox_features.stream import StreamHandler
from whitebox_features.wire import EVENT_TYPE, EventCodec
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.events import Event, PermanentEventError
from whitebox_runtime.testing import Server, free_port, redis_server

SOURCE = DEFINITIONS.source_by_name["transactions"]
VIEW = DEFINITIONS.view("customer_spend")
COUNT_AND_SUM = VIEW.select(["transaction_count_1h", "transaction_sum_1h"])
HOUR = microseconds(timedelta(hours=1))


class World:
    def __init__(self, client: Redis, folder: Path) -> None:
        self.client = client
        self.acknowledged: list[str] = []
        self.offline = ParquetOfflineStore(folder)
        self.online = RedisOnlineStore(client, DEFINITIONS, max_events_per_entity=10_000)
        self.stream = self.new_stream()

    def new_stream(self, flush_events: int = 10_000) -> Materialisation:
        return Materialisation(DEFINITIONS, self.online, self.offline, self.acknowledge, flush_events=flush_events)

    async def acknowledge(self, keys) -> None:
        self.acknowledged.extend(keys)

    async def count_and_sum(self, entity_id: str = "a") -> list[float]:
        read = await OnlineReader(DEFINITIONS, self.online).read(VIEW, COUNT_AND_SUM, [entity_id], now_microseconds())
        return read.values[0].tolist()

    def stored(self) -> int:
        now = now_microseconds()
        return len(self.offline.read(SOURCE, start=0, end=now)["event_id"].unique())


@pytest.fixture
async def world(redis_client: Redis, tmp_path: Path) -> World:
    world = World(redis_client, tmp_path)
    await world.stream.recover(SOURCE)
    return world


def payments(count: int, *, first: int = 0, entity: str = "a", age: int = 1000) -> list[FeatureEvent]:
    now = now_microseconds() - age
    return [
        FeatureEvent("transactions", f"{entity}-{n}", entity, now - n, now, (2.0,)) for n in range(first, first + count)
    ]


async def test_an_event_is_acknowledged_only_when_both_stores_have_it(world: World):
    events = payments(3)
    assert await world.stream.apply(events) == {"transactions": 3}
    assert await world.count_and_sum() == [3, 6]
    assert world.acknowledged == []
    assert await world.stream.flush() == 3
    assert world.stored() == 3
    assert sorted(world.acknowledged) == sorted(event.key for event in events)


async def test_redelivery_in_any_portion_counts_nothing_twice(world: World):
    events = payments(40)
    await world.stream.apply(events[:25])
    assert await world.stream.apply(events[10:]) == {"transactions": 15}
    await world.stream.flush()
    assert await world.new_stream().apply(list(reversed(events))) == {"transactions": 0}
    assert await world.count_and_sum() == [40, 80]
    assert world.stored() == 40


async def test_events_that_died_with_their_buffer_come_again_and_count_once(world: World):
    events = payments(10)
    await world.stream.apply(events)  # killed here: in Redis, in no file, not acknowledged
    successor = world.new_stream()
    await successor.apply(events)
    await successor.flush()
    assert await world.count_and_sum() == [10, 20]
    assert world.stored() == 10
    assert len(world.acknowledged) == 10


async def test_late_and_early_events_fall_into_their_own_windows(world: World):
    now = now_microseconds()
    events = [
        FeatureEvent("transactions", name, "a", now - age, now, (1.0,))
        for name, age in (
            ("now", 1),
            ("late", HOUR // 2),
            ("out", 2 * HOUR),
            ("ancient", 400 * 24 * HOUR),
            ("ahead", -30_000_000),
        )
    ]
    for event in events:
        await world.stream.apply([event])
    await world.stream.flush()
    assert await world.count_and_sum() == [2, 2]
    assert len(world.offline.read(SOURCE, start=0, end=now + HOUR)) == 5


async def test_a_read_before_anything_was_built_is_refused_instead_of_empty(redis_client: Redis, tmp_path: Path):
    world = World(redis_client, tmp_path)
    with pytest.raises(NotMaterialisedError, match="transactions"):
        await world.count_and_sum()
    await world.stream.recover(SOURCE)
    assert await world.count_and_sum() == [0, 0]


async def test_an_emptied_redis_is_filled_again_from_files_and_buffer(world: World):
    await world.stream.apply(payments(7))
    await world.stream.flush()
    await world.stream.apply(payments(5, first=7))
    await world.client.flushall()
    with pytest.raises(NotMaterialisedError):
        await world.count_and_sum()
    await world.stream.recover(SOURCE)
    assert (await world.count_and_sum())[0] == 7
    await world.stream.flush()
    assert await world.count_and_sum() == [12, 24]


async def test_a_rebuild_by_another_process_does_not_lose_what_this_one_buffers(world: World):
    await world.stream.apply(payments(5))
    await world.client.flushall()
    await world.new_stream().rebuild(SOURCE)  # marks the store complete, and cannot know of the five
    assert await world.count_and_sum() == [0, 0]
    await world.stream.flush()
    assert await world.count_and_sum() == [5, 10]


async def test_a_rebuild_is_repeatable_and_covers_days(world: World):
    now = now_microseconds()
    last_week = [
        FeatureEvent("transactions", f"d{day}", "b", now - day * 24 * HOUR, now, (float(day),)) for day in range(1, 7)
    ]
    await world.stream.apply(last_week + payments(4))
    await world.stream.flush()
    await world.client.flushall()
    assert await world.stream.rebuild(SOURCE) == 10
    assert await world.stream.rebuild(SOURCE) == 0
    read = await OnlineReader(DEFINITIONS, world.online).read(
        VIEW, VIEW.select(["last_amount"]), ["b"], now_microseconds()
    )
    assert read.values[0, 0] == 1.0
    assert await world.count_and_sum() == [4, 8]


async def test_new_windows_build_a_new_store_beside_the_old_one(world: World):
    await world.stream.apply(payments(4))
    await world.stream.flush()
    source = type(SOURCE)("transactions", "customer", ("amount",), lateness=timedelta(minutes=20))
    changed = Definitions(DEFINITIONS.entities, (source,), DEFINITIONS.views)
    online = RedisOnlineStore(world.client, changed, max_events_per_entity=1000)
    stream = Materialisation(changed, online, world.offline, world.acknowledge, flush_events=10)
    assert (await online.incarnation(source)).empty
    await stream.recover(source)
    for store in (online, world.online):
        read = await OnlineReader(changed, store).read(VIEW, COUNT_AND_SUM, ["a"], now_microseconds())
        assert read.values[0].tolist() == [4, 8]


@pytest.fixture
def durable_redis(tmp_path: Path) -> Iterator[Server]:
    """A Redis with an append-only file, that survives its restart."""
    port = free_port()
    with redis_server(port) as template:
        command = list(template.command)
    folder = tmp_path / "redis"
    folder.mkdir()
    command[command.index("--appendonly") + 1] = "yes"
    command[command.index("--dir") + 1] = str(folder)
    server = Server(command, port)
    server.start()
    yield server
    server.stop()


async def test_a_killed_redis_comes_back_with_every_event(durable_redis: Server, tmp_path: Path):
    client = open_redis(f"redis://{durable_redis.address}/0", max_connections=4, timeout_seconds=2)
    world = World(client, tmp_path / "offline")
    await world.stream.recover(SOURCE)
    await world.stream.apply(payments(50))
    await world.stream.flush()
    # What the last second of the append-only file may lack after a power cut: acknowledged, in files, gone from Redis.
    key = (await client.keys("*:a"))[0]
    await client.delete(key)
    durable_redis.kill()
    with pytest.raises(Unavailable, match="online store does not answer"):
        await world.stream.apply(payments(10, first=50))
    durable_redis.start()
    await world.stream.apply(payments(10, first=50))
    await world.stream.flush()
    assert await world.count_and_sum() == [60, 120]
    await client.aclose()


async def test_a_full_disk_keeps_events_waiting_and_unacknowledged(world: World, monkeypatch: pytest.MonkeyPatch):
    stream = world.new_stream(flush_events=10)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(world.offline, "write", full)
        await stream.apply(payments(10))
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                await stream.apply(payments(10, first=10))
        assert stream.pending == 10
        assert world.acknowledged == []
    await stream.apply(payments(10, first=10))
    await stream.flush()
    assert world.stored() == 20
    assert len(world.acknowledged) == 20
    assert await world.count_and_sum() == [20, 40]


async def test_an_unreadable_event_is_parked_and_does_not_hold_up_the_others(world: World):
    codec = EventCodec(DEFINITIONS)
    handler = StreamHandler(codec, world.stream, world.acknowledge)
    good = codec.encode(payments(1)[0])
    broken = [
        Event.create(type=EVENT_TYPE, source="/test", topic="features.events.v1", key="a", data=data)
        for data in (b"\xff\xff\xff", b"")
    ]
    foreign = Event.create(type="somebody.Else", source="/test", topic="features.events.v1", key="a", data=good.data)
    results = await handler([broken[0], good, broken[1], foreign])
    assert [type(result) for result in results] == [
        PermanentEventError,
        type(None),
        PermanentEventError,
        PermanentEventError,
    ]
    assert await world.count_and_sum() == [1, 2]
    assert sorted(world.acknowledged) == sorted(event.id for event in [*broken, foreign])


async def test_an_event_of_a_source_defined_elsewhere_stays_in_the_outbox(world: World):
    newer = Definitions(DEFINITIONS.entities, (type(SOURCE)("refunds", "customer", ("amount",)),), ())
    event = EventCodec(newer).encode(FeatureEvent("refunds", "r1", "a", 1, 2, (1.0,)))
    assert await StreamHandler(EventCodec(DEFINITIONS), world.stream, world.acknowledge)([event]) == [None]
    await world.stream.flush()
    assert world.acknowledged == []


async def test_trouble_of_a_store_is_never_blamed_on_the_event(world: World, monkeypatch: pytest.MonkeyPatch):
    stream = world.new_stream(flush_events=1)
    handler = StreamHandler(EventCodec(DEFINITIONS), stream, world.acknowledge)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.offline, "write", full)
    await stream.apply(payments(1))
    with pytest.raises(Unavailable, match="No space"):
        await handler([EventCodec(DEFINITIONS).encode(payments(1)[0])])


def test_an_event_survives_the_wire_to_the_microsecond():
    codec = EventCodec(DEFINITIONS)
    event = FeatureEvent("transactions", "x" * 128, "ünïcode", 1_795_000_000_123_457, 1_795_000_000_999_999, (0.1,))
    encoded = codec.encode(event)
    assert codec.decode(encoded) == event
    assert len(encoded.id) <= 64
    assert encoded.key == "ünïcode"


def test_packing_is_independent_of_the_order_of_arrival():
    events = payments(20) + payments(20, entity="b")
    assert event_frame(SOURCE, events).equals(event_frame(SOURCE, list(reversed(events)) + events))
