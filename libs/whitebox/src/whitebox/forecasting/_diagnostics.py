"""How a series depends on its own past."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._chi_square import chi_square_survival
from whitebox._validation import Array, as_vector, positive_int
from whitebox.errors import RangeError


class LjungBox(NamedTuple):
    """Test of whether any of the first autocorrelations differs from zero.

    Attributes:
        statistic: Q.
        p_value: Probability of at least as much from white noise.
        dof: Degrees of freedom.
    """

    statistic: float
    p_value: float
    dof: int


def acf(y: npt.ArrayLike, lags: int) -> Array:
    r"""Autocorrelations at lags 0 to `lags`.

    .. math:: r_k = \frac{\sum_{t > k} (y_t - \bar y)(y_{t-k} - \bar y)}{\sum_t (y_t - \bar y)^2}

    (Box, Jenkins: Time Series Analysis, 1970, equation 2.1.12.) All of them together are positive semidefinite, which
    dividing by the number of terms would spoil. O(n · lags).

    Args:
        y: Shape (n,).
        lags: Less than n.

    Returns:
        Shape (lags + 1,).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if the series is constant or not longer than `lags`.

    >>> acf([1.0, 2.0, 3.0, 4.0], 2).round(3).tolist()
    [1.0, 0.25, -0.3]
    """
    values = as_vector(y, "y")
    if positive_int(lags, "lags") >= len(values):
        raise RangeError(f"lags must be less than the {len(values)} values of y, got {lags}")
    centred = values - values.mean()
    total = float(centred @ centred)
    if total <= len(values) * (1e-15 * float(np.abs(values).max())) ** 2:
        raise RangeError("y is constant: its autocorrelation is undefined")
    return np.array([centred[k:] @ centred[: len(centred) - k] for k in range(lags + 1)]) / total


def pacf(y: npt.ArrayLike, lags: int) -> Array:
    r"""Partial autocorrelations at lags 0 to `lags`: what a lag tells beyond the shorter ones.

    .. math:: \phi_{kk} = \frac{r_k - \sum_{j<k} \phi_{k-1,j}\, r_{k-j}}{1 - \sum_{j<k} \phi_{k-1,j}\, r_j}, \qquad
              \phi_{kj} = \phi_{k-1,j} - \phi_{kk}\, \phi_{k-1,k-j}

    (Durbin 1960; Levinson 1947; Brockwell, Davis: Time Series: Theory and Methods, 1991, proposition 5.2.1.) From
    `acf`, so that they lie between -1 and 1. O(n · lags + lags²).

    Args:
        y: Shape (n,).
        lags: Less than n.

    Returns:
        Shape (lags + 1,), the first 1.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: as `acf`.

    >>> pacf([1.0, 2.0, 3.0, 4.0], 2).round(3).tolist()
    [1.0, 0.25, -0.387]
    """
    r = acf(y, lags)
    partial, phi, left = np.empty(lags + 1), np.empty(0), 1.0
    partial[0] = 1.0
    for k in range(1, lags + 1):
        last = (r[k] - phi @ r[k - 1 : 0 : -1]) / left
        phi = np.append(phi - last * phi[::-1], last)
        left *= 1 - last**2
        partial[k] = last
    return partial


def ljung_box(y: npt.ArrayLike, lags: int, *, fitted: int = 0) -> LjungBox:
    r"""Tests residuals for autocorrelation at lags 1 to `lags`.

    .. math:: Q = n (n + 2) \sum_{k=1}^{h} \frac{r_k^2}{n - k} \sim \chi^2_{h - f}

    (Ljung, Box: On a Measure of Lack of Fit in Time Series Models, 1978.) O(n · lags).

    Args:
        y: Residuals, shape (n,).
        lags: h.
        fitted: f, parameters of the ARMA model whose residuals they are: p + q.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: as `acf`, and if `fitted` is not from 0 to
            `lags` - 1.

    >>> ljung_box([1.0, -1.0, 1.0, -1.0, 1.0, -1.0], 2).statistic
    12.0
    """
    r = acf(y, lags)[1:]
    if isinstance(fitted, bool) or not isinstance(fitted, int | np.integer) or not 0 <= fitted < lags:
        raise RangeError(f"fitted must be a whole number from 0 to {lags - 1}, got {fitted!r}")
    n, k = len(np.asarray(y)), np.arange(1, lags + 1)
    statistic = float(n * (n + 2) * (r**2 / (n - k)).sum())
    dof = int(lags - fitted)
    return LjungBox(statistic, chi_square_survival(statistic, dof), dof)
