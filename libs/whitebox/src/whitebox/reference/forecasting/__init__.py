"""Forecasting, on lists."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.filtering import kalman
from whitebox.reference.linalg._basic import Matrix, Vector
from whitebox.reference.linalg._lu import solve


def smooth(  # noqa: PLR0917  # weights, then components, in the order of the equations
    y: Sequence[float],
    alpha: float,
    beta: float,
    gamma: float,
    phi: float,
    level: float,
    trend: float,
    seasons: Sequence[float],
    seasonal: str = "additive",
) -> tuple[Vector, Vector, Vector, Vector]:
    """Forecast of each value from the ones before, then levels, trends, and seasons, the first ones included.

    >>> smooth([1.0, 3.0, 2.0], 0.5, 0.0, 0.0, 1.0, 1.0, 0.0, [0.0])[0]
    [1.0, 1.0, 2.0]
    """
    m, fitted, levels, trends, s = len(seasons), [], [], [], list(seasons)
    for t, value in enumerate(y):
        base = level + phi * trend
        if seasonal == "additive":
            expected = base + s[t]
            in_level = in_season = value - expected
        else:
            expected = base * s[t]
            in_level, in_season = (value - expected) / s[t], (value - expected) / base
        level, trend = base + alpha * in_level, phi * trend + beta * in_level
        s.append(s[len(s) - m] + gamma * in_season)
        fitted.append(expected)
        levels.append(level)
        trends.append(trend)
    return fitted, levels, trends, s


def acf(y: Sequence[float], lags: int) -> Vector:
    """Autocorrelations at lags 0 to `lags`.

    >>> acf([1.0, 2.0, 3.0, 4.0], 1)
    [1.0, 0.25]
    """
    mean = sum(y) / len(y)
    x = [value - mean for value in y]
    total = sum(value**2 for value in x)
    return [sum(x[t] * x[t - k] for t in range(k, len(x))) / total for k in range(lags + 1)]


def pacf(y: Sequence[float], lags: int) -> Vector:
    """Partial autocorrelations: the last coefficient of the best autoregression of each order.

    >>> pacf([1.0, 2.0, 3.0, 4.0], 1)
    [1.0, 0.25]
    """
    r = acf(y, lags)
    partial = [1.0]
    for k in range(1, lags + 1):
        correlations = [[r[abs(i - j)] for j in range(k)] for i in range(k)]
        partial.append(solve(correlations, r[1 : k + 1])[-1])
    return partial


def ljung_box(y: Sequence[float], lags: int) -> float:
    """The statistic n (n + 2) Σ r_k² / (n - k).

    >>> ljung_box([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], 2)
    12.0
    """
    n, r = len(y), acf(y, lags)
    return n * (n + 2) * sum(r[k] ** 2 / (n - k) for k in range(1, lags + 1))


def coefficients_from_partial(partial: Sequence[float]) -> Vector:
    """The autoregression with these partial autocorrelations, by Durbin and Levinson's recursion.

    >>> coefficients_from_partial([0.5, -0.5])
    [0.75, -0.5]
    """
    phi: Vector = []
    for last in partial:
        phi = [phi[j] - last * phi[len(phi) - 1 - j] for j in range(len(phi))] + [last]
    return phi


def arma_log_likelihood(y: Sequence[float], ar: Sequence[float], ma: Sequence[float], variance: float = 1.0) -> float:
    """The exact log-likelihood, by the Kalman filter of Harvey's state-space form.

    >>> round(arma_log_likelihood([1.0], [0.6], []), 6)
    -1.462082
    """
    r = max(len(ar), len(ma) + 1)
    phi = [*ar, *[0.0] * (r - len(ar))]
    theta = [1.0, *ma, *[0.0] * (r - len(ma) - 1)]
    T = [[phi[i] if j == 0 else float(j == i + 1) for j in range(r)] for i in range(r)]
    Q = [[variance * a * b for b in theta] for a in theta]
    H = [[float(j == 0) for j in range(r)]]
    P = _stationary_covariance(T, Q)
    return sum(kalman.filter(T, H, Q, [[0.0]], [0.0] * r, P, [[value] for value in y])[2])


def _stationary_covariance(T: Matrix, Q: Matrix) -> Matrix:
    """The P with P = T P Tᵀ + Q: one linear equation for each of its entries."""
    r = len(T)
    places = [(i, j) for i in range(r) for j in range(r)]
    A = [[float((i, j) == (a, b)) - T[i][a] * T[j][b] for a, b in places] for i, j in places]
    x = solve(A, [Q[i][j] for i, j in places])
    return [x[i * r : (i + 1) * r] for i in range(r)]


def mape(actual: Sequence[float], forecast: Sequence[float]) -> float:
    """Mean of |y - f| / |y|.

    >>> mape([2.0, 4.0], [1.0, 5.0])
    0.375
    """
    return sum(abs((y - f) / y) for y, f in zip(actual, forecast, strict=True)) / len(actual)


def smape(actual: Sequence[float], forecast: Sequence[float]) -> float:
    """Mean of 2 |y - f| / (|y| + |f|).

    >>> smape([1.0, 0.0], [3.0, 0.0])
    0.5
    """
    parts = [2 * abs(y - f) / (abs(y) + abs(f)) if y or f else 0.0 for y, f in zip(actual, forecast, strict=True)]
    return sum(parts) / len(actual)


def mase(actual: Sequence[float], forecast: Sequence[float], training: Sequence[float], period: int = 1) -> float:
    """Mean of |y - f| in units of the mean of |x_t - x_{t-m}|.

    >>> mase([4.0], [6.0], [1.0, 2.0, 3.0])
    2.0
    """
    error = sum(abs(y - f) for y, f in zip(actual, forecast, strict=True)) / len(actual)
    steps = [abs(training[t] - training[t - period]) for t in range(period, len(training))]
    return error / (sum(steps) / len(steps))
