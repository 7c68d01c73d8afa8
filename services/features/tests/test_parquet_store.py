from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.definitions import Source, microseconds
from whitebox_features.event_frame import event_frame, in_order
from whitebox_features.events import FeatureEvent

SOURCE = Source("payments", entity="customer", fields=("amount",))
DAY = microseconds(timedelta(days=1))
NOON = 1_795_003_200_000_000  # 2026-11-18 12:00 UTC
EVER = {"start": -1, "end": NOON + 1000 * DAY}


def event(
    name: str, time: int = NOON, entity: str = "a", amount: float = 1.0, received: int | None = None
) -> FeatureEvent:
    return FeatureEvent("payments", name, entity, time, received or time, (amount,))


def frame(*events: FeatureEvent) -> pl.DataFrame:
    return event_frame(SOURCE, events)


def names(found: pl.DataFrame) -> list[str]:
    return in_order(found)["event_id"].to_list()


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.parquet"))


def test_events_land_in_the_folder_of_their_own_date(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path)
    store.write(SOURCE, frame(event("a"), event("late", NOON - 3 * DAY)))
    assert [path.parent.relative_to(tmp_path).as_posix() for path in files(tmp_path)] == [
        "source=payments/date=2026-11-15",
        "source=payments/date=2026-11-18",
    ]
    # Anyone can read them, without this code.
    assert pl.read_parquet(tmp_path / "**" / "*.parquet", hive_partitioning=False)["event_id"].sort().to_list() == [
        "a",
        "late",
    ]


def test_a_read_starts_behind_its_start_and_includes_its_end(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path)
    store.write(SOURCE, frame(*(event(str(second), NOON + second) for second in range(5))))
    assert names(store.read(SOURCE, start=NOON + 1, end=NOON + 3)) == ["2", "3"]


def test_a_read_takes_only_the_entities_and_arrivals_asked_for(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path)
    store.write(SOURCE, frame(event("1"), event("2", entity="b"), event("3", entity="b", received=NOON + 50)))
    assert names(store.read(SOURCE, **EVER, entities=pl.DataFrame({"entity_id": ["b", "nobody"]}))) == sorted(
        ["2", "3"], key=lambda n: event(n).digest
    )
    assert names(store.read(SOURCE, **EVER, received_since=NOON + 50)) == ["3"]


def test_an_empty_store_and_an_unknown_time_are_empty(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path / "not made yet")
    assert store.read(SOURCE, **EVER).is_empty()
    assert store.compact(SOURCE) == 0
    store.write(SOURCE, frame(event("a")))
    assert store.read(SOURCE, start=NOON, end=NOON + 9 * DAY).is_empty()
    assert store.read(SOURCE, start=-(10**18), end=-(10**17)).is_empty()


def test_an_event_that_was_written_twice_is_one_event(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path, compact_files=2)
    store.write(SOURCE, frame(event("a"), event("b")))
    store.write(SOURCE, frame(event("b"), event("c")))
    assert sorted(names(store.read(SOURCE, **EVER))) == ["a", "b", "c"]
    store.compact(SOURCE)
    assert len(store.read(SOURCE, **EVER)) == 3


def test_compaction_merges_small_files_of_a_date_and_bounds_their_number(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path, compact_files=8)
    for number in range(60):
        store.write(SOURCE, frame(event(str(number), NOON + number)))
        store.compact(SOURCE)
        assert len(files(tmp_path)) <= 8
    assert len(store.read(SOURCE, **EVER)) == 60


def test_compaction_leaves_large_files_alone(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path, compact_files=2, compact_bytes=1)
    for number in range(4):
        store.write(SOURCE, frame(event(str(number))))
    assert store.compact(SOURCE) == 0
    assert len(files(tmp_path)) == 4


def test_what_a_crash_left_half_written_is_not_read(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path)
    store.write(SOURCE, frame(event("a")))
    (files(tmp_path)[0].parent / ".0123.tmp").write_bytes(b"PAR1 half a file")
    assert names(store.read(SOURCE, **EVER)) == ["a"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = ParquetOfflineStore(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write(SOURCE, frame(event("a")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_reader_that_meets_compaction_misses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = ParquetOfflineStore(tmp_path, compact_files=2)
    store.write(SOURCE, frame(event("a")))
    store.write(SOURCE, frame(event("b")))
    scan, compacted = pl.scan_parquet, []

    def compact_after_the_listing(*args, **kwargs):
        if not compacted:
            compacted.append(store.compact(SOURCE))
        return scan(*args, **kwargs)

    monkeypatch.setattr(pl, "scan_parquet", compact_after_the_listing)
    assert sorted(names(store.read(SOURCE, **EVER))) == ["a", "b"]
    assert compacted == [2]


def test_a_field_that_a_source_gained_is_missing_in_old_events(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path, compact_files=2)
    store.write(SOURCE, frame(event("old")))
    wider = Source("payments", entity="customer", fields=("amount", "fee"))
    store.write(wider, event_frame(wider, [FeatureEvent("payments", "new", "a", NOON + 1, NOON, (2.0, 0.5))]))
    for _ in range(2):
        found = in_order(store.read(wider, **EVER))
        assert found["event_id"].to_list() == ["old", "new"]
        assert found["fee"].to_list() == [None, 0.5]
        store.compact(wider)
    assert in_order(store.read(SOURCE, **EVER))["amount"].to_list() == [1.0, 2.0]


def test_missing_numbers_survive_the_files(tmp_path: Path):
    store = ParquetOfflineStore(tmp_path)
    store.write(SOURCE, frame(event("nan", amount=math.nan)))
    assert math.isnan(store.read(SOURCE, **EVER)["amount"][0])


def test_an_unwritable_folder_is_reported(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match=r"exists|directory"):
        ParquetOfflineStore(blocked / "offline").check()
