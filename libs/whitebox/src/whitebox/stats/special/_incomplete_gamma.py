"""The regularised incomplete gamma functions and their inverses."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import ConvergenceError
from whitebox.stats.special._arrays import (
    EPSILON,
    TINY,
    elementwise,
    horner,
    not_negative,
    once_where_constant,
    positive,
    probability,
)
from whitebox.stats.special._error import erfc_kernel, ndtri
from whitebox.stats.special._gamma import (
    deviance,
    gammaln1p_kernel,
    gammaln_kernel,
    log1p_minus,
    stirling_error,
)
from whitebox.stats.special._tails import solve_tails

_MOST_TERMS = 2000
# Terms of Temme's expansion: powers of 1/a, and of η.
_ORDERS = 12
_POWERS = 22
# From this a on, and for x within so much of a, relatively, it is exact to the last bits.
_UNIFORM_FROM = 20.0
_UNIFORM_WITHIN = 0.4


def gammainc(a: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""The lower incomplete gamma function :math:`P(a, x) = \frac{1}{\Gamma(a)} \int_0^x t^{a-1} e^{-t} dt`.

    Regularised, that is, with limit 1. By one of three expansions, whichever converges fast: the power series (DLMF
    8.7.1), the continued fraction of the complement (8.9.2) by Lentz's method, and for x near a large a Temme's uniform
    expansion (8.12.3). The leading factor :math:`x^a e^{-x} / \Gamma(a)` is computed from its distance to its peak
    (Loader: Fast and Accurate Computation of Binomial Probabilities, 2000): its logarithm is a small difference
    of large numbers. At most some hundred operations an element.

    Args:
        a: Positive and finite, any shape.
        x: From 0 to infinity; broadcast against `a`.

    Raises:
        RangeError: for an `a` that is not positive and finite, or a negative `x`.
        ShapeError: if the shapes do not broadcast.
        DtypeError, NotFiniteError: for anything but real numbers, NaN included.

    >>> float(gammainc(1.0, 2.0).round(9))  # 1 - exp(-2)
    0.864664717
    """
    return elementwise(gamma_tails, positive(a, "a"), not_negative(x, "x"))[0]


