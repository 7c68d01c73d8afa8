"""Special functions from scratch, elementwise over NumPy arrays: error functions, gamma and beta, and their inverses.

Names and parametrisations are those that SciPy made common. Both tails of a distribution function are computed on their
own, so that a probability of 1e-300 is as exact as one of one half.
"""

from __future__ import annotations

from whitebox.stats.special._beta import betainc, betaincc, betainccinv, betaincinv, betaln
from whitebox.stats.special._error import erf, erfc, erfcinv, erfcx, erfinv, log_ndtr, ndtr, ndtri
from whitebox.stats.special._gamma import digamma, gammaln, trigamma
from whitebox.stats.special._incomplete_gamma import gammainc, gammaincc, gammainccinv, gammaincinv

__all__ = [
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "digamma",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "trigamma",
]
