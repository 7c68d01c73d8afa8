"""What an event is to a service."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from whitebox_runtime.telemetry import traceparent as current_traceparent

# Brokers accept 1 MiB a message by default; the rest is for headers and framing.
MAX_EVENT_BYTES = 900_000


class PermanentEventError(Exception):
    """Raised by a handler for an event that no retry can help: it is parked in `<topic>.dlq` with this reason."""


@dataclass(frozen=True)
class Event:
    """One CloudEvent and where it travels.

    Attributes:
        id: Unique with `source`; a redelivery carries the same id.
        type: What happened, for example `"whitebox.retrieval.v1.DocumentChanged"`.
        source: Who says so, a URI reference such as `"/whitebox/retrieval"`.
        topic: The Kafka topic.
        key: Events of one key stay in order.
        time: When it happened, with a time zone.
        data: The payload, a serialised protobuf message.
        traceparent: W3C trace context of whoever caused it.
    """

    id: str
    type: str
    source: str
    topic: str
    key: str
    time: datetime
    data: bytes
    traceparent: str | None = None

    @classmethod
    def create(cls, *, type: str, source: str, topic: str, key: str, data: bytes) -> Self:  # noqa: A002 - CloudEvents' name
        """Returns an event that happens now, in the current trace, under a new id."""
        return cls(uuid.uuid4().hex, type, source, topic, key, datetime.now(UTC), data, current_traceparent())
