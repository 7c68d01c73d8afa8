"""Takes events in: checks them against their source and makes them durable, each id once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from whitebox_runtime.errors import InvalidArgument

from whitebox_features.definitions import Definitions, microseconds
from whitebox_features.events import FeatureEvent, is_late

MAX_EVENT_ID = 128
MAX_ENTITY_ID = 256


class Ledger(Protocol):
    """Durable memory of accepted events, with the outbox that publishes them."""

    async def accept(self, events: Sequence[FeatureEvent]) -> Sequence[FeatureEvent]:
        """Remembers and enqueues events in one transaction; returns those whose id was new."""
        ...


@dataclass(frozen=True)
class Receipt:
    """What became of a request's events.

    Attributes:
        accepted: New events by source.
        late: Of those, how many came too late for any window, by source.
        duplicates: Events by source whose id was known.
    """

    accepted: Mapping[str, int]
    late: Mapping[str, int]
    duplicates: Mapping[str, int]


class Intake:
    """Accepts events, all of a request or none.

    Args:
        definitions: The sources.
        ledger: Where accepted events go.
        max_future_seconds: How far ahead an event's clock may be.
    """

    def __init__(self, definitions: Definitions, ledger: Ledger, *, max_future_seconds: float) -> None:
        self._definitions = definitions
        self._ledger = ledger
        self._max_future = round(max_future_seconds * 1_000_000)
        self._longest = {
            source.name: microseconds(definitions.longest_window(source)) for source in definitions.sources
        }

    async def push(self, events: Sequence[FeatureEvent]) -> Receipt:
        """Makes checked events durable.

        Raises:
            whitebox_runtime.errors.Unavailable: if the database does not answer; nothing was accepted.
        """
        distinct = {event.key: event for event in reversed(events)}
        accepted = await self._ledger.accept(list(reversed(distinct.values())))
        late = [
            event
            for event in accepted
            if is_late(event, self._definitions.source_by_name[event.source], self._longest[event.source])
        ]
        new = _by_source(accepted)
        pushed = _by_source(events)
        return Receipt(new, _by_source(late), {name: count - new.get(name, 0) for name, count in pushed.items()})

    def check(
        self,
        where: str,
        *,
        source: str,
        event_id: str,
        entity_id: str,
        time: int,
        values: Mapping[str, float],
        received: int,
    ) -> FeatureEvent:
        """Checks one event and returns it as the store keeps it.

        Args:
            where: Names the event in error messages, for example `"events[3]"`.
            source: Name of its source.
            event_id: Unique in the source.
            entity_id: Whom it is about.
            time: When it happened, microseconds since 1970.
            values: Numbers by field.
            received: Now, in microseconds since 1970.

        Raises:
            InvalidArgument: saying what is wrong and what would be right.
        """
        definition = self._definitions.source_by_name.get(source)
        if definition is None:
            known = ", ".join(sorted(self._definitions.source_by_name))
            raise InvalidArgument(
                f"{where}.source: unknown source {source!r}; there is {known}", reason="unknown_source"
            )
        check_text(f"{where}.event_id", event_id, MAX_EVENT_ID)
        check_text(f"{where}.entity_id", entity_id, MAX_ENTITY_ID)
        if time < 0:
            raise InvalidArgument(f"{where}.event_time: is before 1970", reason="event_time_out_of_range")
        if time > received + self._max_future:
            raise InvalidArgument(
                f"{where}.event_time: is {(time - received) / 1e6:.0f} s in the future, at most "
                f"{self._max_future / 1e6:g} s are taken; check the sender's clock",
                reason="event_time_in_future",
            )
        if values.keys() != set(definition.fields):
            raise InvalidArgument(
                f"{where}.values: has fields {_listed(values)}; source {source!r} takes {_listed(definition.fields)}",
                reason="wrong_fields",
            )
        for name, value in values.items():
            if not math.isfinite(value):
                raise InvalidArgument(
                    f"{where}.values[{name!r}]: {value} is not a finite number", reason="value_not_finite"
                )
        return FeatureEvent(
            source, event_id, entity_id, time, received, tuple(values[name] for name in definition.fields)
        )


def check_text(where: str, text: str, limit: int) -> None:
    """Checks an identifier: not empty, within its limit, printable.

    Raises:
        InvalidArgument: saying what is wrong.
    """
    if not text or len(text) > limit:
        raise InvalidArgument(f"{where}: has {len(text)} characters; 1 to {limit} are taken", reason="bad_length")
    if not text.isprintable():
        raise InvalidArgument(f"{where}: contains control characters", reason="bad_characters")


def _by_source(events: Sequence[FeatureEvent]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in events:
        counts[event.source] = counts.get(event.source, 0) + 1
    return counts


def _listed(names: Mapping[str, float] | Sequence[str]) -> str:
    return ", ".join(sorted(names)) or "none"
