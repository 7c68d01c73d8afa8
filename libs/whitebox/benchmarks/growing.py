"""How cost grows with size: what is measured, and the slope that is fitted to it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Run = Callable[[], object]


class Growth(NamedTuple):
    """An algorithm whose cost is said to grow in a certain way.

    Attributes:
        name: The algorithm, and what n is.
        order: The promise, as it is written: "n log n".
        cost: The promise as a function, up to a constant.
        sizes: Values of n, rising, a constant factor apart.
        prepare: From n to what is timed, with its data made.
    """

    name: str
    order: str
    cost: Callable[[float], float]
    sizes: Sequence[int]
    prepare: Callable[[int], Run]


class Grown(NamedTuple):
    """What was measured of it.

    Attributes:
        growth: The algorithm.
        seconds: The best of several runs at each size.
    """

    growth: Growth
    seconds: list[float]

    @property
    def measured(self) -> float:
        """The exponent of n: the slope of a line through the logarithms."""
        return slope(self.growth.sizes, self.seconds)

    @property
    def promised(self) -> float:
        """The slope that the promise itself has over these sizes: a little above 1 for n log n."""
        return slope(self.growth.sizes, [self.growth.cost(size) for size in self.growth.sizes])

    @property
    def last(self) -> float:
        """The exponent between the last two sizes, where fixed costs count least."""
        return slope(self.growth.sizes[-2:], self.seconds[-2:])


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Of the least-squares line through the logarithms."""
    x, y = np.log(np.asarray(sizes, dtype=float)), np.log(np.asarray(values, dtype=float))
    x = x - x.mean()
    return float(x @ y / (x @ x))


def measure(growth: Growth, report: Callable[[int], None], seconds: float = 0.4) -> Grown:
    """Times it at each size, for about so long each, and at least three times; the fastest run has least noise.

    In seconds of the processor, which a busy machine does not lengthen; all runs in one thread.
    """
    best = []
    for size in growth.sizes:
        report(size)
        run = growth.prepare(size)
        run()  # caches, lazy imports, compilation
        taken: list[float] = []
        while len(taken) < 3 or (sum(taken) < seconds and len(taken) < 200):
            started = time.process_time()
            run()
            taken.append(time.process_time() - started)
        best.append(min(taken))
    return Grown(growth, best)


def doubling(first: int, count: int) -> list[int]:
    """`count` sizes from `first` on, each twice the one before."""
    return [first * 2**step for step in range(count)]


def linear(n: float) -> float:
    return n


def linearithmic(n: float) -> float:
    return n * math.log(n)


def logarithmic(n: float) -> float:
    return math.log(n)


def quadratic(n: float) -> float:
    return n**2


def cubic(n: float) -> float:
    return n**3
