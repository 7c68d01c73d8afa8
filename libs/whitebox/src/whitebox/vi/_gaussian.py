"""Normal distributions by their free parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, positive_int
from whitebox.errors import RangeError, ShapeError

_LOG_2_PI_E = math.log(2 * math.pi * math.e)


class Gaussian(ABC):
    r"""Base of the normal families: :math:`x = \mu + L z` with standard normal z; log-densities are those of x."""

    mean: npt.ArrayLike

    @property
    def size(self) -> int:
        """d, how many unknowns."""
        return np.size(self.mean)

    @property
    @abstractmethod
    def parameters(self) -> Array:
        """All in one vector, free to be any numbers, shape (k,)."""

    @abstractmethod
    def with_parameters(self, parameters: Array) -> Self:
        """The same family with others."""

    @abstractmethod
    def place(self, z: Array) -> Array:
        r""":math:`\mu + L z` of rows z, (s, d)."""

    @abstractmethod
    def pullback(self, z: Array, by_x: Array) -> Array:
        """How a function of the places of z changes with the parameters, from how it changes with the places (s, d)."""

    @property
    @abstractmethod
    def covariance(self) -> Array:
        r""":math:`L L^\top`, shape (d, d)."""

    @property
    @abstractmethod
    def log_scale(self) -> Array:
        """Logarithms of the diagonal of L, shape (d,), the last d parameters."""

    @property
    def entropy(self) -> float:
        r""":math:`\sum_i \log L_{ii} + \tfrac d2 \log 2 \pi e`."""
        return float(self.log_scale.sum()) + 0.5 * self.size * _LOG_2_PI_E

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """Rows drawn from it, shape (size, d). Raises RangeError for less than one."""
        return self.place(rng.standard_normal((positive_int(size, "size"), self.size)))


@dataclass(frozen=True)
class MeanField(Gaussian):
    r"""Independent unknowns: :math:`L = \mathrm{diag}(e^{\omega})`.

    Args:
        mean: μ, shape (d,).
        log_scales: ω, shape (d,); zeros by default.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> MeanField([1.0, 2.0], [0.0, 1.0]).covariance.round(3).tolist()
    [[1.0, 0.0], [0.0, 7.389]]
    """

    mean: npt.ArrayLike
    log_scales: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        mean = as_vector(self.mean, "mean")
        scales = np.zeros_like(mean) if self.log_scales is None else as_vector(self.log_scales, "log_scales")
        if scales.shape != mean.shape:
            raise ShapeError(f"mean has shape {mean.shape}, log_scales has {scales.shape}")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "log_scales", scales)

    @property
    def log_scale(self) -> Array:
        """Logarithms of the standard deviations, shape (d,)."""
        return np.asarray(self.log_scales, dtype=np.float64)

    @property
    def parameters(self) -> Array:
        """Means, then logarithms of the standard deviations, shape (2 d,)."""
        return np.concatenate([np.asarray(self.mean), self.log_scale])

    def with_parameters(self, parameters: Array) -> Self:
        """The same family with others."""
        return type(self)(parameters[: self.size], parameters[self.size :])

    def place(self, z: Array) -> Array:
        """Rows z in the units of the unknowns."""
        x: Array = np.asarray(self.mean) + np.exp(self.log_scale) * z
        return x

    def pullback(self, z: Array, by_x: Array) -> Array:
        """How a function of the places of z changes with the parameters."""
        return np.concatenate([by_x.sum(axis=0), (by_x * z).sum(axis=0) * np.exp(self.log_scale)])

    @property
    def covariance(self) -> Array:
        """Diagonal, shape (d, d)."""
        return np.diag(np.exp(2 * self.log_scale))


@dataclass(frozen=True)
class FullRank(Gaussian):
    r"""Unknowns that depend on each other: L is lower triangular, its diagonal positive.

    Args:
        mean: μ, shape (d,).
        factor: L, shape (d, d); the identity by default. What stands above the diagonal is not looked at.

    Raises:
        RangeError: if the diagonal is not positive.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> FullRank([0.0, 0.0], [[1.0, 0.0], [2.0, 1.0]]).covariance.tolist()
    [[1.0, 2.0], [2.0, 5.0]]
    """

    mean: npt.ArrayLike
    factor: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        mean = as_vector(self.mean, "mean")
        factor = np.eye(len(mean)) if self.factor is None else np.tril(as_matrix(self.factor, "factor"))
        if factor.shape != (len(mean), len(mean)):
            raise ShapeError(f"factor must have shape {(len(mean), len(mean))}, got {factor.shape}")
        if not (factor.diagonal() > 0).all():
            raise RangeError(f"the diagonal of factor must be positive, got {factor.diagonal().min():g}")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "factor", factor)

    @property
    def log_scale(self) -> Array:
        """Logarithms of the factor's diagonal, shape (d,)."""
        scale: Array = np.log(np.asarray(self.factor).diagonal())
        return scale

    @property
    def parameters(self) -> Array:
        """Means, the factor below its diagonal row by row, and logarithms of the diagonal, shape (d (d + 3) / 2,)."""
        below = np.asarray(self.factor)[np.tril_indices(self.size, -1)]
        return np.concatenate([np.asarray(self.mean), below, self.log_scale])

    def with_parameters(self, parameters: Array) -> Self:
        """The same family with others."""
        d = self.size
        factor = np.diag(np.exp(parameters[-d:]))
        factor[np.tril_indices(d, -1)] = parameters[d:-d]
        return type(self)(parameters[:d], factor)

    def place(self, z: Array) -> Array:
        """Rows z in the units of the unknowns."""
        x: Array = np.asarray(self.mean) + z @ np.asarray(self.factor).T
        return x

    def pullback(self, z: Array, by_x: Array) -> Array:
        """How a function of the places of z changes with the parameters."""
        by_factor = by_x.T @ z
        below = by_factor[np.tril_indices(self.size, -1)]
        return np.concatenate([by_x.sum(axis=0), below, by_factor.diagonal() * np.exp(self.log_scale)])

    @property
    def covariance(self) -> Array:
        """Of the unknowns, shape (d, d)."""
        factor = np.asarray(self.factor)
        product: Array = factor @ factor.T
        return product
