"""Integration of functions that are singular at their ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from whitebox._validation import Array
from whitebox.quadrature._backends import BackendName, load_backend
from whitebox.quadrature._domain import Axis, Line
from whitebox.quadrature._kronrod import checked
from whitebox.quadrature._results import Integral, tolerance

_EPS = float(np.finfo(np.float64).eps)

# Spacings from 1 to 2⁻⁹; each level has twice the nodes of the one before.
_LEVELS = 10

# How near the nodes come to the ends, relative to the interval: what the range of floats allows where the integrand, or
# at infinite ends the square of the place, is multiplied in.
_NEAREST_FINITE, _NEAREST_INFINITE = 1e-300, 1e-140


def tanh_sinh(
    f: Callable[[Any], Any],
    a: float,
    b: float,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-12,
    max_evaluations: int = 20_000,
    backend: BackendName = "numpy",
    device: str | None = None,
) -> Integral:
    r"""The double exponential formula: a substitution after which every end is approached infinitely fast.

    .. math:: \int_{-1}^{1} f(x)\, dx \approx h \sum_k f(x(kh))\, x'(kh), \qquad
        x(s) = \tanh\left(\tfrac{\pi}{2} \sinh s\right)

    (Takahasi, Mori: Double Exponential Formulas for Numerical Integration, 1974.) Whatever integrable singularity
    stands at the ends is damped away, and the trapezoidal rule in s converges exponentially: halving h doubles the
    number of right digits. Nodes are given by their distance from the nearer end, so that a singularity at zero or at
    infinity is resolved down to the range of floats; one at another number only as far as numbers beside it reach,
    which the error estimate includes. Singularities inside slow it down: split the interval there.

    Args:
        f: Takes points, shape (m,), and gives a value for each; see `gauss_kronrod`.
        a: Lower end, -inf perhaps; may lie above `b`, which turns the sign.
        b: Upper end, inf perhaps.
        rtol: Tolerance relative to the integral.
        atol: Absolute tolerance; either is enough.
        max_evaluations: At most.
        backend: "numpy", "numba" or "torch".
        device: For torch.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError, MissingDependencyError: as `gauss_kronrod`.

    >>> result = tanh_sinh(lambda x: np.log(x) / np.sqrt(x), 0.0, 1.0)
    >>> round(result.value, 9), result.converged, result.evaluations < 200
    (-4.0, True, True)
    """
    rtol, atol, limit = checked(rtol, atol, max_evaluations)
    return tanh_sinh_line(Line(f, Axis(a, b, "the interval"), load_backend(backend, device)), rtol, atol, limit)


def tanh_sinh_line(line: Line, rtol: float, atol: float, limit: int) -> Integral:
    """`tanh_sinh` of a counted function."""
    value, total, size = math.inf, 0.0, 0.0
    change, cut, error = math.inf, 0.0, math.inf
    change_before = math.inf
    for level in range(_LEVELS):
        h = 0.5**level
        low, high = (_terms(line.axis, level, upper=upper) for upper in (False, True))
        if level and line.evaluations + len(low[0]) + len(high[0]) > limit:
            break
        terms = [
            line.near_end(distance, high=upper) * weight
            for upper, (distance, weight) in zip((False, True), (low, high), strict=True)
        ]
        total += math.fsum(map(math.fsum, terms))
        size += sum(float(np.abs(part).sum()) for part in terms)
        previous, value, change_before = value, h * total, change
        # What the sum leaves out beyond its last terms is of their size.
        cut = max(abs(float(part[-1])) for part in terms)
        change = abs(value - previous)
        error = max(change, cut, 10 * _EPS * h * size)
        if level >= 3 and error <= tolerance(value, rtol, atol):
            return _result(line, value, error, True, "the trapezoidal sums settled to the tolerance")
    why = f"the sums have not settled to the tolerance after {line.evaluations} evaluations"
    if error == cut:
        why = "what the numbers nearest to an end leave out is more than the tolerance"
    # Sums that do not settle exponentially may differ little by chance.
    return _result(line, value, max(error, min(change_before, 10 * error)), False, why)


def _result(line: Line, value: float, error: float, converged: bool, why: str) -> Integral:
    return Integral(line.axis.sign * value, error, line.evaluations, converged, "tanh-sinh", why)


def _terms(axis: Axis, level: int, *, upper: bool) -> tuple[Array, Array]:
    """Distances from an end, falling, and weights of the nodes that a level adds on that side of the middle."""
    width = axis.high - axis.low
    infinite = math.isinf(axis.b if upper else axis.a) if axis.both_infinite else (not axis.finite and upper)
    nearest = _NEAREST_INFINITE if infinite else _NEAREST_FINITE
    h = 0.5**level
    last = math.asinh(-math.log(nearest) / math.pi)
    # The middle belongs to the lower side; after the first level only odd multiples are new.
    steps = np.arange(1 if level or upper else 0, int(last / h) + 1, 2 if level else 1)
    s = h * steps
    share = 1 / (1 + np.exp(np.pi * np.sinh(s)))
    distance = width * share
    weight = np.pi * np.cosh(s) * distance * (1 - share)
    kept = distance > 0
    if axis.finite:
        kept = (axis.b - distance < axis.b) if upper else (axis.a + distance > axis.a)
    elif not upper and not axis.both_infinite:
        end = axis.a if math.isfinite(axis.a) else axis.b
        kept = (np.abs(end) + distance > np.abs(end)) | (distance > 0) & (end == 0)
    return distance[kept], weight[kept]
