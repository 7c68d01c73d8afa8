"""Linear regression with a posterior."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import Regressor
from whitebox.errors import EmptyInputError
from whitebox.linalg import svd

# Precisions stay within this factor of what the data's own spread suggests: targets that are matched exactly have none.
_LARGEST = 1e12


class BayesianLinearRegression(Regressor):
    r"""Linear regression with normal noise and a normal prior on the weights.

    With :math:`y \sim N(X w + b, \alpha^{-1} I)`, :math:`w \sim N(0, \lambda^{-1} I)` and a flat prior on b, the
    posterior is normal, on centred data

    .. math:: S = (\lambda I + \alpha X^\top X)^{-1}, \qquad m = \alpha S X^\top y

    and the precisions, where they are not given, maximise the evidence, with ν = n - 1 for the mean that b takes (n
    without intercept):

    .. math:: \log p(y) = \tfrac{\nu}{2} \log \tfrac{\alpha}{2 \pi} + \tfrac d2 \log \lambda
              - \tfrac\alpha2 \lVert y - X m \rVert^2 - \tfrac\lambda2 \lVert m \rVert^2 + \tfrac12 \log \det S
              - \tfrac12 \log n

    (the last term with an intercept only) by iterating :math:`\gamma = d - \lambda\, \mathrm{tr} S`,
    :math:`\lambda = \gamma / \lVert m \rVert^2`, :math:`\alpha = (\nu - \gamma) / \lVert y - X m \rVert^2` (MacKay:
    Bayesian Interpolation, 1992; Bishop: Pattern Recognition and Machine Learning, 2006, equations 3.53, 3.54, 3.86 and
    3.91 to 3.95). O(n · d · min(n, d)) once, then O(d) an iteration.

    Args:
        noise_precision: α, positive; None finds it.
        weight_precision: λ, positive; None finds it.
        fit_intercept: Whether there is a b.
        tol: Stops when both precisions change by less than this share.
        max_iter: Iterations at most; a warning is given when they do not suffice.

    Attributes:
        coef_: m, shape (d,).
        intercept_: The mean of b.
        covariance_: S, shape (d, d).
        alpha_: α.
        lambda_: λ.
        log_evidence_: :math:`\log p(y)` there.
        n_iter_: Iterations taken.

    >>> model = BayesianLinearRegression(noise_precision=1.0, weight_precision=1.0).fit([[-1.0], [1.0]], [0.0, 3.0])
    >>> model.coef_.round(4).tolist(), model.intercept_, model.covariance_.round(4).tolist()
    ([1.0], 1.5, [[0.3333]])
    """

    coef_: Array
    intercept_: float
    covariance_: Array
    alpha_: float
    lambda_: float
    log_evidence_: float
    n_iter_: int

    def __init__(
        self,
        noise_precision: float | None = None,
        weight_precision: float | None = None,
        *,
        fit_intercept: bool = True,
        tol: float = 1e-8,
        max_iter: int = 1000,
    ) -> None:
        self.noise_precision = noise_precision
        self.weight_precision = weight_precision
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the posterior.

        Raises:
            EmptyInputError: if one row, beside an intercept, has to tell the noise.
            RangeError: for a parameter out of its range.
            DtypeError, ShapeError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        for name in ("noise_precision", "weight_precision"):
            if getattr(self, name) is not None:
                number_in(getattr(self, name), name, 0, open_low=True)
        number_in(self.tol, "tol", 0)
        n, d = rows.shape
        free = n - 1 if self.fit_intercept else n
        if free == 0 and self.noise_precision is None:
            raise EmptyInputError("one sample tells no noise beside an intercept: n_samples=1")
        self._centre = rows.mean(axis=0) if self.fit_intercept else np.zeros(d)
        offset = float(target.mean()) if self.fit_intercept else 0.0
        centred, rest = rows - self._centre, target - offset
        factors = svd(centred)
        V = factors.Vt.T
        data = _Summary(factors.singular_values, factors.U.T @ rest, float(rest @ rest), free, d)
        self.alpha_, self.lambda_ = self._precisions(data)
        precisions = self.lambda_ + self.alpha_ * data.singular**2
        self.coef_ = V @ data.weights(self.alpha_, self.lambda_)
        self.intercept_ = offset - float(self._centre @ self.coef_)
        # Directions that the rows do not span keep the prior's variance.
        self.covariance_ = (V / precisions) @ V.T + (np.eye(d) - V @ V.T) / self.lambda_
        self.log_evidence_ = data.log_evidence(self.alpha_, self.lambda_)
        if self.fit_intercept:
            self.log_evidence_ -= 0.5 * math.log(n)
        self._intercept_share = 1 / n if self.fit_intercept else 0.0
        return self

    def predict(self, X: npt.ArrayLike, return_std: bool = False) -> Any:
        r"""The mean of each row, with `return_std` also the standard deviation of a new observation, shape (n,) each.

        .. math:: \sigma_*^2 = \alpha^{-1} (1 + \tfrac1n) + (x - \bar x)^\top S (x - \bar x)

        (without 1/n and the mean where there is no intercept; Bishop 2006, equation 3.59).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        rows = self._rows_to_use(X, "coef_")
        mean = rows @ self.coef_ + self.intercept_
        if not return_std:
            return mean
        away = rows - self._centre
        of_weights = np.einsum("ij,ij->i", away @ self.covariance_, away)
        return mean, np.sqrt(of_weights + (1 + self._intercept_share) / self.alpha_)

    def _precisions(self, data: _Summary) -> tuple[float, float]:
        noise, width = data.spread()
        alpha = self.noise_precision or 1 / noise
        lambda_ = self.weight_precision or width / noise
        self.n_iter_ = 0
        if self.noise_precision is not None and self.weight_precision is not None:
            return float(alpha), float(lambda_)
        for iteration in range(1, positive_int(self.max_iter, "max_iter") + 1):
            self.n_iter_ = iteration
            before = alpha, lambda_
            weights = data.weights(alpha, lambda_)
            known = data.known(alpha, lambda_)
            if self.weight_precision is None:
                lambda_ = _capped(known, float(weights @ weights), _LARGEST * width / noise)
            if self.noise_precision is None:
                alpha = _capped(data.free - known, data.residual(weights), _LARGEST / noise)
            if abs(alpha / before[0] - 1) <= self.tol and abs(lambda_ / before[1] - 1) <= self.tol:
                break
        else:
            warnings.warn(f"no convergence within {self.max_iter} iterations", RuntimeWarning, stacklevel=3)
        return float(alpha), float(lambda_)


