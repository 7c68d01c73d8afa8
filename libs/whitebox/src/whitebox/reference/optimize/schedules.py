"""Learning rates as functions of the step, which counts from 0."""

from __future__ import annotations

import math
from collections.abc import Callable


class StepDecay:
    """The rate, multiplied once for every full period gone by."""

    def __init__(self, initial: float, factor: float, every: int) -> None:
        self.initial, self.factor, self.every = initial, factor, every

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        rate = self.initial
        for gone in range(1, step + 1):
            if gone % self.every == 0:
                rate *= self.factor
        return rate


class ExponentialDecay:
    """The rate, multiplied once for every step gone by."""

    def __init__(self, initial: float, factor: float) -> None:
        self.initial, self.factor = initial, factor

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        return self.initial * math.prod([self.factor] * step)


class CosineDecay:
    """From one rate to another as the height of a point that turns half a circle."""

    def __init__(self, initial: float, steps: int, final: float = 0.0) -> None:
        self.initial, self.steps, self.final = initial, steps, final

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        height = math.cos(math.pi * step / self.steps) if step < self.steps else -1.0
        middle, radius = (self.initial + self.final) / 2, (self.initial - self.final) / 2
        return middle + radius * height


class WarmUp:
    """An even stair up to another schedule's first rate, then that schedule."""

    def __init__(self, steps: int, then: Callable[[int], float]) -> None:
        self.steps, self.then = steps, then

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        stairs = [self.then(0) * (stair + 1) / self.steps for stair in range(self.steps)]
        return stairs[step] if step < self.steps else self.then(step - self.steps)
