"""The alternating direction method of multipliers, on lists and with a fixed weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from whitebox.reference.linalg._basic import Matrix, Vector, matmul, times, transpose
from whitebox.reference.linalg._lu import inverse

Curve = Callable[[float], float]


class LogReturns:
    """Returns a ln(1 + x / c) of each place.

    >>> LogReturns([2.0], [1.0]).slope([0.0])
    [2.0]
    """

    def __init__(self, scale: Sequence[float], half: Sequence[float]) -> None:
        self.scale, self.half = list(scale), list(half)

    def value(self, x: Vector) -> Vector:
        """Returns of amounts."""
        return [a * math.log(1 + b / c) for a, b, c in zip(self.scale, x, self.half, strict=True)]

    def slope(self, x: Vector) -> Vector:
        """What a unit more would return."""
        return [a / (c + b) for a, b, c in zip(self.scale, x, self.half, strict=True)]


class PowerReturns:
    """Returns a xᵖ of each place.

    >>> PowerReturns([2.0], [0.5]).slope([4.0])
    [0.5]
    """

    def __init__(self, scale: Sequence[float], power: Sequence[float]) -> None:
        self.scale, self.power = list(scale), list(power)

    def value(self, x: Vector) -> Vector:
        """Returns of amounts."""
        return [a * b**p for a, b, p in zip(self.scale, x, self.power, strict=True)]

    def slope(self, x: Vector) -> Vector:
        """What a unit more would return."""
        return [a * p * b ** (p - 1) if b else math.inf for a, b, p in zip(self.scale, x, self.power, strict=True)]


class SaturatingReturns:
    """Returns a (1 - exp(-x / c)) of each place.

    >>> SaturatingReturns([2.0], [1.0]).slope([0.0])
    [2.0]
    """

    def __init__(self, scale: Sequence[float], reach: Sequence[float]) -> None:
        self.scale, self.reach = list(scale), list(reach)

    def value(self, x: Vector) -> Vector:
        """Returns of amounts."""
        return [a * (1 - math.exp(-b / c)) for a, b, c in zip(self.scale, x, self.reach, strict=True)]

    def slope(self, x: Vector) -> Vector:
        """What a unit more would return."""
        return [a / c * math.exp(-b / c) for a, b, c in zip(self.scale, x, self.reach, strict=True)]


Returns = LogReturns | PowerReturns | SaturatingReturns


def soft_threshold(x: Sequence[float], threshold: float) -> Vector:
    """Towards zero by the threshold, not past it.

    >>> soft_threshold([3.0, -0.5], 1.0)
    [2.0, 0.0]
    """
    return [a - threshold if a > threshold else a + threshold if a < -threshold else 0.0 for a in x]


def lasso_admm(X: Matrix, y: Vector, penalty: float, rho: float = 1.0, steps: int = 3000) -> Vector:
    """Ridge regression towards z - u, and z by shrinking, in turns.

    >>> [round(w, 6) for w in lasso_admm([[1.0, 0.0], [0.0, 1.0]], [3.0, 0.5], 1.0)]
    [2.0, 0.0]
    """
    gram, pull = matmul(transpose(X), X), times(transpose(X), y)
    p = len(gram)
    ridge = inverse([[gram[i][j] + rho * (i == j) for j in range(p)] for i in range(p)])
    z, u = [0.0] * p, [0.0] * p
    for _ in range(steps):
        x = times(ridge, [c + rho * (a - b) for c, a, b in zip(pull, z, u, strict=True)])
        z = soft_threshold([a + b for a, b in zip(x, u, strict=True)], penalty / rho)
        u = [b + a - c for a, b, c in zip(x, u, z, strict=True)]
    return z


def consensus_admm(
    proximals: Sequence[Callable[[Vector, float], Vector]], dimension: int, rho: float = 1.0, steps: int = 2000
) -> Vector:
    """Everyone's best point near the common one; the common one in their middle; and a price on every disagreement.

    >>> anchors = [0.0, 1.0, 5.0]
    >>> [round(a, 6) for a in consensus_admm([lambda v, r, a=a: [(a + r * v[0]) / (1 + r)] for a in anchors], 1)]
    [2.0]
    """
    z = [0.0] * dimension
    u = [[0.0] * dimension for _ in proximals]
    for _ in range(steps):
        x = [
            proximal([a - b for a, b in zip(z, row, strict=True)], rho)
            for proximal, row in zip(proximals, u, strict=True)
        ]
        z = [sum(row[k] + price[k] for row, price in zip(x, u, strict=True)) / len(proximals) for k in range(dimension)]
        u = [[b + a - c for a, b, c in zip(row, price, z, strict=True)] for row, price in zip(x, u, strict=True)]
    return z


def water_filling(returns: Returns, budget: float) -> Vector:
    """Spends where the next unit returns most, by halving the price until the budget is spent.

    >>> [round(x, 6) for x in water_filling(LogReturns([1.0, 2.0, 0.1], [1.0, 1.0, 1.0]), 4.0)]
    [1.0, 3.0, 0.0]
    """
    n = len(returns.scale)
    low, high = -60.0, 60.0
    amounts = [0.0] * n
    for _ in range(100):
        price = math.exp((low + high) / 2)
        amounts = [_root(lambda x, i=i, price=price: returns.slope([x] * n)[i] - price, budget) for i in range(n)]  # type: ignore[misc]
        low, high = ((low + high) / 2, high) if sum(amounts) >= budget else (low, (low + high) / 2)
    return amounts


def allocate_budget(returns: Returns, budget: float, rho: float | None = None, steps: int = 1500) -> Vector:
    """Everybody answers a price with an amount; the price follows what the amounts exceed the budget by.

    >>> [round(x, 4) for x in allocate_budget(LogReturns([1.0, 2.0, 0.1], [1.0, 1.0, 1.0]), 4.0)]
    [1.0, 3.0, 0.0]
    """
    n = len(returns.scale)
    share = budget / n
    x, u = [share] * n, 0.0
    rho = rho or sum(returns.slope(x)) / n / share
    for _ in range(steps):
        away = sum(x) / n - share
        wanted = [a - away - u for a in x]
        x = [
            _root(lambda a, i=i, v=v: returns.slope([a] * n)[i] - rho * (a - v), 4 * budget)  # type: ignore[misc]
            for i, v in enumerate(wanted)
        ]
        u += sum(x) / n - share
    return x


def _root(falling: Curve, most: float) -> float:
    """Where a falling function is zero between 0 and the most; the end that is nearer where it is not."""
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
