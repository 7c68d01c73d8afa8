"""What happened to an entity, as the store keeps it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from whitebox_features.definitions import Source, microseconds

DIGEST_BYTES = 16

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FeatureEvent:
    """One event.

    Attributes:
        source: Name of its source.
        event_id: Unique in its source.
        entity_id: Whom it is about.
        time: When it happened, in microseconds since 1970.
        received: When the platform accepted it, in microseconds since 1970.
        values: One number per field, in the order of the source's fields; NaN where the event predates the field.
    """

    source: str
    event_id: str
    entity_id: str
    time: int
    received: int
    values: tuple[float, ...]

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for source and event id, and order events of the same microsecond."""
        return hashlib.blake2b(f"{self.source}/{self.event_id}".encode(), digest_size=DIGEST_BYTES).digest()

    @property
    def key(self) -> str:
        """The digest in hexadecimal: the id of the CloudEvent and of the outbox row."""
        return self.digest.hex()


def now_microseconds() -> int:
    """Returns the wall clock in microseconds since 1970."""
    return time.time_ns() // 1000


def to_datetime(moment: int) -> datetime:
    """Returns microseconds since 1970 as an aware UTC time."""
    seconds, rest = divmod(moment, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def microseconds_since_1970(moment: datetime) -> int:
    """Returns an aware time in microseconds since 1970."""
    return microseconds(moment - _EPOCH)


def is_late(event: FeatureEvent, source: Source, longest_window_microseconds: int) -> bool:
    """Whether an event came too late to count in any window: it is kept for training, and changes no online value."""
    return event.received - event.time > longest_window_microseconds + microseconds(source.lateness)
