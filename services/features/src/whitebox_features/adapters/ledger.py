"""The ledger of accepted events and their outbox, in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.events import Event
from whitebox_runtime.outbox import acknowledge, enqueue, outbox_table

from whitebox_features.events import FeatureEvent

_METADATA = sa.MetaData()
_LEDGER = sa.Table(
    "feature_event_ledger",
    _METADATA,
    sa.Column("source", sa.String(64), primary_key=True),
    sa.Column("event_id", sa.String(128), primary_key=True),
    sa.Column("received", sa.BigInteger, nullable=False, index=True),
)
OUTBOX = outbox_table(_METADATA, "feature_outbox")


class SqlLedger:
    """`intake.Ledger` on a database.

    Args:
        engine: From `whitebox_runtime.database.open_engine`.
        to_cloud_event: Makes what is published of an accepted event.
    """

    def __init__(self, engine: AsyncEngine, to_cloud_event: Callable[[FeatureEvent], Event]) -> None:
        self._engine = engine
        self._to_cloud_event = to_cloud_event
        self._insert = (postgresql if engine.dialect.name == "postgresql" else sqlite).insert

    async def accept(self, events: Sequence[FeatureEvent]) -> Sequence[FeatureEvent]:
        """See `intake.Ledger.accept`."""
        rows = [{"source": event.source, "event_id": event.event_id, "received": event.received} for event in events]
        remember = (
            self._insert(_LEDGER).values(rows).on_conflict_do_nothing().returning(_LEDGER.c.source, _LEDGER.c.event_id)
        )
        try:
            async with self._engine.begin() as connection:
                new = {tuple(row) for row in await connection.execute(remember)}
                accepted = [event for event in events if (event.source, event.event_id) in new]
                await enqueue(connection, OUTBOX, [self._to_cloud_event(event) for event in accepted])
        except (DBAPIError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error
        return accepted

    async def prune(self, before: int) -> int:
        """Forgets event ids that were received before a time in microseconds; returns how many."""
        async with self._engine.begin() as connection:
            return (await connection.execute(sa.delete(_LEDGER).where(_LEDGER.c.received < before))).rowcount


class OutboxAcknowledger:
    """Removes outbox rows whose events both stores have."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __call__(self, keys: Sequence[str]) -> None:
        """Removes the rows.

        Raises:
            Unavailable: if the database does not answer; the rows stay.
        """
        try:
            async with self._engine.begin() as connection:
                await acknowledge(connection, OUTBOX, keys)
        except (DBAPIError, OSError, TimeoutError) as error:
            raise _unavailable(error) from error


async def create_tables(engine: AsyncEngine) -> None:
    """Makes the tables that are missing; several processes may do it at once.

    Raises:
        Unavailable: if the database does not answer.
    """
    with suppress(DBAPIError, OSError, TimeoutError):
        async with engine.begin() as connection:
            await connection.run_sync(_METADATA.create_all)
    # Where the first try lost a race, the tables exist by now; any other trouble comes up again.
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_METADATA.create_all)
    except (DBAPIError, OSError, TimeoutError) as error:
        raise _unavailable(error) from error


async def check_database(engine: AsyncEngine) -> None:
    """Raises when the database does not answer or lacks the tables."""
    async with engine.connect() as connection:
        await connection.execute(sa.select(sa.literal(1)).select_from(OUTBOX).limit(1))


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the database does not answer: {error}", reason="database_unavailable", retry_after=1)
