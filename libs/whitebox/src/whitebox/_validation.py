"""Checks that every public function runs on its inputs, written once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError

Array = npt.NDArray[np.float64]

# Rows checked at a time, so that checking a memory-mapped corpus needs no second corpus of memory.
_CHECKED_ROWS = 8192


def as_matrix(values: Any, name: str, *, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """A finite, non-empty two-dimensional array; not copied where it already is one.

    Raises:
        DtypeError: if it holds anything but real numbers.
        ShapeError: if it has not two dimensions.
        EmptyInputError: if it has no rows or no columns.
        NotFiniteError: if it holds NaN or infinity, with the place of the first.
    """
    array = _as_real(values, name, dtype)
    if array.ndim != 2:
        hint = f". Reshape your data: {name}.reshape(1, -1) is a single row" if array.ndim == 1 else ""
        raise ShapeError(f"{name} must be a matrix, got shape {array.shape}{hint}")
    if array.size == 0:
        axis = "sample" if len(array) == 0 else "feature"
        raise EmptyInputError(f"{name} has 0 {axis}(s) (shape={array.shape}) while a minimum of 1 is required.")
    _check_finite(array, name)
    return array


def as_vector(values: Any, name: str, *, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """A finite, non-empty one-dimensional array.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: as `as_matrix`.
    """
    array = _as_real(values, name, dtype)
    if array.ndim != 1:
        raise ShapeError(f"{name} must be a vector, got shape {array.shape}")
    if array.size == 0:
        raise EmptyInputError(f"{name} is empty")
    _check_finite(array, name)
    return array


def as_array(values: Any, name: str) -> Array:
    """A finite, non-empty array of any shape.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: as `as_matrix`.
    """
    array = _as_real(values, name, np.float64)
    if array.size == 0:
        raise EmptyInputError(f"{name} is empty")
    _check_finite(array.reshape(1) if array.ndim == 0 else array, name)
    return array


def as_extended(values: Any, name: str) -> Array:
    """Real numbers of any shape, an empty one included; infinite ones are allowed, for functions that have limits.

    Raises:
        DtypeError: if it holds anything but real numbers.
        ShapeError: if it is ragged.
        NotFiniteError: if it holds NaN.
    """
    array = _as_real(values, name, np.float64)
    if np.isnan(array).any():
        place = ", ".join(map(str, np.argwhere(np.isnan(array))[0]))
        raise NotFiniteError(f"{name}[{place}] is NaN" if place else f"{name} is NaN")
    return array


def positive_int(value: int, name: str) -> int:
    """A whole number of at least 1. Raises RangeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise RangeError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def number_in(
    value: float, name: str, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False
) -> float:
    """A finite number from `low` to `high`, above `low` where that end is open. Raises RangeError otherwise."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (real and math.isfinite(value) and low <= value <= high) or (open_low and value == low):
        bounds = f"{'(' if open_low or low == -math.inf else '['}{low:g}, {high:g}{')' if high == math.inf else ']'}"
        raise RangeError(f"{name} must be a finite number in {bounds}, got {value!r}")
    return float(value)


def _as_real(values: Any, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    if hasattr(values, "toarray"):
        raise DtypeError(f"{name} is sparse, which is not supported here: pass {name}.toarray()")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{name} is no rectangular array: {error}") from error
    if array.dtype.kind == "c":
        raise DtypeError(f"Complex data not supported: {name} has dtype {array.dtype}")
    if array.dtype.kind not in "biufO":
        raise DtypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    try:
        return np.asarray(array, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"{name} must hold real numbers: {error}") from error


def _check_finite(array: npt.NDArray[Any], name: str) -> None:
    for start in range(0, len(array), _CHECKED_ROWS):
        finite = np.isfinite(array[start : start + _CHECKED_ROWS])
        if not finite.all():
            place = np.argwhere(~finite)[0]
            place[0] += start
            value = array[tuple(place)]
            raise NotFiniteError(f"{name}[{', '.join(map(str, place))}] is {'NaN' if np.isnan(value) else value}")
