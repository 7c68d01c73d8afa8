"""Step size and variances, learnt on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Vector


class DualAveraging:
    """Finds the step size with the wanted acceptance.

    `update` takes all acceptances so far, and gives the step size to try next and the averaged one.
    """

    def __init__(self, target: float = 0.8, gamma: float = 0.05, t0: float = 10.0, kappa: float = 0.75) -> None:
        self.target = target
        self.gamma = gamma
        self.t0 = t0
        self.kappa = kappa

    def update(self, step_size: float, acceptances: Sequence[float]) -> tuple[float, float]:
        """Starts from a step size.

        >>> [round(size, 3) for size in DualAveraging().update(0.1, [0.0])]
        [0.234, 0.234]
        """
        error, log_step, log_mean = 0.0, math.log(step_size), 0.0
        for t, acceptance in enumerate(acceptances, start=1):
            error = (1 - 1 / (t + self.t0)) * error + (self.target - acceptance) / (t + self.t0)
            log_step = math.log(10 * step_size) - math.sqrt(t) / self.gamma * error
            log_mean = t**-self.kappa * log_step + (1 - t**-self.kappa) * log_mean
        return math.exp(log_step), math.exp(log_mean)


class Welford:
    """The variance of each coordinate, n - 1 in the denominator."""

    def variance(self, points: Sequence[Vector]) -> Vector:
        """From the definition.

        >>> Welford().variance([[1.0], [2.0], [3.0]])
        [1.0]
        """
        columns = list(zip(*points, strict=True))
        means = [math.fsum(column) / len(column) for column in columns]
        return [
            math.fsum((x - mean) ** 2 for x in column) / (len(column) - 1)
            for column, mean in zip(columns, means, strict=True)
        ]
