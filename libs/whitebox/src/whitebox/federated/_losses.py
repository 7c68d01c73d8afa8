"""What clients minimise: the mean loss of their rows and a penalty on the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in
from whitebox.errors import RangeError


class Loss(Protocol):
    """The negative logarithm of a row's likelihood, and a penalty."""

    @property
    def penalty(self) -> float:
        r"""λ of :math:`\tfrac{\lambda}{2} \lVert w \rVert^2`."""
        ...

    def targets(self, y: npt.ArrayLike) -> Array:
        """Validates targets, shape (n,)."""
        ...

    def values(self, w: Array, X: Array, y: Array) -> Array:
        """The loss of each row, shape (n,), without the penalty."""
        ...

    def row_gradients(self, w: Array, X: Array, y: Array) -> Array:
        """The gradient of each row's loss, shape (n, p), without the penalty."""
        ...

    def curvature(self, w: Array, X: Array) -> Array:
        """Second derivative of each row's loss along its features' combination, shape (n,)."""
        ...


@dataclass(frozen=True)
class LeastSquares:
    r"""Linear regression with normal noise: :math:`(y - x^\top w)^2 / 2 s^2`.

    Args:
        penalty: λ, not negative.
        noise: Standard deviation s of the targets, positive; it matters where uncertainties are weighed.

    Raises:
        RangeError: for an argument out of its range.

    >>> LeastSquares().values(np.array([1.0]), np.array([[2.0]]), np.array([3.0])).tolist()
    [0.5]
    """

    penalty: float = 0.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.penalty, "penalty", 0)
        number_in(self.noise, "noise", 0, open_low=True)

    def targets(self, y: npt.ArrayLike) -> Array:
        """Validates targets, shape (n,)."""
        return as_vector(y, "y")

    def values(self, w: Array, X: Array, y: Array) -> Array:
        """The loss of each row, shape (n,), without the penalty."""
        loss: Array = 0.5 * ((X @ w - y) / self.noise) ** 2
        return loss

    def row_gradients(self, w: Array, X: Array, y: Array) -> Array:
        """The gradient of each row's loss, shape (n, p), without the penalty."""
        gradients: Array = X * ((X @ w - y) / self.noise**2)[:, None]
        return gradients

    def curvature(self, w: Array, X: Array) -> Array:  # noqa: ARG002  # the same everywhere
        """Second derivative of each row's loss along its features' combination, shape (n,)."""
        return np.full(len(X), 1 / self.noise**2)


@dataclass(frozen=True)
class Logistic:
    r"""Logistic regression: :math:`\log(1 + e^z) - y z` with :math:`z = x^\top w` and y 0 or 1.

    Args:
        penalty: λ, not negative.

    Raises:
        RangeError: if it is negative.

    >>> Logistic().values(np.array([0.0]), np.array([[2.0]]), np.array([1.0])).round(4).tolist()
    [0.6931]
    """

    penalty: float = 0.0

    def __post_init__(self) -> None:
        number_in(self.penalty, "penalty", 0)

    def targets(self, y: npt.ArrayLike) -> Array:
        """Validates targets, zeros and ones, shape (n,)."""
        labels: Array = as_vector(y, "y")
        if ((labels != 0) & (labels != 1)).any():
            raise RangeError("y must hold zeros and ones")
        return labels

    def values(self, w: Array, X: Array, y: Array) -> Array:
        """The loss of each row, shape (n,), without the penalty."""
        logits = X @ w
        loss: Array = np.logaddexp(0.0, logits) - y * logits
        return loss

    def row_gradients(self, w: Array, X: Array, y: Array) -> Array:
        """The gradient of each row's loss, shape (n, p), without the penalty."""
        gradients: Array = X * (_logistic(X @ w) - y)[:, None]
        return gradients

    def curvature(self, w: Array, X: Array) -> Array:
        """Second derivative of each row's loss along its features' combination, shape (n,)."""
        p = _logistic(X @ w)
        bend: Array = p * (1 - p)
        return bend


def _logistic(z: Array) -> Array:
    small = np.exp(-np.abs(z))
    p: Array = np.where(z >= 0, 1.0, small) / (1 + small)
    return p
