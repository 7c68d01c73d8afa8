"""Checks that every public function runs on its inputs, written once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError

Array = npt.NDArray[np.float64]


def as_matrix(values: npt.ArrayLike, name: str, *, dtype: npt.DTypeLike = np.float64) -> npt.NDArray[Any]:
    """A finite, non-empty two-dimensional array.

    Raises:
        ShapeError: if it has not two dimensions.
        EmptyInputError: if it has no rows or no columns.
        NotFiniteError: if it holds NaN or infinity, with the place of the first.
    """
    array = np.asarray(values, dtype=dtype)
    if array.ndim != 2:
        raise ShapeError(f"{name} must be a matrix, got shape {array.shape}")
    if array.size == 0:
        raise EmptyInputError(f"{name} is empty: shape {array.shape}")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise NotFiniteError(f"{name}[{row}, {column}] is {array[row, column]}")
    return array


def positive_int(value: int, name: str) -> int:
    """A whole number of at least 1. Raises RangeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise RangeError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)
