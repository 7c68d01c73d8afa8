"""A step of the classical Runge–Kutta method, number by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Field = Callable[[float, Sequence[float]], Sequence[float]]


def rk4_step(field: Field, t: float, y: Sequence[float], h: float) -> list[float]:
    """The weighted mean of four slopes: at the start, twice at the middle, at the end.

    >>> [round(number, 4) for number in rk4_step(lambda t, y: y, 0.0, [1.0], 1.0)]
    [2.7083]
    """
    k1 = field(t, y)
    k2 = field(t + h / 2, [a + h / 2 * k for a, k in zip(y, k1, strict=True)])
    k3 = field(t + h / 2, [a + h / 2 * k for a, k in zip(y, k2, strict=True)])
    k4 = field(t + h, [a + h * k for a, k in zip(y, k3, strict=True)])
    return [a + h / 6 * (p + 2 * q + 2 * r + s) for a, p, q, r, s in zip(y, k1, k2, k3, k4, strict=True)]
