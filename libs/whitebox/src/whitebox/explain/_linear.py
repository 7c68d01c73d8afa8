"""Shapley values of linear models, in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_array, as_matrix
from whitebox.errors import ShapeError
from whitebox.explain._coalitions import Explanation, as_rows, same_width


def linear_shap(
    coef: npt.ArrayLike, intercept: npt.ArrayLike, background: npt.ArrayLike, x: npt.ArrayLike
) -> Explanation:
    r"""Shapley values of a linear model whose columns are taken from a background one by one.

    .. math:: f(x) = w^\top x + b, \qquad \phi_j = w_j (x_j - E[x_j])

    (Lundberg, Lee 2017, corollary 1.) O(n · d).

    Args:
        coef: w, shape (d,), or (outputs, d) for several.
        intercept: b, a number or shape (outputs,).
        background: Rows that the expectation is taken over, shape (B, d).
        x: What to explain, shape (d,) or (n, d).

    Raises:
        ShapeError: if shapes do not fit.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> linear_shap([1.0, 2.0], 3.0, [[0.0, 0.0], [2.0, 2.0]], [5.0, 1.0])
    Explanation(values=array([4., 0.]), base=array(6.))
    """
    weights, shift = as_array(coef, "coef"), as_array(intercept, "intercept")
    if weights.ndim not in (1, 2):
        raise ShapeError(f"coef must have shape (d,) or (outputs, d), got {weights.shape}")
    if shift.shape not in ((), weights.shape[:-1]):
        raise ShapeError(f"intercept must be a number or have shape {weights.shape[:-1]}, got {shift.shape}")
    mean = as_matrix(background, "background").mean(axis=0)
    rows, single = as_rows(x, "x")
    same_width(rows, "x", mean, "background")
    same_width(rows, "x", weights, "coef")
    away = rows - mean
    values = away * weights if weights.ndim == 1 else away[:, :, None] * weights.T
    return Explanation(values[0] if single else values, np.asarray(weights @ mean + shift))
