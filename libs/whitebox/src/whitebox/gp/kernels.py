"""Covariance functions, and the derivatives of their hyper-parameters.

Kernels are values: `+` and `*` make new ones of them, nothing changes one. `theta` holds the logarithms of the free
hyper-parameters, in the order in which the kernels are written (Rasmussen, Williams: Gaussian Processes for Machine
Learning, 2006, chapter 4; "RW06" below).

>>> kernel = 2.0 * RBF([1.0, 10.0]) + White(0.1)
>>> kernel([[0.0, 0.0], [1.0, 0.0]]).round(3).tolist()
[[2.1, 1.213], [1.213, 2.1]]
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix, as_vector
from whitebox.errors import RangeError, ShapeError

# From weights w, shape (n, n), to Σ w_ij ∂K_ij / ∂θ, shape (p,).
Pullback = Callable[[Array], Array]
# Between what a hyper-parameter may lie; None holds it where it is.
Bounds = tuple[float, float] | None
_WIDE = (1e-5, 1e5)
# Where a squared distance is this much smaller than the squares it is the difference of, few digits are left.
_CANCELLED = 1e-4
_CACHED = 2**16


class Kernel(ABC):
    """Base of the covariance functions."""

    def __call__(self, X: npt.ArrayLike, Z: npt.ArrayLike | None = None) -> Array:
        """Covariances between the rows of `X` and those of `Z`; without `Z`, of `X` with itself.

        Args:
            X: Shape (n, d).
            Z: Shape (m, d).

        Returns:
            Shape (n, m) or (n, n).

        Raises:
            ShapeError: if the widths differ, from each other or from what the kernel is made for.
            DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = as_matrix(X, "X")
        if Z is None:
            return self.matrix(rows)
        others = as_matrix(Z, "Z")
        if others.shape[1] != rows.shape[1]:
            raise ShapeError(f"X has {rows.shape[1]} columns, Z has {others.shape[1]}")
        return self.matrix(rows, others)

    @abstractmethod
    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """As calling the kernel, for input that is checked already."""

    @abstractmethod
    def diagonal(self, X: Array) -> Array:
        """The variances of the rows, the diagonal of `matrix(X)`, shape (n,)."""

    @abstractmethod
    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        r"""The covariances K of X with itself, and how any function f of them changes with `theta`.

        The second takes :math:`w = \partial f / \partial K`, symmetric, and gives :math:`\partial f / \partial \theta`:
        no matrix is kept for each hyper-parameter.
        """

    @property
    @abstractmethod
    def theta(self) -> Array:
        """Logarithms of the free hyper-parameters, shape (p,)."""

    @property
    @abstractmethod
    def bounds(self) -> Array:
        """Between what `theta` may lie, shape (p, 2)."""

    @abstractmethod
    def with_theta(self, theta: Array) -> Kernel:
        """The same kernel with other hyper-parameters."""

    def __add__(self, other: Kernel | float) -> Sum:
        return Sum(self, _as_kernel(other))

    def __radd__(self, other: float) -> Sum:
        return Sum(_as_kernel(other), self)

    def __mul__(self, other: Kernel | float) -> Product:
        return Product(self, _as_kernel(other))

    def __rmul__(self, other: float) -> Product:
        return Product(_as_kernel(other), self)


@dataclass(frozen=True)
class Constant(Kernel):
    r"""The same covariance everywhere: :math:`k(x, z) = c`; as a factor, the variance of what it multiplies.

    Args:
        value: c, positive.
        value_bounds: Between what fitting may move it; None holds it.

    Raises:
        RangeError: if a number is not positive, or the bounds do not hold it.

    >>> Constant(3.0)([[0.0], [1.0]]).tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """

    value: float = 1.0
    value_bounds: Bounds = _WIDE

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _positive(self.value, "value", self.value_bounds))

    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """Covariances, shape (n, m)."""
        return np.full((len(X), len(X if Z is None else Z)), self.value)

    def diagonal(self, X: Array) -> Array:
        """Variances, shape (n,)."""
        return np.full(len(X), self.value)

    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        """Covariances, and the derivatives of what is made of them."""
        return self.matrix(X), lambda w: _free(self.value_bounds, [self.value * float(w.sum())])

    @property
    def theta(self) -> Array:
        """Logarithm of the value, where it is free."""
        return _free(self.value_bounds, [math.log(self.value)])

    @property
    def bounds(self) -> Array:
        """Between what it may lie."""
        return _log_bounds(self.value_bounds, 1)

    def with_theta(self, theta: Array) -> Self:
        """The same kernel with another value."""
        return replace(self, value=math.exp(theta[0])) if len(theta) else self


