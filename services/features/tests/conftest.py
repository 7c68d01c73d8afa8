from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_features.adapters.ledger import create_tables
from whitebox_features.adapters.redis_store import open_redis
from whitebox_runtime.database import open_engine
from whitebox_runtime.testing import MissingProgramError, Server, postgres_server, redis_server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    try:
        with redis_server() as server:
            yield server
    except MissingProgramError as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def redis_client(redis: Server) -> AsyncIterator[Redis]:
    client = open_redis(f"redis://{redis.address}/0", max_connections=8, timeout_seconds=5)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    try:
        with postgres_server() as url:
            yield url
    except MissingProgramError as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgres"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty database of each kind, with the tables."""
    url = f"sqlite+aiosqlite:///{tmp_path}/features.sqlite"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
    engine = open_engine(url)
    await create_tables(engine)
    async with engine.begin() as connection:
        for table in ("feature_event_ledger", "feature_outbox"):
            await connection.execute(sa.text(f"DELETE FROM {table}"))
    yield engine
    await engine.dispose()
