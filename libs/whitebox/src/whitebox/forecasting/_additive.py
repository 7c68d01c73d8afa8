"""Trend that bends, seasons that repeat, events that happen: added up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import EmptyInputError, NotFittedError, RangeError, ShapeError
from whitebox.forecasting._forecast import Forecast, normal_forecast
from whitebox.linalg import eigh


class _Block(NamedTuple):
    """Columns that belong to one component."""

    name: str
    columns: Array
    scale: float


class AdditiveModel(BaseEstimator):
    r"""A piecewise linear trend, Fourier series and events, fitted by penalised least squares.

    .. math:: y(t) = k t + c + \sum_j \delta_j (t - s_j)_+
              + \sum_{i, n} \Bigl( a_{in} \cos \frac{2 \pi n t}{P_i} + b_{in} \sin \frac{2 \pi n t}{P_i} \Bigr)
              + \sum_e \kappa_e [t \in e] + N(0, \sigma^2)

    (Taylor, Letham: Forecasting at Scale, 2018, equations 1 to 6.) The penalty is :math:`\sigma^2 \beta^2 / \tau^2` for
    each coefficient β, with time scaled to [0, 1] and y to a maximum of 1, so that τ means what it means in Prophet. σ²
    is that of the evidence: the sum of squares over n less the effective number of coefficients (MacKay 1992).

    What differs from Prophet: the prior of the bends δ is normal, not Laplace, so that small bends are shared out
    rather than set to zero, and the fit is one eigendecomposition, O(n p² + p³), instead of a search. Intervals are
    computed, not simulated: they count the noise, the coefficients' uncertainty, and future bends that come as often as
    past ones and are as large. There is linear growth only, and no multiplicative season.

    This is a forecaster with times of its own: scikit-learn can clone and print but not cross-validate it; see
    `rolling_origin`.

    Args:
        seasons: Pairs of a period P, in the unit of time, and how many harmonics.
        changepoints: How many bends the trend may have, evenly spaced over the times of the data.
        changepoint_range: Over which first share of the time.
        changepoint_scale: τ of a bend: more makes the trend more flexible.
        season_scale: τ of the Fourier coefficients.
        events: By name, when something begins that happens again and again, future times included.
        event_length: How long it lasts.
        event_scale: τ of an event.

    Attributes:
        coefficients_: In units of scaled time and y, shape (p,).
        changepoints_: s, in the unit of time, shape (changepoints,).
        sigma_: Standard deviation of the noise, in the unit of y.
        rates_: Change of y by time, before the first bend and after each, shape (changepoints + 1,).

    >>> t = np.arange(40.0)
    >>> model = AdditiveModel(seasons=((4.0, 1),), changepoints=2).fit(t, 3 + 0.5 * t + np.cos(np.pi * t / 2))
    >>> model.predict([40.0, 41.0]).mean.round(1).tolist()
    [24.0, 23.5]
    """

    coefficients_: Array
    changepoints_: Array
    sigma_: float
    rates_: Array

    def __init__(
        self,
        seasons: Sequence[tuple[float, int]] = (),
        *,
        changepoints: int = 25,
        changepoint_range: float = 0.8,
        changepoint_scale: float = 0.05,
        season_scale: float = 10.0,
        events: Mapping[str, Sequence[float]] | None = None,
        event_length: float = 1.0,
        event_scale: float = 10.0,
    ) -> None:
        self.seasons = seasons
        self.changepoints = changepoints
        self.changepoint_range = changepoint_range
        self.changepoint_scale = changepoint_scale
        self.season_scale = season_scale
        self.events = events
        self.event_length = event_length
        self.event_scale = event_scale

    def fit(self, t: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Fits all coefficients at once.

        Args:
            t: Times in any order and at any distance, shape (n,).
            y: Shape (n,).

        Raises:
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input, fewer than two times included.
            RangeError: if a parameter is out of its range.
        """
        times, values = as_vector(t, "t"), as_vector(y, "y")
        if len(times) != len(values):
            raise ShapeError(f"y must have {len(times)} values like t, got {len(values)}")
        self._start, self._length = float(times.min()), float(np.ptp(times))
        if self._length == 0:
            raise EmptyInputError("t holds a single time, which has no trend: give two or more")
        bends = 0 if self.changepoints == 0 else positive_int(self.changepoints, "changepoints")
        share = number_in(self.changepoint_range, "changepoint_range", 0, 1, open_low=True)
        self._bends = share * np.arange(1, bends + 1) / (bends + 1)
        self.changepoints_ = self._start + self._length * self._bends
        self._unit = float(np.abs(values).max()) or 1.0
        blocks = self._blocks(times)
        scales = np.concatenate([np.full(block.columns.shape[1], block.scale) for block in blocks])
        design = np.hstack([block.columns for block in blocks]) * scales
        self._solve(design, values / self._unit)
        self.coefficients_ = scales * self._whitened
        self._scales = scales
        self.sigma_ = self._unit * math.sqrt(self._noise)
        trend = self.coefficients_[1 : 2 + bends]
        self.rates_ = np.cumsum(trend) * self._unit / self._length
        return self

    def _solve(self, design: Array, target: Array) -> None:
        """Coefficients in units of their priors, their covariance, and the noise."""
        curvature, vectors = eigh(design.T @ design)
        curvature = np.maximum(curvature, 0.0)
        turned = vectors.T @ (design.T @ target)
        n = len(target)
        noise = max(float(target.var()), 1e-12)
        for _ in range(200):
            weights = turned / (curvature + noise)
            residual = target - design @ (vectors @ weights)
            effective = float((curvature / (curvature + noise)).sum())
            # With as many coefficients as values nothing is left over to tell the noise by.
            updated = max(float(residual @ residual) / max(n - effective, 1e-3 * n), 1e-16)
            settled = abs(updated - noise) <= 1e-10 * noise
            noise = updated
            if settled:
                break
        self._noise = noise
        self._whitened = vectors @ (turned / (curvature + noise))
        self._covariance = (vectors * (noise / (curvature + noise))) @ vectors.T

    def predict(self, t: npt.ArrayLike, *, level: float = 0.95) -> Forecast:
        """Values at any times, with intervals.

        Args:
            t: Shape (h,).
            level: Probability that a value lies in its interval, given the model.

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.
        """
        times = self._times(t)
        design = np.hstack([block.columns for block in self._blocks(times)]) * self._scales
        ahead = np.maximum((times - self._start) / self._length - 1, 0.0)
        bends = self.coefficients_[2 : 2 + len(self._bends)]
        # A bend at time s adds δ (t - s) by t; they come at a constant rate, so their squares add up to a cube.
        unknown = float(bends @ bends) * ahead**3 / 3
        variance = self._noise + np.einsum("hi,ij,hj->h", design, self._covariance, design) + unknown
        return normal_forecast(self._unit * (design @ self._whitened), self._unit**2 * variance, level)

    def components(self, t: npt.ArrayLike) -> dict[str, Array]:
        """What each part contributes at any times: "trend", "season P" for each period, and each event; they add up.

        Args:
            t: Shape (h,).

        Returns:
            Arrays of shape (h,).

        Raises:
            NotFittedError, DtypeError, ShapeError, EmptyInputError, NotFiniteError: as `predict`.
        """
        parts: dict[str, Array] = {}
        start = 0
        for block in self._blocks(self._times(t)):
            end = start + block.columns.shape[1]
            part = self._unit * (block.columns @ self.coefficients_[start:end])
            parts[block.name] = parts[block.name] + part if block.name in parts else part
            start = end
        return parts

    def _times(self, t: npt.ArrayLike) -> Array:
        if not hasattr(self, "coefficients_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return as_vector(t, "t")

    def _blocks(self, times: Array) -> list[_Block]:
        scaled = (times - self._start) / self._length
        bend_scale = number_in(self.changepoint_scale, "changepoint_scale", 0, open_low=True)
        blocks = [
            # Prophet's priors of offset and rate.
            _Block("trend", np.column_stack([np.ones_like(scaled), scaled]), 5.0),
            _Block("trend", np.maximum(scaled[:, None] - self._bends, 0.0), bend_scale),
        ]
        for season in self.seasons:
            period, columns = _fourier(times, season)
            blocks.append(_Block(f"season {period:g}", columns, self._scale("season_scale")))
        length = number_in(self.event_length, "event_length", 0, open_low=True)
        for name, begins in (self.events or {}).items():
            since = times[:, None] - as_vector(begins, f"events[{name!r}]")
            happens = ((since >= 0) & (since < length)).any(axis=1)
            blocks.append(_Block(name, happens[:, None].astype(float), self._scale("event_scale")))
        return blocks

    def _scale(self, name: str) -> float:
        return number_in(getattr(self, name), name, 0, open_low=True)


def _fourier(times: Array, season: Any) -> tuple[float, Array]:
    try:
        period, harmonics = season
    except (TypeError, ValueError):
        raise RangeError(f"seasons must be pairs of a period and a number of harmonics, got {season!r}") from None
    period = number_in(period, "a season's period", 0, open_low=True)
    angles = 2 * np.pi * np.outer(times / period, np.arange(1, positive_int(harmonics, "a season's harmonics") + 1))
    return period, np.hstack([np.cos(angles), np.sin(angles)])
