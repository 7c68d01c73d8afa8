"""The beta function, its regularised incomplete integral, and the inverses of that."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import ConvergenceError
from whitebox.stats.special._arrays import EPSILON, TINY, elementwise, positive, probability
from whitebox.stats.special._error import ndtri
from whitebox.stats.special._gamma import deviance, gammaln_kernel, stirling_error
from whitebox.stats.special._tails import solve_tails

_MOST_TERMS = 100_000


def betaln(a: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    r"""The logarithm of :math:`B(a, b) = \Gamma(a) \Gamma(b) / \Gamma(a + b)`, exact for large arguments too.

    Args:
        a: Positive and finite, any shape.
        b: Positive and finite; broadcast against `a`.

    Raises:
        RangeError: for arguments that are not positive and finite.
        ShapeError: if the shapes do not broadcast.
        DtypeError, NotFiniteError: for anything but real numbers, NaN included.

    >>> float(betaln(2.0, 3.0).round(9))  # log(1 / 12)
    -2.48490665
    """
    return elementwise(lambda a, b: (betaln_kernel(a, b),), positive(a, "a"), positive(b, "b"))[0]


def betainc(a: npt.ArrayLike, b: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""The regularised incomplete beta function :math:`I_x(a, b) = \frac{1}{B(a, b)} \int_0^x t^{a-1} (1-t)^{b-1} dt`.

    A continued fraction of positive terms (DiDonato, Morris: Algorithm 708, 1992, equations 8 and 9; the even part of
    DLMF 8.17.22) by Lentz's method, on whichever side of the mean x lies, by :math:`I_x(a, b) = 1 - I_{1-x}(b, a)`; its
    leading factor as in `gammainc`. O(√max(a, b)) an element at most.

    Args:
        a: Positive and finite, any shape.
        b: Positive and finite; broadcast.
        x: From 0 to 1; broadcast.

    Raises:
        RangeError: for arguments out of these ranges.
        ShapeError: if the shapes do not broadcast.
        DtypeError, NotFiniteError: for anything but real numbers, NaN included.
        ConvergenceError: where a or b are beyond some 1e9 and x is near the mean.

    >>> float(betainc(2.0, 3.0, 0.5).round(9))  # 11 / 16
    0.6875
    """
    return elementwise(_tails_at, positive(a, "a"), positive(b, "b"), probability(x, "x"))[0]


