"""How far to go in a direction of descent."""

from __future__ import annotations

from collections.abc import Callable

from whitebox.reference.linalg._basic import Vector, dot

Objective = Callable[[Vector], tuple[float, Vector]]


def armijo(objective: Objective, x: Vector, direction: Vector, shrink: float = 0.5) -> tuple[float, Vector]:
    """The first of 1, 1/2, 1/4, ... that decreases at least by a ten-thousandth of what the slope promises.

    >>> armijo(lambda x: (x[0] ** 2, [2 * x[0]]), [1.0], [-4.0])
    (0.25, [0.0])
    """
    value, gradient = objective(x)
    size = 1.0
    while size > 1e-18:
        trial = [a + size * p for a, p in zip(x, direction, strict=True)]
        if objective(trial)[0] <= value + 1e-4 * size * dot(gradient, direction):
            return size, trial
        size *= shrink
    return 0.0, x
