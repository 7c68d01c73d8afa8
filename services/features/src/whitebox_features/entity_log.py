"""The packed form of an entity's recent events, as it lies in the online store.

One binary string per entity: a header record, then one fixed-width record per event, ordered by (time, digest).

    record  = time int64 little-endian | digest, 16 bytes | one float64 little-endian per field
    header  = complete_since int64 little-endian | zeros up to the width of a record

Fixed width makes a read one `numpy.frombuffer` over the joined strings of all entities. The order makes the pair
(time, digest) findable by bisection, which is how a redelivered event is recognised; `append.lua` keeps that order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from whitebox_features.aggregation import NEVER, EventLogs
from whitebox_features.definitions import Source


class EntityLogLayout:
    """Packs and unpacks the events of one source."""

    def __init__(self, source: Source) -> None:
        self._fields = source.fields
        # The halves of the digest are big-endian, so that comparing numbers is comparing bytes.
        digest = [("digest_high", ">u8"), ("digest_low", ">u8")]
        self._dtype = np.dtype([("time", "<i8"), *digest, *((name, "<f8") for name in source.fields)])

    @property
    def width(self) -> int:
        """Bytes of a record."""
        return self._dtype.itemsize

    def pack(self, frame: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
        """Packs events into records per entity.

        Args:
            frame: Events as `event_frame.event_frame` makes them, ordered by entity, time and digest, each once.

        Yields:
            Entity id and its records.
        """
        if frame.is_empty():
            return
        records = np.empty(len(frame), dtype=self._dtype)
        records["time"] = frame["event_time"].to_physical()
        for name in ("digest_high", "digest_low", *self._fields):
            records[name] = frame[name]
        runs = frame["entity_id"].rle().struct.unnest()
        start = 0
        packed = memoryview(records.tobytes())
        for entity_id, length in zip(runs["value"], runs["len"], strict=True):
            end = start + length * self.width
            yield entity_id, bytes(packed[start:end])
            start = end

    def unpack(self, logs: Sequence[bytes | None]) -> EventLogs:
        """Returns the stored strings of several entities as columns; `None` is an entity without events.

        The columns are views into one buffer. Header records stay in them, outside every segment.
        """
        lengths = np.fromiter((len(log) // self.width if log else 0 for log in logs), dtype=np.int64, count=len(logs))
        records = np.frombuffer(b"".join(log for log in logs if log), dtype=self._dtype)
        ends = np.cumsum(lengths)
        headers = ends - lengths
        present = lengths > 0
        complete_since = np.full(len(logs), NEVER)
        complete_since[present] = records["time"][headers[present]]
        return EventLogs(
            times=records["time"],
            fields={name: records[name] for name in self._fields},
            starts=headers + present,
            ends=ends,
            complete_since=complete_since,
        )
