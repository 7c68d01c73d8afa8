"""Where a minimisation ends."""

from __future__ import annotations

from typing import NamedTuple

from whitebox._validation import Array


class Minimum(NamedTuple):
    """What a method found.

    Attributes:
        x: The best point, shape (n,).
        value: The objective there.
        gradient: Its gradient there, shape (n,).
        iterations: Steps taken.
        evaluations: How often objective and gradient were computed.
        converged: Whether the tolerance was met, or rounding allows no further decrease.
    """

    x: Array
    value: float
    gradient: Array
    iterations: int
    evaluations: int
    converged: bool
