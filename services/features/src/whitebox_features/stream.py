"""The stream process's handler: batches of CloudEvents into the materialisation."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from whitebox_runtime.errors import ServiceError, Unavailable
from whitebox_runtime.events import Event, PermanentEventError
from whitebox_runtime.telemetry import counter

from whitebox_features.events import FeatureEvent
from whitebox_features.materialisation import Materialisation
from whitebox_features.wire import EventCodec, UnknownSourceError

logger = logging.getLogger(__name__)


class StreamHandler:
    """A batch handler for `whitebox_runtime.events.EventConsumer`.

    Args:
        codec: Reads the payloads.
        materialisation: Where events go.
        acknowledge: Called with the ids of events that can never be handled, so that they are not published again.
    """

    def __init__(
        self,
        codec: EventCodec,
        materialisation: Materialisation,
        acknowledge: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._codec = codec
        self._materialisation = materialisation
        self._acknowledge = acknowledge

    async def __call__(self, events: Sequence[Event]) -> Sequence[Exception | None]:
        """Handles a batch: all of its readable events or none."""
        results: list[Exception | None] = [None] * len(events)
        readable: list[FeatureEvent] = []
        for index, event in enumerate(events):
            try:
                readable.append(self._codec.decode(event))
            except PermanentEventError as error:
                results[index] = error
            except UnknownSourceError as error:
                # The outbox keeps it and publishes it again, until this process knows the source, too.
                logger.warning("event of an undefined source stays in the outbox", extra={"feature_source": str(error)})
        try:
            added = await self._materialisation.apply(readable)
            unreadable = [event.id for event, error in zip(events, results, strict=True) if error is not None]
            if unreadable:
                await self._acknowledge(unreadable)
        except ServiceError:
            raise
        except Exception as error:
            # A full disk, a lost connection: never the fault of an event, so none may be given up.
            raise Unavailable(f"events cannot be stored: {error}", reason="store_unavailable") from error
        self._count(readable, added)
        return results

    @staticmethod
    def _count(events: Sequence[FeatureEvent], added: dict[str, int]) -> None:
        total: dict[str, int] = {}
        for event in events:
            total[event.source] = total.get(event.source, 0) + 1
        for source, count in total.items():
            counter("whitebox_feature_events_total").labels(source, "applied").inc(added[source])
            counter("whitebox_feature_events_total").labels(source, "unchanged").inc(count - added[source])
