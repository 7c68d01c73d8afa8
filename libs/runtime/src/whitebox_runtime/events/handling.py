"""Running a service's handler over a batch: order, concurrency, retries, and when to give up."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from opentelemetry import context as otel_context
from opentelemetry import trace

from whitebox_runtime.errors import (
    DeadlineExceeded,
    InvalidArgument,
    PayloadTooLarge,
    ResourceExhausted,
    Unavailable,
    UnsupportedMediaType,
)
from whitebox_runtime.events.event import Event, PermanentEventError
from whitebox_runtime.telemetry import parse_traceparent, tracer

logger = logging.getLogger(__name__)

BatchHandler = Callable[[Sequence[Event]], Awaitable[Sequence[Exception | None]]]

_FIRST_BACKOFF_SECONDS = 0.2
_LONGEST_BACKOFF_SECONDS = 15.0
# Trouble of a dependency, not of the event: giving up on events would empty a topic into its dead letters during
# an outage. Only patience bounds these.
_OUTAGES = (Unavailable, DeadlineExceeded, ResourceExhausted)
_HOPELESS = (PermanentEventError, InvalidArgument, PayloadTooLarge, UnsupportedMediaType)


class DeferredEvent(Exception):  # noqa: N818 - it reports an order, not an error
    """A batch handler's answer for an event that it did not try, because one before it has to succeed first."""


def each(handle: Callable[[Event], Awaitable[None]], *, concurrency: int = 4) -> BatchHandler:
    """Returns a batch handler that handles events one by one.

    Different keys run concurrently, events of one key in order: when one fails and will be retried, those behind it
    wait. Each event is handled inside the trace that caused it.

    Args:
        handle: Handles one event; raises `PermanentEventError` for one that no retry can help.
        concurrency: How many keys are worked on at a time.
    """

    async def handle_batch(events: Sequence[Event]) -> Sequence[Exception | None]:
        results: list[Exception | None] = [None] * len(events)
        keys: dict[tuple[str, str], list[int]] = {}
        for index, event in enumerate(events):
            keys.setdefault((event.topic, event.key), []).append(index)
        slots = asyncio.Semaphore(concurrency)

        async def one_key(indices: Sequence[int]) -> None:
            async with slots:
                for position, index in enumerate(indices):
                    error = results[index] = await _handle_traced(handle, events[index])
                    if error is not None and not is_hopeless(error):
                        for later in indices[position + 1 :]:
                            results[later] = DeferredEvent("an earlier event of this key is being retried")
                        return

        await asyncio.gather(*(one_key(indices) for indices in keys.values()))
        return results

    return handle_batch


async def _handle_traced(handle: Callable[[Event], Awaitable[None]], event: Event) -> Exception | None:
    span = tracer().start_span(f"handle {event.type}", parse_traceparent(event.traceparent), trace.SpanKind.CONSUMER)
    token = otel_context.attach(trace.set_span_in_context(span))
    try:
        await handle(event)
    except Exception as error:
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR)
        return error
    finally:
        span.end()
        otel_context.detach(token)
    return None


def is_hopeless(error: Exception) -> bool:
    """Returns whether the same event would fail the same way again."""
    return isinstance(error, _HOPELESS)


class Retries:
    """How often an event has failed, and whether it gets another try.

    Args:
        max_attempts: Attempts that an event gets when its handling fails for reasons of its own.
        patience_seconds: How long outages of dependencies are waited out.
    """

    def __init__(self, max_attempts: int, patience_seconds: float) -> None:
        self._max_attempts = max_attempts
        self._patience_seconds = patience_seconds
        self._since = time.monotonic()
        self.attempts = 0
        self._counted = 0

    def give_up(self, error: Exception) -> bool:
        """Notes a failed attempt and returns whether it was the last one."""
        self.attempts += 1
        if is_hopeless(error):
            return True
        if isinstance(error, _OUTAGES):
            return time.monotonic() - self._since > self._patience_seconds
        self._counted += 1
        return self._counted >= self._max_attempts


async def wait_before_retry(attempt: int, stopping: asyncio.Event) -> None:
    """Waits before the retry that follows `attempt` (from 1), twice as long each time, with jitter."""
    longest = min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2 ** min(attempt - 1, 10))
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), longest * random.uniform(0.5, 1.0))  # noqa: S311 - only jitter
