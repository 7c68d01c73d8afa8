"""The exact likelihood of an ARMA process, by a Kalman filter that knows its structure."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_vector, number_in
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError


class Innovations(NamedTuple):
    """What a series tells step by step; variances in units of the noise's.

    Attributes:
        errors: Value less its forecast, shape (n,); NaN where missing.
        variances: Of the errors, shape (n,).
        state: Of Harvey's form after the last value, shape (r,).
        covariance: Of its error, shape (r, r).
        seen: How many values there were.
        sum_of_squares: Of errors, each divided by its variance.
        log_determinant: Sum of the variances' logarithms.
    """

    errors: Array
    variances: Array
    state: Array
    covariance: Array
    seen: int
    sum_of_squares: float
    log_determinant: float


def coefficients_from_partial(partial: npt.ArrayLike) -> Array:
    r"""The stationary autoregression that has these partial autocorrelations.

    .. math:: \phi_{kk} = r_k, \qquad \phi_{kj} = \phi_{k-1,j} - r_k\, \phi_{k-1,k-j}

    One to one from :math:`(-1, 1)^p` to the stationary coefficients (Barndorff-Nielsen, Schou 1973; Monahan: A Note on
    Enforcing Stationarity in Autoregressive-Moving Average Models, 1984). The negatives of the result make an
    invertible moving average. O(p²).

    Args:
        partial: r, within (-1, 1), shape (p,).

    Returns:
        Shape (p,).

    Raises:
        DtypeError, ShapeError, NotFiniteError: for unusable input.
        RangeError: if one is not between -1 and 1.

    >>> coefficients_from_partial([0.5, -0.5]).tolist()
    [0.75, -0.5]
    """
    values = _vector(partial, "partial")
    if (np.abs(values) >= 1).any():
        raise RangeError(f"partial autocorrelations must lie between -1 and 1, got {values[np.abs(values).argmax()]:g}")
    phi = np.empty(0)
    for last in values:
        phi = np.append(phi - last * phi[::-1], last)
    return phi


def arma_log_likelihood(y: npt.ArrayLike, ar: npt.ArrayLike, ma: npt.ArrayLike, variance: float = 1.0) -> float:
    r"""The exact logarithm of the density of a series under a stationary Gaussian ARMA process with mean zero.

    .. math:: y_t = \sum_i \varphi_i y_{t-i} + \varepsilon_t + \sum_j \theta_j \varepsilon_{t-j}, \qquad
              \log p = -\tfrac12 \sum_t \Bigl( \log 2 \pi \sigma^2 F_t + \frac{v_t^2}{\sigma^2 F_t} \Bigr)

    with the innovations v and their variances from the Kalman filter of the state-space form (Harvey: Forecasting,
    Structural Time Series Models and the Kalman Filter, 1989, section 3.4.1). Its first covariance is the stationary
    one. Once F has settled at 1 nothing but the state is updated. O(n r²), r = max(p, q + 1), then O(n r).

    Args:
        y: Shape (n,), NaN where missing.
        ar: Coefficients of a stationary autoregression, shape (p,).
        ma: Shape (q,).
        variance: σ², of the noise, positive.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if the autoregression is not stationary, or the variance not positive.

    >>> round(arma_log_likelihood([1.0], [0.6], []), 6)
    -1.462082
    """
    values = _observed(y, "y")
    sigma2 = number_in(variance, "variance", 0, open_low=True)
    phi, theta = _vector(ar, "ar"), _vector(ma, "ma")
    if len(phi) and not _is_stationary(phi):
        raise RangeError("ar is not stationary: a root of its polynomial lies on or within the unit circle")
    found = innovations(values, phi, theta)
    logs = found.seen * math.log(2 * math.pi * sigma2) + found.log_determinant
    return -(logs + found.sum_of_squares / sigma2) / 2


def innovations(values: Array, phi: Array, theta: Array) -> Innovations:
    """Runs the filter; the autoregression is stationary, and NaN is missing."""
    r = max(len(phi), len(theta) + 1)
    ar, ma = np.zeros(r), np.zeros(r)
    ar[: len(phi)], ma[0], ma[1 : len(theta) + 1] = phi, 1.0, theta
    errors, variances = np.empty((2, len(values)))
    state, covariance = np.zeros(r), np.zeros((r, r))
    count, squares, logs = _innovations(values, ar, ma, errors, variances, state, covariance)
    return Innovations(errors, variances, state, covariance, count, squares, logs)


@compiled
def _solve(A: Array, b: Array) -> None:
    """Turns b into the solution of A x = b, by elimination with pivoting; A is used up."""
    n = len(b)
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(A[i, k]) > abs(A[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(k, n):
                A[k, j], A[pivot, j] = A[pivot, j], A[k, j]
            b[k], b[pivot] = b[pivot], b[k]
        for i in range(k + 1, n):
            if A[i, k] != 0:
                share = A[i, k] / A[k, k]
                A[i, k:] -= share * A[k, k:]
                b[i] -= share * b[k]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= A[i, j] * b[j]
        b[i] /= A[i, i]


@compiled
def _stationary_covariance(ar: Array, ma: Array, P: Array) -> None:
    """Fills the covariance of Harvey's state before anything is known.

    Autocovariances γ solve γ(k) - Σ φ_i γ(|k - i|) = Σ_j θ_j ψ_{j-k} (Brockwell, Davis 1991, equation 3.3.8). They and
    ψ, the response to noise, make the first row; P = T P Tᵀ + R Rᵀ, read backwards along diagonals, makes the others.
    """
    r = len(ar)
    psi = np.zeros(r)
    for j in range(r):
        psi[j] = ma[j]
        for i in range(j):
            psi[j] += ar[i] * psi[j - 1 - i]
    A = np.zeros((r + 1, r + 1))
    gamma = np.zeros(r + 1)
    for k in range(r + 1):
        A[k, k] += 1.0
        for i in range(r):
            A[k, abs(k - 1 - i)] -= ar[i]
        for j in range(k, r):
            gamma[k] += ma[j] * psi[j - k]
    _solve(A, gamma)
    P[0, 0] = gamma[0]
    for j in range(1, r):
        P[0, j] = 0.0
        for k in range(j, r):
            P[0, j] += ar[k] * gamma[1 + k - j] + ma[k] * psi[k - j]
    for i in range(r - 1, 0, -1):
        for j in range(r - 1, i - 1, -1):
            P[i, j] = ar[i] * ar[j] * P[0, 0] + ma[i] * ma[j]
            if i + 1 < r:
                P[i, j] += ar[j] * P[0, i + 1]
            if j + 1 < r:
                P[i, j] += ar[i] * P[0, j + 1]
                P[i, j] += P[i + 1, j + 1]
    for i in range(r):
        for j in range(i):
            P[i, j] = P[j, i]


@compiled
def _innovations(  # noqa: PLR0917  # arrays to be filled, for compiled code
    y: Array, ar: Array, ma: Array, errors: Array, variances: Array, state: Array, P: Array
) -> tuple[int, float, float]:
    """Fills errors, their variances, and the last state with its covariance.

    The state is observed without noise: once a value is known, its row and column of the covariance are zero, and the
    step to the next time only moves the rest along the diagonal.
    """
    r = len(ar)
    noise = np.outer(ma, ma)
    _stationary_covariance(ar, ma, P)
    settled = False
    count, squares, logs = 0, 0.0, 0.0
    before = np.zeros((r, r))
    for t in range(len(y)):
        if t > 0:
            first = state[0]
            for i in range(r - 1):
                state[i] = ar[i] * first + state[i + 1]
            state[r - 1] = ar[r - 1] * first
            if not settled:
                before[:] = P
                P[:] = noise
                P[: r - 1, : r - 1] += before[1:, 1:]
                if before[0, 0] > 0:  # the last value is missing
                    P += np.outer(ar, ar) * before[0, 0]
                    for i in range(r - 1):
                        P[i, :] += before[0, i + 1] * ar
                        P[:, i] += before[0, i + 1] * ar
                left = 0.0
                for i in range(r):
                    left += P[i, i] - noise[i, i]
                settled = left <= 1e-13 * r
        errors[t] = y[t] - state[0]
        variances[t] = 1.0 if settled else P[0, 0]
        if math.isnan(y[t]):
            if settled:
                P[:] = noise
                settled = False
            continue
        count += 1
        squares += errors[t] * errors[t] / variances[t]
        if settled:
            for i in range(r):
                state[i] += ma[i] * errors[t]
            continue
        logs += math.log(variances[t])
        weights = P[0].copy() / P[0, 0]
        for i in range(r):
            state[i] += weights[i] * errors[t]
        P -= np.outer(weights, P[0].copy())
        P[0, :] = 0.0
        P[:, 0] = 0.0
    if settled:
        P[:] = 0.0
    return count, squares, logs


def _is_stationary(phi: Array) -> bool:
    """By running Durbin and Levinson's recursion backwards to the partial autocorrelations."""
    for k in range(len(phi), 0, -1):
        last = phi[k - 1]
        if not abs(last) < 1:
            return False
        phi = (phi[: k - 1] + last * phi[: k - 1][::-1]) / (1 - last**2)
    return True


def _vector(values: npt.ArrayLike, name: str) -> Array:
    """A vector that may be empty."""
    if np.ndim(values) == 1 and np.shape(values)[0] == 0:
        return np.empty(0)
    return as_vector(values, name)


def _observed(y: npt.ArrayLike, name: str) -> Array:
    """A vector in which NaN is missing, but not everywhere."""
    try:
        values = np.array(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"{name} must hold real numbers: {error}") from error
    if values.ndim != 1:
        raise ShapeError(f"{name} must be a vector, got shape {values.shape}")
    if values.size == 0 or np.isnan(values).all():
        raise EmptyInputError(f"{name} is empty")
    if np.isinf(values).any():
        raise NotFiniteError(f"{name}[{np.isinf(values).argmax()}] is infinite; NaN is missing")
    return values
