"""The offline store: Parquet files in a folder, `source=<name>/date=<event date>/<name>.parquet`.

A file appears complete or not at all: it is written under a temporary name, synced, renamed, and its folder synced.
Files are never changed. Compaction writes the merged file before it removes the merged ones, so a reader may meet an
event twice but never miss one.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from whitebox_features.definitions import Source
from whitebox_features.event_frame import event_schema, in_order
from whitebox_features.events import to_datetime

_SUFFIX = ".parquet"
_READ_ATTEMPTS = 5


class ParquetOfflineStore:
    """`stores.OfflineStore` on a folder that every process of the service sees.

    Args:
        root: The folder; made when missing.
        compact_files: Files of one date at which they are merged.
        compact_bytes: Files from this size on are left alone.
    """

    def __init__(self, root: Path, *, compact_files: int = 16, compact_bytes: int = 64 * 2**20) -> None:
        self._root = root
        self._compact_files = compact_files
        self._compact_bytes = compact_bytes

    def write(self, source: Source, frame: pl.DataFrame) -> None:
        """See `stores.OfflineStore.write`; one file per event date."""
        for (day,), part in frame.group_by(pl.col("event_time").dt.date(), maintain_order=True):
            assert isinstance(day, date)  # noqa: S101 - what dt.date() yields; told to the type checker
            self._write_file(self._root / f"source={source.name}" / f"date={day.isoformat()}", part)

    def read(
        self,
        source: Source,
        *,
        start: int,
        end: int,
        entities: pl.DataFrame | None = None,
        columns: Sequence[str] | None = None,
        received_since: int | None = None,
    ) -> pl.DataFrame:
        """See `stores.OfflineStore.read`."""
        first, last = _clamped_date(start), _clamped_date(end)
        for attempt in range(_READ_ATTEMPTS):
            files = [file for day, folder in self._days(source) if first <= day <= last for file in _files(folder)]
            if not files:
                break
            events = pl.scan_parquet(
                files,
                schema=event_schema(source),
                missing_columns="insert",
                extra_columns="ignore",
                hive_partitioning=False,
            )
            time = pl.col("event_time").to_physical()
            events = events.filter((time > start) & (time <= end))
            if received_since is not None:
                events = events.filter(pl.col("received_at").to_physical() >= received_since)
            if entities is not None:
                events = events.join(entities.lazy(), on="entity_id")
            if columns is not None:
                events = events.select(columns)
            try:
                return events.collect()
            except FileNotFoundError:
                # Compaction replaced a file after the listing; the next listing has the merged one.
                if attempt == _READ_ATTEMPTS - 1:
                    raise
        nothing = pl.DataFrame(schema=event_schema(source))
        if entities is not None:
            nothing = nothing.join(entities, on="entity_id")
        return nothing if columns is None else nothing.select(columns)

    def compact(self, source: Source) -> int:
        """See `stores.OfflineStore.compact`."""
        removed = 0
        for _day, folder in self._days(source):
            small = [file for file in _files(folder) if file.stat().st_size < self._compact_bytes]
            if len(small) < self._compact_files:
                continue
            merged = pl.read_parquet(
                small, schema=event_schema(source), missing_columns="insert", hive_partitioning=False
            )
            self._write_file(folder, in_order(merged))
            for file in small:
                # Another process may have merged the same files: what is gone lies in its merged file.
                file.unlink(missing_ok=True)
            removed += len(small)
        return removed

    def check(self) -> None:
        """Raises OSError when the folder cannot be written."""
        self._root.mkdir(parents=True, exist_ok=True)
        if not os.access(self._root, os.W_OK):
            raise PermissionError(f"{self._root} is not writable")

    def _days(self, source: Source) -> Iterator[tuple[date, Path]]:
        folder = self._root / f"source={source.name}"
        for path in sorted(folder.glob("date=*")):
            yield date.fromisoformat(path.name.removeprefix("date=")), path

    def _write_file(self, folder: Path, frame: pl.DataFrame) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        temporary = folder / f".{name}.tmp"
        try:
            with temporary.open("wb") as file:
                frame.write_parquet(file, compression="zstd", row_group_size=128 * 1024)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(folder / f"{name}{_SUFFIX}")
        finally:
            temporary.unlink(missing_ok=True)
        for path in (folder, folder.parent, self._root):
            _sync_folder(path)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clamped_date(moment: int) -> date:
    try:
        return to_datetime(moment).date()
    except (OverflowError, ValueError, OSError):
        return date.min if moment < 0 else date.max
