"""What survival data are, and the table of who was at risk when."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.errors import RangeError, ShapeError


class RiskTable(NamedTuple):
    """Counts at each of k distinct times at which something happened.

    Attributes:
        times: Rising, shape (k,).
        at_risk: How many were still observed just before, shape (k,).
        events: How many events there were, shape (k,).
    """

    times: Array
    at_risk: npt.NDArray[np.intp]
    events: npt.NDArray[np.intp]


def times_and_events(times: npt.ArrayLike, events: npt.ArrayLike | None) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Durations, and whether each ended in the event; all of them where `events` is None.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if an event is neither 0 nor 1.
    """
    durations = as_vector(times, "times")
    if events is None:
        return durations, np.ones(len(durations), dtype=bool)
    flags = as_vector(events, "events")
    if len(flags) != len(durations):
        raise ShapeError(f"events must have {len(durations)} values like times, got {len(flags)}")
    odd = np.flatnonzero((flags != 0) & (flags != 1))
    if len(odd):
        raise RangeError(f"events[{odd[0]}] is {flags[odd[0]]:g}; 1 is an event, 0 the end of observation")
    return durations, flags == 1


def risk_table(durations: Array, happened: npt.NDArray[np.bool_]) -> RiskTable:
    """Who was at risk at each time with an event: whoever leaves at that very time still counts. O(n log n)."""
    times, counts = np.unique(durations[happened], return_counts=True)
    at_risk = len(durations) - np.searchsorted(np.sort(durations), times, side="left")
    return RiskTable(times, at_risk, counts)
