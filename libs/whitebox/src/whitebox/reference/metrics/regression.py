"""Quality of regressions, by the definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean


def mean_squared_error(y_true: Sequence[float], y_pred: Sequence[float]) -> float:
    r"""Mean of :math:`(y - \hat y)^2`.

    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return fmean((y - p) ** 2 for y, p in zip(y_true, y_pred, strict=True))


def root_mean_squared_error(y_true: Sequence[float], y_pred: Sequence[float]) -> float:
    """Its square root.

    >>> root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    return math.sqrt(mean_squared_error(y_true, y_pred))


def mean_absolute_error(y_true: Sequence[float], y_pred: Sequence[float]) -> float:
    r"""Mean of :math:`|y - \hat y|`.

    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return fmean(abs(y - p) for y, p in zip(y_true, y_pred, strict=True))


def r2_score(y_true: Sequence[float], y_pred: Sequence[float]) -> float:
    """How much of what the mean leaves unexplained is explained?

    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    mean = fmean(y_true)
    whole = sum((y - mean) ** 2 for y in y_true)
    lost = sum((y - p) ** 2 for y, p in zip(y_true, y_pred, strict=True))
    return 1 - lost / whole if whole > 0 else float(lost == 0)
