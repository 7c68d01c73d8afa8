"""The transactional outbox: an event is stored with the change it tells of, and is published until acknowledged.

The broker of the local platform forgets everything when it restarts, so a row only goes when the consumer has done
its work and says so. Consumers therefore see events again, and must be idempotent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from whitebox_runtime.errors import PayloadTooLarge, Unavailable
from whitebox_runtime.events.event import MAX_EVENT_BYTES, Event
from whitebox_runtime.events.producer import EventProducer
from whitebox_runtime.telemetry import gauge, traceparent

logger = logging.getLogger(__name__)

_BATCH = 200
_LONGEST_WAIT_SECONDS = 5.0
_GAUGE_SECONDS = 5.0
_ACKNOWLEDGE_AT_ONCE = 500


def outbox_table(metadata: sa.MetaData, name: str = "outbox") -> sa.Table:
    """Declares the table; the service creates it with the rest of its schema.

    Args:
        metadata: The service's tables.
        name: Name of the table.
    """
    return sa.Table(
        name,
        metadata,
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False, unique=True),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(249), nullable=False),
        sa.Column("key", sa.String(1024), nullable=False),
        sa.Column("time", sa.Float(53), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("traceparent", sa.String(64)),
        # Seconds since 1970 from which the row may be published (again); 0 for one that never was.
        sa.Column("due", sa.Float(53), nullable=False, index=True),
    )


async def enqueue(connection: AsyncConnection, table: sa.Table, events: Sequence[Event]) -> None:
    """Stores events in the caller's transaction; they are published after it commits.

    Args:
        connection: Inside the transaction that makes the change.
        table: From `outbox_table`.
        events: Events in the order in which they are to be published.

    Raises:
        PayloadTooLarge: An event could never be published.
    """
    for event in events:
        if len(event.data) > MAX_EVENT_BYTES:
            raise PayloadTooLarge(
                f"event {event.type} carries {len(event.data)} bytes, at most {MAX_EVENT_BYTES} fit",
                reason="event_too_large",
            )
    if not events:
        return
    rows = [
        {
            "event_id": event.id,
            "type": event.type,
            "source": event.source,
            "topic": event.topic,
            "key": event.key,
            "time": event.time.timestamp(),
            "data": event.data,
            "traceparent": event.traceparent or traceparent(),
            "due": 0.0,
        }
        for event in events
    ]
    await connection.execute(sa.insert(table), rows)


async def acknowledge(connection: AsyncConnection, table: sa.Table, event_ids: Sequence[str]) -> None:
    """Deletes events whose work is done, in the consumer's own transaction; unknown ids are fine.

    Args:
        connection: Inside a transaction, best the one that records the work.
        table: From `outbox_table`.
        event_ids: `Event.id` of the events.
    """
    for start in range(0, len(event_ids), _ACKNOWLEDGE_AT_ONCE):
        some = event_ids[start : start + _ACKNOWLEDGE_AT_ONCE]
        await connection.execute(sa.delete(table).where(table.c.event_id.in_(some)))


class OutboxRelay:
    """Publishes what is in the outbox, in the order in which it was enqueued.

    Several relays may run on one PostgreSQL table; each takes batches of its own, which may then overtake each other.

    Args:
        engine: The database.
        table: From `outbox_table`.
        producer: Where to publish.
        republish_after_seconds: An event that is not acknowledged by then is published again.
        poll_seconds: How often to look when nobody calls `wake`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        table: sa.Table,
        producer: EventProducer,
        *,
        republish_after_seconds: float = 30.0,
        poll_seconds: float = 0.5,
    ) -> None:
        self._engine = engine
        self._table = table
        self._producer = producer
        self._republish_after_seconds = republish_after_seconds
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()
        self._measured_at = float("-inf")

    def wake(self) -> None:
        """Makes the relay look now; call it after a commit that enqueued something."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Publishes until `stopping`; waits out a database or broker that is away."""
        watch = asyncio.get_running_loop().create_task(stopping.wait())
        watch.add_done_callback(lambda _task: self._woken.set())
        wait = self._poll_seconds
        try:
            while not stopping.is_set():
                self._woken.clear()
                try:
                    published = await self.publish_due()
                    await self._measure()
                except (Unavailable, DBAPIError, OSError, TimeoutError) as error:
                    if wait == self._poll_seconds:
                        logger.warning("outbox cannot be published; trying again", extra={"reason": str(error)})
                    wait = min(_LONGEST_WAIT_SECONDS, wait * 2)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), wait)
                    continue
                wait = self._poll_seconds
                if published < _BATCH:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), self._poll_seconds)
        finally:
            watch.cancel()

    async def publish_due(self) -> int:
        """Publishes the next batch of events that are due and returns how many there were.

        Raises:
            Unavailable: The broker did not take them; they stay due.
        """
        rows = await self._claim()
        if not rows:
            return 0
        try:
            await self._producer.send([_event(row) for row in rows])
        except BaseException:
            await self._set_due(rows, 0.0)
            raise
        return len(rows)

    async def _claim(self) -> Sequence[sa.Row[Any]]:
        """Takes the next rows for this relay by making them due later, in a transaction that no broker can hold up.

        If the process dies before it has published them, they are simply due again then.
        """
        table = self._table
        due = sa.select(table).where(table.c.due <= time.time()).order_by(table.c.sequence)
        async with self._engine.connect() as connection:  # an idle outbox takes no write lock
            if (await connection.execute(due.with_only_columns(table.c.sequence).limit(1))).first() is None:
                return []
        async with self._engine.begin() as connection:
            rows = (await connection.execute(due.limit(_BATCH).with_for_update(skip_locked=True))).all()
            await connection.execute(self._update_due(rows, time.time() + self._republish_after_seconds))
        return rows

    async def _set_due(self, rows: Sequence[sa.Row[Any]], due: float) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(self._update_due(rows, due))

    def _update_due(self, rows: Sequence[sa.Row[Any]], due: float) -> sa.Update:
        table = self._table
        return sa.update(table).where(table.c.sequence.in_([row.sequence for row in rows])).values(due=due)

    async def _measure(self) -> None:
        if time.monotonic() - self._measured_at < _GAUGE_SECONDS:
            return
        self._measured_at = time.monotonic()
        table = self._table
        async with self._engine.connect() as connection:
            pending, oldest = (await connection.execute(sa.select(sa.func.count(), sa.func.min(table.c.time)))).one()
        gauge("whitebox_outbox_pending").set(pending)
        gauge("whitebox_outbox_oldest_age_seconds").set(max(0.0, time.time() - oldest) if pending else 0.0)


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        id=row.event_id,
        type=row.type,
        source=row.source,
        topic=row.topic,
        key=row.key,
        time=datetime.fromtimestamp(row.time, UTC),
        data=row.data,
        traceparent=row.traceparent,
    )
