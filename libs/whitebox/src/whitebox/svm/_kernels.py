"""Kernels: inner products in spaces that are never entered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in
from whitebox.errors import RangeError, ShapeError


def linear_kernel(X: npt.ArrayLike, Y: npt.ArrayLike) -> Array:
    r"""Inner products :math:`k(x, y) = x^\top y` of all pairs of rows. O(n · m · d).

    Args:
        X: Shape (n, d).
        Y: Shape (m, d).

    Returns:
        Shape (n, m).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> linear_kernel([[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    """
    return Linear()(*_checked(X, Y))


def rbf_kernel(X: npt.ArrayLike, Y: npt.ArrayLike, gamma: float) -> Array:
    r"""Gaussian similarities :math:`k(x, y) = \exp(-\gamma \lVert x - y \rVert^2)` of all pairs of rows. O(n · m · d).

    Args:
        X: Shape (n, d).
        Y: Shape (m, d).
        gamma: Positive.

    Returns:
        Shape (n, m), in [0, 1].

    Raises:
        RangeError: if `gamma` is not positive.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> rbf_kernel([[0.0]], [[0.0], [2.0]], gamma=0.25).round(6).tolist()
    [[1.0, 0.367879]]
    """
    return RBF(number_in(gamma, "gamma", 0, open_low=True))(*_checked(X, Y))


class Kernel(Protocol):
    """A kernel with its parameters fixed."""

    def __call__(self, X: Array, Y: Array) -> Array:
        """Kernel of all pairs of rows, shape (n, m)."""

    def rows_of(self, X: Array) -> Callable[[int], Array]:
        """The kernel matrix of X with itself, row by row."""

    def diagonal(self, X: Array) -> Array:
        """The diagonal of the kernel matrix of X with itself."""


class Linear:
    """The linear kernel."""

    def __call__(self, X: Array, Y: Array) -> Array:
        """Kernel of all pairs of rows."""
        return X @ Y.T

    def rows_of(self, X: Array) -> Callable[[int], Array]:
        """The kernel matrix of X with itself, row by row."""
        return lambda i: X @ X[i]

    def diagonal(self, X: Array) -> Array:
        """Squared lengths of the rows."""
        squares: Array = np.einsum("ij,ij->i", X, X)
        return squares


class RBF:
    """The Gaussian kernel of a width."""

    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def __call__(self, X: Array, Y: Array) -> Array:
        """Kernel of all pairs of rows: exponents as one product and two sums, in the memory of the result."""
        exponent = X @ Y.T
        exponent *= 2 * self.gamma
        exponent -= self.gamma * np.einsum("ij,ij->i", X, X)[:, None]
        exponent -= self.gamma * np.einsum("ij,ij->i", Y, Y)
        # Rounding may leave a distance of zero a little below.
        np.minimum(exponent, 0.0, out=exponent)
        return np.exp(exponent, out=exponent)

    def rows_of(self, X: Array) -> Callable[[int], Array]:
        """The kernel matrix of X with itself, row by row; squared lengths are computed once."""
        scaled, lengths = X * (2 * self.gamma), self.gamma * np.einsum("ij,ij->i", X, X)

        def row(i: int) -> Array:
            exponent = scaled @ X[i]
            exponent -= lengths
            exponent -= lengths[i]
            np.minimum(exponent, 0.0, out=exponent)
            likeness: Array = np.exp(exponent, out=exponent)
            return likeness

        return row

    def diagonal(self, X: Array) -> Array:
        """Ones."""
        return np.ones(len(X))


def kernel_of(name: Literal["linear", "rbf"], gamma: float | Literal["scale", "auto"], rows: Array) -> Kernel:
    """The kernel that an estimator's parameters ask for; "scale" is one over d times the variance of all entries.

    Raises:
        RangeError: for parameters that ask for none.
    """
    if name == "linear":
        return Linear()
    if name != "rbf":
        raise RangeError(f"kernel must be 'linear' or 'rbf', got {name!r}")
    if isinstance(gamma, str):
        if gamma not in ("scale", "auto"):
            raise RangeError(f"gamma must be 'scale', 'auto' or a positive number, got {gamma!r}")
        variance = float(rows.var()) if gamma == "scale" else 1.0
        return RBF(1 / (rows.shape[1] * variance) if variance > 0 else 1.0)
    return RBF(number_in(gamma, "gamma", 0, open_low=True))


def _checked(X: npt.ArrayLike, Y: npt.ArrayLike) -> tuple[Array, Array]:
    left, right = as_matrix(X, "X"), as_matrix(Y, "Y")
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"X has {left.shape[1]} columns, Y has {right.shape[1]}")
    return left, right
