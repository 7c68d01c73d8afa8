"""The logarithm of the gamma function, its derivatives, and the pieces that incomplete integrals are built from."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.stats.special._arrays import elementwise, horner, once_where_constant, positive

_EULER = 0.57721566490153286061
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
# From here on ten terms of Stirling's series are exact to the last bit; smaller arguments are lifted by a recurrence.
_LARGE = 10.0
_LIFT = 8
# Bernoulli numbers B_2, B_4, …
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)


def gammaln(x: npt.ArrayLike) -> Array:
    r"""The logarithm of the gamma function :math:`\Gamma(x) = \int_0^\infty t^{x-1} e^{-t} dt`, for positive x.

    Stirling's series (Abramowitz, Stegun 6.1.41), after :math:`\Gamma(x) = \Gamma(x+8) / (x \cdots (x+7))` where x is
    small,

    .. math:: \log\Gamma(x) = (x - \tfrac12) \log x - x + \tfrac12 \log 2\pi + \sum_k \frac{B_{2k}}{2k(2k-1) x^{2k-1}}

    and around its zeros at 1 and 2 the Taylor series (6.1.33), so that the relative error stays at some 1e-15.

    Args:
        x: Positive and finite, any shape.

    Raises:
        RangeError: for an x that is not positive and finite.
        DtypeError, NotFiniteError: for anything but real numbers, NaN included.

    >>> gammaln([1.0, 5.0]).round(9).tolist()
    [0.0, 3.17805383]
    """
    return elementwise(lambda x: (gammaln_kernel(x),), positive(x, "x"))[0]


def digamma(x: npt.ArrayLike) -> Array:
    r""":math:`\psi(x) = \frac{d}{dx} \log\Gamma(x)` for positive x: recurrence, then a series (A. & S. 6.3.18).

    Raises:
        RangeError, DtypeError, NotFiniteError: as `gammaln`.

    >>> float(digamma(1.0).round(9))
    -0.577215665
    """
    return elementwise(lambda x: (_digamma(x),), positive(x, "x"))[0]


def trigamma(x: npt.ArrayLike) -> Array:
    r""":math:`\psi'(x)` for positive x: recurrence, then asymptotic series (Abramowitz, Stegun 6.4.12).

    Raises:
        RangeError, DtypeError, NotFiniteError: as `gammaln`.

    >>> float(trigamma(1.0).round(9))  # π² / 6
    1.644934067
    """
    return elementwise(lambda x: (_trigamma(x),), positive(x, "x"))[0]


def gammaln_kernel(x: Array) -> Array:
    """`gammaln` of a vector."""
    result = np.empty_like(x)
    large = x >= _LARGE
    big = x[large]
    result[large] = (big - 0.5) * np.log(big) - big + _HALF_LOG_TWO_PI + _stirling_series(big)
    near = x < 2.5
    small = x[near]
    # log Γ(1 + z) for z within ½ of 0, and the same shifted: down by a factor of x, up by one of 1 + z.
    z = small - np.where(small < 0.5, 0.0, np.where(small < 1.5, 1.0, 2.0))
    around = _around_two(z) - np.where(small < 1.5, np.log1p(z), 0.0)
    result[near] = around - np.where(small < 0.5, np.log(small), 0.0)
    rest = ~(large | near)
    if rest.any():
        result[rest] = _lifted(x[rest])
    return result


def _lifted(x: Array) -> Array:
    """Gives `gammaln` where Stirling's series needs larger arguments, by Γ(x) = Γ(x + 8) / (x ⋯ (x + 7))."""
    product = np.ones_like(x)
    for k in range(_LIFT):
        product *= x + k
    y = x + _LIFT
    lifted: Array = (y - 0.5) * np.log(y) - y + _HALF_LOG_TWO_PI + _stirling_series(y) - np.log(product)
    return lifted


