"""Events as Kafka records: the CloudEvents Kafka protocol binding, binary content mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md - the `cloudevents`
library writes and reads the headers; the payload is protobuf already, so its format only passes bytes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudevents.core.base import BaseCloudEvent, EventFactory
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.v1.event import CloudEvent

from whitebox_runtime.errors import PayloadTooLarge
from whitebox_runtime.events.event import MAX_EVENT_BYTES, Event

CONTENT_TYPE = "application/protobuf"

Headers = Sequence[tuple[str, bytes]]

# The library invents an id and a time where a record has none; a redelivery would then look like a new event.
_REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")


class MalformedEventError(Exception):
    """The record is not a CloudEvent in binary mode; the message says what is missing."""


@dataclass(frozen=True)
class Record:
    """A Kafka record to be produced."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers


class _Bytes:
    """The library's `Format` for payloads that are bytes already."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:  # noqa: ARG002 - the library passes it by position
        return body

    def write_data(self, data: Any, datacontenttype: str | None) -> bytes:  # noqa: ARG002
        return bytes(data)

    def read(self, event_factory: EventFactory | None, data: str | bytes) -> BaseCloudEvent:  # noqa: ARG002
        raise MalformedEventError("structured mode is not used here")

    def write(self, event: BaseCloudEvent) -> bytes:
        raise NotImplementedError("structured mode is not used here")

    def get_content_type(self) -> str:
        return CONTENT_TYPE


_FORMAT = _Bytes()


def to_record(event: Event) -> Record:
    """Returns the event as a record.

    Raises:
        PayloadTooLarge: The payload is over `MAX_EVENT_BYTES`, which a broker would refuse.
    """
    if len(event.data) > MAX_EVENT_BYTES:
        raise PayloadTooLarge(
            f"event {event.type} carries {len(event.data)} bytes; at most {MAX_EVENT_BYTES} fit: "
            "store the content and send a reference",
            reason="event_too_large",
        )
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "time": event.time,
        "datacontenttype": CONTENT_TYPE,
    }
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    message = to_binary(CloudEvent(attributes, event.data), _FORMAT, lambda _event: event.key)
    return Record(event.topic, event.key.encode(), message.value, list(message.headers.items()))


def from_record(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Event:
    """Returns the event that a record carries.

    Raises:
        MalformedEventError: A required attribute is missing or unreadable.
    """
    given = {name.lower(): content for name, content in headers if content is not None}
    missing = [name for name in _REQUIRED if not given.get(name)]
    if missing:
        raise MalformedEventError(f"not a CloudEvent in binary mode: header {', '.join(missing)} is missing")
    try:
        attributes = from_binary(KafkaMessage(given, key, value or b""), _FORMAT).get_attributes()
        time: datetime = attributes["time"]
        return Event(
            id=attributes["id"],
            type=attributes["type"],
            source=attributes["source"],
            topic=topic,
            key=(key or b"").decode(),
            time=time,
            data=value or b"",
            traceparent=attributes.get("traceparent"),
        )
    except (BaseCloudEventException, ValueError) as error:
        raise MalformedEventError(f"not a CloudEvent: {error}") from error
