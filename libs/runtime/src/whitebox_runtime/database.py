"""Opening the database: SQLite by default, PostgreSQL when configured, set up so that both behave alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from whitebox_runtime.errors import InvalidArgument

_BUSY_SECONDS = 10.0
_WRITES = "whitebox_writes"
_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")


def open_engine(url: str) -> AsyncEngine:
    """Opens a pool of connections; connects when first used.

    SQLite files are in WAL mode, so readers never wait for the writer; writers wait for each other up to 10 s.
    `engine.begin()` takes the write lock at once (BEGIN IMMEDIATE): a transaction that reads first and writes later
    would otherwise fail instead of waiting. `engine.connect()` is for reading. Foreign keys are checked.

    Args:
        url: `sqlite+aiosqlite:///path` or `postgresql+asyncpg://user:password@host/database`.

    Raises:
        InvalidArgument: The URL is neither.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS:
        raise InvalidArgument(
            "the database URL must start with sqlite+aiosqlite:/// or postgresql+asyncpg://", reason="bad_database_url"
        )
    if parsed.drivername == "postgresql+asyncpg":
        return create_async_engine(
            parsed,
            pool_size=16,
            max_overflow=16,
            pool_timeout=5,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={"timeout": 5},
        )
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _SqliteEngine(create_async_engine(parsed, connect_args={"timeout": _BUSY_SECONDS}).sync_engine)
    sa.event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling would BEGIN late and lazily; SQLAlchemy's begin event does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={round(_BUSY_SECONDS * 1000)}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _SqliteEngine(AsyncEngine):
    """An engine whose `begin()` marks the transaction as a writing one."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        async with self.connect() as connection:
            await connection.execution_options(**{_WRITES: True})
            async with connection.begin():
                yield connection
