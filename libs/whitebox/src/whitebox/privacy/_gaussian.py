"""How much privacy normal noise gives, exactly (Balle, Wang 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable

from whitebox._validation import number_in
from whitebox.errors import RangeError
from whitebox.privacy._normal import normal_cdf, scaled_tail


def gaussian_delta(epsilon: float, sigma: float, sensitivity: float = 1.0) -> float:
    r"""The smallest δ with which normal noise is (ε, δ)-private.

    .. math:: \delta(\varepsilon) = \Phi\Bigl(\frac{\Delta}{2\sigma} - \frac{\varepsilon\sigma}{\Delta}\Bigr)
              - e^{\varepsilon}\, \Phi\Bigl(-\frac{\Delta}{2\sigma} - \frac{\varepsilon\sigma}{\Delta}\Bigr)

    (Balle, Wang: Improving the Gaussian Mechanism for Differential Privacy, ICML 2018, theorem 8.) It is an equality:
    no smaller δ holds. Both terms carry the same factor, which is taken out, so that large ε do not overflow. O(1).

    Args:
        epsilon: ε, not negative.
        sigma: Standard deviation σ of the noise in each coordinate.
        sensitivity: Δ, the most that the value changes between neighbouring data, as a Euclidean length.

    Raises:
        RangeError: if ε is negative, or one of the others is not positive.

    >>> round(gaussian_delta(1.0, sigma=1.0), 6), round(gaussian_delta(0.0, sigma=1.0), 6)
    (0.126937, 0.382925)
    """
    epsilon = number_in(epsilon, "epsilon", 0)
    sigma = number_in(sigma, "sigma", 0, open_low=True)
    shift = number_in(sensitivity, "sensitivity", 0, open_low=True) / sigma
    a, b = shift / 2 - epsilon / shift, -shift / 2 - epsilon / shift
    # b² - a² = 2ε, so e^ε Φ(b) = e^(-a²/2) erfcx(-b/√2) / 2: a product of numbers that are at most 1.
    common = 0.5 * math.exp(-a * a / 2)
    right = scaled_tail(-b / math.sqrt(2))
    if a > 0:
        return max(0.0, normal_cdf(a) - common * right)
    return max(0.0, common * (scaled_tail(-a / math.sqrt(2)) - right))


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    r"""The least standard deviation with which normal noise is (ε, δ)-private: the analytic calibration.

    Solves :math:`\delta(\varepsilon; \sigma) = \delta` for σ by bisection, as algorithm 1 of Balle and Wang (2018)
    does, down to neighbouring floating-point numbers, and gives the one that keeps the promise. Unlike the classical
    :math:`\sigma = \Delta \sqrt{2 \ln(1.25 / \delta)} / \varepsilon` it holds for ε ≥ 1, and wastes no noise below.

    Args:
        epsilon: ε, not negative.
        delta: δ, above 0 and below 1.
        sensitivity: Δ, as a Euclidean length.

    Raises:
        RangeError: for an argument out of its range.

    >>> sigma = gaussian_sigma(1.0, 1e-5)
    >>> round(sigma, 4), round((2 * math.log(1.25e5)) ** 0.5, 4)
    (3.7306, 4.8448)
    """
    number_in(epsilon, "epsilon", 0)
    target = _probability(delta)
    scale = number_in(sensitivity, "sensitivity", 0, open_low=True)
    return scale * least(lambda sigma: gaussian_delta(epsilon, sigma) <= target, 1.0)


def gaussian_epsilon(delta: float, sigma: float, sensitivity: float = 1.0) -> float:
    r"""The least ε with which normal noise is (ε, δ)-private, 0 where δ alone covers it.

    The inverse of `gaussian_delta` by bisection.

    Args:
        delta: δ, above 0 and below 1.
        sigma: Standard deviation σ of the noise.
        sensitivity: Δ, as a Euclidean length.

    Raises:
        RangeError: for an argument out of its range.

    >>> round(gaussian_epsilon(1e-5, sigma=3.7306), 3)
    1.0
    """
    target = _probability(delta)
    if gaussian_delta(0.0, sigma, sensitivity) <= target:
        return 0.0
    return least(lambda epsilon: gaussian_delta(epsilon, sigma, sensitivity) <= target, 1.0)


def least(holds: Callable[[float], bool], guess: float) -> float:
    """The least positive number for which something holds that holds for all greater ones too.

    Raises:
        RangeError: if it holds for no number below 1e30, or for all above 1e-30.
    """
    low = high = guess
    while not holds(high):
        low, high = high, high * 2
        if high > 1e30:
            raise RangeError("no noise within the range of numbers gives so much privacy")
    while holds(low):
        low, high = low / 2, low
        if low < 1e-30:
            raise RangeError("privacy so weak needs no noise: ask for less of epsilon or delta")
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _probability(delta: float) -> float:
    if number_in(delta, "delta", 0, 1, open_low=True) == 1:
        raise RangeError("delta must be below 1: at 1 anything may be published")
    return float(delta)
