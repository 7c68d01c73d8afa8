"""Distributions of vectors."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector
from whitebox.errors import RangeError, ShapeError
from whitebox.linalg import cholesky, solve_triangular
from whitebox.stats._continuous import log_gamma_draws
from whitebox.stats._distribution import Size, uniform
from whitebox.stats.special import digamma, gammaln, ndtri

_SUM_TOLERANCE = 1e-8


class MultivariateNormal:
    r"""The normal distribution of a vector.

    .. math:: \log f(x) = -\tfrac12 (x - \mu)^\top \Sigma^{-1} (x - \mu) - \tfrac12 \log\det\Sigma
              - \tfrac{d}{2} \log 2\pi

    by the Cholesky factor :math:`\Sigma = L L^\top`; draws are :math:`\mu + L z` with standard normal z (Anderson: An
    Introduction to Multivariate Statistical Analysis, 3rd ed., 2003, section 2.3). O(d³) once, O(d²) a point.

    Args:
        mu: Mean, shape (d,).
        sigma: Covariance, symmetric and positive definite, shape (d, d).

    Raises:
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.
        NotSymmetricError, NotPositiveDefiniteError: for a `sigma` that is no covariance.

    >>> normal = MultivariateNormal([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]])
    >>> float(normal.pdf([0.0, 0.0]).round(6))  # 1 / 4π
    0.079577
    """

    def __init__(self, mu: npt.ArrayLike, sigma: npt.ArrayLike) -> None:
        self.mu = as_vector(mu, "mu")
        self._factor = cholesky(sigma)
        self.sigma = as_array(sigma, "sigma")
        if len(self._factor) != len(self.mu):
            raise ShapeError(f"mu has {len(self.mu)} entries, but sigma is of shape {self.sigma.shape}")
        self._log_determinant = 2 * float(np.log(np.diag(self._factor)).sum())

    def __repr__(self) -> str:
        return f"MultivariateNormal({self.mu.tolist()}, {self.sigma.tolist()})"

    def logpdf(self, x: npt.ArrayLike) -> Array:
        """The logarithm of the density of points, shape (…, d), in the shape (…).

        Raises:
            ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but points of d numbers.
        """
        points = _points(x, len(self.mu))
        whitened = solve_triangular(self._factor, (points.reshape(-1, len(self.mu)) - self.mu).T, lower=True)
        squares = np.einsum("ij,ij->j", whitened, whitened).reshape(points.shape[:-1])
        density: Array = -0.5 * (squares + self._log_determinant + len(self.mu) * math.log(2 * math.pi))
        return density

    def pdf(self, x: npt.ArrayLike) -> Array:
        """The density. Raises as `logpdf`."""
        return np.exp(self.logpdf(x))

    def mean(self) -> Array:
        """The parameter μ, shape (d,)."""
        return self.mu.copy()

    def variance(self) -> Array:
        """The diagonal of Σ, shape (d,)."""
        return np.diag(self.sigma).copy()

    def covariance(self) -> Array:
        """The parameter Σ, shape (d, d)."""
        return self.sigma.copy()

    def entropy(self) -> float:
        r""":math:`\tfrac12 \log\det(2 \pi e \Sigma)`."""
        return 0.5 * (len(self.mu) * (1 + math.log(2 * math.pi)) + self._log_determinant)

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws, shape (…, d)."""
        normal = ndtri(uniform(rng, (*_shape(size), len(self.mu))))
        drawn: Array = self.mu + normal @ self._factor.T
        return drawn


class Dirichlet:
    r"""A distribution of probabilities of k classes.

    .. math:: f(x) = \frac{\Gamma(\alpha_0)}{\prod_i \Gamma(\alpha_i)} \prod_i x_i^{\alpha_i - 1}, \qquad
              \alpha_0 = \sum_i \alpha_i

    on the simplex; the density is with respect to the first k - 1 entries (Kotz, Balakrishnan, Johnson: Continuous
    Multivariate Distributions, 2nd ed., 2000, chapter 49). Draws are shares of independent gamma draws.

    Args:
        alpha: Positive, shape (k,), k at least 2.

    Raises:
        RangeError: if an entry is not positive, or there is only one.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but a vector of numbers.

    >>> Dirichlet([1.0, 2.0, 3.0]).mean().round(6).tolist()
    [0.166667, 0.333333, 0.5]
    """

    def __init__(self, alpha: npt.ArrayLike) -> None:
        self.alpha = as_vector(alpha, "alpha")
        if (self.alpha <= 0).any() or len(self.alpha) < 2:
            raise RangeError(f"alpha must be two or more positive numbers, got {self.alpha.tolist()}")

    def __repr__(self) -> str:
        return f"Dirichlet({self.alpha.tolist()})"

    def logpdf(self, x: npt.ArrayLike) -> Array:
        """The logarithm of the density of points, shape (…, k), in the shape (…); minus infinity off the simplex.

        Raises:
            ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but points of k numbers.
        """
        points = _points(x, len(self.alpha))
        on_simplex = (points >= 0).all(axis=-1) & (np.abs(points.sum(axis=-1) - 1) <= _SUM_TOLERANCE)
        with np.errstate(divide="ignore", invalid="ignore"):
            # 0 · log 0 is 0: an entry with α = 1 does not matter.
            powers = np.where(self.alpha == 1, 0.0, (self.alpha - 1) * np.log(np.maximum(points, 0.0)))
            density: Array = np.where(on_simplex, powers.sum(axis=-1) - self._log_norm(), -np.inf)[()]
        return density

    def pdf(self, x: npt.ArrayLike) -> Array:
        """The density. Raises as `logpdf`."""
        return np.exp(self.logpdf(x))

    def mean(self) -> Array:
        """The shares α / α₀, shape (k,)."""
        share: Array = self.alpha / self.alpha.sum()
        return share

    def variance(self) -> Array:
        """The variance of each entry, shape (k,)."""
        return np.diag(self.covariance()).copy()

    def covariance(self) -> Array:
        """The matrix (diag(m) - m mᵀ) / (α₀ + 1) for the mean m, shape (k, k)."""
        mean = self.mean()
        covariance: Array = (np.diag(mean) - np.outer(mean, mean)) / (self.alpha.sum() + 1)
        return covariance

    def entropy(self) -> float:
        r""":math:`\log B(\alpha) + (\alpha_0 - k) \psi(\alpha_0) - \sum_i (\alpha_i - 1) \psi(\alpha_i)`."""
        total = self.alpha.sum()
        inner = ((self.alpha - 1) * digamma(self.alpha)).sum()
        return float(self._log_norm() + (total - len(self.alpha)) * digamma(total) - inner)

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws, shape (…, k)."""
        logarithms = log_gamma_draws(rng, self.alpha, (*_shape(size), len(self.alpha)))
        drawn = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
        shares: Array = drawn / drawn.sum(axis=-1, keepdims=True)
        return shares

    def _log_norm(self) -> float:
        return float(gammaln(self.alpha).sum() - gammaln(self.alpha.sum()))


def _points(x: npt.ArrayLike, dimension: int) -> Array:
    points = as_array(x, "x")
    if points.ndim == 0 or points.shape[-1] != dimension:
        raise ShapeError(f"x must have {dimension} numbers along its last axis, got shape {points.shape}")
    return points


def _shape(size: Size) -> tuple[int, ...]:
    return () if size is None else (size,) if isinstance(size, int) else tuple(size)
