"""Events into both stores, effectively once, and the online store back from the offline one.

An event is done when both stores have it; only then is its outbox row removed. Whatever dies before that, the outbox
publishes the event again, and both stores take an event twice as if it came once.

The online store is written at once. Files are written in bulk, so events wait in a buffer of bounded size and age.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from whitebox_features.definitions import Definitions, Source, microseconds
from whitebox_features.entity_log import EntityLogLayout
from whitebox_features.event_frame import event_frame, in_order
from whitebox_features.events import FeatureEvent, now_microseconds
from whitebox_features.stores import Appended, OfflineStore, OnlineStore

logger = logging.getLogger(__name__)

_DAY = microseconds(timedelta(days=1))
# What a crashed or replaced Redis may lack: a second with appendfsync everysec, more behind a lagging replica.
_RECENT = microseconds(timedelta(hours=1))
_ENTITIES_PER_APPEND = 500


@dataclass(frozen=True, slots=True)
class _Pending:
    event: FeatureEvent
    build: str


class Materialisation:
    """Writes events to both stores and keeps the online one complete.

    Args:
        definitions: The sources.
        online: Recent events.
        offline: All events.
        acknowledge: Called with the keys of events that both stores have.
        flush_events: Buffered events at which the next batch first waits for a flush.
    """

    def __init__(
        self,
        definitions: Definitions,
        online: OnlineStore,
        offline: OfflineStore,
        acknowledge: Callable[[Sequence[str]], Awaitable[None]],
        *,
        flush_events: int,
    ) -> None:
        self._definitions = definitions
        self._online = online
        self._offline = offline
        self._acknowledge = acknowledge
        self._flush_events = flush_events
        self._layouts = {source.name: EntityLogLayout(source) for source in definitions.sources}
        self._buffer: dict[str, _Pending] = {}
        self._flushing = asyncio.Lock()
        self._recovering = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Events that are in the online store and not yet in a file."""
        return len(self._buffer)

    async def apply(self, events: Sequence[FeatureEvent]) -> dict[str, int]:
        """Writes events to the online store and queues them for the offline one.

        Args:
            events: Events of defined sources.

        Returns:
            How many events of each source were new to the online store.

        Raises:
            whitebox_runtime.errors.Unavailable: if a store does not answer; applying the same events again is right.
        """
        if len(self._buffer) >= self._flush_events:
            await self.flush()
        added = {}
        by_source: dict[str, list[FeatureEvent]] = {}
        for event in events:
            by_source.setdefault(event.source, []).append(event)
        for name, group in by_source.items():
            source = self._definitions.source_by_name[name]
            appended = await self._append(source, event_frame(source, group))
            self._buffer.update((event.key, _Pending(event, appended.incarnation.build)) for event in group)
            if not appended.incarnation.intact:
                await self.recover(source)
            added[name] = appended.added
        return added

    async def flush(self) -> int:
        """Writes what is buffered to the offline store and acknowledges it; returns how many events that were."""
        async with self._flushing:
            batch, self._buffer = self._buffer, {}
            try:
                await self._finish(batch)
            except BaseException:
                self._buffer = batch | self._buffer
                raise
            return len(batch)

    async def _finish(self, batch: dict[str, _Pending]) -> None:
        for source in self._definitions.sources:
            pending = [entry for entry in batch.values() if entry.event.source == source.name]
            if not pending:
                continue
            frame = event_frame(source, [entry.event for entry in pending])
            await asyncio.to_thread(self._offline.write, source, frame)
            # A rebuild that ran meanwhile read the files before these events were in them.
            build = await self.recover(source)
            missed = [entry.event for entry in pending if entry.build != build]
            if missed:
                await self._append(source, event_frame(source, missed))
            await self._acknowledge([entry.event.key for entry in pending])

    async def recover(self, source: Source) -> str:
        """Replays what the online store may have lost: nothing, the last hour's arrivals, or everything.

        Returns:
            The identity of the build that is then complete.
        """
        async with self._recovering:
            state = await self._online.incarnation(source)
            if state.intact:
                return state.build
            if state.empty:
                await self.rebuild(source)
            else:
                logger.warning(
                    "the online store restarted; replaying recent events", extra={"feature_source": source.name}
                )
                now = now_microseconds()
                longest = microseconds(self._definitions.longest_window(source))
                recent = await asyncio.to_thread(
                    self._offline.read, source, start=now - longest, end=now + _DAY, received_since=now - _RECENT
                )
                await self._append(source, in_order(recent))
                await self._online.mark_built(source, state.running)
            return (await self._online.incarnation(source)).build

    async def rebuild(self, source: Source) -> int:
        """Replays every event that any window can see from the offline store; may run beside live traffic.

        Returns:
            Events that the online store did not have.
        """
        running = (await self._online.incarnation(source)).running
        now = now_microseconds()
        added = 0
        # A day at a time bounds the memory; the last step takes events whose clocks are ahead.
        for start in range(now - microseconds(self._definitions.longest_window(source)), now + _DAY, _DAY):
            frame = await asyncio.to_thread(self._offline.read, source, start=start, end=start + _DAY)
            added += (await self._append(source, in_order(frame))).added
        await self._online.mark_built(source, running)
        logger.info("the online store is complete", extra={"feature_source": source.name, "events_added": added})
        return added

    async def keep_flushing(self, stopping: asyncio.Event, *, every_seconds: float) -> None:
        """Flushes and compacts until told to stop, then flushes what is left."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(every_seconds):
                    await stopping.wait()
            except TimeoutError:
                pass
            await self._flush_and_compact()

    async def _flush_and_compact(self) -> None:
        try:
            if await self.flush():
                for source in self._definitions.sources:
                    await asyncio.to_thread(self._offline.compact, source)
        except Exception:
            # The events stay buffered and in the outbox; the next round tries again.
            logger.exception("writing events to the offline store failed", extra={"pending": self.pending})

    async def _append(self, source: Source, frame: pl.DataFrame) -> Appended:
        packed = list(self._layouts[source.name].pack(frame))
        added = 0
        for start in range(0, max(len(packed), 1), _ENTITIES_PER_APPEND):
            part = dict(packed[start : start + _ENTITIES_PER_APPEND])
            appended = await self._online.append(source, part, now_microseconds())
            added += appended.added
        return Appended(added, appended.incarnation)
