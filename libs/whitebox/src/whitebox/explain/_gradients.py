"""Integrated gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, positive_int
from whitebox.errors import NotFiniteError, ShapeError
from whitebox.explain._coalitions import Predict, as_rows, predictions, same_width


def integrated_gradients(
    gradient: Callable[[Array], Any], x: npt.ArrayLike, baseline: npt.ArrayLike | None = None, *, steps: int = 64
) -> Array:
    r"""What each column contributes on the straight way from a baseline to x.

    .. math:: \phi_j = (x_j - x'_j) \int_0^1 \frac{\partial f}{\partial x_j}\bigl(x' + t (x - x')\bigr)\, dt

    (Sundararajan, Taly, Yan 2017, equation 1.) Contributions sum to :math:`f(x) - f(x')` (completeness; see
    `completeness_gap`) but for the error of the integral, which is taken by the midpoint rule: O(steps⁻²) for a smooth
    f, and no error for one that is quadratic along the way. O(steps) gradients a row.

    Args:
        gradient: Maps rows of shape (n, d) to the gradients of f there, shape (n, d).
        x: What to explain, shape (d,) or (n, d).
        baseline: x', shape (d,); zeros where None.
        steps: Points on the way.

    Returns:
        The contributions, shape of `x`.

    Raises:
        ShapeError: if shapes do not fit, or `gradient` gives something else.
        NotFiniteError: if `gradient` gives NaN or infinity.
        RangeError: for no steps.
        DtypeError, EmptyInputError: for unusable input.

    >>> integrated_gradients(lambda X: X[:, ::-1], [2.0, 3.0]).tolist()  # of the product of two columns
    [3.0, 3.0]
    """
    rows, single = as_rows(x, "x")
    start = np.zeros(rows.shape[1]) if baseline is None else as_vector(baseline, "baseline")
    same_width(rows, "x", start, "baseline")
    count = positive_int(steps, "steps")
    slope = np.zeros_like(rows)
    for step in range(count):
        point = start + (step + 0.5) / count * (rows - start)
        there = np.asarray(gradient(point), dtype=np.float64)
        if there.shape != rows.shape:
            raise ShapeError(f"gradient must map {rows.shape} to the same shape, got {there.shape}")
        if not np.isfinite(there).all():
            raise NotFiniteError(f"gradient gave NaN or infinity at {point.tolist()[0]} or beside it")
        slope += there
    contributions: Array = (rows - start) * slope / count
    return contributions[0] if single else contributions


def completeness_gap(
    function: Predict, contributions: npt.ArrayLike, x: npt.ArrayLike, baseline: npt.ArrayLike | None = None
) -> Array:
    r"""By how much contributions miss the difference they have to sum to.

    .. math:: \sum_j \phi_j - \left( f(x) - f(x') \right)

    (Sundararajan, Taly, Yan 2017, proposition 1.) More steps make it smaller; if they do not, the gradient is not f's.

    Args:
        function: f, which maps rows of shape (n, d) to (n,).
        contributions: Shape of `x`.
        x: Shape (d,) or (n, d).
        baseline: x', shape (d,); zeros where None.

    Returns:
        Shape () or (n,).

    Raises:
        ShapeError: if shapes do not fit, or `function` has several outputs.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> completeness_gap(lambda X: X[:, 0] * X[:, 1], [3.0, 3.0], [2.0, 3.0]).item()
    0.0
    """
    rows, single = as_rows(x, "x")
    start = np.zeros(rows.shape[1]) if baseline is None else as_vector(baseline, "baseline")
    same_width(rows, "x", start, "baseline")
    phi = as_array(contributions, "contributions")
    if phi.shape != np.shape(x):
        raise ShapeError(f"contributions must have the shape of x, {np.shape(x)}, got {phi.shape}")
    said = predictions(function, np.concatenate([rows, start[None]]))
    if said.shape[1] != 1:
        raise ShapeError(f"function must have one output, got {said.shape[1]}")
    gap = phi.reshape(rows.shape).sum(axis=1) - (said[:-1, 0] - said[-1, 0])
    return np.asarray(gap[0] if single else gap)
