"""What the domain asks of the two stores; `adapters/` answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from whitebox_features.definitions import Source


@dataclass(frozen=True)
class Incarnation:
    """Tells whether the online store still holds what was written to it.

    Attributes:
        running: Identifies the running server; changes when it restarts or another one takes over.
        built_for: The server that the store was last completed for; empty if it never was, or lost everything.
        build: Identifies that completion; empty likewise.
    """

    running: str
    built_for: str
    build: str

    @property
    def empty(self) -> bool:
        """Whether the store was never completed, or lost everything."""
        return not self.build

    @property
    def intact(self) -> bool:
        """Whether nothing can have been lost since the store was completed."""
        return self.running == self.built_for


@dataclass(frozen=True)
class Appended:
    """Outcome of an append.

    Attributes:
        added: Events that were new.
        incarnation: State of the store right after.
    """

    added: int
    incarnation: Incarnation


class NotMaterialisedError(Exception):
    """The online store lacks a source's events: it is new, or lost them."""


class OnlineStore(Protocol):
    """Recent events per entity, packed as `entity_log.EntityLogLayout` does."""

    async def append(self, source: Source, records: Mapping[str, bytes], now: int) -> Appended:
        """Adds packed records by entity id; those that are there already change nothing.

        Raises:
            whitebox_runtime.errors.Unavailable: if the store cannot be reached; some entities may have been written.
        """
        ...

    async def read(self, source: Source, entity_ids: Sequence[str]) -> Sequence[bytes | None]:
        """Reads the logs of entities in one round trip; `None` where there is none.

        Raises:
            NotMaterialisedError: if the store was never completed for this source.
            whitebox_runtime.errors.Unavailable: if the store cannot be reached.
        """
        ...

    async def incarnation(self, source: Source) -> Incarnation:
        """Returns the state of the store."""
        ...

    async def mark_built(self, source: Source, running: str) -> None:
        """Declares the store complete for the server `running`."""
        ...


class OfflineStore(Protocol):
    """Every event for good. Methods block: call them in a thread."""

    def write(self, source: Source, frame: pl.DataFrame) -> None:
        """Adds events; they survive a power cut when this returns. Writing them twice is harmless."""
        ...

    def read(
        self,
        source: Source,
        *,
        start: int,
        end: int,
        entities: pl.DataFrame | None = None,
        columns: Sequence[str] | None = None,
        received_since: int | None = None,
    ) -> pl.DataFrame:
        """Returns events with start < event time <= end (microseconds), in no order; an event may come repeatedly.

        Args:
            source: Whose events.
            start: Exclusive bound of the event time.
            end: Inclusive bound of the event time.
            entities: Only the entities in its column `entity_id`; its other columns join the result.
            columns: Only these columns; all of them by default.
            received_since: Only events that the platform accepted at or after this time.
        """
        ...

    def compact(self, source: Source) -> int:
        """Merges small files where many have gathered; returns how many files went."""
        ...