def betaincc(a: npt.ArrayLike, b: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    r"""The upper tail :math:`1 - I_x(a, b)`, exact where it is tiny. See `betainc`.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError, ConvergenceError: as `betainc`.

    >>> f"{betaincc(1.0, 100.0, 0.9):.9g}"  # 0.1 ** 100
    '1e-100'
    """
    return elementwise(_tails_at, positive(a, "a"), positive(b, "b"), probability(x, "x"))[1]


def betaincinv(a: npt.ArrayLike, b: npt.ArrayLike, p: npt.ArrayLike) -> Array:
    """The x at which :math:`I_x(a, b) = p`: Newton's method in log(x / (1 - x)) on the logarithm of the smaller tail.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError, ConvergenceError: as `betainc`.

    >>> float(betaincinv(2.0, 3.0, 0.6875).round(9))
    0.5
    """
    a, b = positive(a, "a"), positive(b, "b")
    return elementwise(lambda a, b, p: (_sigmoid(beta_quantile(a, b, p, 1 - p)),), a, b, probability(p, "p"))[0]


def betainccinv(a: npt.ArrayLike, b: npt.ArrayLike, q: npt.ArrayLike) -> Array:
    """The x at which :math:`1 - I_x(a, b) = q`, exact where q is tiny. See `betaincinv`.

    Raises:
        RangeError, ShapeError, DtypeError, NotFiniteError, ConvergenceError: as `betainc`.

    >>> float(betainccinv(1.0, 2.0, 0.25).round(9))
    0.5
    """
    a, b = positive(a, "a"), positive(b, "b")
    return elementwise(lambda a, b, q: (_sigmoid(beta_quantile(a, b, 1 - q, q)),), a, b, probability(q, "q"))[0]


def betaln_kernel(a: Array, b: Array) -> Array:
    """`betaln` of vectors."""
    small, large = np.minimum(a, b), np.maximum(a, b)
    result = gammaln_kernel(small) + gammaln_kernel(large) - gammaln_kernel(small + large)
    big = large >= 10
    a, b = small[big], large[big]
    # log Γ(b) - log Γ(a + b) by Stirling's formula, the terms without a taken together.
    change = (0.5 - b) * np.log1p(a / b) - a * np.log(a + b) + a
    result[big] = gammaln_kernel(a) + change + stirling_error(b) - stirling_error(a + b)
    return result


def beta_tails(a: Array, b: Array, x: Array, y: Array, kernel: Array | None = None) -> tuple[Array, Array]:
    """I and 1 - I of vectors, for x and y = 1 - x both without rounding, and `log_beta_kernel` if it is known."""
    tail = np.zeros_like(x)
    inside = (x > 0) & (y > 0)
    # The leading factor is the same seen from either end; taken here, constant parameters are still constant.
    factor = np.exp(log_beta_kernel(a, b, x, y) if kernel is None else kernel)[inside]
    # The continued fraction converges fast to the left of about the mean; the mirror image serves the other side.
    mirrored = x * (b + 1) > y * (a + 1)
    a, b = np.where(mirrored, b, a), np.where(mirrored, a, b)
    x, y = np.where(mirrored, y, x), np.where(mirrored, x, y)
    if inside.any():
        tail[inside] = factor * _fraction(a[inside], b[inside], x[inside], y[inside])
    return np.where(mirrored, 1 - tail, tail), np.where(mirrored, tail, 1 - tail)


def log_beta_kernel(a: Array, b: Array, x: Array, y: Array, constant: Array | None = None) -> Array:
    r""":math:`\log(x^a y^b / B(a, b))` for y = 1 - x, without the cancellation of large terms."""
    n = a + b
    distance = x * b - y * a
    power = a * deviance(x * n / a, distance / a) + b * deviance(y * n / b, -distance / b)
    return power + (_beta_constant(a, b) if constant is None else constant)


def _beta_constant(a: Array, b: Array) -> Array:
    """What of `log_beta_kernel` does not depend on x."""
    n = a + b
    error = stirling_error(n) - stirling_error(a) - stirling_error(b)
    constant: Array = error + 0.5 * (np.log(a / n) + np.log(b) - math.log(2 * math.pi))
    return constant


def beta_quantile(a: Array, b: Array, p: Array, q: Array) -> Array:
    """The log(x / (1 - x)) with lower tail p and upper tail q, of vectors."""
    result = np.where(p <= 0, -np.inf, np.inf)
    inside = (p > 0) & (q > 0)
    if not inside.any():
        return result
    a, b, p, q = a[inside], b[inside], p[inside], q[inside]

    def tails(u: Array, a: Array, b: Array, constant: Array) -> tuple[Array, Array, Array]:
        x, y = _sigmoid(u), _sigmoid(-u)
        kernel = log_beta_kernel(a, b, x, y, constant)
        return *beta_tails(a, b, x, y, kernel), np.exp(kernel)

    # A normal approximation in the middle; where it lies beyond the leading power of a tail, that power.
    middle = np.log(a / b) + np.where(p <= q, ndtri(p), -ndtri(q)) * np.sqrt(1 / a + 1 / b)
    log_beta = betaln_kernel(a, b)
    left = (np.log(p) + np.log(a) + log_beta) / a
    right = -(np.log(q) + np.log(b) + log_beta) / b
    start = np.where((left < -3) & (p <= q), left, np.where((right > 3) & (p > q), right, middle))
    result[inside] = solve_tails(tails, p, q, start, a, b, _beta_constant(a, b))
    return result


def _tails_at(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    return beta_tails(a, b, x, 1 - x)


def _sigmoid(u: Array) -> Array:
    small = np.exp(-np.abs(u))
    result: Array = np.where(u >= 0, 1.0, small) / (1 + small)
    return result


def _fraction(a: Array, b: Array, x: Array, y: Array) -> Array:
    """1 / (β₀ + α₁ / (β₁ + α₂ / (β₂ + …))) from the front; what has converged leaves the loop."""
    value, left = np.empty_like(x), np.arange(len(x))
    skew = a * y - b * x + 1
    d = (a + 1) / (a * skew)
    current, c = d.copy(), np.full_like(x, 1 / TINY)
    for m in range(1, _MOST_TERMS):
        place = a + (2 * m - 1)
        share = (m * x) * (b - m) / place
        alpha = share * x * (a + (m - 1)) * (a + b + (m - 1)) / place
        beta = m + share + (a + m) * (skew + m * (1 + y)) / (place + 2)
        d = beta + alpha * d
        d[d == 0] = TINY
        d = 1 / d
        c = beta + alpha / c
        c[c == 0] = TINY
        change = c * d
        current *= change
        going = np.abs(change - 1) > 4 * EPSILON
        if not going.any():
            value[left] = current
            return value
        if m % 8 == 0 and 2 * np.count_nonzero(going) < len(going):
            value[left[~going]] = current[~going]
            left = left[going]
            current, a, b, x, y, skew, c, d = (part[going] for part in (current, a, b, x, y, skew, c, d))
    raise ConvergenceError(f"the fraction of the incomplete beta function takes more than {_MOST_TERMS} terms")