def gammaincc(a: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""The upper tail :math:`Q(a, x) = 1 - P(a, x)`, exact where it is tiny. See `gammainc`.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError: as `gammainc`.

    >>> f"{gammaincc(1.0, 200.0):.9g}"  # exp(-200)
    '1.38389653e-87'
    """
    return elementwise(gamma_tails, positive(a, "a"), not_negative(x, "x"))[1]


def gammaincinv(a: npt.ArrayLike, p: npt.ArrayLike) -> Array:
    """The x at which :math:`P(a, x) = p`: Newton's method in log x on the logarithm of the smaller tail.

    Raises:
        RangeError: for an `a` that is not positive and finite, or a `p` outside of [0, 1].
        ShapeError, DtypeError, NotFiniteError: as `gammainc`.

    >>> float(gammaincinv(1.0, 0.5).round(9))  # log 2
    0.693147181
    """
    return elementwise(lambda a, p: (gamma_quantile(a, p, 1 - p),), positive(a, "a"), probability(p, "p"))[0]


def gammainccinv(a: npt.ArrayLike, q: npt.ArrayLike) -> Array:
    """The x at which :math:`Q(a, x) = q`, exact where q is tiny. See `gammaincinv`.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError: as `gammaincinv`.

    >>> float(gammainccinv(1.0, 1e-100).round(6))
    230.258509
    """
    return elementwise(lambda a, q: (gamma_quantile(a, 1 - q, q),), positive(a, "a"), probability(q, "q"))[0]


def gamma_tails(a: Array, x: Array, kernel: Array | None = None) -> tuple[Array, Array]:
    """P and Q of vectors, given `log_gamma_kernel` if it is known."""
    if kernel is None:
        kernel = log_gamma_kernel(a, x)
    lower, upper = np.empty_like(x), np.empty_like(x)
    infinite = np.isinf(x)
    uniform = (a >= _UNIFORM_FROM) & (np.abs(x - a) <= _UNIFORM_WITHIN * a)
    # Up to two deviations above the mean 1 - P loses no more than two digits, and the series is the faster way.
    series = ~uniform & (x <= np.where(a < 0.5, 1.1, a + 2 * np.sqrt(a)))
    fraction = ~(uniform | series | infinite)
    lower[infinite], upper[infinite] = 1.0, 0.0
    if uniform.any():
        lower[uniform], upper[uniform] = _temme(a[uniform], x[uniform])
    if series.any():
        lower[series], upper[series] = _by_series(a[series], x[series], kernel[series])
    if fraction.any():
        upper[fraction] = _by_fraction(a[fraction], x[fraction], kernel[fraction])
        lower[fraction] = 1 - upper[fraction]
    return lower, upper


def log_gamma_kernel(a: Array, x: Array, constant: Array | None = None) -> Array:
    r""":math:`\log(x^a e^{-x} / \Gamma(a + 1))`, without the cancellation of large terms."""
    result = np.empty_like(x)
    small = a < 1
    tiny, near = a[small], x[small]
    result[small] = tiny * np.log(near) - near
    large, x = a[~small], x[~small]
    result[~small] = large * deviance(x / large, (x - large) / large)
    return result + (_gamma_constant(a) if constant is None else constant)


@once_where_constant
def _gamma_constant(a: Array) -> Array:
    """What of `log_gamma_kernel` does not depend on x."""
    small = np.minimum(a, 1.0)
    return np.where(a < 1, -gammaln1p_kernel(small), -stirling_error(a) - 0.5 * np.log(2 * math.pi * a))


def gamma_quantile(a: Array, p: Array, q: Array) -> Array:
    """The x with lower tail p and upper tail q, of vectors."""
    result = np.where(p <= 0, 0.0, np.inf)
    inside = (p > 0) & (q > 0)
    if not inside.any():
        return result
    a, p, q = a[inside], p[inside], q[inside]

    def tails(u: Array, a: Array, constant: Array) -> tuple[Array, Array, Array]:
        x = np.exp(u)
        kernel = log_gamma_kernel(a, x, constant)
        return *gamma_tails(a, x, kernel), a * np.exp(kernel)

    # Wilson and Hilferty's cube root in the middle; the leading power far to the left, or where a is small.
    normal = np.where(p <= q, ndtri(p), -ndtri(q))
    root = 1 - 1 / (9 * a) + normal / (3 * np.sqrt(a))
    left = (np.log(p) + gammaln_kernel(a) + np.log(a)) / a
    start = np.where((root > 0.3) & (a > 0.3), np.log(a) + 3 * np.log(np.maximum(root, 0.3)), np.minimum(left, 3.0))
    result[inside] = np.exp(solve_tails(tails, p, q, start, a, _gamma_constant(a)))
    return result


def _by_series(a: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    total, term, place = np.ones_like(x), np.ones_like(x), a.copy()
    for count in range(1, _MOST_TERMS):
        place += 1
        term *= x
        term /= place
        total += term
        # Comparing costs as much as a term: not after each.
        if count % 4 == 0 and not (term > 0.5 * EPSILON * total).any():
            break
    else:
        raise ConvergenceError(f"the series of the incomplete gamma function takes more than {_MOST_TERMS} terms")
    lower = np.exp(kernel) * total
    upper = 1 - lower
    small = (x <= 1.1) & (a < 0.5)
    if small.any():
        upper[small] = _small_upper(a[small], x[small])
    return lower, upper


def _small_upper(a: Array, x: Array) -> Array:
    """Q where a is so small that P is nearly 1: in 1 - P nothing would be left (DLMF 8.7.3)."""
    total, power = np.zeros_like(x), np.ones_like(x)
    for n in range(1, 25):
        power *= -x / n
        total += power / (a + n)
    leading = np.expm1(a * np.log(x) - gammaln1p_kernel(a))
    upper = -leading - (1 + leading) * a * total
    upper[x == 0] = 1.0
    return upper


def _by_fraction(a: Array, x: Array, kernel: Array) -> Array:
    """Lentz's method on x + 1 - a - 1(1 - a) / (x + 3 - a - 2(2 - a) / (x + 5 - a - …))."""
    b = x + 1 - a
    d = 1 / np.where(b == 0, TINY, b)
    c = np.full_like(x, 1 / TINY)
    value = d.copy()
    for n in range(1, _MOST_TERMS):
        numerator = n * (a - n)
        b += 2
        d *= numerator
        d += b
        d[d == 0] = TINY
        np.divide(1.0, d, out=d)
        np.divide(numerator, c, out=c)
        c += b
        c[c == 0] = TINY
        change = c * d
        value *= change
        if not (np.abs(change - 1) > 4 * EPSILON).any():
            break
    else:
        raise ConvergenceError(f"the fraction of the incomplete gamma function takes more than {_MOST_TERMS} terms")
    upper: Array = a * np.exp(kernel) * value
    return upper


def _temme(a: Array, x: Array) -> tuple[Array, Array]:
    r""":math:`Q = \tfrac12 \mathrm{erfc}(\eta \sqrt{a/2}) + R`, :math:`\tfrac12 \eta^2 = \mu - \log(1 + \mu)`."""
    mu = (x - a) / a
    half_square = -log1p_minus(mu)
    eta = np.copysign(np.sqrt(2 * half_square), mu)
    total = np.zeros_like(x)
    for coefficients in reversed(_temme_coefficients()):
        total /= a
        total += horner(coefficients, eta)
    rest = np.exp(-a * half_square) / np.sqrt(2 * math.pi * a) * total
    z = eta * np.sqrt(a / 2)
    return 0.5 * erfc_kernel(-z)[0] - rest, 0.5 * erfc_kernel(z)[0] + rest


@cache
def _temme_coefficients() -> tuple[tuple[float, ...], ...]:
    r"""Of the powers of η, highest first, for each power of 1/a (Temme 1979; DLMF 8.12.9 to 8.12.12).

    From :math:`\lambda = 1 + \eta + \eta^2 / 3 + \eta^3 / 36 - \dots`, whose coefficients follow from
    :math:`\lambda' (\lambda - 1) = \lambda \eta`, in fractions: the recurrence amplifies rounding.
    """
    count = _POWERS + 2 * _ORDERS + 2
    alpha = [Fraction(1), Fraction(1)]
    for k in range(2, count + 1):
        crossed = sum((j * alpha[j] * alpha[k + 1 - j] for j in range(2, k)), Fraction(0))
        alpha.append((alpha[k - 1] - crossed) / (k + 1))
    first = [2 * alpha[2] - 1, *((n + 2) * alpha[n + 2] for n in range(1, count - 1))]
    rows, row = [first], first
    for _ in range(1, _ORDERS):
        # That no 1/η is left in the next row says what Stirling's coefficient is.
        stirling = -row[1]
        row = [(n + 2) * row[n + 2] + stirling * first[n] for n in range(len(row) - 2)]
        rows.append(row)
    return tuple(tuple(float(entry) for entry in reversed(row[:_POWERS])) for row in rows)
