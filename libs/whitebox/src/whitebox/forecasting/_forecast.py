"""What a forecast is, and the checks that the forecasters share."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from whitebox._validation import Array, number_in
from whitebox.errors import RangeError


class Forecast(NamedTuple):
    """Expected values and an interval around each, of h times.

    Attributes:
        mean: Shape (h,).
        lower: Lower end of the interval, shape (h,).
        upper: Upper end, shape (h,).
        standard_error: Standard deviation of what is forecast, given the model, shape (h,).
    """

    mean: Array
    lower: Array
    upper: Array
    standard_error: Array


def normal_forecast(mean: Array, variance: Array, level: float) -> Forecast:
    """Intervals that hold a normal variable with probability `level`. Raises RangeError unless it lies in (0, 1)."""
    spread = np.sqrt(variance)
    margin = quantile(level) * spread
    return Forecast(mean, mean - margin, mean + margin, spread)


def quantile(level: float) -> float:
    """How many standard deviations to either side hold a normal variable with probability `level`."""
    if number_in(level, "level", 0, 1, open_low=True) == 1:
        raise RangeError("level must be below 1: nothing finite holds everything")
    return NormalDist().inv_cdf((1 + level) / 2)