@once_where_constant
def gammaln1p_kernel(a: Array) -> Array:
    """Gives log Γ(1 + a) for a from 0 to 1, exact where a is tiny."""
    half = np.minimum(a, 0.5)
    return np.where(a <= 0.5, _around_two(half) - np.log1p(half), _around_two(a - 1))


@once_where_constant
def stirling_error(x: Array) -> Array:
    r"""What Stirling's formula leaves: :math:`\log\Gamma(x) - (x - ½) \log x + x - ½ \log 2\pi`."""
    result = np.empty_like(x)
    large = x >= _LARGE
    result[large] = _stirling_series(x[large])
    small = x[~large]
    result[~large] = gammaln_kernel(small) - ((small - 0.5) * np.log(small) - small + _HALF_LOG_TWO_PI)
    return result


def log1p_minus(x: Array) -> Array:
    r""":math:`\log(1 + x) - x`, exact where x is tiny.

    With :math:`r = x / (2 + x)` it is :math:`r (2 r^2 \sum_j r^{2j} / (2j + 3) - x)`.
    """
    result = np.log1p(x) - x
    small = np.abs(x) < 0.5
    near = x[small]
    r = near / (2 + near)
    square = r * r
    result[small] = r * (2 * square * horner(_ODD_INVERSES, square) - near)
    return result


def deviance(ratio: Array, excess: Array) -> Array:
    r""":math:`\log r - (r - 1)`, never positive, from r and r - 1 both without rounding (Loader's D₀, 2000)."""
    return np.where(np.abs(excess) < 0.5, log1p_minus(excess), np.log(ratio) - excess)


_ODD_INVERSES = tuple(1 / (2 * j + 3) for j in reversed(range(18)))


def _stirling_series(x: Array) -> Array:
    inverse = 1 / x
    total = horner(_STIRLING, inverse * inverse)
    total *= inverse
    return total


_STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in reversed(list(enumerate(_BERNOULLI, start=1))))


def _around_two(z: Array) -> Array:
    """Gives log Γ(2 + z) for z within ½ of 0, the Taylor series (1 - γ) z + Σ (-1)^k (ζ(k) - 1) z^k / k."""
    return z * horner(_taylor_coefficients(), z)


@cache
def _taylor_coefficients() -> tuple[float, ...]:
    series = [(-1) ** k * _zeta_minus_one(k) / k for k in range(2, 32)]
    return (*reversed(series), 1 - _EULER)


def _zeta_minus_one(s: int, terms: int = 20) -> float:
    """Riemann's ζ(s) - 1: a sum, and what Euler and Maclaurin's formula says of the rest of it."""
    n = float(terms)
    rest = n ** (1 - s) / (s - 1) + n**-s / 2 + s * n ** (-s - 1) / 12 - s * (s + 1) * (s + 2) * n ** (-s - 3) / 720
    rest += s * (s + 1) * (s + 2) * (s + 3) * (s + 4) * n ** (-s - 5) / 30240
    return math.fsum([*(k**-s for k in map(float, range(2, terms))), rest])


def _digamma(x: Array) -> Array:
    lifted, total = _lift(x, 1)
    square = 1 / (lifted * lifted)
    series = square * horner(_DIGAMMA, square)
    return np.log(lifted) - 0.5 / lifted - series - total


_DIGAMMA = tuple(b / (2 * k) for k, b in reversed(list(enumerate(_BERNOULLI, start=1))))


def _trigamma(x: Array) -> Array:
    lifted, total = _lift(x, 2)
    inverse = 1 / lifted
    square = inverse * inverse
    return inverse + 0.5 * square + inverse * square * horner(tuple(reversed(_BERNOULLI)), square) + total


def _lift(x: Array, power: int) -> tuple[Array, Array]:
    """Gives x raised to at least ten by whole steps, and the sum of 1 / x**power over the steps."""
    lifted, total = x.copy(), np.zeros_like(x)
    for _ in range(int(_LARGE)):
        small = lifted < _LARGE
        total += np.where(small, lifted**-power, 0.0)
        lifted += small
    return lifted, total
