"""ARIMA: differences of a series as a stationary process of its own past and past errors."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.base import BaseEstimator
from whitebox.calculus import gradient
from whitebox.errors import EmptyInputError, NotFiniteError, NotFittedError, RangeError
from whitebox.forecasting._arma import Innovations, _observed, coefficients_from_partial, innovations
from whitebox.forecasting._diagnostics import LjungBox, ljung_box, pacf
from whitebox.forecasting._forecast import Forecast, normal_forecast
from whitebox.optimize import Minimum, bfgs


class ARIMA(BaseEstimator):
    r"""Seasonal autoregressive integrated moving average, by exact maximum likelihood.

    .. math:: \phi(B)\, \Phi(B^m)\, (w_t - \mu) = \theta(B)\, \Theta(B^m)\, \varepsilon_t, \qquad
              w_t = (1 - B)^d (1 - B^m)^D y_t, \qquad \varepsilon_t \sim N(0, \sigma^2)

    with B the step back, :math:`\phi(B) = 1 - \phi_1 B - \dots`, :math:`\theta(B) = 1 + \theta_1 B + \dots`
    (Box, Jenkins: Time Series Analysis, 1970, chapters 4 and 9). The likelihood is that of the differenced series, by
    `arma_log_likelihood`; σ² is concentrated out. Stationarity and invertibility hold throughout, as the search runs
    over partial autocorrelations :math:`x / \sqrt{1 + x^2}` (`coefficients_from_partial`). BFGS from two starts, with
    central differences: O(k n r²) a step.

    This is a forecaster: `fit` takes a series, not a table, so scikit-learn can clone and print but not cross-validate
    it; see `backtest`.

    Args:
        order: p, d, q.
        seasonal_order: P, D, Q.
        period: m, length of a season.
        constant: Whether μ is fitted: the mean, or with d = 1 the drift. By default where nothing is differenced.

    Attributes:
        ar_, ma_: φ and θ, shapes (p,) and (q,).
        seasonal_ar_, seasonal_ma_: Φ and Θ, shapes (P,) and (Q,).
        mean_: μ, 0 without a constant.
        variance_: σ².
        log_likelihood_, aic_, bic_: Of the differenced series; comparable between models with the same differences.
        n_parameters_: σ² included.
        residuals_: Standardised innovations times σ, shape (n - d - D m,): white noise of variance σ² if the model
            holds.

    >>> model = ARIMA((1, 0, 0)).fit([1.0, 2.0, 1.5, 0.5, -0.5, -1.5, -1.0, 0.0, 0.5, 1.5, 2.0, 1.0])
    >>> bool(0 < model.ar_[0] < 1), model.forecast(3).mean.shape
    (True, (3,))
    """

    ar_: Array
    ma_: Array
    seasonal_ar_: Array
    seasonal_ma_: Array
    mean_: float
    variance_: float
    log_likelihood_: float
    aic_: float
    bic_: float
    n_parameters_: int
    residuals_: Array

    def __init__(
        self,
        order: tuple[int, int, int] = (1, 0, 0),
        seasonal_order: tuple[int, int, int] = (0, 0, 0),
        period: int = 1,
        constant: bool | None = None,
    ) -> None:
        self.order = order
        self.seasonal_order = seasonal_order
        self.period = period
        self.constant = constant

    def fit(self, y: npt.ArrayLike) -> Self:
        """Fits the coefficients to a series, in which NaN is missing where nothing is differenced.

        Raises:
            DtypeError, ShapeError: for unusable input.
            NotFiniteError: for infinity, and for NaN where differences are taken.
            EmptyInputError: if the series is no longer than the parameters are many.
            RangeError: if an order is out of its range.
        """
        orders = _orders(self.order, "order"), _orders(self.seasonal_order, "seasonal_order")
        (p, d, q), (P, D, Q) = orders
        period = positive_int(self.period, "period")
        if any(orders[1]) and period < 2:
            raise RangeError(f"period must be at least 2 for a season, got {period}")
        values = _observed(y, "y")
        if d + D and np.isnan(values).any():
            raise NotFiniteError(
                f"y[{np.isnan(values).argmax()}] is NaN, which has no differences: fill it in, or take none"
            )
        constant = d + D == 0 if self.constant is None else bool(self.constant)
        self._delta = _differencing(d, D, period)
        if len(values) < len(self._delta):
            raise EmptyInputError(f"y holds {len(values)} values, too few for {len(self._delta) - 1} differences")
        w = np.convolve(values, self._delta, "valid")
        k = p + q + P + Q + constant + 1
        if np.count_nonzero(~np.isnan(w)) <= k:
            raise EmptyInputError(f"y leaves {np.count_nonzero(~np.isnan(w))} values, too few for {k} parameters")
        search = _Search(w, (p, P, q, Q), period, constant)
        found = search.minimum()
        (self.ar_, self.seasonal_ar_, self.ma_, self.seasonal_ma_), self.mean_ = search.unpack(found.x)
        self._phi, self._theta, told = search.run(found.x)
        self.variance_ = told.sum_of_squares / told.seen
        self.log_likelihood_ = -search.deviance(told) / 2
        self.n_parameters_ = k
        self.aic_ = 2 * k - 2 * self.log_likelihood_
        self.bic_ = k * math.log(told.seen) - 2 * self.log_likelihood_
        self.residuals_ = told.errors / np.sqrt(told.variances)
        self._state, self._uncertainty, self._last = (
            told.state,
            told.covariance,
            values[len(values) - len(self._delta) + 1 :],
        )
        return self

    def forecast(self, horizon: int, *, level: float = 0.95) -> Forecast:
        r"""What comes next, with intervals.

        The differenced process is forecast from its state, and summed up again:
        :math:`\hat y_{n+h} = \hat w_{n+h} - \sum_{j \ge 1} \delta_j \hat y_{n+h-j}`, with :math:`\delta` the
        coefficients of the differences. The variance is :math:`\sigma^2 \sum_{j<h} \psi_j^2`, with :math:`\psi` the
        response of y to noise (Box, Jenkins 1970, equation 5.1.16), and what is not known of the last state; that the
        coefficients are estimates is not counted.

        Args:
            horizon: How many times.
            level: Probability that a value lies in its interval, given the model.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if a number lies outside its range.
        """
        if not hasattr(self, "_phi"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        steps, r = positive_int(horizon, "horizon"), len(self._state)
        transition = np.eye(r, k=1)
        transition[: len(self._phi), 0] = self._phi
        arrival = np.zeros(r)
        arrival[0], arrival[1 : len(self._theta) + 1] = 1.0, self._theta
        # What the state holds reaches w after h steps along `route`; noise enters with `arrival`.
        route, expected, responses = np.eye(r)[0], np.empty(steps), np.empty(steps)
        routes = np.empty((steps, r))
        for h in range(steps):
            responses[h] = route @ arrival
            route = route @ transition
            routes[h] = route
            expected[h] = self.mean_ + route @ self._state
        sums = _summing(self._delta, steps)
        psi = np.convolve(responses, sums)[:steps]
        variance = self.variance_ * np.cumsum(psi**2)
        routes = np.array([np.convolve(column, sums)[:steps] for column in routes.T]).T
        variance += self.variance_ * np.maximum(np.einsum("hi,ij,hj->h", routes, self._uncertainty, routes), 0.0)
        known = list(self._last)
        for w in expected:
            past = known[::-1][: len(self._delta) - 1]
            known.append(float(w - self._delta[1:] @ past))
        return normal_forecast(np.array(known[len(self._last) :]), variance, level)

    def ljung_box(self, lags: int) -> LjungBox:
        """Tests the residuals for autocorrelation, the fitted coefficients counted off; see `ljung_box`.

        Raises:
            NotFittedError: before `fit`.
            NotFiniteError: if values are missing.
            RangeError: if there are not more lags than coefficients, or more than residuals.
        """
        if not hasattr(self, "residuals_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        fitted = len(self.ar_) + len(self.ma_) + len(self.seasonal_ar_) + len(self.seasonal_ma_)
        return ljung_box(self.residuals_, lags, fitted=fitted)


class _Search:
    """Minimises minus twice the log-likelihood per value."""

    def __init__(self, w: Array, sizes: tuple[int, int, int, int], period: int, constant: bool) -> None:
        self._w, self._sizes, self._period, self._constant = w, sizes, period, constant
        self._centre = float(np.nanmean(w)) if constant else 0.0
        spread = float(np.sqrt(np.nanmean((w - self._centre) ** 2)))
        # A constant leaves nothing to search for: nothing is better than no error.
        self._flat = spread <= 1e-14 * abs(self._centre)
        self._spread = 1.0 if self._flat else spread

    def unpack(self, vector: Array) -> tuple[list[Array], float]:
        """Coefficients of the four polynomials, and the mean."""
        parts, start = [], 0
        for place, size in enumerate(self._sizes):
            x = vector[start : start + size]
            # Of what is closer to a unit root than this, a series cannot tell.
            partial = np.clip(x / np.sqrt(1 + x**2), -1 + 1e-9, 1 - 1e-9)
            coefficients = coefficients_from_partial(partial)
            parts.append(coefficients if place < 2 else -coefficients)
            start += size
        return parts, self._centre + self._spread * float(vector[-1]) if self._constant else 0.0

    def run(self, vector: Array) -> tuple[Array, Array, Innovations]:
        """The products of the polynomials, and what the filter says."""
        (ar, seasonal_ar, ma, seasonal_ma), mean = self.unpack(vector)
        phi = -_times_seasonal(-ar, -seasonal_ar, self._period)
        theta = _times_seasonal(ma, seasonal_ma, self._period)
        return phi, theta, innovations(self._w - mean, phi, theta)

    def deviance(self, told: Innovations) -> float:
        """Minus twice the log-likelihood, with the best variance put in."""
        variance = max(told.sum_of_squares / told.seen, 1e-26 * self._spread**2)
        return told.seen * (math.log(2 * math.pi * variance) + 1) + told.log_determinant

    def _value(self, vector: Array) -> float:
        told = self.run(vector)[2]
        value = self.deviance(told) / told.seen
        return value if math.isfinite(value) else math.inf

    def _value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        value = self._value(vector)
        slope = gradient(self._value, vector, method="central")
        return value, np.where(np.isfinite(slope), slope, 0.0)

    def minimum(self) -> Minimum:
        p, size = self._sizes[0], sum(self._sizes) + self._constant
        starts = [np.zeros(size)]
        if self._flat or not size:
            return Minimum(starts[0], self._value(starts[0]), starts[0], 0, 1, True)
        if p and not np.isnan(self._w).any() and np.ptp(self._w) > 0:
            partial = np.clip(pacf(self._w, p)[1:], -0.95, 0.95)
            starts.append(np.append(partial / np.sqrt(1 - partial**2), np.zeros(size - p)))
        else:
            starts.append(np.full(size, 0.3))
        found = [bfgs(self._value_and_gradient, start, tol=1e-7, max_iter=150) for start in starts]
        return min(found, key=lambda minimum: minimum.value)


def _orders(order: tuple[int, int, int], name: str) -> tuple[int, int, int]:
    try:
        first, second, third = order
    except (TypeError, ValueError):
        raise RangeError(f"{name} must be three whole numbers, got {order!r}") from None
    for number in (first, second, third):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise RangeError(f"{name} must be three whole numbers of at least 0, got {order!r}")
    return int(first), int(second), int(third)


def _times_seasonal(plain: Array, seasonal: Array, period: int) -> Array:
    """Coefficients of (1 + Σ a_i B^i)(1 + Σ b_j B^(jm)), the leading 1 left out."""
    spaced = np.zeros(len(seasonal) * period + 1)
    spaced[0] = 1.0
    spaced[period::period] = seasonal
    return np.convolve(np.append(1.0, plain), spaced)[1:]


def _differencing(d: int, D: int, period: int) -> Array:
    """Coefficients of (1 - B)^d (1 - B^m)^D."""
    delta = np.ones(1)
    for _ in range(d):
        delta = np.convolve(delta, [1.0, -1.0])
    for _ in range(D):
        delta = np.convolve(delta, np.concatenate([[1.0], np.zeros(period - 1), [-1.0]]))
    return delta


def _summing(delta: Array, steps: int) -> Array:
    """The first coefficients of the inverse of the differences."""
    sums = np.zeros(steps)
    sums[0] = 1.0
    for k in range(1, steps):
        reach = min(k, len(delta) - 1)
        sums[k] = -(delta[1 : reach + 1] @ sums[k - reach : k][::-1])
    return sums
