"""Derivatives from values nearby."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, number_in
from whitebox.errors import DtypeError, RangeError, ShapeError

EPS = float(np.finfo(np.float64).eps)

# Places and weights of the symmetric formulas.
_FORMULAS = {2: ((1, 1 / 2),), 4: ((1, 2 / 3), (2, -1 / 12))}


def central_difference(
    f: Callable[[Array], Any], x: npt.ArrayLike, *, order: Literal[2, 4] = 2, step: float | None = None
) -> Array:
    r"""The derivative of an elementwise function, from values on both sides.

    .. math:: f'(x) = \frac{f(x + h) - f(x - h)}{2 h} + O(h^2), \qquad
              f'(x) = \frac{8 \left[f(x + h) - f(x - h)\right] - f(x + 2h) + f(x - 2h)}{12 h} + O(h^4)

    The default h balances that error against rounding, which leaves about 10 digits, or 13 at order 4 (Press et al.:
    Numerical Recipes, 3rd ed., 5.7). `order` evaluations.

    Args:
        f: Elementwise, real.
        x: Any shape.
        order: 2 or 4.
        step: h, positive; :math:`\varepsilon^{1 / (\mathrm{order} + 1)} \max(1, |x|)` by default.

    Returns:
        In the shape of `x`.

    Raises:
        DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.
        ShapeError: if f changes the shape.

    >>> central_difference(np.exp, 0.0).round(9).tolist()
    1.0
    """
    at = as_array(x, "x")
    if order not in _FORMULAS:
        raise RangeError(f"order must be 2 or 4, got {order!r}")
    width = EPS ** (1 / (order + 1)) * np.maximum(1, np.abs(at)) if step is None else _given(step)
    # The step as it is after rounding: x + h is a number that floats have, h itself need not be the intended one.
    h = (at + width) - at
    total = np.zeros_like(at)
    for places, weight in _FORMULAS[order]:
        difference = np.asarray(f(at + places * h)) - np.asarray(f(at - places * h))
        if difference.shape != at.shape:
            raise ShapeError(f"f turns shape {at.shape} into {difference.shape}")
        total = total + weight * difference
    return np.asarray(total / h)


def complex_step(f: Callable[[npt.NDArray[Any]], Any], x: npt.ArrayLike, *, step: float = 1e-20) -> Array:
    r"""The derivative of an elementwise analytic function, :math:`f'(x) = \Im f(x + i h) / h + O(h^2)`.

    Nothing is subtracted, so h can be so small that the result is exact to rounding (Squire, Trapp: Using Complex
    Variables to Estimate Derivatives of Real Functions, 1998). f must not use `abs`, `max`, comparisons or conjugates,
    which are not analytic. One evaluation.

    Args:
        f: Elementwise, takes complex numbers.
        x: Any shape.
        step: h, positive.

    Returns:
        In the shape of `x`.

    Raises:
        DtypeError: if `x` is not real, or f drops the imaginary part.
        EmptyInputError, NotFiniteError, RangeError: for unusable input.
        ShapeError: if f changes the shape.

    >>> complex_step(np.sin, 0.0).tolist()
    1.0
    """
    at = as_array(x, "x")
    h = _given(step)
    value = np.asarray(f(at + 1j * h))
    if value.dtype.kind != "c":
        raise DtypeError("f returns real numbers for complex ones: it is not analytic, or drops the imaginary part")
    if value.shape != at.shape:
        raise ShapeError(f"f turns shape {at.shape} into {value.shape}")
    return np.asarray(value.imag / h)


def _given(step: float) -> float:
    return number_in(step, "step", 0, open_low=True)
