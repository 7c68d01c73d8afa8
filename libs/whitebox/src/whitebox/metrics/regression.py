"""Quality of regressions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.errors import ShapeError


def mean_squared_error(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    r"""Mean of the squared errors, :math:`\frac1n \sum_i (y_i - \hat y_i)^2`. O(n).

    Args:
        y_true: Shape (n,).
        y_pred: Shape (n,).

    Raises:
        ShapeError: if the two differ in length.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    error = _errors(y_true, y_pred)[1]
    return float((error**2).mean())


def root_mean_squared_error(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Square root of `mean_squared_error`, in the units of y. Raises as that.

    >>> root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    return float(np.sqrt(mean_squared_error(y_true, y_pred)))


def mean_absolute_error(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    r"""Mean of the absolute errors, :math:`\frac1n \sum_i |y_i - \hat y_i|`. Raises as `mean_squared_error`. O(n).

    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return float(np.abs(_errors(y_true, y_pred)[1]).mean())


def r2_score(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    r"""Coefficient of determination, :math:`R^2 = 1 - \sum_i (y_i - \hat y_i)^2 / \sum_i (y_i - \bar y)^2`. O(n).

    1 is perfect, 0 as good as the mean. Where y does not vary: 1 if predicted exactly, else 0.

    Args:
        y_true: Shape (n,).
        y_pred: Shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: as `mean_squared_error`.

    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    true, error = _errors(y_true, y_pred)
    lost, whole = float(error @ error), float(((true - true.mean()) ** 2).sum())
    return 1 - lost / whole if whole > 0 else float(lost == 0)


def _errors(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> tuple[Array, Array]:
    true, predicted = as_vector(y_true, "y_true"), as_vector(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ShapeError(f"y_true has {len(true)} values, y_pred has {len(predicted)}")
    return true, true - predicted
