"""Confidence intervals of shares, and of two shares' difference and ratio."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from whitebox._validation import number_in, positive_int
from whitebox.errors import RangeError


class Interval(NamedTuple):
    """An estimate and its confidence interval.

    Attributes:
        value: The estimate.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    r"""A share with Wilson's interval.

    .. math:: \frac{\hat p + \frac{z^2}{2n} \pm z \sqrt{\frac{\hat p (1 - \hat p)}{n} + \frac{z^2}{4n^2}}}
              {1 + \frac{z^2}{n}}

    (Wilson: Probable Inference, the Law of Succession, and Statistical Inference, 1927.) It stays within 0 and 1 and is
    good for few trials and shares of 0 and 1 too. O(1).

    Args:
        successes: From 0 to trials.
        trials: n, at least 1.
        confidence: Above 0 and below 1.

    Raises:
        RangeError: for an argument out of its range.

    >>> [round(end, 4) for end in proportion_interval(8, 10)]
    [0.8, 0.4902, 0.9433]
    """
    count, n = _share(successes, trials)
    z = _quantile(confidence)
    p = count / n
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    width = 1 + z * z / n
    # Shares of 0 and 1 are ends of their own intervals, but for rounding.
    low = 0.0 if count == 0 else (middle - half) / width
    high = 1.0 if count == n else (middle + half) / width
    return Interval(p, low, high)


def difference_interval(
    successes: int,
    trials: int,
    other_successes: int,
    other_trials: int,
    confidence: float = 0.95,
    *,
    method: Literal["newcombe", "wald"] = "newcombe",
) -> Interval:
    r"""The difference p - q of two independent shares.

    Newcombe's interval puts the ends of Wilson's intervals (l, u) together:

    .. math:: \Bigl[ d - \sqrt{(p - l_p)^2 + (u_q - q)^2},\; d + \sqrt{(u_p - p)^2 + (q - l_q)^2} \Bigr]

    (Newcombe: Interval Estimation for the Difference Between Independent Proportions, 1998, method 10.) Wald's,
    :math:`d \pm z \sqrt{p (1 - p) / n + q (1 - q) / m}`, is the textbook's: too short for small groups, and of length 0
    where both shares are 0 or 1. O(1).

    Args:
        successes: Of the first share, from 0 to trials.
        trials: n, at least 1.
        other_successes: Of the share that is taken away.
        other_trials: m, at least 1.
        confidence: Above 0 and below 1.
        method: Whose interval.

    Raises:
        RangeError: for an argument out of its range.

    >>> [round(end, 4) for end in difference_interval(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    p, low_p, high_p = proportion_interval(successes, trials, confidence)
    q, low_q, high_q = proportion_interval(other_successes, other_trials, confidence)
    if method == "newcombe":
        return Interval(p - q, p - q - math.hypot(p - low_p, high_q - q), p - q + math.hypot(high_p - p, q - low_q))
    if method == "wald":
        half = _quantile(confidence) * math.sqrt(p * (1 - p) / trials + q * (1 - q) / other_trials)
        return Interval(p - q, p - q - half, p - q + half)
    raise RangeError(f"method must be 'newcombe' or 'wald', got {method!r}")


def ratio_interval(
    successes: int, trials: int, other_successes: int, other_trials: int, confidence: float = 0.95
) -> Interval:
    r"""The ratio p / q of two independent shares, with an interval on the logarithm.

    .. math:: \exp \Bigl( \log \frac{(a + \frac12) / (n + \frac12)}{(b + \frac12) / (m + \frac12)} \pm
              z \sqrt{\tfrac{1}{a + 1/2} - \tfrac{1}{n + 1/2} + \tfrac{1}{b + 1/2} - \tfrac{1}{m + 1/2}} \Bigr)

    (Katz and others 1978, with the halves of Walter 1975, by which shares of 0 have an interval too.) O(1).

    Args:
        successes: a, from 0 to trials.
        trials: n, at least 1.
        other_successes: b, of the share below the line, at least 1.
        other_trials: m, at least 1.
        confidence: Above 0 and below 1.

    Raises:
        RangeError: for an argument out of its range, or b = 0.

    >>> [round(end, 4) for end in ratio_interval(30, 100, 60, 100)]
    [0.5, 0.3602, 0.7056]
    """
    a, n = _share(successes, trials)
    b, m = _share(other_successes, other_trials)
    if b == 0:
        raise RangeError("the share below the line is 0, and so there is no ratio")
    centre = math.log((a + 0.5) / (n + 0.5) * (m + 0.5) / (b + 0.5))
    half = _quantile(confidence) * math.sqrt(1 / (a + 0.5) - 1 / (n + 0.5) + 1 / (b + 0.5) - 1 / (m + 0.5))
    return Interval(a / n * m / b, math.exp(centre - half), math.exp(centre + half))


def _share(successes: int, trials: int) -> tuple[int, int]:
    n = positive_int(trials, "trials")
    count = number_in(successes, "successes", 0, n)
    if count != int(count):
        raise RangeError(f"successes must be a whole number, got {successes!r}")
    return int(count), n


def confidence_level(confidence: float) -> float:
    """A number above 0 and below 1. Raises RangeError otherwise."""
    level = number_in(confidence, "confidence", 0, 1, open_low=True)
    if level == 1:
        raise RangeError("confidence must be below 1: certainty has no interval")
    return level


def _quantile(confidence: float) -> float:
    from statistics import NormalDist  # loads much, and only intervals need it

    return NormalDist().inv_cdf((1 + confidence_level(confidence)) / 2)
