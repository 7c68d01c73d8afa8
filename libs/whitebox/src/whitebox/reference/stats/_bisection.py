"""The inverse of a rising function."""

from __future__ import annotations

from collections.abc import Callable


def bisect(function: Callable[[float], float], value: float, low: float, high: float) -> float:
    """The x at which a rising function reaches a value: halve the interval until no number is left inside it."""
    while low < (middle := (low + high) / 2) < high:
        if function(middle) < value:
            low = middle
        else:
            high = middle
    return high
