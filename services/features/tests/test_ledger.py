from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_features.adapters.ledger import OUTBOX, OutboxAcknowledger, SqlLedger, check_database, create_tables
from whitebox_features.demo import DEFINITIONS
from whitebox_features.events import FeatureEvent
from whitebox_features.wire import EventCodec
from whitebox_runtime.database import open_engine
from whitebox_runtime.errors import Unavailable

CODEC = EventCodec(DEFINITIONS)


def event(name: str, received: int = 1_795_000_000_000_000) -> FeatureEvent:
    return FeatureEvent("transactions", name, "customer-1", received - 5, received, (1.5,))


async def outbox_ids(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return list((await connection.execute(sa.select(OUTBOX.c.event_id).order_by(OUTBOX.c.sequence))).scalars())


async def test_a_new_event_is_accepted_once_and_enqueued_once(engine: AsyncEngine):
    ledger = SqlLedger(engine, CODEC.encode)
    assert await ledger.accept([event("a"), event("b")]) == [event("a"), event("b")]
    assert await ledger.accept([event("b"), event("c")]) == [event("c")]
    assert await ledger.accept([event("a")]) == []
    assert await outbox_ids(engine) == [event(name).key for name in "abc"]


async def test_an_id_stays_known_after_its_outbox_row_went(engine: AsyncEngine):
    ledger = SqlLedger(engine, CODEC.encode)
    await ledger.accept([event("a"), event("b")])
    await OutboxAcknowledger(engine)([event("a").key, "unknown"])
    assert await outbox_ids(engine) == [event("b").key]
    assert await ledger.accept([event("a")]) == []


async def test_the_longest_ids_and_a_full_request_fit(engine: AsyncEngine):
    ledger = SqlLedger(engine, CODEC.encode)
    events = [FeatureEvent("transactions", f"{number:0128d}", "ü" * 256, 1, 2, (0.0,)) for number in range(1000)]
    assert len(await ledger.accept(events)) == 1000
    assert len(await outbox_ids(engine)) == 1000


async def test_the_same_events_from_many_senders_at_once_are_accepted_once(engine: AsyncEngine):
    ledger = SqlLedger(engine, CODEC.encode)
    events = [event(str(number)) for number in range(50)]
    accepted = await asyncio.gather(*(ledger.accept(events) for _ in range(8)))
    assert sorted(e.event_id for some in accepted for e in some) == sorted(e.event_id for e in events)
    assert len(await outbox_ids(engine)) == 50


async def test_a_failure_half_way_leaves_neither_ledger_row_nor_outbox_row(engine: AsyncEngine):
    def fail_at_c(accepted: FeatureEvent):
        if accepted.event_id == "c":
            raise KeyError("c")
        return CODEC.encode(accepted)

    with pytest.raises(KeyError):
        await SqlLedger(engine, fail_at_c).accept([event("a"), event("b"), event("c")])
    assert await outbox_ids(engine) == []
    assert len(await SqlLedger(engine, CODEC.encode).accept([event("a"), event("b")])) == 2


async def test_pruning_forgets_old_ids_only(engine: AsyncEngine):
    ledger = SqlLedger(engine, CODEC.encode)
    await ledger.accept([event("old", 100)])
    await ledger.accept([event("new", 200)])
    assert await ledger.prune(200) == 1
    assert await ledger.accept([event("new", 300)]) == []


async def test_tables_may_be_created_by_both_processes_at_once(tmp_path):
    engines = [open_engine(f"sqlite+aiosqlite:///{tmp_path}/race.sqlite") for _ in range(4)]
    await asyncio.gather(*(create_tables(engine) for engine in engines))
    for engine in engines:
        await check_database(engine)
        await engine.dispose()


async def test_a_database_that_is_away_is_said_to_be_unavailable():
    engine = open_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="database does not answer"):
        await SqlLedger(engine, CODEC.encode).accept([event("a")])
    with pytest.raises(Unavailable):
        await create_tables(engine)
    await engine.dispose()