@dataclass(frozen=True)
class White(Kernel):
    r"""Noise: :math:`k(x, z) = \sigma^2` for an observation with itself, 0 with any other, even at the same place.

    Args:
        noise: :math:`\sigma^2`, positive.
        noise_bounds: Between what fitting may move it; None holds it.

    Raises:
        RangeError: if a number is not positive, or the bounds do not hold it.

    >>> White(0.5)([[0.0], [0.0]]).tolist(), White(0.5)([[0.0]], [[0.0]]).tolist()
    ([[0.5, 0.0], [0.0, 0.5]], [[0.0]])
    """

    noise: float = 1.0
    noise_bounds: Bounds = _WIDE

    def __post_init__(self) -> None:
        object.__setattr__(self, "noise", _positive(self.noise, "noise", self.noise_bounds))

    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """Covariances, shape (n, m)."""
        return self.noise * np.eye(len(X)) if Z is None else np.zeros((len(X), len(Z)))

    def diagonal(self, X: Array) -> Array:
        """Variances, shape (n,)."""
        return np.full(len(X), self.noise)

    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        """Covariances, and the derivatives of what is made of them."""
        return self.matrix(X), lambda w: _free(self.noise_bounds, [self.noise * float(np.trace(w))])

    @property
    def theta(self) -> Array:
        """Logarithm of the noise, where it is free."""
        return _free(self.noise_bounds, [math.log(self.noise)])

    @property
    def bounds(self) -> Array:
        """Between what it may lie."""
        return _log_bounds(self.noise_bounds, 1)

    def with_theta(self, theta: Array) -> Self:
        """The same kernel with another noise."""
        return replace(self, noise=math.exp(theta[0])) if len(theta) else self


