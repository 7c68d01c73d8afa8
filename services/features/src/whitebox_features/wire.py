"""Events on the wire: CloudEvents with the contract's FeatureEvent as their payload."""

from __future__ import annotations

import math
from datetime import UTC

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from whitebox_contracts.features.v1 import events_pb2
from whitebox_runtime.events import Event, PermanentEventError

from whitebox_features.definitions import Definitions
from whitebox_features.events import FeatureEvent, microseconds_since_1970, to_datetime

TOPIC = "features.events.v1"
EVENT_TYPE = events_pb2.FeatureEvent.DESCRIPTOR.full_name
_EVENT_SOURCE = "/whitebox/features"


class UnknownSourceError(Exception):
    """The event's source is not defined here: another process runs other definitions."""


class EventCodec:
    """Translates between the store's events and CloudEvents."""

    def __init__(self, definitions: Definitions) -> None:
        self._sources = definitions.source_by_name

    def encode(self, event: FeatureEvent) -> Event:
        """Returns the CloudEvent of an accepted event; its time is when the platform received it."""
        payload = events_pb2.FeatureEvent(
            event_id=event.event_id,
            source=event.source,
            entity_id=event.entity_id,
            event_time=to_timestamp(event.time),
            values=dict(zip(self._sources[event.source].fields, event.values, strict=True)),
        )
        return Event(
            id=event.key,
            type=EVENT_TYPE,
            source=_EVENT_SOURCE,
            topic=TOPIC,
            key=event.entity_id,
            time=to_datetime(event.received),
            data=payload.SerializeToString(),
        )

    def decode(self, event: Event) -> FeatureEvent:
        """Returns the store's event. Fields that its source has gained since are NaN, those it lost are dropped.

        Raises:
            PermanentEventError: if the payload is no FeatureEvent.
            UnknownSourceError: if its source is not defined.
        """
        if event.type != EVENT_TYPE:
            raise PermanentEventError(f"type is {event.type}, not {EVENT_TYPE}")
        try:
            payload = events_pb2.FeatureEvent.FromString(event.data)
        except DecodeError as error:
            raise PermanentEventError(f"payload is no {EVENT_TYPE}: {error}") from error
        if not (payload.event_id and payload.entity_id and payload.source):
            raise PermanentEventError("payload lacks event_id, entity_id or source")
        source = self._sources.get(payload.source)
        if source is None:
            raise UnknownSourceError(payload.source)
        return FeatureEvent(
            source=payload.source,
            event_id=payload.event_id,
            entity_id=payload.entity_id,
            time=from_timestamp(payload.event_time),
            received=microseconds_since_1970(event.time.astimezone(UTC)),
            values=tuple(payload.values.get(name, math.nan) for name in source.fields),
        )


def to_timestamp(moment: int) -> Timestamp:
    """Returns microseconds since 1970 as a protobuf timestamp."""
    return Timestamp(seconds=moment // 1_000_000, nanos=moment % 1_000_000 * 1000)


def from_timestamp(timestamp: Timestamp) -> int:
    """Returns a protobuf timestamp in whole microseconds since 1970; what is finer is cut off."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000
