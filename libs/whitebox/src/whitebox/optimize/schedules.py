"""Learning rates as functions of the step, which counts from 0. A schedule is any callable from step to rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from whitebox._validation import number_in, positive_int
from whitebox.errors import RangeError

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class StepDecay:
    r"""Multiplies the rate every so many steps: :math:`\eta_t = \eta_0 \gamma^{\lfloor t / s \rfloor}`.

    Args:
        initial: :math:`\eta_0`, positive.
        factor: :math:`\gamma`, above 0 and up to 1.
        every: s, at least 1.

    Raises:
        RangeError: for an argument out of its range.

    >>> [StepDecay(1.0, factor=0.5, every=2)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    initial: float
    factor: float
    every: int

    def __post_init__(self) -> None:
        number_in(self.initial, "initial", 0, open_low=True)
        number_in(self.factor, "factor", 0, 1, open_low=True)
        positive_int(self.every, "every")

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        return self.initial * self.factor ** (step // self.every)


@dataclass(frozen=True)
class ExponentialDecay:
    r"""Multiplies the rate every step: :math:`\eta_t = \eta_0 \gamma^t`.

    Args:
        initial: :math:`\eta_0`, positive.
        factor: :math:`\gamma`, above 0 and up to 1.

    Raises:
        RangeError: for an argument out of its range.

    >>> [ExponentialDecay(1.0, factor=0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """

    initial: float
    factor: float

    def __post_init__(self) -> None:
        number_in(self.initial, "initial", 0, open_low=True)
        number_in(self.factor, "factor", 0, 1, open_low=True)

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        return self.initial * self.factor**step


@dataclass(frozen=True)
class CosineDecay:
    r"""Half a cosine from the initial rate down to the final one, which then stays.

    .. math:: \eta_t = \eta_T + \tfrac12 (\eta_0 - \eta_T) \left(1 + \cos \frac{\pi t}{T}\right)

    (Loshchilov, Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, without restarts.)

    Args:
        initial: :math:`\eta_0`, positive.
        steps: T, at least 1.
        final: :math:`\eta_T`, from 0 to `initial`.

    Raises:
        RangeError: for an argument out of its range.

    >>> [round(CosineDecay(1.0, steps=2)(step), 12) for step in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        number_in(self.initial, "initial", 0, open_low=True)
        positive_int(self.steps, "steps")
        number_in(self.final, "final", 0, self.initial)

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        share = min(step / self.steps, 1.0)
        return self.final + (self.initial - self.final) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True)
class WarmUp:
    r"""Rises linearly for some steps, then follows another schedule from its beginning.

    .. math:: \eta_t = \frac{t + 1}{w}\, \eta'_0 \text{ for } t < w, \qquad \eta_t = \eta'_{t - w} \text{ after}

    Args:
        steps: w, at least 1.
        then: :math:`\eta'`.

    Raises:
        RangeError: for `steps` below 1 or something else than a schedule.

    >>> [WarmUp(2, StepDecay(1.0, factor=0.5, every=1))(step) for step in range(4)]
    [0.5, 1.0, 1.0, 0.5]
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        positive_int(self.steps, "steps")
        if not callable(self.then):
            raise RangeError(f"then must be a schedule, got {self.then!r}")

    def __call__(self, step: int) -> float:
        """The rate at a step."""
        return self.then(0) * (step + 1) / self.steps if step < self.steps else self.then(step - self.steps)
