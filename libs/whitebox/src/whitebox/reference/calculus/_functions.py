"""Functions that take floats and dual numbers alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from whitebox.reference.calculus.dual import Dual


def exp(x: Any) -> Any:
    """Its own slope."""
    return _chain(x, math.exp, exp, exp)


def log(x: Any) -> Any:
    """The natural logarithm, of slope 1 / x."""
    return _chain(x, math.log, log, lambda at: 1 / at)


def sqrt(x: Any) -> Any:
    """The square root."""
    return _chain(x, math.sqrt, sqrt, lambda at: 0.5 / sqrt(at))


def sin(x: Any) -> Any:
    """The sine, of slope cosine."""
    return _chain(x, math.sin, sin, cos)


def cos(x: Any) -> Any:
    """The cosine, of slope minus sine."""
    return _chain(x, math.cos, cos, lambda at: -sin(at))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return _chain(x, math.tanh, tanh, lambda at: 1 - tanh(at) * tanh(at))


def arctan(x: Any) -> Any:
    """The inverse of the tangent."""
    return _chain(x, math.atan, arctan, lambda at: 1 / (1 + at * at))


def _chain(x: Any, plain: Callable[[float], float], itself: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Any:
    """A float is computed; of a dual number the value is, and its derivative is multiplied by the slope there."""
    return Dual(itself(x.value), slope(x.value) * x.derivative) if isinstance(x, Dual) else plain(x)
