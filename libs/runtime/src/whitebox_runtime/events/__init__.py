"""CloudEvents 1.0 on Kafka, in binary mode, keyed for order, with at-least-once delivery.

kafka-python runs in threads of its own; services see coroutines only. Consumers must be idempotent.
"""

from whitebox_runtime.events.consumer import EventConsumer
from whitebox_runtime.events.event import MAX_EVENT_BYTES, Event, PermanentEventError
from whitebox_runtime.events.handling import BatchHandler, DeferredEvent, each
from whitebox_runtime.events.producer import EventProducer

__all__ = [
    "MAX_EVENT_BYTES",
    "BatchHandler",
    "DeferredEvent",
    "Event",
    "EventConsumer",
    "EventProducer",
    "PermanentEventError",
    "each",
]
