"""Point-in-time joins: ours against polars by hand, on the same Parquet files and the same rows.

    python services/features/benchmarks/point_in_time.py [--events 1000000] [--rows 100000]

Two comparisons, each side's answers checked against the other's first:

- `last`: the newest value before each row, which polars calls `join_asof`.
- `view`: count and sum of an hour and mean of a day as well, for which the usual trick in polars is a running total per
  entity and one `join_asof` at each end of each window. (It adds in another order, so the last digits may differ, and
  it cannot do a maximum; ours gives online and offline the same bits and does.)

Prints one JSON line each; ratio = ours / peer in time, below 1 is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "2")

import numpy as np
import polars as pl
from whitebox_features.adapters.parquet_store import ParquetOfflineStore
from whitebox_features.definitions import microseconds
from whitebox_features.demo import DEFINITIONS
from whitebox_features.historical import read_historical

SOURCE = DEFINITIONS.source_by_name["transactions"]
VIEW = DEFINITIONS.view("customer_spend")
HOUR = timedelta(hours=1)
END = 1_795_000_000_000_000
SPAN = microseconds(timedelta(days=3))


def make_events(count: int, entities: int, chance: np.random.Generator) -> pl.DataFrame:
    time_type = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        {
            "entity_id": pl.Series(chance.integers(entities, size=count)).cast(pl.String),
            "event_time": pl.Series(END - chance.integers(SPAN, size=count)).cast(time_type),
            "digest_high": pl.Series(np.arange(count, dtype=np.uint64)),
            "digest_low": pl.Series(np.zeros(count, dtype=np.uint64)),
            "event_id": pl.Series(np.arange(count)).cast(pl.String),
            "received_at": pl.Series(np.full(count, END)).cast(time_type),
            "amount": chance.gamma(2.0, 20.0, size=count),
        }
    ).sort("entity_id", "event_time")


def peer_events(folder: Path) -> pl.DataFrame:
    files = pl.scan_parquet(folder / "**" / "*.parquet", hive_partitioning=False)
    return files.select("entity_id", "event_time", "amount").sort("event_time").collect()


def peer_last(folder: Path, rows: pl.DataFrame) -> np.ndarray:
    joined = rows.join_asof(
        peer_events(folder), left_on="as_of", right_on="event_time", by="entity_id", check_sortedness=False
    )
    return joined.sort("row")["amount"].fill_null(0.0).to_numpy()


def peer_view(folder: Path, rows: pl.DataFrame) -> np.ndarray:
    events = peer_events(folder).with_columns(
        count=pl.int_range(1, pl.len() + 1).over("entity_id"), total=pl.col("amount").cum_sum().over("entity_id")
    )
    at_end = rows
    for name, window in (("now", timedelta(0)), ("1h", HOUR), ("24h", 24 * HOUR)):
        bounds = at_end.with_columns(bound=pl.col("as_of") - window).sort("bound")
        renamed = events.select(
            "entity_id", "event_time", *(pl.col(c).alias(f"{c}_{name}") for c in ("count", "total", "amount"))
        )
        at_end = bounds.join_asof(
            renamed, left_on="bound", right_on="event_time", by="entity_id", check_sortedness=False
        ).drop("event_time", "bound")
    at_end = at_end.with_columns(pl.exclude("entity_id", "as_of", "row").fill_null(0)).sort("row")
    count_24h = pl.col("count_now") - pl.col("count_24h")
    mean = pl.when(count_24h > 0).then((pl.col("total_now") - pl.col("total_24h")) / count_24h).otherwise(0.0)
    return at_end.select(
        (pl.col("count_now") - pl.col("count_1h")).cast(pl.Float64).alias("count"),
        (pl.col("total_now") - pl.col("total_1h")).alias("sum"),
        mean.alias("mean"),
        pl.col("amount_now").alias("last"),
    ).to_numpy()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(
    name: str, peer_name: str, ours: Callable[[], np.ndarray], peer: Callable[[], np.ndarray], rounds: int
) -> None:
    np.testing.assert_allclose(ours(), peer(), rtol=1e-6, atol=1e-6)
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    mine, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    answer = {"name": name, "ours": round(mine, 4), "peer": round(theirs, 4), "peer_name": peer_name}
    print(json.dumps(answer | {"ratio": round(mine / theirs, 3), "unit": "s"}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chance = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ParquetOfflineStore(folder)
        store.write(SOURCE, make_events(options.events, options.entities, chance))
        entity_ids = [str(number) for number in chance.integers(options.entities, size=options.rows)]
        as_of = END - chance.integers(SPAN // 2, size=options.rows)
        rows = pl.DataFrame(
            {"entity_id": entity_ids, "as_of": pl.Series(as_of).cast(pl.Datetime("us", "UTC"))}
        ).with_row_index("row")
        size = f"{options.events} events x {options.rows} rows"

        def ours(*names: str) -> np.ndarray:
            return read_historical(store, SOURCE, VIEW, VIEW.select(names), entity_ids=entity_ids, as_of=as_of).values

        report(
            f"point-in-time last, {size}",
            f"polars {pl.__version__} join_asof",
            lambda: ours("last_amount")[:, 0],
            lambda: peer_last(folder, rows.sort("as_of")),
            options.rounds,
        )
        names = ("transaction_count_1h", "transaction_sum_1h", "transaction_mean_24h", "last_amount")
        report(
            f"point-in-time view, {size}",
            f"polars {pl.__version__} running totals and 3 join_asof",
            lambda: ours(*names),
            lambda: peer_view(folder, rows),
            options.rounds,
        )


if __name__ == "__main__":
    main()
