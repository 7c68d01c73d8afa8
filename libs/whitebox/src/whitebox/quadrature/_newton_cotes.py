"""Equidistant nodes: trapezoids, Simpson's parabolas, and the closed rules of Newton and Cotes."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.quadrature._backends import numpy_values
from whitebox.quadrature._results import Rule

_MOST_POINTS = 64


def newton_cotes(n: int) -> Rule:
    r"""The closed rule on n equidistant points of [-1, 1]: the integral of the polynomial through all of them.

    .. math:: w_i = \int_{-1}^{1} \prod_{j \ne i} \frac{x - x_j}{x_i - x_j} \, dx

    (Abramowitz, Stegun: Handbook of Mathematical Functions, 25.4.1 to 25.4.20.) Two points are the trapezoidal rule,
    three Simpson's, four his 3/8 rule, five Boole's. From nine points on some weights are negative and they grow, with
    the rounding errors, like 2ⁿ: use composite rules of few points. Weights are computed in exact fractions, O(n²).

    Args:
        n: Number of points, 2 to 64.

    Raises:
        RangeError: for another number of points.

    >>> rule = newton_cotes(3)
    >>> rule.nodes.tolist(), (3 * rule.weights).tolist(), rule.degree
    ([-1.0, 0.0, 1.0], [1.0, 4.0, 1.0], 3)
    """
    if not 2 <= positive_int(n, "n") <= _MOST_POINTS:
        raise RangeError(f"n must be from 2 to {_MOST_POINTS}, got {n}")
    return _closed_rule(n)


def trapezoid(y: npt.ArrayLike, x: npt.ArrayLike | None = None, *, dx: float = 1.0) -> Array:
    r"""Area under straight lines between samples, along the last axis.

    .. math:: \int y \, dx \approx \sum_i \frac{(x_{i+1} - x_i)(y_i + y_{i+1})}{2}

    (Abramowitz, Stegun 25.4.1.) For smooth functions the error falls with the square of the spacing, over whole periods
    of periodic ones exponentially. O(size).

    Args:
        y: Samples, shape (..., m).
        x: Where they were taken, shape (m,); equidistant where missing.
        dx: Their distance where `x` is missing.

    Returns:
        Shape (...).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> float(trapezoid([1.0, 2.0, 4.0], [0.0, 1.0, 3.0]))
    7.5
    """
    samples, gaps = _samples(y, x, dx)
    if samples.shape[-1] == 1:
        return np.zeros(samples.shape[:-1])
    area: Array = ((samples[..., 1:] + samples[..., :-1]) * gaps).sum(axis=-1) / 2
    return area


def simpson(y: npt.ArrayLike, x: npt.ArrayLike | None = None, *, dx: float = 1.0) -> Array:
    r"""Area under parabolas through each three samples, along the last axis.

    With spacings h and k before and after the middle one,

    .. math:: \int y \approx \frac{h+k}{6} \left[ \left(2 - \tfrac{k}{h}\right) y_0
        + \frac{(h+k)^2}{hk} y_1 + \left(2 - \tfrac{h}{k}\right) y_2 \right]

    which is :math:`\tfrac{h}{3} (y_0 + 4 y_1 + y_2)` for equal ones (Abramowitz, Stegun 25.4.5). Where the number of
    samples is even, the last interval lies under the parabola of the last three (Cartwright: Simpson's Rule Cumulative
    Integration with MS Excel and Irregularly-spaced Data, 2017). Exact for cubics on an odd number of equidistant
    samples. O(size).

    Args:
        y: Samples, shape (..., m).
        x: Where they were taken, strictly monotonic, shape (m,); equidistant where missing.
        dx: Their distance where `x` is missing.

    Returns:
        Shape (...).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if `x` is not strictly monotonic.

    >>> float(simpson([0.0, 1.0, 8.0], dx=1.0))  # x³ from 0 to 2
    4.0
    """
    samples, gaps = _samples(y, x, dx)
    if not ((gaps > 0).all() or (gaps < 0).all()):
        raise RangeError("x must rise or fall strictly for Simpson's rule")
    count = samples.shape[-1]
    if count < 3:
        return trapezoid(samples, x, dx=dx)
    end = count if count % 2 else count - 1
    h, k = gaps[: end - 1 : 2], gaps[1 : end - 1 : 2]
    left, middle, right = samples[..., : end - 2 : 2], samples[..., 1 : end - 1 : 2], samples[..., 2:end:2]
    parabolas = (h + k) / 6 * ((2 - k / h) * left + (h + k) ** 2 / (h * k) * middle + (2 - h / k) * right)
    area: Array = parabolas.sum(axis=-1)
    if end < count:
        h, k = gaps[-2], gaps[-1]
        area += (
            (2 * k**2 + 3 * h * k) / (6 * (h + k)) * samples[..., -1]
            + (k**2 + 3 * h * k) / (6 * h) * samples[..., -2]
            - k**3 / (6 * h * (h + k)) * samples[..., -3]
        )
    return area


def composite(f: Callable[[Array], npt.ArrayLike], a: float, b: float, rule: Rule, panels: int = 1) -> float:
    r"""A rule applied to each of so many equal parts of an interval.

    .. math:: \int_a^b f \approx \frac{b-a}{2m} \sum_{k=1}^{m} \sum_i w_i\, f\!\left(c_k + \frac{b-a}{2m} x_i\right)

    with :math:`c_k` the middle of part k. A rule of degree p leaves an error of order :math:`m^{-(p+1)}` on smooth
    functions (Davis, Rabinowitz: Methods of Numerical Integration, 2nd ed., 2.4). End points that neighbours share are
    evaluated once. O(m · n).

    Args:
        f: Takes points, shape (k,), and gives a value for each.
        a: Lower end; may lie above `b`, which turns the sign.
        b: Upper end.
        rule: On [-1, 1], as `newton_cotes` and `gauss_legendre` give it.
        panels: How many parts, m.

    Raises:
        RangeError: for an infinite end or no part.
        ShapeError, DtypeError, NotFiniteError: for an integrand that gives something else than one number a point.

    >>> round(composite(np.sin, 0.0, np.pi, newton_cotes(3), panels=16), 4)
    2.0
    """
    a, b = number_in(a, "a"), number_in(b, "b")
    count = positive_int(panels, "panels")
    half = (b - a) / (2 * count)
    if rule.nodes[0] == -1 and rule.nodes[-1] == 1:
        inner = len(rule.nodes) - 1
        weights = np.append(np.tile(rule.weights[:-1], count), rule.weights[-1])
        weights[inner:-1:inner] += rule.weights[-1]
        places = np.append((2 * np.arange(count)[:, None] + 1 + rule.nodes[:-1]).ravel(), 2.0 * count)
    else:
        weights = np.tile(rule.weights, count)
        places = (2 * np.arange(count)[:, None] + 1 + rule.nodes).ravel()
    # Measured from the nearer end, so that b is met exactly.
    points = np.where(places <= count, a + half * places, b - half * (2 * count - places))
    return float(half * (weights @ numpy_values(f, points)))


@cache
def _closed_rule(n: int) -> Rule:
    # On the points 0, ..., n - 1, where all coefficients are whole numbers; lowest power first.
    product = [1]
    for point in range(n):
        product = [low - point * high for low, high in zip([0, *product], [*product, 0], strict=True)]
    panels, weights = n - 1, []
    for i in range(n):
        basis = [0] * n  # the product without its factor x - i
        for power in range(n - 1, -1, -1):
            basis[power] = product[power + 1] + (i * basis[power + 1] if power + 1 < n else 0)
        height = sum(c * i**power for power, c in enumerate(basis))
        area = sum(Fraction(c * panels ** (power + 1), power + 1) for power, c in enumerate(basis))
        weights.append(float(area / height * Fraction(2, panels)))
    nodes = np.array([float(Fraction(2 * i - panels, panels)) for i in range(n)])
    values = np.array(weights)
    for array in (nodes, values):
        array.flags.writeable = False
    return Rule(nodes, values, n if n % 2 else n - 1)


def _samples(y: npt.ArrayLike, x: npt.ArrayLike | None, dx: float) -> tuple[Array, Array]:
    samples = as_array(y, "y")
    if samples.ndim == 0:
        raise ShapeError("y must have at least one dimension")
    count = samples.shape[-1]
    if x is None:
        return samples, np.full(count - 1, number_in(dx, "dx"))
    places = as_vector(x, "x")
    if len(places) != count:
        raise ShapeError(f"x must have shape ({count},) like the last axis of y, got {places.shape}")
    return samples, np.diff(places)
