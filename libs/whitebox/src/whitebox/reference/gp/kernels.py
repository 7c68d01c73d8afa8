"""Covariance functions of two points; `same` says whether both are the same observation.

`slopes` are the derivatives by the logarithms of the hyper-parameters, in the order in which they are written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from whitebox.reference.linalg._basic import Vector


class _Kernel(Protocol):
    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float: ...

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector: ...


class Constant:
    """The same everywhere."""

    def __init__(self, c: float) -> None:
        self.c = c

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:  # noqa: ARG002
        """k(x, z)."""
        return self.c

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:  # noqa: ARG002
        """C e^t has the derivative c e^t."""
        return [self.c]


class White:
    """Noise, of an observation with itself only."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:  # noqa: ARG002
        """k(x, z)."""
        return self.noise if same else 0.0

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:
        """As it grows with its only factor."""
        return [self.value(x, z, same)]


class RBF:
    """exp(-r² / 2) of the distance r, each coordinate measured in its length scale.

    >>> round(RBF([2.0]).value([0.0], [2.0]), 4)
    0.6065
    """

    def __init__(self, length_scale: Sequence[float]) -> None:
        self.length_scale = length_scale

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:  # noqa: ARG002
        """k(x, z)."""
        return math.exp(-sum(_parts(x, z, self.length_scale)) / 2)

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:  # noqa: ARG002
        """K times the part of r² that the coordinate has."""
        return [self.value(x, z) * part for part in _parts(x, z, self.length_scale)]


class Matern:
    """A polynomial in the distance times exp(-√(2ν) r), for ν of 1/2, 3/2, 5/2.

    >>> round(Matern([1.0], nu=0.5).value([0.0], [1.0]), 4)
    0.3679
    """

    def __init__(self, length_scale: Sequence[float], nu: float = 1.5) -> None:
        self.length_scale = length_scale
        self.nu = nu

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:  # noqa: ARG002
        """k(x, z)."""
        s = math.sqrt(2 * self.nu * sum(_parts(x, z, self.length_scale)))
        return {0.5: 1.0, 1.5: 1 + s, 2.5: 1 + s + s * s / 3}[self.nu] * math.exp(-s)

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:  # noqa: ARG002
        """By the chain rule: dk/ds times how s shrinks as the length scale grows."""
        parts = _parts(x, z, self.length_scale)
        s = math.sqrt(2 * self.nu * sum(parts))
        if s == 0:
            return [0.0] * len(parts)
        by_s = {0.5: -1.0, 1.5: -s, 2.5: -(s + s * s) / 3}[self.nu] * math.exp(-s)
        return [by_s * -2 * self.nu * part / s for part in parts]


class Sum:
    """The sum of two kernels."""

    def __init__(self, left: _Kernel, right: _Kernel) -> None:
        self.left, self.right = left, right

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:
        """k(x, z)."""
        return self.left.value(x, z, same) + self.right.value(x, z, same)

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:
        """Of one, then of the other."""
        return self.left.slopes(x, z, same) + self.right.slopes(x, z, same)


class Product:
    """The product of two kernels."""

    def __init__(self, left: _Kernel, right: _Kernel) -> None:
        self.left, self.right = left, right

    def value(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> float:
        """k(x, z)."""
        return self.left.value(x, z, same) * self.right.value(x, z, same)

    def slopes(self, x: Sequence[float], z: Sequence[float], same: bool = False) -> Vector:
        """By the product rule."""
        left, right = self.left.value(x, z, same), self.right.value(x, z, same)
        return [s * right for s in self.left.slopes(x, z, same)] + [s * left for s in self.right.slopes(x, z, same)]


def _parts(x: Sequence[float], z: Sequence[float], length_scale: Sequence[float]) -> Vector:
    return [((a - b) / scale) ** 2 for a, b, scale in zip(x, z, length_scale, strict=True)]
