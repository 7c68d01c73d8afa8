"""How good forecasts are: measures, and forecasts of what is known by now from what was known then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, positive_int
from whitebox.errors import EmptyInputError, RangeError, ShapeError


class Backtest(NamedTuple):
    """Forecasts from k origins.

    Attributes:
        origins: How many values were known, shape (k,).
        forecasts: Shape (k, horizon).
        actuals: What came, shape (k, horizon).
    """

    origins: npt.NDArray[np.intp]
    forecasts: Array
    actuals: Array


def mape(actual: npt.ArrayLike, forecast: npt.ArrayLike) -> float:
    r"""Mean absolute percentage error, as a share: :math:`\frac1n \sum |y_t - \hat y_t| / |y_t|`. O(n).

    Args:
        actual: y, any shape, without zeros.
        forecast: The same shape.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if an actual value is zero.

    >>> mape([2.0, 4.0], [1.0, 5.0])
    0.375
    """
    y, guess = _alike(actual, forecast)
    if (y == 0).any():
        raise RangeError("actual holds a zero, of which no error is a percentage: see mase")
    return float(np.abs((y - guess) / y).mean())


def smape(actual: npt.ArrayLike, forecast: npt.ArrayLike) -> float:
    r"""Symmetric mean absolute percentage error, as a share from 0 to 2.

    .. math:: \frac1n \sum_t \frac{2\, |y_t - \hat y_t|}{|y_t| + |\hat y_t|}

    (Makridakis 1993; as in the M4 competition, without the factor 100.) Zero forecast as zero is no error. O(n).

    Args:
        actual: y, any shape.
        forecast: The same shape.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> smape([1.0, 0.0], [3.0, 0.0])
    0.5
    """
    y, guess = _alike(actual, forecast)
    size = np.abs(y) + np.abs(guess)
    return float((2 * np.abs(y - guess) / np.where(size > 0, size, 1.0)).mean())


def mase(actual: npt.ArrayLike, forecast: npt.ArrayLike, training: npt.ArrayLike, *, period: int = 1) -> float:
    r"""Mean absolute scaled error: in units of how far the value one season before is off within the training series.

    .. math:: \frac{\frac1h \sum_t |y_t - \hat y_t|}{\frac1{n - m} \sum_{t=m+1}^{n} |x_t - x_{t-m}|}

    (Hyndman, Koehler: Another Look at Measures of Forecast Accuracy, 2006.) O(n + h).

    Args:
        actual: y, any shape.
        forecast: The same shape.
        training: x, shape (n,).
        period: m.

    Raises:
        DtypeError, ShapeError, NotFiniteError: for unusable input.
        EmptyInputError: if the training series is not longer than a season.
        RangeError: if it repeats itself exactly.

    >>> mase([4.0], [6.0], [1.0, 2.0, 3.0])
    2.0
    """
    y, guess = _alike(actual, forecast)
    known, m = as_vector(training, "training"), positive_int(period, "period")
    if len(known) <= m:
        raise EmptyInputError(f"training holds {len(known)} values, no more than a season of {m}")
    unit = float(np.abs(known[m:] - known[:-m]).mean())
    if unit == 0:
        raise RangeError("training repeats itself exactly: there is no error to scale by")
    return float(np.abs(y - guess).mean()) / unit


def rolling_origin(
    length: int, *, initial: int, horizon: int = 1, step: int = 1, window: int | None = None
) -> Iterator[tuple[slice, slice]]:
    """What is known and what is to be forecast, as the origin moves on (Tashman 2000).

    Args:
        length: Of the series.
        initial: How many values are known at first.
        horizon: How many follow.
        step: How far the origin moves.
        window: How many of the known values to use; all by default.

    Yields:
        Slices of what is known, and of the `horizon` values after it.

    Raises:
        RangeError: if a number is not positive, or the series is too short.

    >>> [(known.stop, ahead.stop) for known, ahead in rolling_origin(6, initial=3, horizon=2)]
    [(3, 5), (4, 6)]
    """
    numbers = {"length": length, "initial": initial, "horizon": horizon, "step": step}
    for name, number in numbers.items():
        positive_int(number, name)
    kept = None if window is None else positive_int(window, "window")
    if initial + horizon > length:
        raise RangeError(f"initial + horizon = {initial + horizon} values are needed, the series has {length}")
    return (
        (slice(0 if kept is None else max(0, origin - kept), origin), slice(origin, origin + horizon))
        for origin in range(initial, length - horizon + 1, step)
    )


def backtest(
    forecast: Callable[[Array, int], npt.ArrayLike],
    y: npt.ArrayLike,
    *,
    initial: int,
    horizon: int = 1,
    step: int = 1,
    window: int | None = None,
) -> Backtest:
    """Forecasts from each origin of `rolling_origin`, never seeing what comes after it.

    Args:
        forecast: From what is known and a horizon to forecasts, shape (horizon,).
        y: The series, shape (n,).
        initial: As in `rolling_origin`, and so are the others.
        horizon: How many values are forecast.
        step: How far the origin moves.
        window: How many of the known values are given.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input, or if `forecast` gives
            anything but `horizon` finite numbers.

    >>> naive = lambda known, horizon: [known[-1]] * horizon
    >>> backtest(naive, [1.0, 2.0, 4.0, 7.0], initial=2).forecasts.tolist()
    [[2.0], [4.0]]
    """
    values = as_vector(y, "y")
    origins, forecasts, actuals = [], [], []
    for known, ahead in rolling_origin(len(values), initial=initial, horizon=horizon, step=step, window=window):
        guess = as_vector(forecast(values[known].copy(), horizon), "forecast(known, horizon)")
        if len(guess) != horizon:
            raise ShapeError(f"forecast(known, horizon) must have shape ({horizon},), got {guess.shape}")
        origins.append(known.stop)
        forecasts.append(guess)
        actuals.append(values[ahead])
    return Backtest(np.array(origins), np.array(forecasts), np.array(actuals))


def _alike(actual: npt.ArrayLike, forecast: npt.ArrayLike) -> tuple[Array, Array]:
    y, guess = as_array(actual, "actual"), as_array(forecast, "forecast")
    if y.shape != guess.shape:
        raise ShapeError(f"forecast must have the shape {y.shape} of actual, got {guess.shape}")
    return y, guess
