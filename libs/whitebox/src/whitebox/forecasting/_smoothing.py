"""Exponential smoothing: level, trend and season follow the data, each at its own pace."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.calculus import gradient
from whitebox.errors import EmptyInputError, NotFittedError, RangeError
from whitebox.forecasting._forecast import Forecast, normal_forecast, quantile
from whitebox.optimize import Minimum, bfgs

Seasonal = Literal["additive", "multiplicative"]


class Smoothing(NamedTuple):
    """Components of a series of n values.

    Attributes:
        fitted: The forecast of each value from the ones before it, shape (n,).
        levels: After each value, shape (n,).
        trends: Shape (n,).
        seasons: What counts at each time, and at the m times that follow, shape (n + m,).
    """

    fitted: Array
    levels: Array
    trends: Array
    seasons: Array


def smooth(
    y: npt.ArrayLike,
    *,
    alpha: float,
    beta: float = 0.0,
    gamma: float = 0.0,
    phi: float = 1.0,
    level: float,
    trend: float = 0.0,
    seasons: npt.ArrayLike = (0.0,),
    seasonal: Seasonal = "additive",
) -> Smoothing:
    r"""Runs the components through a series, in the form of error correction.

    .. math:: \hat y_t = \ell_{t-1} + \phi b_{t-1} + s_{t-m}, \qquad e_t = y_t - \hat y_t
    .. math:: \ell_t = \ell_{t-1} + \phi b_{t-1} + \alpha e_t, \qquad b_t = \phi b_{t-1} + \beta e_t, \qquad
              s_t = s_{t-m} + \gamma e_t

    (Holt 1957; Winters 1960; Hyndman, Koehler, Ord, Snyder: Forecasting with Exponential Smoothing, 2008, table 2.2.)
    With a multiplicative season the forecast is :math:`(\ell_{t-1} + \phi b_{t-1})\, s_{t-m}`, and the error that level
    and trend learn from is divided by the season, the season's by :math:`\ell_{t-1} + \phi b_{t-1}`. Holt's own weight
    of the trend is :math:`\beta / \alpha`. O(n).

    Args:
        y: Shape (n,).
        alpha: Weight of the error in the level.
        beta: In the trend.
        gamma: In the season.
        phi: Share of the trend that is left after a step.
        level: Before the first value.
        trend: Before the first value.
        seasons: Before the first value, for the first m values, shape (m,).
        seasonal: "additive" or "multiplicative".

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> smooth([1.0, 3.0, 2.0], alpha=0.5, level=1.0).fitted.tolist()
    [1.0, 1.0, 2.0]
    """
    values, first = as_vector(y, "y"), as_vector(seasons, "seasons")
    numbers = {"alpha": alpha, "beta": beta, "gamma": gamma, "phi": phi, "level": level, "trend": trend}
    for name, number in numbers.items():
        number_in(number, name)
    n = len(values)
    result = Smoothing(np.empty(n), np.empty(n), np.empty(n), np.append(first, np.empty(n)))
    weights = np.array([alpha, beta, gamma, phi], dtype=float)
    _smooth(values, weights, float(level), float(trend), len(first), _is_multiplicative(seasonal), *result)
    return result


@compiled
def _smooth(  # noqa: PLR0917  # arrays to be filled, for compiled code
    y: Array,
    weights: Array,
    level: float,
    trend: float,
    period: int,
    multiplicative: bool,
    fitted: Array,
    levels: Array,
    trends: Array,
    seasons: Array,
) -> float:
    """Fills the components; gives the sum of squared errors."""
    alpha, beta, gamma, phi = weights[0], weights[1], weights[2], weights[3]
    total = 0.0
    for t in range(len(y)):
        base = level + phi * trend
        season = seasons[t]
        expected = base * season if multiplicative else base + season
        error = y[t] - expected
        total += error * error
        in_level = error / season if multiplicative else error
        in_season = error / base if multiplicative else error
        level = base + alpha * in_level
        trend = phi * trend + beta * in_level
        seasons[t + period] = season + gamma * in_season
        fitted[t] = expected
        levels[t] = level
        trends[t] = trend
    return total


class ExponentialSmoothing(BaseEstimator):
    r"""Simple, Holt's, damped, and Holt and Winters' exponential smoothing, with everything fitted.

    The weights of `smooth` and the components before the first value minimise the sum of squared errors, which is
    maximum likelihood for normal errors of constant variance: ETS(A,·,·) in the taxonomy of Hyndman et al. (2008).
    Weights are kept to :math:`0 < \beta < \alpha < 1`, :math:`0 < \gamma < 1 - \alpha` and :math:`0.8 < \phi < 0.98`;
    the seasons before the first value sum to 0, or average 1. Minimised by BFGS from the two best points of a grid, O(n
    · k) a step with k parameters.

    This is a forecaster: `fit` takes a series, not a table, so scikit-learn can clone and print but not cross-validate
    it; see `backtest`.

    Args:
        trend: Whether there is one.
        damped: Whether it levels off.
        seasonal: "additive", "multiplicative" (for positive series only) or None.
        period: m, length of a season.
        paths: How many futures are simulated for the intervals of a multiplicative season.
        random_state: Seed of that simulation.

    Attributes:
        alpha_, beta_, gamma_, phi_: Weights, as in `smooth`.
        initial_level_, initial_trend_: Before the first value.
        initial_seasons_: Shape (m,).
        components_: `Smoothing` of the series.
        residuals_: Errors, shape (n,).
        sse_: Their sum of squares.
        scale_: Standard deviation of an error: n less the number of parameters in the denominator.
        log_likelihood_, aic_, bic_: Under normal errors.
        n_parameters_: Weights, components before the first value, and the variance.

    >>> holt = ExponentialSmoothing(trend=True).fit([1.0, 2.1, 2.9, 4.2, 5.0, 6.1, 6.9, 8.0])
    >>> holt.forecast(2).mean.round(1).tolist()
    [9.0, 10.0]
    """

    alpha_: float
    beta_: float
    gamma_: float
    phi_: float
    initial_level_: float
    initial_trend_: float
    initial_seasons_: Array
    components_: Smoothing
    residuals_: Array
    sse_: float
    scale_: float
    log_likelihood_: float
    aic_: float
    bic_: float
    n_parameters_: int

    def __init__(
        self,
        *,
        trend: bool = False,
        damped: bool = False,
        seasonal: Seasonal | None = None,
        period: int = 1,
        paths: int = 5000,
        random_state: int | None = 0,
    ) -> None:
        self.trend = trend
        self.damped = damped
        self.seasonal = seasonal
        self.period = period
        self.paths = paths
        self.random_state = random_state

    def fit(self, y: npt.ArrayLike) -> Self:
        """Fits weights and initial components.

        Raises:
            DtypeError, ShapeError, NotFiniteError: for unusable input.
            EmptyInputError: if the series is no longer than the parameters are many, or than two seasons.
            RangeError: if a parameter is out of its range, or values under a multiplicative season are not positive.
        """
        values = as_vector(y, "y")
        search = _Search(values, self._checked_form(values))
        best = search.minimum()
        weights, level, trend, seasons = search.form.unpack(best.x, search.scale)
        n, k = len(values), len(best.x) + 1
        self.n_parameters_ = k
        self.alpha_, self.beta_, self.gamma_, self.phi_ = (float(w) for w in weights)
        self.initial_level_, self.initial_trend_, self.initial_seasons_ = level, trend, seasons
        self.components_ = smooth(
            values,
            alpha=self.alpha_,
            beta=self.beta_,
            gamma=self.gamma_,
            phi=self.phi_,
            level=level,
            trend=trend,
            seasons=seasons,
            seasonal=self.seasonal or "additive",
        )
        self.residuals_ = values - self.components_.fitted
        self.sse_ = float(self.residuals_ @ self.residuals_)
        self.scale_ = math.sqrt(self.sse_ / (n - k))
        self.log_likelihood_ = -n / 2 * (math.log(2 * math.pi * max(self.sse_ / n, 1e-300)) + 1)
        self.aic_ = 2 * k - 2 * self.log_likelihood_
        self.bic_ = k * math.log(n) - 2 * self.log_likelihood_
        return self

    def forecast(self, horizon: int, *, level: float = 0.95) -> Forecast:
        r"""What comes next, with intervals.

        .. math:: \hat y_{n+h} = \ell_n + (\phi + \dots + \phi^h)\, b_n + s_{n + h - m \lceil h / m \rceil}, \qquad
                  \operatorname{var} = \sigma^2 \Bigl( 1 + \sum_{j=1}^{h-1} c_j^2 \Bigr)
        .. math:: c_j = \alpha + \beta (\phi + \dots + \phi^j) + \gamma\, [m \mid j]

        (Hyndman et al. 2008, equation 6.11.) With a multiplicative season, spread and intervals come from simulated
        futures.

        Args:
            horizon: How many times.
            level: Probability that a value lies in its interval, given the model.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if a number lies outside its range.
        """
        if not hasattr(self, "components_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        steps = np.arange(1, positive_int(horizon, "horizon") + 1)
        n, m = len(self.residuals_), len(self.initial_seasons_)
        _, levels, trends, seasons = self.components_
        left = np.cumsum(self.phi_**steps)
        base = levels[-1] + left * trends[-1]
        coming = seasons[n + (steps - 1) % m]
        if self.seasonal == "multiplicative":
            return self._simulated(base * coming, level)
        learnt = self.alpha_ + self.beta_ * left + self.gamma_ * (steps % m == 0)
        variance = self.scale_**2 * np.append(1.0, 1 + np.cumsum(learnt[:-1] ** 2))
        return normal_forecast(base + coming, variance, level)

    def _simulated(self, mean: Array, level: float) -> Forecast:
        quantile(level)
        rng = np.random.default_rng(self.random_state)
        _, levels, trends, seasons = self.components_
        n, m, paths = len(self.residuals_), len(self.initial_seasons_), positive_int(self.paths, "paths")
        at, slope = np.full(paths, levels[-1]), np.full(paths, trends[-1])
        coming = np.tile(seasons[n:], (paths, 1))
        futures = np.empty((paths, len(mean)))
        for h in range(len(mean)):
            error = rng.standard_normal(paths) * self.scale_
            base, season = at + self.phi_ * slope, coming[:, h % m]
            futures[:, h] = base * season + error
            at = base + self.alpha_ * error / season
            slope = self.phi_ * slope + self.beta_ * error / season
            coming[:, h % m] = season + self.gamma_ * error / base
        lower, upper = np.quantile(futures, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return Forecast(mean, lower, upper, futures.std(axis=0))

    def _checked_form(self, values: Array) -> _Form:
        if self.damped and not self.trend:
            raise RangeError("damped is for a trend: set trend=True")
        period = positive_int(self.period, "period")
        if self.seasonal is not None:
            if _is_multiplicative(self.seasonal) and values.min() <= 0:
                raise RangeError(
                    f"y[{values.argmin()}] is {values.min():g}; a multiplicative season is for positive values"
                )
            if period < 2:
                raise RangeError(f"period must be at least 2 for a season, got {period}")
            if len(values) < 2 * period:
                raise EmptyInputError(f"y holds {len(values)} values, fewer than two seasons of {period}")
        form = _Form(bool(self.trend), bool(self.damped), self.seasonal, period if self.seasonal else 1)
        if len(values) <= form.size + 1:
            raise EmptyInputError(f"y holds {len(values)} values, too few for {form.size + 1} parameters")
        return form


class _Form(NamedTuple):
    """Which components there are; and the parameters as one vector without bounds."""

    trend: bool
    damped: bool
    seasonal: Seasonal | None
    period: int

    @property
    def weights(self) -> int:
        return 1 + self.trend + self.damped + (self.seasonal is not None)

    @property
    def size(self) -> int:
        return self.weights + 1 + self.trend + self.period - 1

    def unpack(self, vector: Array, scale: tuple[float, float]) -> tuple[Array, float, float, Array]:
        """Weights, level, trend, seasons; the latter three in units of the scale, the level from its centre on."""
        shares = iter(_logistic(vector[: self.weights]))
        alpha = next(shares)
        beta = alpha * next(shares) if self.trend else 0.0
        phi = 0.8 + 0.18 * next(shares) if self.damped else 1.0
        gamma = (1 - alpha) * next(shares) if self.seasonal else 0.0
        centre, unit = scale
        states = vector[self.weights :]
        trend = unit * float(states[1]) if self.trend else 0.0
        season = states[1 + self.trend :]
        if self.seasonal == "multiplicative":
            seasons = 1 + unit / centre * np.append(season, -season.sum())
        else:
            seasons = unit * np.append(season, -season.sum())
        return np.array([alpha, beta, gamma, phi]), centre + unit * float(states[0]), trend, seasons

    def pack(self, shares: tuple[float, ...], scale: tuple[float, float], values: Array) -> Array:
        """A vector to start from: weights by their share of what is allowed, components by a look at the data."""
        m, (centre, unit) = self.period, scale
        head = values[: max(2 * m, min(len(values), 10))] if self.seasonal is None else values[: 2 * m]
        slope = float(head[m:].mean() - head[:m].mean()) / m if self.seasonal else _slope(head)
        level = (
            float(head[:m].mean()) - slope * (m + 1) / 2
            if self.seasonal
            else float(head.mean()) - slope * (len(head) + 1) / 2
        )
        if not self.trend:
            slope, level = 0.0, float(head.mean())
        states = [(level - centre) / unit, *([slope / unit] if self.trend else [])]
        if self.seasonal:
            along = level + slope * np.arange(1, m + 1)
            if self.seasonal == "multiplicative":
                season = values[:m] / np.where(along > 0, along, head.mean())
                states += (centre / unit * (season / season.mean() - 1))[:-1].tolist()
            else:
                season = values[:m] - along
                states += ((season - season.mean()) / unit)[:-1].tolist()
        logits = [math.log(s / (1 - s)) for s in shares]
        return np.array(logits + states)


class _Search:
    """Minimises the logarithm of the sum of squares, to which a little is added."""

    def __init__(self, values: Array, form: _Form) -> None:
        self.values, self.form = values, form
        n, moves = len(values), np.diff(values)
        spread = math.sqrt(float(moves @ moves) / n)
        self.scale = (float(values.mean()), spread if spread > 0 else max(1.0, abs(float(values[0]))))
        self._room = (np.empty(n), np.empty(n), np.empty(n))
        self._seasons = np.empty(n + form.period)
        # A perfect fit has no logarithm, and a steep one misleads differences; where the minimum lies does not change.
        self._floor = n * (1e-2 * self.scale[1]) ** 2

    def __call__(self, vector: Array) -> float:
        weights, level, trend, seasons = self.form.unpack(vector, self.scale)
        self._seasons[: self.form.period] = seasons
        with np.errstate(all="ignore"):
            total = _smooth(
                self.values,
                weights,
                level,
                trend,
                self.form.period,
                self.form.seasonal == "multiplicative",
                *self._room,
                self._seasons,
            )
        return math.log(total + self._floor) if math.isfinite(total) else math.inf

    def _value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        value = self(vector)
        if value == math.inf:
            return value, np.zeros_like(vector)
        slope = gradient(self.__call__, vector, method="central")
        return value, np.where(np.isfinite(slope), slope, 0.0)

    def minimum(self) -> Minimum:
        best = sorted(self._starts(), key=self)[:2]
        found = [bfgs(self._value_and_gradient, start, tol=1e-6, max_iter=200) for start in best]
        return min(found, key=lambda minimum: minimum.value)

    def _starts(self) -> Iterator[Array]:
        grid: Any = itertools.product((0.1, 0.3, 0.6, 0.9), *[(0.05, 0.3)] * (self.form.weights - 1))
        for shares in grid:
            yield self.form.pack(shares, self.scale, self.values)


def _logistic(x: Array) -> list[float]:
    # Within what keeps a share apart from 0 and 1.
    return [1 / (1 + math.exp(-max(-30.0, min(30.0, float(z))))) for z in x]


def _slope(values: Array) -> float:
    """Of the line through the values by least squares."""
    time = np.arange(len(values)) - (len(values) - 1) / 2
    return float(time @ values / (time @ time)) if len(values) > 1 else 0.0


def _is_multiplicative(seasonal: str) -> bool:
    if seasonal not in ("additive", "multiplicative"):
        raise RangeError(f"seasonal must be 'additive', 'multiplicative' or None, got {seasonal!r}")
    return seasonal == "multiplicative"
