"""Fills the online store from the offline one: `python -m whitebox_features.rebuild`.

The stream process does this by itself when Redis lost its data; the command is for doing it at a chosen time, for
example into a new Redis before traffic moves there. It may run beside live traffic and may be repeated.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from whitebox_runtime.errors import ServiceError
from whitebox_runtime.settings import load_settings

from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.adapters.redis_store import RedisOnlineStore, open_redis
from whitebox_features.definitions import DefinitionError, load_definitions
from whitebox_features.materialisation import Materialisation
from whitebox_features.settings import FeaturesSettings


async def rebuild(settings: FeaturesSettings) -> dict[str, int]:
    """Replays every source; returns the events that Redis lacked, by source."""
    definitions = load_definitions(settings.definitions)
    redis = open_redis(
        settings.redis_url,
        max_connections=settings.redis_max_connections,
        timeout_seconds=settings.redis_timeout_seconds,
    )
    online = RedisOnlineStore(redis, definitions, max_events_per_entity=settings.max_events_per_entity)
    materialisation = Materialisation(
        definitions, online, ParquetOfflineStore(settings.offline_dir), _nothing_to_acknowledge, flush_events=1
    )
    try:
        return {source.name: await materialisation.rebuild(source) for source in definitions.sources}
    finally:
        await redis.aclose()


async def _nothing_to_acknowledge(keys: Sequence[str]) -> None:
    """A rebuild takes no events from the outbox."""


def main() -> None:
    """Entry point."""
    settings = load_settings(FeaturesSettings)
    try:
        for source, added in asyncio.run(rebuild(settings)).items():
            print(f"{source}: {added} events added")
    except (ServiceError, DefinitionError, OSError) as error:
        print(f"rebuild: {error}", file=sys.stderr)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
