"""Corrections for many tests at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in
from whitebox.errors import RangeError


class Adjusted(NamedTuple):
    """Outcome of a correction.

    Attributes:
        p_values: Adjusted, in the order given: each the smallest level at which its hypothesis is rejected.
        rejected: Whether that is at most alpha.
    """

    p_values: Array
    rejected: npt.NDArray[np.bool_]


def bonferroni(p_values: npt.ArrayLike, alpha: float = 0.05) -> Adjusted:
    r"""Controls the chance of any false rejection, whatever the dependence: :math:`\tilde p_i = \min(1, m p_i)`.

    (Dunn: Multiple Comparisons Among Means, 1961.) O(m).

    Args:
        p_values: Shape (m,), each from 0 to 1.
        alpha: Level, from 0 to 1.

    Raises:
        RangeError: for p-values or a level outside of [0, 1].
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but a vector of numbers.

    >>> bonferroni([0.01, 0.02, 0.5]).p_values.round(4).tolist()
    [0.03, 0.06, 1.0]
    """
    p = _p_values(p_values)
    return _adjusted(np.minimum(1.0, len(p) * p), alpha)


def holm(p_values: npt.ArrayLike, alpha: float = 0.05) -> Adjusted:
    r"""Controls the chance of any false rejection as `bonferroni`, and never rejects less.

    .. math:: \tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1) p_{(j)})

    (Holm: A Simple Sequentially Rejective Multiple Test Procedure, 1979.) O(m log m).

    Args:
        p_values: Shape (m,), each from 0 to 1.
        alpha: Level, from 0 to 1.

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError, DtypeError: as `bonferroni`.

    >>> holm([0.01, 0.02, 0.5]).p_values.round(4).tolist()
    [0.03, 0.04, 0.5]
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = np.arange(len(p), 0, -1) * p[order]
    result = np.empty(len(p))
    result[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return _adjusted(result, alpha)


def benjamini_hochberg(p_values: npt.ArrayLike, alpha: float = 0.05) -> Adjusted:
    r"""Controls the expected share of false ones among the rejections, for independent or positively dependent tests.

    .. math:: \tilde p_{(i)} = \min_{j \ge i} \min\left(1, \frac{m}{j} p_{(j)}\right)

    (Benjamini, Hochberg: Controlling the False Discovery Rate, 1995.) O(m log m).

    Args:
        p_values: Shape (m,), each from 0 to 1.
        alpha: Level, from 0 to 1.

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError, DtypeError: as `bonferroni`.

    >>> benjamini_hochberg([0.01, 0.02, 0.5]).p_values.round(4).tolist()
    [0.03, 0.03, 0.5]
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    steps = len(p) / np.arange(1, len(p) + 1) * p[order]
    result = np.empty(len(p))
    result[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return _adjusted(result, alpha)


def _p_values(values: npt.ArrayLike) -> Array:
    p = as_vector(values, "p_values")
    wrong = (p < 0) | (p > 1)
    if wrong.any():
        raise RangeError(f"p_values[{int(wrong.argmax())}] must be from 0 to 1, got {p[wrong][0]:g}")
    return p


def _adjusted(p_values: Array, alpha: float) -> Adjusted:
    return Adjusted(p_values, p_values <= number_in(alpha, "alpha", 0, 1))
