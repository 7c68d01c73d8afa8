"""Windowed aggregates over event logs: the one computation behind online reads and training sets.

Both paths bring their events as `EventLogs`, one contiguous time-ordered segment per entity, and ask for values at
(entity, time) pairs. Because the same code adds the same numbers in the same order, a value read online at time t
equals the historical value as of t bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from whitebox_features.definitions import Aggregation, Feature, FeatureView, microseconds

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

# Up to so many rows, one search for each is faster than bisecting all of them in step.
_FEW_ROWS = 24

NEVER = np.int64(np.iinfo(np.int64).min)


class Status(IntEnum):
    """How a value came about; the numbers are those of the contract's ValueStatus."""

    PRESENT = 1
    DEFAULT = 2
    STALE = 3
    TRUNCATED = 4


@dataclass(frozen=True)
class EventLogs:
    """The events of several entities.

    Attributes:
        times: Event times in microseconds since 1970, shape (n,); ascending inside each segment.
        fields: Values by field name, each of shape (n,); NaN where an event lacks the field.
        starts: First event of each entity, shape (e,).
        ends: One past the last event of each entity, shape (e,).
        complete_since: Time after which each log holds every event, shape (e,); `NEVER` where nothing is missing.
    """

    times: Int64
    fields: Mapping[str, Float64]
    starts: Int64
    ends: Int64
    complete_since: Int64


@dataclass(frozen=True)
class FeatureValues:
    """Values at (entity, time) rows.

    Attributes:
        values: Shape (rows, features); the default where no event is in the window.
        statuses: `Status` as uint8, shape (rows, features).
        newest: Time of the newest event behind each value in microseconds, same shape; `NEVER` for defaults.
    """

    values: Float64
    statuses: npt.NDArray[np.uint8]
    newest: Int64


def compute_features(
    view: FeatureView, features: Sequence[Feature], logs: EventLogs, entities: Int64, as_of: Int64
) -> FeatureValues:
    """Computes features of entities, each as of its own time.

    Args:
        view: Whose freshness limit applies.
        features: The features to compute.
        logs: Events of at least the longest window before each `as_of`.
        entities: Index into `logs` of each row's entity, shape (rows,).
        as_of: Time of each row in microseconds, shape (rows,).

    Returns:
        Values, statuses and times, one row per (entity, time).
    """
    rows = len(entities)
    values = np.empty((rows, len(features)))
    statuses = np.empty((rows, len(features)), dtype=np.uint8)
    newest = np.full((rows, len(features)), NEVER)
    starts, ends = logs.starts[entities], logs.ends[entities]
    upper = _first_after(logs.times, starts, ends, as_of)
    lower_by_window: dict[int, Int64] = {}
    freshness_limit = microseconds(view.freshness_limit)
    for column, feature in enumerate(features):
        window = microseconds(feature.window)
        if window not in lower_by_window:
            lower_by_window[window] = _first_after(logs.times, starts, upper, as_of - window)
        lower = lower_by_window[window]
        result, last = _aggregate(feature, logs, lower, upper)
        known = last >= 0
        times = np.where(known, logs.times[last] if len(logs.times) else NEVER, NEVER)
        status = np.where(known, Status.PRESENT, Status.DEFAULT).astype(np.uint8)
        # The subtraction is meaningless for defaults, whose time is NEVER; the mask leaves them out.
        status[known & (as_of - np.where(known, times, as_of) > freshness_limit)] = Status.STALE
        if feature.aggregation != Aggregation.LAST:
            status[known & (logs.complete_since[entities] > as_of - window)] = Status.TRUNCATED
        values[:, column] = np.where(known, result, feature.default)
        statuses[:, column] = status
        newest[:, column] = times
    return FeatureValues(values, statuses, newest)


def _aggregate(feature: Feature, logs: EventLogs, lower: Int64, upper: Int64) -> tuple[Float64, Int64]:
    """Aggregates events [lower, upper); returns values and the index of the newest event behind each, -1 for none."""
    if feature.field is None:
        count = upper - lower
        return count.astype(np.float64), np.where(count > 0, upper - 1, -1)
    events = logs.fields[feature.field]
    missing = np.isnan(events)
    if missing.any():
        # Events from before the field existed. Indices of known values carry forward to find the newest one.
        newest_known = np.maximum.accumulate(np.where(missing, -1, np.arange(len(events))))
        last = np.where(upper > 0, newest_known[np.maximum(upper - 1, 0)], -1)
        last = np.where(last >= lower, last, -1)
        known_before = np.concatenate([[0], np.cumsum(~missing)])
        count = known_before[upper] - known_before[lower]
    else:
        count = upper - lower
        last = np.where(count > 0, upper - 1, -1)
    if feature.aggregation == Aggregation.LAST:
        return (events[last] if len(events) else np.zeros(len(last))), last
    neutral, reduce = _REDUCTIONS[feature.aggregation]
    result = _reduce_segments(reduce, np.where(missing, neutral, events), neutral, lower, upper)
    if feature.aggregation == Aggregation.MEAN:
        result = result / np.maximum(count, 1)
    return result, last


_REDUCTIONS: Mapping[Aggregation, tuple[float, np.ufunc]] = {
    Aggregation.SUM: (0.0, np.add),
    Aggregation.MEAN: (0.0, np.add),
    Aggregation.MIN: (np.inf, np.minimum),
    Aggregation.MAX: (-np.inf, np.maximum),
}


def _reduce_segments(reduce: np.ufunc, events: Float64, neutral: float, lower: Int64, upper: Int64) -> Float64:
    if not len(lower):
        return np.empty(0)
    # reduceat also reduces the gap between one segment and the next; in order of their starts the gaps never overlap.
    order = np.argsort(lower, kind="stable")
    bounds = np.empty(2 * len(lower), dtype=np.int64)
    bounds[0::2], bounds[1::2] = lower[order], upper[order]
    # One neutral element behind the end, because a bound may be the length but reduceat takes only indices.
    reduced = reduce.reduceat(np.append(events, neutral), bounds)[0::2]
    result = np.empty(len(lower))
    result[order] = reduced
    # For an empty segment reduceat answers with the element at its start.
    return np.where(upper > lower, result, neutral)


def _first_after(times: Int64, starts: Int64, ends: Int64, bound: Int64) -> Int64:
    """Returns the index of the first event in [start, end) later than each row's bound."""
    if len(starts) <= _FEW_ROWS:
        ranges = zip(starts.tolist(), ends.tolist(), bound.tolist(), strict=True)
        found = [start + int(times[start:end].searchsorted(limit, side="right")) for start, end, limit in ranges]
        return np.array(found, dtype=np.int64)
    return _bisect_together(times, starts, ends, bound)


def _bisect_together(times: Int64, starts: Int64, ends: Int64, bound: Int64) -> Int64:
    """Bisects every segment at once, a step per power of two of the longest."""
    low, high = starts.copy(), ends.copy()
    while True:
        open_rows = low < high
        if not open_rows.any():
            return low
        middle = (low + high) // 2
        goes_right = open_rows & (times[np.where(open_rows, middle, 0)] <= bound)
        low = np.where(goes_right, middle + 1, low)
        high = np.where(open_rows & ~goes_right, middle, high)
