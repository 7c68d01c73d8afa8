"""Kolmogorov and Smirnov's tests of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.stats._distribution import Distribution
from whitebox.stats._results import Alternative, check_alternative
from whitebox.stats.special import gammaln

Method = Literal["auto", "exact", "asymptotic"]

# Samples up to this size get the exact distribution of the statistic where nothing else is asked for.
_EXACT_UP_TO = 1000


class KSTest(NamedTuple):
    """Outcome of a Kolmogorov-Smirnov test.

    Attributes:
        statistic: The largest distance, to the sides that the alternative names.
        p_value: Probability of one as large, if the hypothesis holds.
        method: How that was computed, "exact" or "asymptotic".
    """

    statistic: float
    p_value: float
    method: str


def ks_test(
    x: npt.ArrayLike,
    cdf: Distribution | Callable[[Array], npt.ArrayLike],
    alternative: Alternative = "two-sided",
    method: Method = "auto",
) -> KSTest:
    r"""Whether a sample comes from a continuous distribution.

    .. math:: D_n^+ = \max_i \left(\tfrac{i}{n} - F(x_{(i)})\right), \quad
              D_n^- = \max_i \left(F(x_{(i)}) - \tfrac{i-1}{n}\right), \quad D_n = \max(D_n^+, D_n^-)

    Exact (up to 1000 values by default): one-sided by Birnbaum and Tingey's sum (1951); two-sided by the matrix power
    of Marsaglia, Tsang, Wang (Evaluating Kolmogorov's Distribution, 2003), and where :math:`n D_n^2 \ge 4` as twice the
    one-sided probability, since both distances are hardly ever as large at once (relative error below
    :math:`e^{-6 n D_n^2}`). Asymptotic: :math:`2 \sum_k (-1)^{k-1} e^{-2 k^2 n D_n^2}`, one-sided
    :math:`e^{-2 n D_n^2}`. O(n log n), exact another O((n D_n)³ log n).

    Args:
        x: Sample, shape (n,).
        cdf: A distribution, or its distribution function on arrays.
        alternative: Which distances count: "greater" those of an empirical distribution function above F, "less" below.
        method: "exact", "asymptotic", or "auto" for exact up to 1000 values.

    Raises:
        RangeError: if `cdf` gives no probabilities, or for an unknown alternative or method.
        ShapeError: if `cdf` gives another number of them.
        EmptyInputError, NotFiniteError, DtypeError: for an unusable sample.

    >>> test = ks_test([0.1, 0.4, 0.7], lambda x: x)  # uniform
    >>> round(test.statistic, 4), round(test.p_value, 4), test.method
    (0.3, 0.8862, 'exact')
    """
    check_alternative(alternative)
    sample = np.sort(as_vector(x, "x"))
    n = len(sample)
    probability = as_vector(cdf.cdf(sample) if isinstance(cdf, Distribution) else cdf(sample), "cdf(x)")
    if probability.shape != sample.shape:
        raise ShapeError(f"cdf must give a probability for each of {n} values, got shape {probability.shape}")
    if (probability < 0).any() or (probability > 1).any():
        raise RangeError("cdf must give numbers from 0 to 1")
    above = float((np.arange(1, n + 1) / n - probability).max())
    below = float((probability - np.arange(n) / n).max())
    statistic = {"greater": above, "less": below, "two-sided": max(above, below)}[alternative]
    method = _choose(method, n)
    if method == "asymptotic":
        scaled = math.sqrt(n) * max(0.0, statistic)
        p_value = kolmogorov_sf(scaled) if alternative == "two-sided" else math.exp(-2 * scaled**2)
    else:
        p_value = ks_sf(statistic, n) if alternative == "two-sided" else _one_sided_sf(statistic, n)
    return KSTest(statistic, p_value, method)


def ks_test_two_sample(
    x: npt.ArrayLike, y: npt.ArrayLike, alternative: Alternative = "two-sided", method: Method = "auto"
) -> KSTest:
    r"""Whether two samples come from the same continuous distribution.

    .. math:: D = \max_t |F_n(t) - G_m(t)|

    Exact (up to 1000 values each by default): every order of the values of both samples is equally likely, a path
    through a grid; the share of those that leave the band of width D is counted along its diagonals (Hodges: The
    Significance Probability of the Smirnov Two-Sample Test, 1958), or for equal sizes by reflection, D being h / n,

    .. math:: P(D \ge h / n) = 2 \sum_{k \ge 1} (-1)^{k-1} \binom{2n}{n - kh} \Big/ \binom{2n}{n}

    (Gnedenko, Korolyuk 1951). With ties that is an upper bound. Asymptotic: as `ks_test`, with :math:`n m / (n + m)`
    for n. O(N log N), exact another O(n m) for unequal sizes.

    Args:
        x: Sample, shape (n,).
        y: Sample, shape (m,).
        alternative: Which distances count: "greater" those of F above G, that is, of an `x` that tends to be smaller.
        method: "exact", "asymptotic", or "auto" for exact up to 1000 values each.

    Raises:
        RangeError: for an unknown alternative or method.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable samples.

    >>> test = ks_test_two_sample([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    >>> test.statistic, round(test.p_value, 4)
    (1.0, 0.1)
    """
    check_alternative(alternative)
    first, second = np.sort(as_vector(x, "x")), np.sort(as_vector(y, "y"))
    n, m = len(first), len(second)
    values = np.concatenate([first, second])
    # Whole numbers in units of 1 / nm: no rounding decides whether a path touches the band.
    steps = m * np.searchsorted(first, values, "right") - n * np.searchsorted(second, values, "right")
    above, below = max(0, int(steps.max())), max(0, -int(steps.min()))
    reach = {"greater": above, "less": below, "two-sided": max(above, below)}[alternative]
    method = _choose(method, max(n, m))
    if method == "asymptotic":
        scaled = math.sqrt(n * m / (n + m)) * reach / (n * m)
        p_value = kolmogorov_sf(scaled) if alternative == "two-sided" else math.exp(-2 * scaled**2)
    elif n == m:
        p_value = _equal_sizes_sf(n, reach // n, alternative == "two-sided")
    else:
        p_value = _share_of_paths_outside(n, m, reach, alternative == "two-sided")
    return KSTest(reach / (n * m), p_value, method)


def kolmogorov_sf(x: float) -> float:
    r"""The limit of :math:`P(\sqrt n D_n \ge x)` for many values: :math:`2 \sum_{k \ge 1} (-1)^{k-1} e^{-2 k^2 x^2}`.

    For small x by the other form of the same theta function, :math:`1 - \frac{\sqrt{2\pi}}{x} \sum_k e^{-(2k-1)^2 \pi^2
    / 8 x^2}` (Kolmogorov 1933). O(1).

    Raises:
        RangeError: if `x` is negative or not finite.

    >>> round(kolmogorov_sf(1.3581), 4)
    0.05
    """
    x = number_in(x, "x", 0)
    if x < 0.05:
        return 1.0
    k = np.arange(1, 20)
    if x < 1:
        below = np.exp(-((2 * k - 1) ** 2) * (math.pi**2 / (8 * x * x))).sum()
        return float(1 - math.sqrt(2 * math.pi) / x * below)
    return float(2 * ((-1.0) ** (k - 1) * np.exp(-2.0 * k**2 * x**2)).sum())


def ks_sf(d: float, n: int) -> float:
    r"""The exact :math:`P(D_n \ge d)` of the two-sided statistic of n values. See `ks_test`.

    Raises:
        RangeError: if `d` is not in [0, 1], or `n` is no whole number of at least 1.

    >>> round(ks_sf(0.5, 1), 12), round(ks_sf(0.75, 1), 12)
    (1.0, 0.5)
    """
    d, n = number_in(d, "d", 0, 1), positive_int(n, "n")
    if d <= 0.5 / n:
        return 1.0
    if n * d * d >= 4 or d >= 0.5:
        # From a half on both distances cannot be as large at once.
        return min(1.0, 2 * _one_sided_sf(d, n))
    return 1 - _kolmogorov_matrix(d, n)


def _choose(method: Method, size: int) -> Literal["exact", "asymptotic"]:
    if method == "auto":
        return "exact" if size <= _EXACT_UP_TO else "asymptotic"
    if method not in ("exact", "asymptotic"):
        raise RangeError(f"method must be 'auto', 'exact' or 'asymptotic', got {method!r}")
    return method


def _one_sided_sf(d: float, n: int) -> float:
    """The sum d Σ C(n, j) (d + j/n)^(j - 1) (1 - d - j/n)^(n - j) over j from 0 to n(1 - d)."""
    if d <= 0:
        return 1.0
    j = np.arange(math.floor(n * (1 - d)) + 1)
    rest = np.maximum(1 - d - j / n, 0.0)
    with np.errstate(divide="ignore"):
        logarithms = (j - 1) * np.log(d + j / n) + np.where(j == n, 0.0, (n - j) * np.log(rest))
    choices = gammaln(n + 1.0) - gammaln(j + 1.0) - gammaln(n - j + 1.0)
    return min(1.0, float(d * np.exp(logarithms + choices).sum()))


def _kolmogorov_matrix(d: float, n: int) -> float:
    """The distribution function: an entry of the n-th power of a matrix, times n! / nⁿ."""
    k = math.floor(n * d) + 1
    h, size = k - n * d, 2 * k - 1
    below = np.arange(size)[:, None] - np.arange(size) + 1
    H = np.where(below >= 0, 1.0, 0.0)
    powers = h ** np.arange(1, size + 1)
    H[:, 0] -= powers
    H[-1] -= powers[::-1]
    H[-1, 0] += max(0.0, 2 * h - 1) ** size
    H *= np.exp(-gammaln(np.maximum(below, 0) + 1.0)) * (below >= 0)
    result, exponent = np.eye(size), 0
    square, doubled, power = H, 0, n
    while power:
        if power % 2:
            result, exponent = result @ square, exponent + doubled
        square, doubled, power = square @ square, 2 * doubled, power // 2
        # Powers of two are taken out before the entries overflow.
        shift = math.frexp(float(square.max()))[1]
        square, doubled = np.ldexp(square, -shift), doubled + shift
    logarithm = math.log(result[k - 1, k - 1]) + exponent * math.log(2) + float(gammaln(n + 1.0)) - n * math.log(n)
    return math.exp(logarithm)


def _equal_sizes_sf(n: int, h: int, both_sides: bool) -> float:
    """Paths that touch a line are as many as those to its mirrored end; touching both lines in turn alternates."""
    if h <= 0:
        return 1.0
    k = np.arange(1, n // h + 1)
    shares = np.exp(2 * gammaln(n + 1.0) - gammaln(n - k * h + 1.0) - gammaln(n + k * h + 1.0))
    return min(1.0, float(2 * ((-1.0) ** (k - 1) * shares).sum() if both_sides else shares[0]))


def _share_of_paths_outside(n: int, m: int, reach: int, both_sides: bool) -> float:
    """Of the paths from (0, 0) to (n, m), those that touch i m - j n ≥ reach somewhere, or -(…) too.

    On the diagonal i + j = s the share outside is that of both neighbours before it, weighted by how many paths come
    through each: i to j.
    """
    if reach <= 0:
        return 1.0
    share = np.zeros(n + 1)
    place = np.arange(n + 1)
    for s in range(1, n + m + 1):
        low, high = max(0, s - m), min(n, s)
        i = place[low : high + 1]
        before = np.zeros(len(i))
        before[i > 0] = share[i[i > 0] - 1]
        stayed = share[i] * (s - i)
        distance = i * m - (s - i) * n
        outside = np.abs(distance) >= reach if both_sides else distance >= reach
        share[low : high + 1] = np.where(outside, 1.0, (before * i + stayed) / s)
    return float(share[n])
