"""Least squares, plain and with a quadratic penalty."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.base import Regressor
from whitebox.errors import NotPositiveDefiniteError
from whitebox.linalg import cholesky, lstsq, solve_positive_definite, solve_triangular, svd

# How far a unit column must stand off the ones before it for the squares to keep enough digits to be corrected.
_INDEPENDENT = 1e-4
# The share of the sum of squares below which a penalty is lost in their rounding.
_ROUNDING = 1e-12


class _LinearRegressor(Regressor):
    """Prediction by a weighted sum, and the centring that makes the intercept drop out of the fit."""

    coef_: Array
    intercept_: Array | float

    def predict(self, X: npt.ArrayLike) -> Array:
        """:math:`X w + b`, shape (n,), or (n, targets). Raises as `fit` for unusable input, and before `fit`."""
        predicted: Array = self._rows_to_use(X, "coef_") @ self.coef_.T + self.intercept_
        return predicted

    def _centred(self, rows: Array, target: Array, fit_intercept: bool) -> tuple[Array, Array, Array, Array]:
        r"""Rows and target without their means, and the means.

        At the optimum the residuals sum to zero, so :math:`b = \bar y - \bar x^\top w` whatever w is.
        """
        if not fit_intercept:
            return rows, target, np.zeros(rows.shape[1]), np.zeros(target.shape[1:])
        row_mean, target_mean = rows.mean(axis=0), target.mean(axis=0)
        return rows - row_mean, target - target_mean, row_mean, np.asarray(target_mean)

    def _remember(self, weights: Array, row_mean: Array, target_mean: Array) -> None:
        """Sets the weights, of shape (d,) or (d, targets), and the intercept."""
        self.coef_ = weights.T.copy()
        intercept = target_mean - row_mean @ weights
        self.intercept_ = float(intercept) if intercept.ndim == 0 else intercept


class LinearRegression(_LinearRegressor):
    r"""Ordinary least squares.

    .. math:: \min_{w, b} \lVert y - X w - b \rVert_2^2

    (Legendre 1805.) By the normal equations :math:`X^\top X w = X^\top y` with columns of unit length, corrected once
    by the residual, which gives back the digits that squaring costs (Björck: Stability Analysis of the Method of
    Seminormal Equations, 1987). Where columns depend on each other, nearly or quite, by the singular value
    decomposition, which takes the shortest of the equally good w. O(n · d² + d³).

    Args:
        fit_intercept: Whether there is a b.

    Attributes:
        coef_: w, shape (d,), or (targets, d).
        intercept_: b, a number, or shape (targets,).
        rank_: Number of independent columns, after centring.

    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> round(float(model.coef_[0]), 9), round(model.intercept_, 9)
    (2.0, 1.0)
    """

    _many_targets = True
    rank_: int

    def __init__(self, fit_intercept: bool = True) -> None:
        self.fit_intercept = fit_intercept

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the weights.

        Args:
            X: Shape (n, d).
            y: Shape (n,), or (n, targets).

        Raises:
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        centred, aim, row_mean, target_mean = self._centred(rows, target, self.fit_intercept)
        weights, self.rank_ = _least_squares(centred, aim)
        self._remember(weights, row_mean, target_mean)
        return self


class Ridge(_LinearRegressor):
    r"""Least squares with a penalty on the squares of the weights.

    .. math:: \min_{w, b} \lVert y - X w - b \rVert_2^2 + \alpha \lVert w \rVert_2^2, \qquad
              w = (X^\top X + \alpha I)^{-1} X^\top y = X^\top (X X^\top + \alpha I)^{-1} y

    for centred X and y (Hoerl, Kennard: Ridge Regression, 1970); the intercept is not penalised. The smaller of the two
    systems is solved by Cholesky's factorisation: O(n · d · min(n, d) + min(n, d)³).

    Args:
        alpha: Strength of the penalty, not negative; at 0 this is `LinearRegression`.
        fit_intercept: Whether there is a b.

    Attributes:
        coef_: w, shape (d,), or (targets, d).
        intercept_: b, a number, or shape (targets,).

    >>> Ridge(alpha=2.0).fit([[-1.0], [1.0]], [-2.0, 2.0]).coef_.tolist()
    [1.0]
    """

    _many_targets = True

    def __init__(self, alpha: float = 1.0, fit_intercept: bool = True) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the weights.

        Args:
            X: Shape (n, d).
            y: Shape (n,), or (n, targets).

        Raises:
            RangeError: if `alpha` is negative.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        alpha = number_in(self.alpha, "alpha", 0)
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        centred, aim, row_mean, target_mean = self._centred(rows, target, self.fit_intercept)
        self._remember(_ridge(centred, aim, alpha), row_mean, target_mean)
        return self


def _least_squares(rows: Array, target: Array) -> tuple[Array, int]:
    """Weights and the number of independent columns."""
    lengths = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    if rows.shape[1] <= len(rows) and (lengths > 0).all():
        unit = rows / lengths
        try:
            L = cholesky(unit.T @ unit)
        except NotPositiveDefiniteError:
            L = np.zeros((1, 1))
        if L.diagonal().min() > _INDEPENDENT:
            weights = _solve_factored(L, unit.T @ target)
            weights += _solve_factored(L, unit.T @ (target - unit @ weights))
            return (weights.T / lengths).T, rows.shape[1]
    found = lstsq(rows, target)
    return found.solution, found.rank


def _solve_factored(L: Array, b: Array) -> Array:
    return solve_triangular(L.T, solve_triangular(L, b, lower=True), lower=False)


def _ridge(rows: Array, target: Array, alpha: float) -> Array:
    n, d = rows.shape
    if alpha == 0:
        return lstsq(rows, target).solution
    if alpha > _ROUNDING * float(np.einsum("ij,ij->", rows, rows)):
        if d <= n:
            return solve_positive_definite(rows.T @ rows + alpha * np.eye(d), rows.T @ target)
        return rows.T @ solve_positive_definite(rows @ rows.T + alpha * np.eye(n), target)
    # Rounding of the squares would swallow so small an alpha; the singular values have not been squared.
    U, values, Vt = svd(rows)
    kept = int((values > np.finfo(np.float64).eps * max(n, d) * values[0]).sum())
    shrunk = (U[:, :kept] * (values / (values**2 + alpha))[:kept]).T @ target
    return Vt[:kept].T @ shrunk
