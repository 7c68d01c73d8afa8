"""One contract for the outbox and the database, held against SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_runtime.database import open_engine
from whitebox_runtime.errors import InvalidArgument, PayloadTooLarge, Unavailable
from whitebox_runtime.events import MAX_EVENT_BYTES, Event, EventConsumer, EventProducer, each
from whitebox_runtime.outbox import OutboxRelay, acknowledge, enqueue, outbox_table
from whitebox_runtime.testing import MissingProgramError, eventually, postgres_server, tansu_broker


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    try:
        with postgres_server() as url:
            yield url
    except MissingProgramError as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/deep/test.db"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = open_engine(url)
    metadata = sa.MetaData()
    table = outbox_table(metadata)
    counters = sa.Table("counters", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
    yield SimpleNamespace(engine=engine, table=table, counters=counters)
    await engine.dispose()


class Broker:
    """Takes events into a list, or refuses; the port that the relay publishes through."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.down = False
        self.news = asyncio.Event()

    async def send(self, events: Sequence[Event]) -> None:
        if self.down:
            raise Unavailable("down")
        self.taken += events
        self.news.set()

    @property
    def data(self) -> list[bytes]:
        return [event.data for event in self.taken]


def events(*numbers: int) -> list[Event]:
    return [
        Event.create(type="t", source="/s", topic="topic", key="k", data=str(number).encode()) for number in numbers
    ]


async def pending(store: SimpleNamespace) -> int:
    async with store.engine.connect() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(store.table))).scalar_one()


async def add(store: SimpleNamespace, some: Sequence[Event]) -> None:
    async with store.engine.begin() as connection:
        await enqueue(connection, store.table, some)


def relay(store: SimpleNamespace, broker: Broker, **options: float) -> OutboxRelay:
    return OutboxRelay(store.engine, store.table, broker, **options)  # type: ignore[arg-type]


async def test_events_are_published_whole_and_in_order_and_stay_until_acknowledged(store: SimpleNamespace) -> None:
    broker, sent = Broker(), events(*range(450))
    await add(store, sent)
    while await relay(store, broker).publish_due():
        pass
    assert broker.taken == sent
    assert await pending(store) == 450
    async with store.engine.begin() as connection:
        await acknowledge(connection, store.table, [event.id for event in sent] + ["unknown"] * 600)
    assert await pending(store) == 0


async def test_a_rolled_back_transaction_publishes_nothing(store: SimpleNamespace) -> None:
    broker = Broker()
    async with store.engine.connect() as connection, connection.begin() as transaction:
        await enqueue(connection, store.table, events(1))
        await transaction.rollback()
    assert await relay(store, broker).publish_due() == 0
    assert broker.taken == []


async def test_an_event_that_nobody_acknowledges_is_published_again(store: SimpleNamespace) -> None:
    broker = Broker()
    await add(store, events(1))
    once = relay(store, broker, republish_after_seconds=60)
    await once.publish_due()
    assert await once.publish_due() == 0
    again = relay(store, broker, republish_after_seconds=0)
    broker.taken.clear()
    await add(store, events(2))
    await again.publish_due()
    await again.publish_due()
    assert broker.data == [b"2", b"2"]
    assert broker.taken[0].id == broker.taken[1].id


async def test_what_the_broker_refused_is_due_at_once_when_it_is_back(store: SimpleNamespace) -> None:
    broker = Broker()
    broker.down = True
    await add(store, events(1, 2))
    once = relay(store, broker, republish_after_seconds=60)
    with pytest.raises(Unavailable):
        await once.publish_due()
    broker.down = False
    assert await once.publish_due() == 2
    assert broker.data == [b"1", b"2"]


async def test_two_relays_publish_each_event_once(store: SimpleNamespace) -> None:
    broker = Broker()
    await add(store, events(*range(600)))
    relays = [relay(store, broker) for _ in range(3)]
    while any(await asyncio.gather(*(one.publish_due() for one in relays))):
        pass
    assert sorted(map(int, broker.data)) == list(range(600))


async def test_a_woken_relay_publishes_long_before_it_would_have_looked(store: SimpleNamespace) -> None:
    broker, stopping = Broker(), asyncio.Event()
    running = relay(store, broker, poll_seconds=60)
    task = asyncio.create_task(running.run(stopping))
    await add(store, events(1))
    running.wake()
    await asyncio.wait_for(broker.news.wait(), 5)
    stopping.set()
    await asyncio.wait_for(task, 5)
    assert broker.data == [b"1"]


