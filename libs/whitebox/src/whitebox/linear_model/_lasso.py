"""Least squares with a penalty on absolute values, which makes weights vanish."""

from __future__ import annotations

import warnings
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import ShapeError
from whitebox.linear_model._least_squares import _LinearRegressor

# Columns that are added at a time at least: few enough that products of all pairs of them cost little.
_FIRST_COLUMNS = 128


class LassoPath(NamedTuple):
    """Weights along a path of penalties.

    Attributes:
        alphas: Falling, shape (a,).
        coefs: Shape (d, a).
        dual_gaps: How far each objective can be from its minimum at most, shape (a,).
    """

    alphas: Array
    coefs: Array
    dual_gaps: Array


class Lasso(_LinearRegressor):
    r"""Least squares with a penalty on the absolute values of the weights.

    .. math:: \min_{w, b} \frac{1}{2 n} \lVert y - X w - b \rVert_2^2 + \alpha \lVert w \rVert_1

    (Tibshirani 1996; the intercept is not penalised.) One weight at a time goes to its minimum, which has a closed
    form, the soft threshold (Friedman, Hastie, Tibshirani: Regularization Paths by Coordinate Descent, 2010, equation
    5):

    .. math:: w_j \leftarrow \frac{S(x_j^\top r / n + w_j \lVert x_j \rVert^2 / n,\; \alpha)}{\lVert x_j \rVert^2 / n},
              \qquad S(z, \alpha) = \mathrm{sign}(z) \max(|z| - \alpha, 0)

    It stops by the duality gap, which bounds how much is left to gain: a residual shrunk until no column correlates
    with it by more than :math:`\alpha` is a point of the dual (Kim et al. 2007, section III). Products of columns are
    kept, so a step costs O(columns) and only for weights that change; of very many columns only those are kept that may
    matter.

    Args:
        alpha: Strength of the penalty, positive: without one, there is `LinearRegression`.
        fit_intercept: Whether there is a b.
        tol: Stops when the gap is at most this share of :math:`\lVert y - \bar y \rVert^2 / n`.
        max_iter: Passes over the weights at most; a warning is given when they do not suffice.

    Attributes:
        coef_: w, shape (d,).
        intercept_: b.
        dual_gap_: How far the objective can be from its minimum at most.
        n_iter_: Passes made.

    >>> model = Lasso(alpha=0.5).fit([[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]], [-2.0, 2.0, -2.2, 2.2])
    >>> model.coef_.round(6).tolist()
    [1.6, 0.0]
    """

    dual_gap_: float
    n_iter_: int

    def __init__(
        self, alpha: float = 1.0, *, fit_intercept: bool = True, tol: float = 1e-6, max_iter: int = 10_000
    ) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the weights.

        Args:
            X: Shape (n, d).
            y: Shape (n,).

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        alpha, tol = (number_in(getattr(self, name), name, 0, open_low=True) for name in ("alpha", "tol"))
        max_iter = positive_int(self.max_iter, "max_iter")
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        centred, aim, row_mean, target_mean = self._centred(rows, target, self.fit_intercept)
        weights = np.zeros(rows.shape[1])
        self.dual_gap_, self.n_iter_ = _fit(centred, aim, alpha, weights, tol=tol, max_iter=max_iter)
        self._remember(weights, row_mean, target_mean)
        return self


def lasso_path(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    alphas: npt.ArrayLike | None = None,
    n_alphas: int = 100,
    eps: float = 1e-3,
    tol: float = 1e-6,
    max_iter: int = 10_000,
) -> LassoPath:
    r"""`Lasso` for a whole path of penalties, each fit started from its neighbour's weights.

    By default from :math:`\alpha_{\max} = \lVert X^\top y \rVert_\infty / n`, where the first weight becomes nonzero,
    down to `eps` times that, evenly in logarithms. There is no intercept: centre X and y for one.

    Args:
        X: Shape (n, d).
        y: Shape (n,).
        alphas: Penalties to use instead; sorted to fall.
        n_alphas: How many.
        eps: Smallest as a share of the largest.
        tol: As for `Lasso`.
        max_iter: As for `Lasso`.

    Raises:
        RangeError: if a parameter is out of its range.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> path = lasso_path([[1.0, 0.0], [0.0, 1.0]], [2.0, 1.0], alphas=[0.25, 0.75])
    >>> path.alphas.tolist(), path.coefs.round(6).tolist()
    ([0.75, 0.25], [[0.5, 1.5], [0.0, 0.5]])
    """
    rows, target = as_matrix(X, "X"), as_vector(y, "y")
    if len(rows) != len(target):
        raise ShapeError(f"y must have shape ({len(rows)},), got {target.shape}")
    number_in(tol, "tol", 0, open_low=True)
    positive_int(max_iter, "max_iter")
    if alphas is None:
        positive_int(n_alphas, "n_alphas")
        number_in(eps, "eps", 0, 1, open_low=True)
        largest = float(np.abs(rows.T @ target).max()) / len(rows) or 1.0
        penalties = largest * np.logspace(0, np.log10(eps), n_alphas)
    else:
        penalties = np.sort(as_vector(alphas, "alphas"))[::-1].copy()
        number_in(float(penalties[-1]), "min(alphas)", 0, open_low=True)
    coefs, gaps = np.empty((rows.shape[1], len(penalties))), np.empty(len(penalties))
    weights = np.zeros(rows.shape[1])
    for place, alpha in enumerate(penalties.tolist()):
        gaps[place], _ = _fit(rows, target, alpha, weights, tol=tol, max_iter=max_iter)
        coefs[:, place] = weights
    return LassoPath(penalties, coefs, gaps)


