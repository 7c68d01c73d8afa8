"""Regression by Gaussian processes."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

# LAPACK's factorisation, for it is half of the work here and `whitebox.linalg.cholesky`, its twin in NumPy, takes more
# than twice as long at a thousand rows. The triangular systems are solved by whitebox.
from numpy.linalg import LinAlgError
from numpy.linalg import cholesky as lapack_cholesky

from whitebox._validation import Array, as_vector, positive_int
from whitebox.base import Regressor
from whitebox.errors import NotPositiveDefiniteError, RangeError, ShapeError
from whitebox.gp.kernels import RBF, Constant, Kernel, White
from whitebox.linalg._triangular import backward, forward
from whitebox.optimize import lbfgs

_INVERTED_AT_ONCE = 64


class GaussianProcessRegressor(Regressor):
    r"""Regression with a normal prior over functions.

    With covariances :math:`K = k(X, X) + \alpha I = L L^\top` and :math:`a = K^{-1} y`, the function at new rows has

    .. math:: \mu_* = k(X_*, X)\, a, \qquad \Sigma_* = k(X_*, X_*) - k(X_*, X) K^{-1} k(X, X_*)

    and the hyper-parameters of k are those that make the data most likely:

    .. math:: \log p(y) = -\tfrac12 y^\top a - \sum_i \log L_{ii} - \tfrac{n}{2} \log 2\pi, \qquad
              \partial_\theta \log p(y) = \tfrac12 \mathrm{tr}\left((a a^\top - K^{-1})\, \partial_\theta K\right)

    (Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006, algorithm 2.1 and equation 5.9), found by
    `whitebox.optimize.lbfgs` on logarithms that are bent into their bounds. O(n³) an evaluation, O(n² m) to predict m
    rows with their spread.

    Args:
        kernel: k; by default `Constant() * RBF() + White()`.
        alpha: Added to the variance of each row: what is known of its noise, and a guard against rounding. A number,
            or one for each row, shape (n,), not negative.
        optimizer: "lbfgs", or None to leave the hyper-parameters as they are.
        n_restarts: How many more times to start, from hyper-parameters drawn between their bounds.
        normalize_y: Whether to work with targets of mean 0 and variance 1.
        tol: Stops when the gradient of the log-likelihood falls to this.
        random_state: Seed of the restarts.

    Attributes:
        kernel_: With the hyper-parameters found.
        X_train_: Shape (n, d).
        y_train_: Normalised where that was asked for, shape (n,).
        L_: Shape (n, n).
        alpha_: a, shape (n,).
        log_marginal_likelihood_value_: There.

    >>> model = GaussianProcessRegressor(RBF(1.0), optimizer=None).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> mean, std = model.predict([[1.0], [9.0]], return_std=True)
    >>> mean.round(3).tolist(), std.round(3).tolist()
    ([1.0, 0.0], [0.0, 1.0])
    """

    kernel_: Kernel
    X_train_: Array
    y_train_: Array
    L_: Array
    alpha_: Array
    log_marginal_likelihood_value_: float

    def __init__(
        self,
        kernel: Kernel | None = None,
        alpha: float | Array = 1e-10,
        *,
        optimizer: Literal["lbfgs"] | None = "lbfgs",
        n_restarts: int = 0,
        normalize_y: bool = False,
        tol: float = 1e-2,
        random_state: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.alpha = alpha
        self.optimizer = optimizer
        self.n_restarts = n_restarts
        self.normalize_y = normalize_y
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the hyper-parameters, and factors the covariances.

        Raises:
            NotPositiveDefiniteError: if `alpha` is too small for rows that are (almost) the same.
            RangeError: for a parameter out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        self._check_parameters(len(rows))
        self._shift, self._scale = (
            (float(target.mean()), float(target.std()) or 1.0) if self.normalize_y else (0.0, 1.0)
        )
        self.X_train_, self.y_train_ = rows.copy(), (target - self._shift) / self._scale
        self.kernel_ = Constant() * RBF() + White() if self.kernel is None else self.kernel
        if self.optimizer is not None and len(self.kernel_.theta):
            self.kernel_ = self.kernel_.with_theta(self._most_likely())
        self.L_ = self._factor(self.kernel_.matrix(self.X_train_))
        self.alpha_ = _solve(self.L_, self.y_train_)
        self.log_marginal_likelihood_value_ = _log_likelihood(self.L_, self.y_train_, self.alpha_)
        return self

    def predict(self, X: npt.ArrayLike, return_std: bool = False, return_cov: bool = False) -> Any:
        r"""The mean :math:`\mu_*` of each row, with `return_std` also the standard deviations, or the covariances.

        They are those of new observations: a `White` part of the kernel is part of them, `alpha` is not.

        Args:
            X: Shape (m, d).
            return_std: Whether to give the standard deviations as well, shape (m,).
            return_cov: Whether to give the covariances as well, shape (m, m).

        Raises:
            NotFittedError: before `fit`.
            RangeError: if both are asked for.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        if return_std and return_cov:
            raise RangeError("at most one of return_std and return_cov can be asked for")
        rows = self._rows_to_use(X, "X_train_")
        across = self.kernel_.matrix(self.X_train_, rows)
        mean = self._shift + self._scale * (self.alpha_ @ across)
        if not (return_std or return_cov):
            return mean
        forward(self.L_, across)
        explained = across
        if return_cov:
            return mean, self._scale**2 * (self.kernel_.matrix(rows) - explained.T @ explained)
        variance = self.kernel_.diagonal(rows) - np.einsum("ij,ij->j", explained, explained)
        # Where the data leave no doubt, rounding may leave less than none.
        return mean, self._scale * np.sqrt(np.maximum(variance, 0.0))

    def sample_y(self, X: npt.ArrayLike, n_samples: int = 1, random_state: int | None = 0) -> Array:
        """Functions drawn from the posterior, at these rows.

        Args:
            X: Shape (m, d).
            n_samples: How many.
            random_state: Seed.

        Returns:
            Shape (m, n_samples).

        Raises:
            NotFittedError: before `fit`.
            RangeError, ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        mean, covariance = self.predict(X, return_cov=True)
        z = np.random.default_rng(random_state).standard_normal((len(mean), positive_int(n_samples, "n_samples")))
        functions: Array = mean[:, None] + _factor_semidefinite(covariance) @ z
        return functions

    def log_marginal_likelihood(self, theta: npt.ArrayLike | None = None, eval_gradient: bool = False) -> Any:
        r"""Of the training targets, with these hyper-parameters; minus infinity where K is not positive definite.

        Args:
            theta: Logarithms of the free hyper-parameters, shape (p,); those found by default.
            eval_gradient: Whether to give the gradient by `theta` as well, shape (p,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if `theta` has another length than the kernel's.
        """
        self._check_fitted("X_train_")
        own = self.kernel_.theta
        place = own if theta is None else (as_vector(theta, "theta") if np.size(theta) else own[:0])
        if place.shape != own.shape:
            raise ShapeError(f"theta must have shape {own.shape}, got {place.shape}")
        value, gradient = self._likelihood_and_gradient(place)
        return (value, gradient) if eval_gradient else value

    def _check_parameters(self, rows: int) -> None:
        alpha = np.asarray(self.alpha, dtype=np.float64)
        if alpha.shape not in ((), (rows,)):
            raise ShapeError(f"alpha must be a number or have shape ({rows},), got {alpha.shape}")
        if not ((alpha >= 0) & np.isfinite(alpha)).all():
            raise RangeError("alpha must be finite and not negative")
        if self.optimizer not in ("lbfgs", None):
            raise RangeError(f"optimizer must be 'lbfgs' or None, got {self.optimizer!r}")
        if self.n_restarts != 0:
            positive_int(self.n_restarts, "n_restarts")

    def _check_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            self._rows_to_use(np.zeros((1, 1)), attribute)  # raises, with the words of all estimators

    def _factor(self, covariance: Array) -> Array:
        """L; K is overwritten."""
        covariance[np.diag_indices_from(covariance)] += self.alpha
        try:
            L = np.asarray(lapack_cholesky(covariance), dtype=np.float64)
        except LinAlgError:
            raise NotPositiveDefiniteError(
                "the covariances of the rows are not positive definite: rows may be (almost) the same; raise alpha"
            ) from None
        return L

    def _likelihood_and_gradient(self, theta: Array) -> tuple[float, Array]:
        covariance, pullback = self.kernel_.with_theta(theta).with_pullback(self.X_train_)
        try:
            L = self._factor(covariance)
        except NotPositiveDefiniteError:
            return -math.inf, np.zeros_like(theta)
        inverse = _inverse_lower(L)
        a = inverse.T @ (inverse @ self.y_train_)
        weights = np.outer(a, a)
        weights -= inverse.T @ inverse
        weights *= 0.5
        return _log_likelihood(L, self.y_train_, a), pullback(weights)

    def _most_likely(self) -> Array:
        r"""The best :math:`\theta = l + (h - l) / (1 + e^{-t})` over all t, from one start or several."""
        low, high = self.kernel_.bounds.T

        def objective(t: Array) -> tuple[float, Array]:
            share = 1 / (1 + np.exp(-np.clip(t, -30, 30)))
            value, gradient = self._likelihood_and_gradient(low + (high - low) * share)
            return -value, -gradient * (high - low) * share * (1 - share)

        rng = np.random.default_rng(self.random_state)
        width = np.where(high > low, high - low, 1.0)
        starts = [(self.kernel_.theta - low) / width, *rng.random((self.n_restarts, len(low)))]
        ends = []
        for start in starts:
            share = np.clip(start, 1e-3, 1 - 1e-3)  # at a bound there is no slope left
            ends.append(lbfgs(objective, np.log(share / (1 - share)), tol=self.tol, max_iter=200))
        best = min(ends, key=lambda end: end.value)
        theta: Array = low + (high - low) / (1 + np.exp(-np.clip(best.x, -30, 30)))
        return theta


def _solve(L: Array, y: Array) -> Array:
    """K⁻¹ y."""
    x = y[:, None].copy()
    forward(L, x)
    backward(L.T, x)
    return x[:, 0]


def _log_likelihood(L: Array, y: Array, a: Array) -> float:
    return float(-0.5 * y @ a - np.log(L.diagonal()).sum() - 0.5 * len(y) * math.log(2 * math.pi))


def _inverse_lower(L: Array) -> Array:
    r"""In halves A and C on the diagonal and B below: the inverse has :math:`-C^{-1} B A^{-1}` below."""
    n = len(L)
    inverse = np.eye(n)
    if n <= _INVERTED_AT_ONCE:
        forward(L, inverse)
        return inverse
    half = n // 2
    first, second = _inverse_lower(L[:half, :half]), _inverse_lower(L[half:, half:])
    inverse[:half, :half], inverse[half:, half:] = first, second
    inverse[half:, :half] = -second @ (L[half:, :half] @ first)
    return inverse


def _factor_semidefinite(covariance: Array) -> Array:
    """A factor of covariances that may have no spread at all in some direction."""
    size = float(np.abs(covariance.diagonal()).max()) or 1.0
    for share in (1e-12, 1e-10, 1e-8, 1e-6):
        try:
            raised = covariance + share * size * np.eye(len(covariance))
            L = np.asarray(lapack_cholesky(raised), dtype=np.float64)
        except LinAlgError:
            continue
        return L
    raise NotPositiveDefiniteError("the posterior's covariances are far from positive definite; raise alpha")
