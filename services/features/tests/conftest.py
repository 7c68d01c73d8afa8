from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from whitebox_features.adapters.redis_store import open_redis
from whitebox_runtime.testing import MissingProgram, Server, redis_server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    try:
        with redis_server() as server:
            yield server
    except MissingProgram as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def redis_client(redis: Server) -> AsyncIterator[Redis]:
    client = open_redis(f"redis://{redis.address}/0", max_connections=8, timeout_seconds=5)
    await client.flushall()
    yield client
    await client.aclose()
