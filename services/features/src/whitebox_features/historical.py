"""Point-in-time joins: the features of an entity as they were at a time in the past."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from whitebox_features.aggregation import NEVER, EventLogs, FeatureValues, Int64, compute_features
from whitebox_features.definitions import Feature, FeatureView, Source, microseconds
from whitebox_features.stores import OfflineStore

_ORDER = ("event_time", "digest_high", "digest_low")


def read_historical(
    offline: OfflineStore,
    source: Source,
    view: FeatureView,
    features: Sequence[Feature],
    *,
    entity_ids: Sequence[str],
    as_of: Int64,
) -> FeatureValues:
    """Computes features at (entity, time) rows from the events up to each row's time, never from later ones.

    Blocks on files: call it in a thread.

    Args:
        offline: Where the events are.
        source: The view's source.
        view: Whose features.
        features: Which of them.
        entity_ids: Entity of each row; at least one.
        as_of: Time of each row in microseconds, shape (rows,).
    """
    row_ids = pl.Series("entity_id", entity_ids)
    entities = pl.DataFrame({"entity_id": row_ids.unique()}).with_row_index("entity")
    rows = pl.DataFrame({"entity_id": row_ids}).join(entities, on="entity_id", how="left", maintain_order="left")
    longest = max(microseconds(feature.window) for feature in features)
    fields = sorted({feature.field for feature in features if feature.field is not None})
    events = offline.read(
        source,
        start=int(as_of.min()) - longest,
        end=int(as_of.max()),
        entities=entities,
        columns=["entity", *_ORDER, *fields],
    )
    logs = _event_logs(events, len(entities), fields)
    return compute_features(view, features, logs, rows["entity"].cast(pl.Int64).to_numpy(), as_of)


def _event_logs(events: pl.DataFrame, entities: int, fields: Sequence[str]) -> EventLogs:
    events = events.sort("entity", "event_time")
    same = (events["entity"].diff() == 0) & (events["event_time"].diff().dt.total_microseconds() == 0)
    if same.any():
        # Only events of one microsecond need the digest: to order them as the online store does, to find repetitions.
        order = ["entity", *_ORDER]
        events = events.sort(order).unique(subset=order, keep="first", maintain_order=True)
    codes = events["entity"].to_numpy()
    every = np.arange(entities, dtype=codes.dtype)
    return EventLogs(
        times=events["event_time"].to_physical().to_numpy(),
        fields={name: events[name].fill_null(np.nan).to_numpy() for name in fields},
        starts=np.searchsorted(codes, every, side="left"),
        ends=np.searchsorted(codes, every, side="right"),
        complete_since=np.full(entities, NEVER),
    )
