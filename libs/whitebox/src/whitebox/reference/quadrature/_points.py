"""Low-discrepancy points, one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

Points = list[list[float]]

# For each variable after the first: the coefficients of a primitive polynomial over {0, 1}, highest power first, and
# the first odd numbers of its recurrence (Joe, Kuo 2008).
_VARIABLES = (
    ((1, 1), (1,)),
    ((1, 1, 1), (1, 3)),
    ((1, 0, 1, 1), (1, 3, 1)),
    ((1, 1, 0, 1), (1, 1, 1)),
    ((1, 0, 0, 1, 1), (1, 1, 3, 3)),
    ((1, 1, 0, 0, 1), (1, 3, 5, 13)),
    ((1, 0, 0, 1, 0, 1), (1, 1, 5, 5, 17)),
)


def sobol(n: int, dimension: int) -> Points:
    """Each point differs from the one before by one direction: that of the lowest zero of its index.

    >>> sobol(3, 2)
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25]]
    """
    numbers = [[1] * 32, *(_recurrence(*variable) for variable in _VARIABLES)][:dimension]
    words, points = [0] * dimension, []
    for index in range(n):
        points.append([word / 2**32 for word in words])
        lowest = 0
        while index >> lowest & 1:
            lowest += 1
        # The direction number m / 2 ** (lowest + 1), in units of 2 ** -32.
        words = [word ^ m[lowest] << (31 - lowest) for word, m in zip(words, numbers, strict=True)]
    return points


def _recurrence(polynomial: Sequence[int], first: Sequence[int]) -> list[int]:
    degree, m = len(polynomial) - 1, list(first)
    while len(m) < 32:
        following = m[-degree]
        for k in range(1, degree + 1):
            following ^= polynomial[k] * m[-k] << k
        m.append(following)
    return m


def halton(n: int, dimension: int) -> Points:
    """Digits of the index behind the point, lowest first.

    >>> halton(3, 1)
    [[0.0], [0.5], [0.25]]
    """
    primes = [p for p in range(2, 100) if all(p % q for q in range(2, p))][:dimension]
    return [[_mirrored(index, base) for base in primes] for index in range(n)]


def _mirrored(index: int, base: int) -> float:
    value, scale = 0.0, 1.0
    while index:
        index, digit = divmod(index, base)
        scale /= base
        value += digit * scale
    return value


def discrepancy(points: Points, kind: str = "centered") -> float:
    """Warnock's and Hickernell's sums, term by term.

    >>> round(discrepancy([[0.5]]) ** 2, 6)  # 13/12 - 2 + 1
    0.083333
    """
    n, d = len(points), len(points[0])
    if kind == "star":
        single = 2 ** (1 - d) * sum(math.prod(1 - x * x for x in point) for point in points) / n
        pairs = sum(math.prod(1 - max(a, b) for a, b in zip(p, q, strict=True)) for p in points for q in points)
        return math.sqrt(max(3.0**-d - single + pairs / n**2, 0.0))

    def away(x: float) -> float:
        return abs(x - 0.5)

    single = 2 * sum(math.prod(1 + away(x) / 2 - away(x) ** 2 / 2 for x in point) for point in points) / n
    pairs = sum(
        math.prod(1 + away(a) / 2 + away(b) / 2 - abs(a - b) / 2 for a, b in zip(p, q, strict=True))
        for p in points
        for q in points
    )
    return math.sqrt(max((13 / 12) ** d - single + pairs / n**2, 0.0))
