"""Tails of the normal distribution that neither overflow nor cancel, from the standard library's `erfc`."""

from __future__ import annotations

import math

# Above, exp(x²) would overflow and the continued fraction needs few levels.
_FRACTION_FROM = 20.0
_LEVELS = 30


def normal_cdf(x: float) -> float:
    """Share of the standard normal distribution below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def scaled_tail(x: float) -> float:
    r""":math:`\mathrm{erfcx}(x) = e^{x^2} \mathrm{erfc}(x)` for x ≥ 0, where neither factor can be had alone.

    Far out by Laplace's continued fraction (Abramowitz, Stegun 7.1.14), from the innermost level outwards.
    """
    if x < _FRACTION_FROM:
        return math.exp(x * x) * math.erfc(x)
    fraction = 0.0
    for level in range(_LEVELS, 0, -1):
        fraction = level / 2 / (x + fraction)
    return 1 / (math.sqrt(math.pi) * (x + fraction))
