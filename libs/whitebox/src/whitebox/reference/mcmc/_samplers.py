"""Markov chains: every step takes a point and gives the next one."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from whitebox.reference.linalg._basic import Vector, dot

LogDensity = Callable[[Vector], float]
LogDensityAndGradient = Callable[[Vector], tuple[float, Vector]]


class Proposal(Protocol):
    """Where a chain might go next."""

    def draw(self, rng: Random, x: Vector) -> Vector:
        """A point proposed from x."""
        ...

    def log_density(self, y: Vector, x: Vector) -> float:
        """Log q(y | x)."""
        ...


class RandomWalk:
    """A normal step, as likely there as back."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def draw(self, rng: Random, x: Vector) -> Vector:
        """A point proposed from x."""
        return [a + self.scale * rng.gauss() for a in x]

    def log_density(self, y: Vector, x: Vector) -> float:
        """Log q(y | x)."""
        return -sum((b - a) ** 2 for a, b in zip(x, y, strict=True)) / (2 * self.scale**2)


class MultiplicativeWalk:
    """A normal step of the logarithm: the density of y has a factor 1 / y, so that q(y | x) is not q(x | y)."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def draw(self, rng: Random, x: Vector) -> Vector:
        """A point proposed from x."""
        return [a * math.exp(self.scale * rng.gauss()) for a in x]

    def log_density(self, y: Vector, x: Vector) -> float:
        """Log q(y | x)."""
        return sum(-math.log(abs(b)) - math.log(b / a) ** 2 / (2 * self.scale**2) for a, b in zip(x, y, strict=True))


class Langevin:
    """A step uphill and noise."""

    def __init__(self, target: LogDensityAndGradient, step_size: float = 0.5) -> None:
        self.target = target
        self.step_size = step_size

    def _mean(self, x: Vector) -> Vector:
        return [a + self.step_size**2 / 2 * g for a, g in zip(x, self.target(x)[1], strict=True)]

    def draw(self, rng: Random, x: Vector) -> Vector:
        """A point proposed from x."""
        return [m + self.step_size * rng.gauss() for m in self._mean(x)]

    def log_density(self, y: Vector, x: Vector) -> float:
        """Log q(y | x)."""
        return -sum((b - m) ** 2 for b, m in zip(y, self._mean(x), strict=True)) / (2 * self.step_size**2)


class MetropolisHastings:
    """Moves to a proposal with probability min(1, π(y) q(x | y) / (π(x) q(y | x))), else stays.

    >>> kernel = MetropolisHastings(lambda x: -abs(x[0]), RandomWalk())
    >>> len(kernel.step(Random(0), [1.0]))
    1
    """

    def __init__(self, log_density: LogDensity, proposal: Proposal) -> None:
        self.log_density = log_density
        self.proposal = proposal

    def step(self, rng: Random, x: Vector) -> Vector:
        """The next position."""
        y = self.proposal.draw(rng, x)
        there = self.log_density(y) + self.proposal.log_density(x, y)
        here = self.log_density(x) + self.proposal.log_density(y, x)
        return y if rng.random() < math.exp(min(0.0, there - here)) else x


class PhasePoint(NamedTuple):
    """A position with a momentum."""

    position: Vector
    momentum: Vector


class Metric:
    """Masses, one for each coordinate, given by their inverses."""

    def __init__(self, inverse_mass: Vector) -> None:
        self.inverse_mass = inverse_mass

    def draw(self, rng: Random) -> Vector:
        """A momentum: normal, with the masses as variances."""
        return [rng.gauss() / math.sqrt(v) for v in self.inverse_mass]

    def velocity(self, momentum: Vector) -> Vector:
        """Momentum divided by mass."""
        return [v * p for v, p in zip(self.inverse_mass, momentum, strict=True)]

    def kinetic(self, momentum: Vector) -> float:
        """Half of momentum times velocity."""
        return dot(momentum, self.velocity(momentum)) / 2


def leapfrog(
    log_density: LogDensityAndGradient, point: PhasePoint, step_size: float, metric: Metric, steps: int = 1
) -> PhasePoint:
    """Half a kick, a drift, half a kick.

    >>> leapfrog(lambda x: (-x[0] ** 2 / 2, [-x[0]]), PhasePoint([0.0], [1.0]), 0.5, Metric([1.0]))
    PhasePoint(position=[0.5], momentum=[0.875])
    """
    x, p = point
    for _ in range(steps):
        p = [a + step_size / 2 * g for a, g in zip(p, log_density(x)[1], strict=True)]
        x = [a + step_size * v for a, v in zip(x, metric.velocity(p), strict=True)]
        p = [a + step_size / 2 * g for a, g in zip(p, log_density(x)[1], strict=True)]
    return PhasePoint(x, p)


class HMC:
    """Kicks the position off, follows the dynamics, and accepts where they lead with probability min(1, exp(H - H')).

    >>> kernel = HMC(lambda x: (-x[0] ** 2 / 2, [-x[0]]), 0.1, [1.0], 3)
    >>> len(kernel.step(Random(0), [1.0]))
    1
    """

    def __init__(self, log_density: LogDensityAndGradient, step_size: float, inverse_mass: Vector, steps: int) -> None:
        self.log_density = log_density
        self.step_size = step_size
        self.steps = steps
        self.metric = Metric(inverse_mass)

    def step(self, rng: Random, x: Vector) -> Vector:
        """The next position."""
        start = PhasePoint(x, self.metric.draw(rng))
        end = leapfrog(self.log_density, start, self.step_size, self.metric, self.steps)
        gain = _energy(self.log_density, self.metric, start) - _energy(self.log_density, self.metric, end)
        return end.position if rng.random() < math.exp(min(0.0, gain)) else x


class NUTS:
    """Doubles a trajectory until it turns back, and chooses among its points.

    The plain way: each new half is followed to its end, then all its sub-trees are looked at.

    >>> kernel = NUTS(lambda x: (-x[0] ** 2 / 2, [-x[0]]), 0.1, [1.0])
    >>> len(kernel.step(Random(0), [1.0]))
    1
    """

    def __init__(
        self, log_density: LogDensityAndGradient, step_size: float, inverse_mass: Vector, max_depth: int = 10
    ) -> None:
        self.log_density = log_density
        self.step_size = step_size
        self.metric = Metric(inverse_mass)
        self.max_depth = max_depth

    def step(self, rng: Random, x: Vector) -> Vector:
        """The next position."""
        start = PhasePoint(x, self.metric.draw(rng))
        level = _energy(self.log_density, self.metric, start)
        path, chosen = [start], start
        for depth in range(self.max_depth):
            sign = 1 if rng.random() < 0.5 else -1
            half: list[PhasePoint] = []
            for _ in range(2**depth):
                edge = half[-1] if half else path[-1 if sign > 0 else 0]
                half.append(leapfrog(self.log_density, edge, sign * self.step_size, self.metric))
            diverges = any(_energy(self.log_density, self.metric, point) - level > 1000 for point in half)
            if diverges or self._turns_somewhere(half):
                return chosen.position
            candidate = self._choose(rng, half, level)
            if rng.random() > 1 - min(1.0, self._weight(half, level) / self._weight(path, level)):
                chosen = candidate
            path = path + half if sign > 0 else half[::-1] + path
            if self._turns(path):
                break
        return chosen.position

    def _weight(self, points: list[PhasePoint], level: float) -> float:
        return sum(math.exp(level - _energy(self.log_density, self.metric, point)) for point in points)

    def _choose(self, rng: Random, points: list[PhasePoint], level: float) -> PhasePoint:
        """One point with probability exp(-H), by a knock-out between halves."""
        if len(points) == 1:
            return points[0]
        near, far = points[: len(points) // 2], points[len(points) // 2 :]
        first, second = self._choose(rng, near, level), self._choose(rng, far, level)
        share = self._weight(far, level) / self._weight(points, level)
        return second if rng.random() > 1 - share else first

    def _turns_somewhere(self, points: list[PhasePoint]) -> bool:
        """Whether any sub-tree turns back."""
        if len(points) == 1:
            return False
        half = len(points) // 2
        return self._turns_somewhere(points[:half]) or self._turns_somewhere(points[half:]) or self._turns(points)

    def _turns(self, points: list[PhasePoint]) -> bool:
        """Whether a tree, or one of its halves with the next point of the other, has ends that approach each other."""
        half = len(points) // 2
        for stretch in (points, points[: half + 1], points[half - 1 :]):
            way = self.metric.velocity([sum(p) for p in zip(*(point.momentum for point in stretch), strict=True)])
            if dot(way, stretch[0].momentum) <= 0 or dot(way, stretch[-1].momentum) <= 0:
                return True
        return False


def _energy(log_density: LogDensityAndGradient, metric: Metric, point: PhasePoint) -> float:
    return metric.kinetic(point.momentum) - log_density(point.position)[0]