@dataclass(frozen=True)
class _Stationary(Kernel):
    r"""A function of the scaled distance :math:`r^2 = \sum_d (x_d - z_d)^2 / \ell_d^2`."""

    length_scale: float | Sequence[float] = 1.0
    length_scale_bounds: Bounds = _WIDE

    def __post_init__(self) -> None:
        if np.ndim(self.length_scale) == 0:
            scale: float | tuple[float, ...] = _positive(self.length_scale, "length_scale", self.length_scale_bounds)
        else:
            scales = as_vector(self.length_scale, "length_scale")
            scale = tuple(_positive(one, "length_scale", self.length_scale_bounds) for one in scales.tolist())
        object.__setattr__(self, "length_scale", scale)

    @abstractmethod
    def _profile(self, squares: Array) -> tuple[Array, Callable[[], Array]]:
        r"""K as a function of r², and :math:`g = -k'(r) / r`, with which :math:`\partial k / \partial \log \ell_d` is
        :math:`g\, (x_d - z_d)^2 / \ell_d^2`. May overwrite its argument until g is asked for.
        """  # noqa: D205

    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """Covariances, shape (n, m)."""
        scaled = X / self._scale(X)
        others = scaled if Z is None else Z / self._scale(Z)
        covariance = np.empty((len(X), len(others)))
        # In blocks of rows that stay in the processor's cache through all passes over them.
        rows = max(1, _CACHED // len(others))
        for start in range(0, len(X), rows):
            block = covariance[start : start + rows]
            _squared_distances(scaled[start : start + rows], others, out=block)
            block[...] = self._profile(block)[0]
        return covariance

    def diagonal(self, X: Array) -> Array:
        """Variances: 1, shape (n,)."""
        self._scale(X)
        return np.ones(len(X))

    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        """Covariances, and the derivatives of what is made of them."""
        scaled = X / self._scale(X)
        scaled = scaled - scaled.mean(axis=0)
        covariance, slope = self._profile(_squared_distances(scaled, scaled, out=np.empty((len(X), len(X)))))

        def pullback(w: Array) -> Array:
            # For a symmetric m, Σ m_ij (y_i - y_j)² = 2 Σ_i y_i² Σ_j m_ij - 2 yᵀ m y: one product for all columns.
            m = w * slope()
            each = 2 * (m.sum(axis=1) @ scaled**2 - np.einsum("ij,ij->j", scaled, m @ scaled))
            return _free(self.length_scale_bounds, [each.sum()] if np.ndim(self.length_scale) == 0 else each)

        return covariance, pullback

    @property
    def theta(self) -> Array:
        """Logarithms of the length scales, where they are free."""
        return _free(self.length_scale_bounds, np.log(np.atleast_1d(self.length_scale)))

    @property
    def bounds(self) -> Array:
        """Between what they may lie."""
        return _log_bounds(self.length_scale_bounds, np.size(self.length_scale))

    def with_theta(self, theta: Array) -> Self:
        """The same kernel with other length scales."""
        if not len(theta):
            return self
        scales = np.exp(theta)
        return replace(self, length_scale=float(scales[0]) if np.ndim(self.length_scale) == 0 else tuple(scales))

    def _scale(self, X: Array) -> Array:
        scale = np.asarray(self.length_scale)
        if scale.ndim == 1 and len(scale) != X.shape[1]:
            raise ShapeError(f"{type(self).__name__} has {len(scale)} length scales, X has {X.shape[1]} columns")
        return scale


@dataclass(frozen=True)
class RBF(_Stationary):
    r"""Squared exponential: :math:`k = e^{-r^2 / 2}`, infinitely smooth (RW06, equation 4.9; 5.1 with many scales).

    Args:
        length_scale: :math:`\ell`: a number, or one for each column (automatic relevance determination).
        length_scale_bounds: Between what fitting may move them; None holds them.

    Raises:
        RangeError: if a number is not positive, or the bounds do not hold it.

    >>> RBF(2.0)([[0.0]], [[2.0]]).round(4).tolist()
    [[0.6065]]
    """

    def _profile(self, squares: Array) -> tuple[Array, Callable[[], Array]]:
        squares *= -0.5
        covariance = np.exp(squares, out=squares)
        return covariance, lambda: covariance


@dataclass(frozen=True)
class Matern(_Stationary):
    r"""Matérn covariances, the rougher the smaller ν.

    .. math:: k_{1/2} = e^{-r}, \qquad k_{3/2} = (1 + \sqrt3 r) e^{-\sqrt3 r}, \qquad
              k_{5/2} = (1 + \sqrt5 r + \tfrac53 r^2) e^{-\sqrt5 r}

    (RW06, equations 4.14 and 4.17.)

    Args:
        length_scale: :math:`\ell`: a number, or one for each column.
        length_scale_bounds: Between what fitting may move them; None holds them.
        nu: ν: 0.5, 1.5 or 2.5.

    Raises:
        RangeError: if a number is not positive, or the bounds do not hold it, or for another ν.

    >>> Matern(1.0, nu=0.5)([[0.0]], [[1.0]]).round(4).tolist()
    [[0.3679]]
    """

    nu: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nu not in (0.5, 1.5, 2.5):
            raise RangeError(f"nu must be 0.5, 1.5 or 2.5, got {self.nu!r}")

    def _profile(self, squares: Array) -> tuple[Array, Callable[[], Array]]:
        # 2ν is 1, 3, 5: what the distance is multiplied with, squared.
        r = np.sqrt(2 * self.nu * squares)
        decay = np.exp(-r)
        if self.nu == 0.5:
            # At distance 0 the derivative by the length scale vanishes, whatever g is.
            return decay, lambda: np.divide(decay, r, out=np.zeros_like(r), where=r > 0)
        if self.nu == 1.5:
            return (1 + r) * decay, lambda: 3 * decay
        return (1 + r + r * r / 3) * decay, lambda: 5 / 3 * (1 + r) * decay


@dataclass(frozen=True)
class Sum(Kernel):
    """The covariance of a sum of independent functions: the sum of theirs.

    Args:
        left: A kernel.
        right: Another.

    >>> Sum(Constant(1.0), White(1.0))([[0.0]]).tolist()
    [[2.0]]
    """

    left: Kernel
    right: Kernel

    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """Covariances, shape (n, m)."""
        covariance = self.left.matrix(X, Z)
        if isinstance(self.right, White):  # the usual case, without a matrix of zeros
            if Z is None:
                covariance[np.diag_indices_from(covariance)] += self.right.noise
        else:
            covariance += self.right.matrix(X, Z)
        return covariance

    def diagonal(self, X: Array) -> Array:
        """Variances, shape (n,)."""
        return self.left.diagonal(X) + self.right.diagonal(X)

    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        """Covariances, and the derivatives of what is made of them."""
        (left, pull_left), (right, pull_right) = self.left.with_pullback(X), self.right.with_pullback(X)
        return left + right, lambda w: np.concatenate([pull_left(w), pull_right(w)])

    @property
    def theta(self) -> Array:
        """Of both."""
        return np.concatenate([self.left.theta, self.right.theta])

    @property
    def bounds(self) -> Array:
        """Of both."""
        return np.concatenate([self.left.bounds, self.right.bounds])

    def with_theta(self, theta: Array) -> Self:
        """The same kernels with other hyper-parameters."""
        first = len(self.left.theta)
        return replace(self, left=self.left.with_theta(theta[:first]), right=self.right.with_theta(theta[first:]))


@dataclass(frozen=True)
class Product(Sum):
    """The covariance of a product of independent functions of mean zero: the product of theirs.

    Args:
        left: A kernel.
        right: Another.

    >>> Product(Constant(2.0), Constant(3.0))([[0.0]]).tolist()
    [[6.0]]
    """

    def matrix(self, X: Array, Z: Array | None = None) -> Array:
        """Covariances, shape (n, m)."""
        if isinstance(self.left, Constant):  # the usual case, without a matrix of equal numbers
            return np.multiply(covariance := self.right.matrix(X, Z), self.left.value, out=covariance)
        return self.left.matrix(X, Z) * self.right.matrix(X, Z)

    def diagonal(self, X: Array) -> Array:
        """Variances, shape (n,)."""
        return self.left.diagonal(X) * self.right.diagonal(X)

    def with_pullback(self, X: Array) -> tuple[Array, Pullback]:
        """Covariances, and the derivatives of what is made of them."""
        if isinstance(self.left, Constant):
            constant, (inner, pull) = self.left, self.right.with_pullback(X)
            c = constant.value
            return c * inner, lambda w: np.concatenate(
                [_free(constant.value_bounds, [c * float(np.vdot(w, inner))]), c * pull(w)]
            )
        (left, pull_left), (right, pull_right) = self.left.with_pullback(X), self.right.with_pullback(X)
        return left * right, lambda w: np.concatenate([pull_left(w * right), pull_right(w * left)])


def _as_kernel(part: Kernel | float) -> Kernel:
    return part if isinstance(part, Kernel) else Constant(part)


def _positive(value: object, name: str, bounds: Bounds) -> float:
    number = float(as_array(value, name))
    low, high = (0.0, math.inf) if bounds is None else bounds
    if not (number > 0 and 0 <= low <= high and (bounds is None or low > 0)):
        raise RangeError(f"{name} and its bounds must be positive and in order, got {value!r} in {bounds!r}")
    # The optimiser works with logarithms, which come back with an error in the last digits.
    if not low * (1 - 1e-9) <= number <= high * (1 + 1e-9):
        raise RangeError(f"{name} must lie within its bounds [{low:g}, {high:g}], got {value!r}")
    return number


def _free(bounds: Bounds, values: npt.ArrayLike) -> Array:
    """The values, or none where they are held."""
    return np.empty(0) if bounds is None else np.asarray(values, dtype=np.float64)


def _log_bounds(bounds: Bounds, count: int) -> Array:
    return np.empty((0, 2)) if bounds is None else np.tile(np.log(bounds), (count, 1))


def _squared_distances(X: Array, Z: Array, out: Array) -> Array:
    """Between the rows, by one matrix product, and anew from the differences where that leaves few digits."""
    centre = Z.mean(axis=0)
    X, Z = X - centre, Z - centre
    x, z = np.einsum("ij,ij->i", X, X), np.einsum("ij,ij->i", Z, Z)
    np.matmul(X, -2 * Z.T, out=out)
    out += x[:, None]
    out += z
    flat = out.reshape(-1)
    places = np.flatnonzero(flat < _CANCELLED * max(x.max(), z.max()))
    difference = X[places // len(Z)] - Z[places % len(Z)]
    flat[places] = np.einsum("ij,ij->i", difference, difference)
    return out