def _fit(rows: Array, target: Array, alpha: float, weights: Array, *, tol: float, max_iter: int) -> tuple[float, int]:
    """Improves the weights until the duality gap is small; gives the gap and the passes."""
    n = len(rows)
    square = float(target @ target) / n
    enough = tol * square
    tightening, passes = 0.1, 0
    kept = weights != 0
    while True:
        residual = target - rows @ weights
        correlation = rows.T @ residual / n
        gap = _duality_gap(target, residual, correlation, weights, alpha)
        # Where rounding is larger than the tolerance, no tightening helps.
        if gap <= enough or passes >= max_iter or tightening < np.finfo(np.float64).eps:
            break
        # Columns whose weight is zero but would not stay so, the most pressing first.
        pressing = np.where(kept, 0.0, np.abs(correlation)) > alpha
        if pressing.any():
            wanted = min(max(_FIRST_COLUMNS, int(kept.sum())), int(pressing.sum()))
            strongest = np.argpartition(-np.abs(correlation) * pressing, wanted - 1)[:wanted]
            kept[strongest] = True
        else:
            tightening /= 10  # the same columns once more can only bring something if solved more tightly
        columns = np.flatnonzero(kept)
        chosen = rows[:, columns]
        part, slope = weights[columns], correlation[columns]
        # Columns left out have weight zero, so the objective is the same function of those that are kept.
        inner = max(0.3 * enough, tightening * gap)  # no more exactly than the choice of columns deserves
        passes += _descend(chosen.T @ chosen / n, slope, part, alpha, square, inner, max_iter - passes)
        weights[columns] = part
    if gap > enough:
        warnings.warn(f"no convergence within {max_iter} passes: duality gap {gap:.3g}", RuntimeWarning, stacklevel=3)
    return gap, passes


def _duality_gap(target: Array, residual: Array, correlation: Array, weights: Array, alpha: float) -> float:
    n = len(target)
    steepest = float(np.abs(correlation).max())
    shrink = min(1.0, alpha / steepest) if steepest > 0 else 1.0
    primal = float(residual @ residual) / (2 * n) + alpha * float(np.abs(weights).sum())
    off = target - shrink * residual
    dual = (float(target @ target) - float(off @ off)) / (2 * n)
    return max(0.0, primal - dual)


@compiled
def _descend(  # noqa: PLR0917  # numba knows no keyword-only arguments
    gram: Array, slope: Array, weights: Array, alpha: float, square: float, enough: float, max_iter: int
) -> int:
    """Coordinate descent on products: `gram` is XᵀX / n, `slope` is Xᵀr / n and kept up to date; counts passes."""
    d = len(weights)
    for passes in range(1, max_iter + 1):
        change = 0.0
        for j in range(d):
            curvature = gram[j, j]
            if curvature == 0.0:
                continue
            pull = slope[j] + curvature * weights[j]
            if pull > alpha:
                new = (pull - alpha) / curvature
            elif pull < -alpha:
                new = (pull + alpha) / curvature
            else:
                new = 0.0
            step = new - weights[j]
            if step != 0.0:
                weights[j] = new
                for k in range(d):
                    slope[k] -= step * gram[j, k]
                change = max(change, curvature * step * step)
        # A pass that gains less than this per weight may be the last; then the gap decides.
        if change * d <= enough or passes % 10 == 0:
            steepest = 0.0
            absolute = 0.0
            fitted = 0.0  # ‖Xw‖² / n + wᵀXᵀr / n = wᵀXᵀy / n
            inner = 0.0
            for k in range(d):
                steepest = max(steepest, abs(slope[k]))
                absolute += abs(weights[k])
                inner += weights[k] * slope[k]
                for m in range(d):
                    fitted += weights[k] * gram[k, m] * weights[m]
            along = inner + fitted  # yᵀXw / n
            residual = max(0.0, square - along - inner)  # ‖r‖² / n
            shrink = min(1.0, alpha / steepest) if steepest > 0.0 else 1.0
            # ‖y‖² − ‖y − s r‖² = 2 s yᵀr − s² ‖r‖², with yᵀr = ‖y‖² − yᵀXw.
            dual = shrink * (square - along) - 0.5 * shrink * shrink * residual
            if 0.5 * residual + alpha * absolute - dual <= enough or change == 0.0:
                return passes
    return max_iter
