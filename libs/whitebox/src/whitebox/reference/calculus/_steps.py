"""Derivatives from values nearby."""

from __future__ import annotations

from collections.abc import Callable


def central_difference(f: Callable[[float], float], x: float, step: float = 1e-5, order: int = 2) -> float:
    """The slope of the chord between two points on both sides; at order 4 two chords, so combined that errors cancel.

    >>> round(central_difference(lambda x: x * x, 3.0), 6)
    6.0
    """
    near = (f(x + step) - f(x - step)) / (2 * step)
    if order == 2:
        return near
    far = (f(x + 2 * step) - f(x - 2 * step)) / (4 * step)
    return (4 * near - far) / 3


def complex_step(f: Callable[[complex], complex], x: float, step: float = 1e-20) -> float:
    """How fast the value turns imaginary when the argument does.

    >>> complex_step(lambda x: x * x, 3.0)
    6.0
    """
    return f(complex(x, step)).imag / step
