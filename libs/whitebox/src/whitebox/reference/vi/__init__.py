"""Variational inference, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev

from whitebox.reference.linalg._basic import Rows, Vector, dot

LogDensity = Callable[[Vector], tuple[float, Vector]]


class MeanField:
    """Independent normal unknowns: x = mean + exp(log_scale) z.

    >>> MeanField([1.0], [0.0]).place([2.0])
    [3.0]
    """

    def __init__(self, mean: Vector, log_scale: Vector) -> None:
        self.mean = mean
        self.log_scale = log_scale

    def place(self, z: Sequence[float]) -> Vector:
        """Standard normal numbers in the units of the unknowns."""
        return [m + math.exp(s) * a for m, s, a in zip(self.mean, self.log_scale, z, strict=True)]

    def pull(self, z: Sequence[float], slope: Vector) -> Vector:
        """The derivatives by mean and log_scale, from those by the place of z."""
        return slope + [g * math.exp(s) * a for g, s, a in zip(slope, self.log_scale, z, strict=True)]


class FullRank:
    """Dependent normal unknowns: x = mean + factor z, with a lower triangle."""

    def __init__(self, mean: Vector, factor: Rows) -> None:
        self.mean = mean
        self.factor = factor
        self.log_scale = [math.log(row[i]) for i, row in enumerate(factor)]

    def place(self, z: Sequence[float]) -> Vector:
        """Standard normal numbers in the units of the unknowns.

        >>> FullRank([1.0, 0.0], [[1.0, 0.0], [2.0, 1.0]]).place([1.0, 1.0])
        [2.0, 3.0]
        """
        return [
            m + dot(row[: i + 1], z[: i + 1]) for i, (m, row) in enumerate(zip(self.mean, self.factor, strict=True))
        ]

    def pull(self, z: Sequence[float], slope: Vector) -> Vector:
        """The derivatives by mean, the triangle without its diagonal, and the logarithms of the diagonal."""
        below = [slope[i] * z[j] for i in range(len(z)) for j in range(i)]
        return slope + below + [slope[i] * z[i] * self.factor[i][i] for i in range(len(z))]


def elbo(gaussian: MeanField | FullRank, target: LogDensity, draws: Rows) -> tuple[float, float, Vector]:
    """E log p + entropy, its standard error, and its gradient: means over the draws.

    >>> elbo(MeanField([0.0], [0.0]), lambda x: (-x[0] ** 2 / 2, [-x[0]]), [[1.0], [-1.0]])[1:]
    (0.0, [0.0, 0.0])
    """
    told = [target(gaussian.place(z)) for z in draws]
    values = [value for value, _ in told]
    pulled = [gaussian.pull(z, slope) for z, (_, slope) in zip(draws, told, strict=True)]
    gradient = [fmean(column) for column in zip(*pulled, strict=True)]
    d = len(gaussian.mean)
    entropy = sum(gaussian.log_scale) + d / 2 * math.log(2 * math.pi * math.e)
    for place in range(len(gradient) - d, len(gradient)):
        gradient[place] += 1  # the entropy's part
    return fmean(values) + entropy, stdev(values) / math.sqrt(len(values)), gradient
