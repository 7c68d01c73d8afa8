"""Nodes and weights, on lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

Rule = tuple[list[float], list[float]]


def newton_cotes(n: int) -> Rule:
    """Integrates the Lagrange polynomials of n equidistant points of [-1, 1], one by one.

    >>> newton_cotes(2)
    ([-1.0, 1.0], [1.0, 1.0])
    """
    nodes = [Fraction(2 * i, n - 1) - 1 for i in range(n)]
    weights = []
    for i, x in enumerate(nodes):
        lagrange = [Fraction(1)]  # coefficients, lowest power first
        for j, other in enumerate(nodes):
            if j != i:
                scaled = [c / (x - other) for c in lagrange]
                lagrange = [a - other * b for a, b in zip([Fraction(0), *scaled], [*scaled, Fraction(0)], strict=True)]
        weights.append(sum((2 * c / (k + 1) for k, c in enumerate(lagrange) if k % 2 == 0), Fraction(0)))
    return [float(x) for x in nodes], [float(w) for w in weights]


def trapezoid(y: Sequence[float], x: Sequence[float]) -> float:
    """Area under straight lines between samples.

    >>> trapezoid([1.0, 2.0], [0.0, 2.0])
    3.0
    """
    return sum((x[i + 1] - x[i]) * (y[i] + y[i + 1]) / 2 for i in range(len(y) - 1))


def simpson(y: Sequence[float], x: Sequence[float]) -> float:
    """Area under a parabola through each three samples; the last interval of an even number under the last parabola.

    >>> round(simpson([0.0, 1.0, 4.0], [0.0, 1.0, 2.0]), 9)  # x² from 0 to 2
    2.666666667
    """
    if len(y) < 3:
        return trapezoid(y, x)
    area = 0.0
    for i in range(0, len(y) - 2, 2):
        area += _parabola(x[i : i + 3], y[i : i + 3], x[i], x[i + 2])
    if len(y) % 2 == 0:
        area += _parabola(x[-3:], y[-3:], x[-2], x[-1])
    return area


def _parabola(x: Sequence[float], y: Sequence[float], a: float, b: float) -> float:
    """Integral from a to b of the parabola through three points, in Newton's form around the first."""
    slope = (y[1] - y[0]) / (x[1] - x[0])
    bend = ((y[2] - y[1]) / (x[2] - x[1]) - slope) / (x[2] - x[0])
    h = x[1] - x[0]

    def antiderivative(t: float) -> float:
        return y[0] * t + slope * t**2 / 2 + bend * (t**3 / 3 - h * t**2 / 2)

    return antiderivative(b - x[0]) - antiderivative(a - x[0])


def golub_welsch(diagonal: Sequence[float], beside: Sequence[float], mass: float = 1.0) -> Rule:
    """Eigenvalues of a tridiagonal matrix, by counting how many lie below a number and halving.

    The count is the number of negative pivots of T - xI (Sylvester's law of inertia).

    >>> golub_welsch([0.0], [], 2.0)
    ([0.0], [2.0])
    """
    n = len(diagonal)
    reach = max(abs(a) for a in diagonal) + 2 * max([0.0, *beside])
    nodes = []
    for index in range(n):
        low, high = -reach, reach
        while low < (middle := (low + high) / 2) < high:
            if _count_below(diagonal, beside, middle) > index:
                high = middle
            else:
                low = middle
        nodes.append(middle + 0.0)
    weights = []
    for x in nodes:
        before, value, squares = 0.0, 1.0, 1.0
        for k in range(n - 1):
            below = beside[k - 1] if k else 0.0
            before, value = value, ((x - diagonal[k]) * value - below * before) / beside[k]
            squares += value**2
        weights.append(mass / squares)
    return nodes, weights


def _count_below(diagonal: Sequence[float], beside: Sequence[float], x: float) -> int:
    count, pivot = 0, 1.0
    for k, a in enumerate(diagonal):
        pivot = a - x - (beside[k - 1] ** 2 / pivot if k else 0.0)
        pivot = pivot or 1e-300
        count += pivot < 0
    return count


def gauss_legendre(n: int) -> Rule:
    """The Gauss rule of weight 1 on [-1, 1].

    >>> gauss_legendre(1)
    ([0.0], [2.0])
    """
    return golub_welsch([0.0] * n, [k / math.sqrt(4 * k * k - 1) for k in range(1, n)], 2.0)


def gauss_hermite(n: int) -> Rule:
    """The Gauss rule of weight exp(-x²) on the line.

    >>> [round(w**2, 12) for w in gauss_hermite(1)[1]]
    [3.14159265359]
    """
    return golub_welsch([0.0] * n, [math.sqrt(k / 2) for k in range(1, n)], math.sqrt(math.pi))


def composite(f: Callable[[float], float], a: float, b: float, rule: Rule, panels: int = 1) -> float:
    """A rule on each of so many equal parts.

    >>> composite(lambda x: x, 0.0, 2.0, ([-1.0, 1.0], [1.0, 1.0]), 4)
    2.0
    """
    half = (b - a) / (2 * panels)
    total = 0.0
    for k in range(panels):
        centre = a + (2 * k + 1) * half
        total += half * sum(w * f(centre + half * x) for x, w in zip(*rule, strict=True))
    return total
