"""The error function over arrays, which NumPy does not have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

# Minimax fit of erf(x) / x by a rational function in x² on [0, 3.92], beyond which erf is 1 in single precision. Fitted
# by Lawson's weighted least squares in double precision; largest error 2e-8, computed in single precision 4e-7.
_NUMERATOR = (1.128378987, 0.192762032, 0.05306004733, 0.003868181491, 0.0002874660131, 2.034626959e-06)
_DENOMINATOR = (1.0, 0.50416255, 0.1150836200, 0.01517202985, 0.001188059803, 3.806880341e-05)
_ONE_FROM = 3.92
# Elements that stay in the processor's cache from the first term of the fraction to the last.
_BLOCK = 16_384


def erf(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    r"""The error function, in the precision of its argument: a rational function for float32, else `math.erf` of each.

    >>> erf(np.array([0.0, 1.0, -np.inf])).round(6).tolist()
    [0.0, 0.842701, -1.0]
    """
    if x.dtype == np.float32:
        return _single(x)
    exact: npt.NDArray[Any] = np.frompyfunc(math.erf, 1, 1)(x)
    return np.asarray(exact, dtype=x.dtype if x.dtype.kind == "f" else np.float64)


def _single(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    flat = np.ascontiguousarray(x).reshape(-1)
    result = np.empty_like(flat)
    for start in range(0, flat.size, _BLOCK):
        clipped = np.clip(flat[start : start + _BLOCK], -_ONE_FROM, _ONE_FROM)
        square = clipped * clipped
        numerator, denominator = _horner(_NUMERATOR, square), _horner(_DENOMINATOR, square)
        numerator *= clipped
        numerator /= denominator
        np.clip(numerator, -1, 1, out=result[start : start + _BLOCK])
    return result.reshape(x.shape)


def _horner(coefficients: tuple[float, ...], z: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    value = np.full_like(z, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= z
        value += np.float32(coefficient)
    return value
