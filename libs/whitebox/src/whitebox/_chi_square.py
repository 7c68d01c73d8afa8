"""The upper tail of the chi-square distribution, in closed form for whole degrees of freedom."""

from __future__ import annotations

import math


def chi_square_survival(x: float, dof: int) -> float:
    r"""The probability of at least x.

    .. math:: Q(x; k) = \operatorname{erfc} \sqrt{x/2}\,[k \text{ odd}]
              + e^{-x/2} \sum_{j} \frac{(x/2)^j}{\Gamma(j + 1)}, \qquad j = \tfrac k2 - 1, \tfrac k2 - 2, \dots \ge 0

    (Abramowitz, Stegun 1964, 26.4.4 and 26.4.5.) O(k).

    >>> round(chi_square_survival(3.841458820694124, 1), 12), chi_square_survival(0.0, 4)
    (0.05, 1.0)
    """
    if x <= 0:
        return 1.0
    half = x / 2
    tail = math.erfc(math.sqrt(half)) if dof % 2 else 0.0
    # Each term by its logarithm: the power alone may overflow, and the exponential vanish.
    powers = (dof / 2 - 1 - j for j in range(dof // 2))
    return min(1.0, tail + math.fsum(math.exp(j * math.log(half) - half - math.lgamma(j + 1)) for j in powers))