class _Summary:
    """All that the iteration needs of the data: centred X = U Σ Vᵀ, weights along the columns of V.

    Args:
        singular: Σ, shape (k,).
        along: Uᵀ y, shape (k,).
        squares: yᵀ y.
        free: ν.
        columns: d.
    """

    def __init__(self, singular: Array, along: Array, squares: float, free: int, columns: int) -> None:
        self.singular, self.along, self.squares, self.free, self._columns = singular, along, squares, free, columns

    def spread(self) -> tuple[float, float]:
        """Mean squares of the targets and of a column, 1 where they do not vary."""
        width = float((self.singular**2).sum()) / max(self.free, 1) / self._columns
        return self.squares / max(self.free, 1) or 1.0, width or 1.0

    def weights(self, alpha: float, lambda_: float) -> Array:
        """Vᵀ m, shape (k,)."""
        weights: Array = alpha * self.singular * self.along / (lambda_ + alpha * self.singular**2)
        return weights

    def known(self, alpha: float, lambda_: float) -> float:
        """γ, how many weights the data rather than the prior determine."""
        return float((alpha * self.singular**2 / (lambda_ + alpha * self.singular**2)).sum())

    def residual(self, weights: Array) -> float:
        """Sum of squares that the weights leave."""
        inside = self.along - self.singular * weights
        return max(self.squares - float(self.along @ self.along), 0.0) + float(inside @ inside)

    def log_evidence(self, alpha: float, lambda_: float) -> float:
        weights = self.weights(alpha, lambda_)
        log_det = float(np.log(lambda_ + alpha * self.singular**2).sum())
        log_det += (self._columns - len(self.singular)) * math.log(lambda_)
        return 0.5 * (
            self.free * math.log(alpha / (2 * math.pi))
            + self._columns * math.log(lambda_)
            - alpha * self.residual(weights)
            - lambda_ * float(weights @ weights)
            - log_det
        )


def _capped(numerator: float, denominator: float, largest: float) -> float:
    """A precision as a ratio, positive and not beyond the largest."""
    if numerator >= largest * denominator:
        return largest
    return max(numerator / denominator, largest / _LARGEST**2)
