"""The online store in Redis: one packed string per entity.

One primary (with replicas if wanted), not Redis Cluster: a read is one MGET over all entities.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib import resources
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import NoScriptError, RedisError
from whitebox_runtime.errors import Unavailable

from whitebox_features.definitions import Definitions, Source, microseconds
from whitebox_features.entity_log import EntityLogLayout
from whitebox_features.stores import Appended, Incarnation, NotMaterialisedError

_PREFIX = "whitebox:features"
_SCRIPT = resources.files(__package__).joinpath("append.lua").read_text()
_SCRIPT_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
# An entity's record goes with the last window that can see it; the day covers idle hours between write and read.
_GRACE = timedelta(days=1)


def open_redis(url: str, *, max_connections: int, timeout_seconds: float) -> Redis:
    """Opens the process's one client: pooled, with time-outs, retrying broken connections.

    Args:
        url: For example `redis://127.0.0.1:6390/0`, `rediss://…` for TLS.
        max_connections: Size of the pool; further commands wait for a free connection up to the time-out.
        timeout_seconds: Of connecting, of waiting for a connection and of each answer.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2),
        retry_on_error=[ConnectionError, TimeoutError],
    )
    return Redis.from_pool(pool)


class RedisOnlineStore:
    """`stores.OnlineStore` on Redis.

    Args:
        client: An open client that returns bytes.
        definitions: Decide how long events stay.
        max_events_per_entity: Above this many events in the retention the oldest go, and reads say TRUNCATED.
    """

    def __init__(self, client: Redis, definitions: Definitions, *, max_events_per_entity: int) -> None:
        self._client = client
        self._max_events = max_events_per_entity
        self._plans = {source.name: _Plan(source, definitions) for source in definitions.sources}

    async def append(self, source: Source, records: Mapping[str, bytes], now: int) -> Appended:
        """See `stores.OnlineStore.append`; one pipeline, one atomic script call per entity."""
        plan = self._plans[source.name]
        common = (plan.width, now - plan.retention, self._max_events, plan.lifetime_ms)
        with _translated():
            try:
                replies = await self._append_once(plan, common, records)
            except NoScriptError:
                await self._client.script_load(_SCRIPT)
                replies = await self._append_once(plan, common, records)
        *added, marker, server = replies
        return Appended(sum(added), _incarnation(server, marker))

    async def _append_once(self, plan: _Plan, common: tuple[int, ...], records: Mapping[str, bytes]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for entity_id, packed in records.items():
                pipeline.evalsha(_SCRIPT_SHA, 1, plan.key(entity_id), *common, packed)
            pipeline.get(plan.marker)
            pipeline.info("server")
            return await pipeline.execute()

    async def read(self, source: Source, entity_ids: Sequence[str]) -> Sequence[bytes | None]:
        """See `stores.OnlineStore.read`; one MGET that also fetches the mark of completeness."""
        plan = self._plans[source.name]
        with _translated():
            marker, *logs = await self._client.mget([plan.marker, *map(plan.key, entity_ids)])
        if marker is None:
            raise NotMaterialisedError(source.name)
        return cast(Sequence[bytes | None], logs)  # the client decodes nothing

    async def incarnation(self, source: Source) -> Incarnation:
        """See `stores.OnlineStore.incarnation`."""
        with _translated():
            async with self._client.pipeline(transaction=False) as pipeline:
                pipeline.get(self._plans[source.name].marker)
                pipeline.info("server")
                marker, server = await pipeline.execute()
        return _incarnation(server, marker)

    async def mark_built(self, source: Source, running: str) -> None:
        """See `stores.OnlineStore.mark_built`."""
        with _translated():
            await self._client.set(self._plans[source.name].marker, f"{running}/{uuid.uuid4().hex}")

    async def ping(self) -> None:
        """Raises when Redis does not answer."""
        with _translated():
            await self._client.ping()


class _Plan:
    """What the store needs to know about a source, worked out once."""

    def __init__(self, source: Source, definitions: Definitions) -> None:
        self.width = EntityLogLayout(source).width
        self.retention = microseconds(definitions.retention(source))
        lifetime = max(definitions.longest_window(source), definitions.retention(source)) + _GRACE
        self.lifetime_ms = lifetime // timedelta(milliseconds=1)
        # Other fields or windows need other contents: under a new name the store is built anew, the old one expires.
        layout = hashlib.blake2b(
            repr((source.fields, self.retention, self.lifetime_ms)).encode(), digest_size=4
        ).hexdigest()
        self.marker = f"{_PREFIX}:{source.name}:{layout}"
        self._log = f"{self.marker}:"

    def key(self, entity_id: str) -> str:
        return self._log + entity_id


def _incarnation(server: Mapping[str, Any], marker: bytes | None) -> Incarnation:
    built_for, _, _ = (marker or b"").decode().partition("/")
    return Incarnation(running=str(server["run_id"]), built_for=built_for, build=(marker or b"").decode())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except NoScriptError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(
            f"the online store does not answer: {error}", reason="online_store_unavailable", retry_after=1
        ) from error
