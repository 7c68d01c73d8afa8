"""Adaptive integration by Kronrod's extension of Gauss rules."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.linalg import solve
from whitebox.quadrature._backends import BackendName, load_backend
from whitebox.quadrature._domain import Axis, Line
from whitebox.quadrature._gauss import gauss_legendre
from whitebox.quadrature._results import Integral, NestedRule, tolerance

_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)

# Intervals whose error estimate is this much of the integral of |f| consist of rounding; halving them changes nothing.
_ROUNDING = 50 * _EPS

# Nor is halved what lies so close to zero that powers of its places would leave the range of floats.
_NARROWEST = 1e-250

# The tests hold the rules to their degree up to here.
_MOST_NODES = 50


def kronrod(n: int) -> NestedRule:
    r"""The Gauss rule of n nodes with n + 1 more between them, of degree at least 3n + 1, on [-1, 1].

    The new nodes are the zeros of Stieltjes' polynomial :math:`E_{n+1} = P_{n+1} + \sum_{j \le n} c_j P_j`, for which

    .. math:: \int_{-1}^{1} P_n(x)\, E_{n+1}(x)\, P_k(x)\, dx = 0, \qquad k = 0, \dots, n

    and lie one between each two neighbours of the old ones and the ends (Kronrod 1965; Szegő 1935). The weights follow
    from :math:`\sum_i w_i P_k(x_i) = 2 \delta_{k0}`. O(n³), kept.

    Args:
        n: Nodes of the Gauss rule, 1 to 50.

    Raises:
        RangeError: for another number of nodes.

    >>> rule = kronrod(1)
    >>> (rule.nodes**2).round(12).tolist(), (9 * rule.weights).round(12).tolist(), rule.inner_weights.tolist()
    ([0.6, 0.0, 0.6], [5.0, 8.0, 5.0], [0.0, 2.0, 0.0])
    """
    if positive_int(n, "n") > _MOST_NODES:
        raise RangeError(f"n must be from 1 to {_MOST_NODES}, got {n}")
    return _kronrod(n)


def gauss_kronrod(
    f: Callable[[Any], Any],
    a: float,
    b: float,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-12,
    max_evaluations: int = 100_000,
    breaks: Sequence[float] = (),
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Integral:
    r"""Halves where the error is largest, until the sum of the errors is small enough.

    On each interval Kronrod's 15 nodes give the value K and Gauss's 7 among them G, and

    .. math:: e = \tilde I \min\left(1, \left(\frac{200\, |K - G|}{\tilde I}\right)^{3/2}\right), \qquad
        \tilde I = \int \left| f - \bar f \right|

    is taken as the error, which on smooth functions is pessimistic by orders of magnitude (Piessens, de
    Doncker-Kapenga, Überhuber, Kahaner: QUADPACK, 1983, 2.2.2). Intervals wait in a heap by their errors; all that
    stand between the sum and the tolerance are halved together, in one call of `f`. Infinite ends are brought to finite
    ones by :math:`x = a + t / (1 - t)` and :math:`x = t / (1 - t^2)`. What lies between the nodes of the first
    intervals is not seen: give `breaks` where the function is sharply peaked.

    Args:
        f: Takes points, shape (m,), and gives a value for each; with "numba" a function of one number, to be compiled,
            with "torch" one of tensors.
        a: Lower end, -inf perhaps; may lie above `b`, which turns the sign.
        b: Upper end, inf perhaps.
        rtol: Tolerance relative to the integral.
        atol: Absolute tolerance; either is enough.
        max_evaluations: At most.
        breaks: Places inside at which the function has a jump, a kink, a singularity or a peak.
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Returns:
        The estimate; `converged` is False where evaluations or the precision of numbers ran out.

    Raises:
        RangeError: for ends, tolerances or breaks out of their range.
        ShapeError, DtypeError, NotFiniteError: for an integrand that gives something else than one number a point.
        MissingDependencyError: if the backend is not installed.

    >>> result = gauss_kronrod(lambda x: np.exp(-(x**2)), -np.inf, np.inf)
    >>> abs(result.value - np.pi**0.5) < result.error < 1e-8, result.converged
    (True, True)
    """
    rtol, atol, limit = checked(rtol, atol, max_evaluations)
    line = Line(f, Axis(a, b, "the interval"), load_backend(backend, device))
    return integrate_line(line, cuts_of(line.axis, breaks), rtol, atol, limit)


def integrate_line(line: Line, cuts: Sequence[float], rtol: float, atol: float, limit: int) -> Integral:
    """`gauss_kronrod` on intervals between given coordinates."""
    heap = Adaptive(line, cuts)
    while True:
        if heap.error <= tolerance(heap.value, rtol, atol):
            return heap.result(True, f"the errors of {heap.count} intervals add up to less than the tolerance")
        if heap.exhausted(tolerance(heap.value, rtol, atol)):
            return heap.result(False, "where the error is largest the numbers lie too far apart to halve further")
        if line.evaluations + 2 * heap.cost > limit:
            return heap.result(False, f"more than {limit} evaluations would be needed")
        heap.refine(tolerance(heap.value, rtol, atol), limit - line.evaluations)


# How it is ordered in the heap, ends, value, error, and whether that is rounding.
_Interval = tuple[float, float, float, float, float, bool]


class Adaptive:
    """The heap of intervals, which can be refined step by step.

    Attributes:
        cost: Evaluations an interval takes.
        value: The sum of the intervals' values.
        error: The sum of their errors.
    """

    cost = 15

    def __init__(self, line: Line, cuts: Sequence[float]) -> None:
        self._line = line
        self._rule = _kronrod(7)
        # Odd entries are Gauss's nodes: both sums are one matrix product.
        self._both = line.run.array(np.stack([self._rule.weights, self._rule.inner_weights], axis=1))
        self._unit, self._outer = line.run.array(self._rule.nodes), line.run.array(self._rule.weights)
        self._heap: list[_Interval] = []
        self.value = self.error = self._stuck = 0.0
        self._add(np.array(cuts[:-1]), np.array(cuts[1:]))

    @property
    def count(self) -> int:
        """How many intervals there are."""
        return len(self._heap)

    def exhausted(self, target: float) -> bool:
        """Whether halving cannot bring the error to the target."""
        return self._heap[0][5] or self._stuck > target

    def refine(self, target: float, limit: int) -> None:
        """Halves the worst intervals, as few as leave errors below the target, with so many evaluations at most."""
        worst: list[_Interval] = []
        left, most = self.error, limit // (2 * self.cost)
        while self._heap and not self._heap[0][5] and len(worst) < most and (not worst or left > target / 2):
            worst.append(heapq.heappop(self._heap))
            left -= worst[-1][4]
        low, high = np.array([(interval[1], interval[2]) for interval in worst]).T
        middle = low / 2 + high / 2
        self._add(np.concatenate([low, middle]), np.concatenate([middle, high]))

    def result(self, converged: bool, why: str) -> Integral:
        """What has been found so far."""
        return Integral(
            self._line.axis.sign * self.value,
            self.error,
            self._line.evaluations,
            converged,
            "adaptive Gauss–Kronrod",
            why,
        )

    def _add(self, low: Array, high: Array) -> None:
        run, half = self._line.run, high / 2 - low / 2
        points = run.array(low / 2 + high / 2)[:, None] + run.array(half)[:, None] * self._unit
        values = self._line(points.reshape(-1)).reshape(len(low), -1)
        sums = values @ self._both
        outer, inner = run.host(sums).T * half
        around = run.host(abs(values - sums[:, :1] / 2) @ self._outer) * half
        floor = run.host(abs(values) @ self._outer) * (half * _ROUNDING)
        error = np.abs(outer - inner)
        share = 200 * error / np.maximum(np.maximum(around, 200 * error), _TINY)
        error = np.where(around > 0, around * share**1.5, error)
        rounded = error <= floor
        narrowest = float(half.min())
        if narrowest <= 1e-10 * (self._line.axis.high - self._line.axis.low):
            # Of halves narrower than this the outermost nodes would fall on the ends, which may be singular.
            rounded |= half <= np.maximum(256 * _EPS * self._line.axis.magnitude(low, high), _NARROWEST)
        error = np.maximum(error, floor)
        # Those that cannot be improved wait behind all others.
        columns = np.where(rounded, 1.0, -error), low, high, outer, error, rounded
        self._heap += zip(*(column.tolist() for column in columns), strict=True)
        heapq.heapify(self._heap)
        # Summed anew: updating would keep the rounding errors of the first, coarse values.
        self.value = math.fsum([interval[3] for interval in self._heap])
        self.error = math.fsum([interval[4] for interval in self._heap])
        self._stuck = (
            math.fsum([interval[4] for interval in self._heap if interval[5]]) if rounded.any() else self._stuck
        )


@lru_cache(maxsize=64)
def _kronrod(n: int) -> NestedRule:
    gauss = gauss_legendre(n)
    exact = gauss_legendre((3 * n + 3) // 2 + 1)
    P = _legendre_values(exact.nodes, n + 1)
    # Row k, column j: the integral of P_n P_j P_k.
    triple = np.einsum("i,i,ji,ki->kj", exact.weights, P[n], P, P[: n + 1], optimize=True)
    coefficients = np.append(solve(triple[:, : n + 1], -triple[:, n + 1]), 1.0)
    ends = np.concatenate([[-1.0], gauss.nodes, [1.0]])
    low, high = ends[:-1].copy(), ends[1:].copy()
    rising = coefficients @ _legendre_values(high, n + 1) > 0
    for _ in range(80):  # halvings until neighbouring numbers
        middle = (low + high) / 2
        after = (coefficients @ _legendre_values(middle, n + 1) > 0) == rising
        low, high = np.where(after, low, middle), np.where(after, middle, high)
    added = (low + high) / 2
    added = (added - added[::-1]) / 2
    nodes = np.empty(2 * n + 1)
    nodes[::2], nodes[1::2] = added, gauss.nodes
    moments = np.zeros(2 * n + 1)
    moments[0] = 2.0
    weights = solve(_legendre_values(nodes, 2 * n), moments)
    weights = (weights + weights[::-1]) / 2
    inner = np.zeros(2 * n + 1)
    inner[1::2] = gauss.weights
    for array in (nodes, weights, inner):
        array.flags.writeable = False
    return NestedRule(nodes, weights, inner, 3 * n + 2 if n % 2 else 3 * n + 1)


def _legendre_values(x: Array, degree: int) -> Array:
    """P_0 to P_degree, shape (degree + 1, m)."""
    values = np.ones((degree + 1, len(x)))
    values[1:2] = x
    for k in range(1, degree):
        values[k + 1] = ((2 * k + 1) * x * values[k] - k * values[k - 1]) / (k + 1)
    return values


def cuts_of(axis: Axis, breaks: Sequence[float]) -> list[float]:
    """Coordinates of the ends and of places between them. Raises RangeError for a place outside."""
    inside = []
    for place in breaks:
        number_in(place, "breaks")
        if not axis.a < place < axis.b:
            raise RangeError(f"breaks must lie inside the interval, got {place!r}")
        inside.append(axis.coordinate(place))
    return [axis.low, *sorted(set(inside)), axis.high]


def checked(rtol: float, atol: float, max_evaluations: int) -> tuple[float, float, int]:
    """Tolerances and a limit of evaluations. Raises RangeError for others than make sense."""
    return number_in(rtol, "rtol", 0), number_in(atol, "atol", 0), positive_int(max_evaluations, "max_evaluations")
