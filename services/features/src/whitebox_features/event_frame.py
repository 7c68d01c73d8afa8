"""Events as a polars frame: the form in which they are written to files, joined and packed."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from whitebox_features.definitions import Source
from whitebox_features.events import FeatureEvent

_TIME = pl.Datetime("us", "UTC")
_ORDER = ["entity_id", "event_time", "digest_high", "digest_low"]


def event_schema(source: Source) -> dict[str, pl.DataType]:
    """Returns the columns of a source's events."""
    return {
        "entity_id": pl.String(),
        "event_time": _TIME,
        "digest_high": pl.UInt64(),
        "digest_low": pl.UInt64(),
        "event_id": pl.String(),
        "received_at": _TIME,
        **dict.fromkeys(source.fields, pl.Float64()),
    }


def event_frame(source: Source, events: Sequence[FeatureEvent]) -> pl.DataFrame:
    """Returns events of one source as a frame, ordered by entity, time and digest, each event id once."""
    digests = [event.digest for event in events]
    columns = {
        "entity_id": [event.entity_id for event in events],
        "event_time": pl.Series([event.time for event in events], dtype=pl.Int64).cast(_TIME),
        "digest_high": [int.from_bytes(digest[:8], "big") for digest in digests],
        "digest_low": [int.from_bytes(digest[8:], "big") for digest in digests],
        "event_id": [event.event_id for event in events],
        "received_at": pl.Series([event.received for event in events], dtype=pl.Int64).cast(_TIME),
        **{name: [event.values[column] for event in events] for column, name in enumerate(source.fields)},
    }
    return in_order(pl.DataFrame(columns, schema=event_schema(source)))


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Orders events by entity, time and digest and drops repetitions of an event."""
    return frame.sort(_ORDER).unique(subset=_ORDER, keep="first", maintain_order=True)
