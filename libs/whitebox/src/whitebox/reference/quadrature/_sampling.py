"""Means over points that are given, with their standard errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from whitebox.reference.linalg._lu import solve

Point = list[float]
Function = Callable[[Point], float]
Bounds = Sequence[tuple[float, float]]


def _place(bounds: Bounds, unit: Point) -> Point:
    return [a + u * (b - a) for (a, b), u in zip(bounds, unit, strict=True)]


def _volume(bounds: Bounds) -> float:
    return math.prod(b - a for a, b in bounds)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    n = len(values)
    mean = math.fsum(values) / n
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)


def monte_carlo(f: Function, bounds: Bounds, draws: Sequence[Point]) -> tuple[float, float]:
    """The mean of volume times value at points of the unit cube, and its standard error.

    >>> monte_carlo(lambda x: x[0], [(0.0, 2.0)], [[0.25], [0.75]])
    (2.0, 1.0)
    """
    return _mean([_volume(bounds) * f(_place(bounds, unit)) for unit in draws])


def quasi_monte_carlo(f: Function, bounds: Bounds, nets: Sequence[Sequence[Point]]) -> tuple[float, float]:
    """The mean of the means over several randomised sets of points, and its standard error.

    >>> quasi_monte_carlo(lambda x: x[0], [(0.0, 1.0)], [[[0.0], [0.5]], [[0.25], [0.75]]])
    (0.375, 0.125)
    """
    volume = _volume(bounds)
    return _mean([volume * math.fsum(f(_place(bounds, unit)) for unit in net) / len(net) for net in nets])


def stratified(f: Function, bounds: Bounds, strata: int, draws: Sequence[Sequence[Point]]) -> tuple[float, float]:
    """Points inside each cell of a grid, the last variable running fastest; only the scatter inside cells counts.

    >>> stratified(lambda x: x[0], [(0.0, 2.0)], 2, [[[0.0], [1.0]], [[0.5], [0.5]]])
    (2.0, 0.5)
    """
    d, volume = len(bounds), _volume(bounds)
    total = variance = 0.0
    for cell, points in enumerate(draws):
        corner = [cell // strata ** (d - 1 - k) % strata for k in range(d)]
        inside = [[(c + u) / strata for c, u in zip(corner, unit, strict=True)] for unit in points]
        mean, error = _mean([volume * f(_place(bounds, unit)) for unit in inside])
        total += mean
        variance += error**2
    return total / len(draws), math.sqrt(variance) / len(draws)


def importance_sampling(f: Function, density: Function, draws: Sequence[Point]) -> tuple[float, float]:
    """The mean of f / q at points drawn from q.

    >>> importance_sampling(lambda x: 6.0, lambda x: 2.0, [[0.0], [0.0]])
    (3.0, 0.0)
    """
    return _mean([f(x) / density(x) for x in draws])


def control_variates(
    f: Function,
    controls: Callable[[Point], list[float]],
    means: Sequence[float],
    bounds: Bounds,
    draws: Sequence[Point],
) -> tuple[float, float]:
    """Regression of f on controls, by the normal equations; the known means replace those of the sample.

    >>> value, error = control_variates(
    ...     lambda x: 3 * x[0], lambda x: x, [0.5], [(0.0, 1.0)], [[0.1], [0.2], [0.4], [0.9]]
    ... )
    >>> round(value, 12), round(error, 12)
    (1.5, 0.0)
    """
    places = [_place(bounds, unit) for unit in draws]
    values = [_volume(bounds) * f(x) for x in places]
    rows = [controls(x) for x in places]
    n, k = len(values), len(means)
    centre = [sum(column) / n for column in zip(*rows, strict=True)]
    mean = sum(values) / n
    centred = [[g - c for g, c in zip(row, centre, strict=True)] for row in rows]
    spread = [value - mean for value in values]
    normal = [[sum(row[i] * row[j] for row in centred) for j in range(k)] for i in range(k)]
    beta = solve(normal, [sum(row[i] * s for row, s in zip(centred, spread, strict=True)) for i in range(k)])
    estimate = mean - sum(b * (c - m) for b, c, m in zip(beta, centre, means, strict=True))
    rest = [s - sum(b * g for b, g in zip(beta, row, strict=True)) for s, row in zip(spread, centred, strict=True)]
    return estimate, math.sqrt(sum(r * r for r in rest) / (n - k - 1) / n)
