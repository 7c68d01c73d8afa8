"""Normalising flows, in pure Python: one point at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from whitebox.reference.linalg._basic import Vector, dot, norm


class _Flow(Protocol):
    def forward(self, z: Vector) -> tuple[Vector, float]: ...

    def inverse(self, x: Vector) -> Vector: ...


class Affine:
    """Another unit for each coordinate.

    >>> Affine([1.0], [0.0]).forward([3.0])
    ([4.0], 0.0)
    """

    def __init__(self, shift: Vector, log_scale: Vector) -> None:
        self.shift, self.log_scale = shift, log_scale

    def forward(self, z: Vector) -> tuple[Vector, float]:
        """x, and the logarithm of the Jacobian's determinant."""
        x = [m + math.exp(s) * a for m, s, a in zip(self.shift, self.log_scale, z, strict=True)]
        return x, sum(self.log_scale)

    def inverse(self, x: Vector) -> Vector:
        """The z that comes to x."""
        return [(a - m) / math.exp(s) for m, s, a in zip(self.shift, self.log_scale, x, strict=True)]


class Planar:
    """Moves along û by tanh(w · z + b), with û bent until w · û > -1.

    >>> flow = Planar([1.0, 0.0], [1.0, -1.0], 0.0)
    >>> [round(a, 6) for a in flow.inverse(flow.forward([1.0, 2.0])[0])]
    [1.0, 2.0]
    """

    def __init__(self, w: Vector, u: Vector, b: float) -> None:
        s = dot(w, u)
        bend = (math.log1p(math.exp(s)) - 1 - s) / dot(w, w)
        self.w, self.b = w, b
        self.u = [a + bend * direction for a, direction in zip(u, w, strict=True)]

    def forward(self, z: Vector) -> tuple[Vector, float]:
        """x, and the logarithm of the Jacobian's determinant."""
        h = math.tanh(dot(self.w, z) + self.b)
        return [a + h * u for a, u in zip(z, self.u, strict=True)], math.log(1 + (1 - h * h) * dot(self.w, self.u))

    def inverse(self, x: Vector) -> Vector:
        """The z that comes to x: a = w · z + b solves a + w · û tanh(a) = w · x + b, by halving an interval."""
        product, v = dot(self.w, self.u), dot(self.w, x) + self.b
        low, high = v - abs(product), v + abs(product)
        for _ in range(200):
            middle = (low + high) / 2
            if middle + product * math.tanh(middle) < v:
                low = middle
            else:
                high = middle
        return [a - math.tanh(low) * u for a, u in zip(x, self.u, strict=True)]


class Radial:
    """Stretches the way from a centre by 1 + β̂ / (α + r), with β̂ > -α.

    >>> flow = Radial([0.0, 0.0], 0.0, 2.0)
    >>> [round(a, 6) for a in flow.inverse(flow.forward([3.0, 4.0])[0])]
    [3.0, 4.0]
    """

    def __init__(self, centre: Vector, log_alpha: float, beta: float) -> None:
        self.centre, self.alpha = centre, math.exp(log_alpha)
        self.beta = -self.alpha + math.log1p(math.exp(beta))

    def forward(self, z: Vector) -> tuple[Vector, float]:
        """x, and the logarithm of the Jacobian's determinant."""
        away = [a - c for a, c in zip(z, self.centre, strict=True)]
        r = norm(away)
        h, slope = 1 / (self.alpha + r), -1 / (self.alpha + r) ** 2
        stretched = [c + (1 + self.beta * h) * a for a, c in zip(away, self.centre, strict=True)]
        across, along = 1 + self.beta * h, 1 + self.beta * h + self.beta * slope * r
        return stretched, (len(z) - 1) * math.log(across) + math.log(along)

    def inverse(self, x: Vector) -> Vector:
        """The z that comes to x: its radius by halving an interval."""
        away = [a - c for a, c in zip(x, self.centre, strict=True)]
        target = norm(away)
        low, high = 0.0, target + abs(self.beta)
        for _ in range(200):
            r = (low + high) / 2
            if r * (1 + self.beta / (self.alpha + r)) < target:
                low = r
            else:
                high = r
        return [c + (a * low / target if target else 0.0) for a, c in zip(away, self.centre, strict=True)]


class Chain:
    """One map after the other: the logarithms of their determinants add up.

    >>> Chain([Affine([0.0], [1.0]), Affine([1.0], [1.0])]).forward([0.0])
    ([1.0], 2.0)
    """

    def __init__(self, flows: Sequence[_Flow]) -> None:
        self.flows = flows

    def forward(self, z: Vector) -> tuple[Vector, float]:
        """x, and the logarithm of the Jacobian's determinant."""
        total = 0.0
        for flow in self.flows:
            z, log_det = flow.forward(z)
            total += log_det
        return z, total

    def inverse(self, x: Vector) -> Vector:
        """Backwards through all."""
        for flow in reversed(self.flows):
            x = flow.inverse(x)
        return x


def log_density(flow: _Flow, x: Vector) -> float:
    """Of a standard normal z where it is taken to x: less dense where the flow spreads.

    >>> round(log_density(Affine([5.0], [math.log(2.0)]), [5.0]), 4)
    -1.6121
    """
    z = flow.inverse(x)
    return -(dot(z, z) + len(z) * math.log(2 * math.pi)) / 2 - flow.forward(z)[1]