async def test_the_gauges_tell_how_much_waits(store: SimpleNamespace) -> None:
    broker, stopping = Broker(), asyncio.Event()
    await add(store, events(1, 2, 3))
    task = asyncio.create_task(relay(store, broker, poll_seconds=0.01).run(stopping))
    await eventually(lambda: REGISTRY.get_sample_value("whitebox_outbox_pending") == 3)
    assert 0 <= (REGISTRY.get_sample_value("whitebox_outbox_oldest_age_seconds") or 0) < 60
    stopping.set()
    await asyncio.wait_for(task, 5)


async def test_the_same_event_cannot_be_enqueued_twice(store: SimpleNamespace) -> None:
    one = events(1)
    await add(store, one)
    with pytest.raises(sa.exc.IntegrityError):
        await add(store, one)


async def test_an_event_that_no_broker_takes_is_refused_when_it_is_enqueued(store: SimpleNamespace) -> None:
    big = Event.create(type="t", source="/s", topic="topic", key="k", data=b"x" * (MAX_EVENT_BYTES + 1))
    with pytest.raises(PayloadTooLarge, match="at most 900000"):
        await add(store, [big])
    assert await pending(store) == 0


async def test_transactions_that_read_and_then_write_wait_for_each_other(store: SimpleNamespace) -> None:
    counters = store.counters
    async with store.engine.begin() as connection:
        await connection.execute(sa.insert(counters).values(id=1, n=0))

    async def increment() -> None:
        async with store.engine.begin() as connection:
            query = sa.select(counters.c.n).where(counters.c.id == 1).with_for_update()
            n = (await connection.execute(query)).scalar_one()
            await connection.execute(sa.update(counters).values(n=n + 1))

    await asyncio.gather(*(increment() for _ in range(20)))
    async with store.engine.connect() as connection:
        assert (await connection.execute(sa.select(counters.c.n))).scalar_one() == 20


async def test_readers_do_not_wait_for_an_open_writer(store: SimpleNamespace) -> None:
    async with store.engine.begin() as writer:
        await writer.execute(sa.insert(store.counters).values(id=7, n=7))
        assert await asyncio.wait_for(pending(store), 2) == 0


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:///sync.db", "not a url", ""])
def test_a_url_of_another_database_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(InvalidArgument, match="sqlite\\+aiosqlite:/// or postgresql\\+asyncpg://"):
        open_engine(url)


async def test_foreign_keys_are_checked_on_sqlite(tmp_path: Path) -> None:
    engine: AsyncEngine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/keys.db")
    async with engine.begin() as connection:
        await connection.execute(sa.text("create table a (id integer primary key)"))
        await connection.execute(sa.text("create table b (a integer references a(id))"))
    with pytest.raises(sa.exc.IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(sa.text("insert into b values (5)"))
    await engine.dispose()


@pytest.mark.slow
async def test_no_event_is_lost_when_the_broker_is_killed_in_the_middle(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/crash.db")
    metadata = sa.MetaData()
    table = outbox_table(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    store = SimpleNamespace(engine=engine, table=table)
    stopping, done = asyncio.Event(), set[bytes]()

    async def handle(event: Event) -> None:
        async with engine.begin() as connection:
            await acknowledge(connection, table, [event.id])
        done.add(event.data)

    try:
        with tansu_broker() as broker:
            producer = EventProducer(broker.address, "outbox-test")
            running = OutboxRelay(engine, table, producer, republish_after_seconds=3, poll_seconds=0.1)
            consumer = EventConsumer(broker.address, "outbox-test", ["topic"], each(handle))
            tasks = [asyncio.create_task(part.run(stopping)) for part in (running, consumer)]
            await add(store, events(*range(100)))
            running.wake()
            await eventually(lambda: done)
            await add(store, events(*range(100, 200)))
            broker.kill()
            await add(store, events(*range(200, 300)))
            broker.start()
            await eventually(lambda: len(done) == 300)
            assert await pending(store) == 0
            stopping.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 20)
            await producer.close()
    except MissingProgramError as reason:
        pytest.skip(str(reason))
    await engine.dispose()
