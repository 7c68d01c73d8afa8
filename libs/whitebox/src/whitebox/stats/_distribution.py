"""What distributions of one number have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.errors import RangeError
from whitebox.stats.special._arrays import elementwise, probability, real
from whitebox.stats.special._error import normal_quantile

Size = int | tuple[int, ...] | None

# Numbers less likely than this are left out of sums over an infinite support.
_NEGLIGIBLE = 1e-18


class Distribution(ABC):
    """A distribution of one number.

    Everything takes arrays of any shape and gives arrays of the same; a number gives a number. NaN is refused with
    `NotFiniteError`, what is no number with `DtypeError`, a probability outside of [0, 1] with `RangeError`.
    """

    def cdf(self, x: npt.ArrayLike) -> Array:
        r"""The probability :math:`P(X \le x)`."""
        return _apply(self._cdf, real(x, "x"))

    def sf(self, x: npt.ArrayLike) -> Array:
        """The probability P(X > x), exact where it is tiny."""
        return _apply(self._sf, real(x, "x"))

    def quantile(self, p: npt.ArrayLike) -> Array:
        r"""The smallest x with :math:`P(X \le x) \ge p`; at 0 and 1 the ends of the support."""
        return _apply(self._from_lower, probability(p, "p"))

    def upper_quantile(self, q: npt.ArrayLike) -> Array:
        """The quantile of 1 - q, exact where q is tiny."""
        return _apply(self._from_upper, probability(q, "q"))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The ends between which X lies with this probability, with equal tails on both sides.

        Raises:
            RangeError: for a confidence that is not in (0, 1).
        """
        tail = (1 - check_confidence(confidence)) / 2
        return float(self.quantile(tail)), float(self.upper_quantile(tail))

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws: by inversion, the quantile of a uniform number, where the class does not say otherwise."""
        return self.quantile(uniform(rng, size))

    @abstractmethod
    def mean(self) -> float:
        """The expectation; NaN where there is none."""

    @abstractmethod
    def variance(self) -> float:
        """The variance; infinite or NaN where there is none."""

    @abstractmethod
    def entropy(self) -> float:
        """Shannon's entropy in nats, the differential one of a density."""

    @abstractmethod
    def _from_lower(self, p: Array) -> Array:
        """The quantiles of a vector of lower tails."""

    @abstractmethod
    def _from_upper(self, q: Array) -> Array:
        """The quantiles of a vector of upper tails."""

    # A class defines either `_tails`, where one computation gives both, or `_cdf` and `_sf`. All take vectors.

    def _tails(self, x: Array) -> tuple[Array, Array]:
        return self._cdf(x), self._sf(x)

    def _cdf(self, x: Array) -> Array:
        return self._tails(x)[0]

    def _sf(self, x: Array) -> Array:
        return self._tails(x)[1]


class Continuous(Distribution):
    """A distribution with a density."""

    def logpdf(self, x: npt.ArrayLike) -> Array:
        """The logarithm of the density, minus infinity outside of the support."""
        return _apply(self._logpdf, real(x, "x"))

    def pdf(self, x: npt.ArrayLike) -> Array:
        """The density."""
        return _apply(lambda x: np.exp(self._logpdf(x)), real(x, "x"))

    @abstractmethod
    def _logpdf(self, x: Array) -> Array:
        """The logarithm of the density."""

    @abstractmethod
    def _quantile(self, p: Array, q: Array) -> Array:
        """The quantile of p, given q = 1 - p as well, one of the two without rounding."""

    def _from_lower(self, p: Array) -> Array:
        return self._quantile(p, 1 - p)

    def _from_upper(self, q: Array) -> Array:
        return self._quantile(1 - q, q)


class Discrete(Distribution):
    """A distribution on whole numbers."""

    def logpmf(self, x: npt.ArrayLike) -> Array:
        """The logarithm of the probability of x, minus infinity outside of the support."""
        return _apply(self._logpmf_anywhere, real(x, "x"))

    def pmf(self, x: npt.ArrayLike) -> Array:
        """The probability of x."""
        return _apply(lambda x: np.exp(self._logpmf_anywhere(x)), real(x, "x"))

    @abstractmethod
    def support(self) -> tuple[float, float]:
        """The smallest and the largest number that is possible."""

    def entropy(self) -> float:
        """Shannon's entropy in nats, summed over all numbers but those beyond the quantiles of 1e-18."""
        low, high = float(self.quantile(_NEGLIGIBLE)), float(self.upper_quantile(_NEGLIGIBLE))
        information = -self.logpmf(np.arange(low, high + 1))
        possible = information[np.isfinite(information)]
        return float((np.exp(-possible) * possible).sum())

    @abstractmethod
    def _logpmf(self, x: Array) -> Array:
        """The logarithm of the probability of whole numbers within the support."""

    @abstractmethod
    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        """P(X ≤ x) and P(X > x) at whole numbers from the first of the support to the one before the last."""

    def _logpmf_anywhere(self, x: Array) -> Array:
        first, last = self.support()
        possible = np.isfinite(x) & (x == np.floor(x)) & (x >= first) & (x <= last)
        result = np.full_like(x, -np.inf)
        result[possible] = self._logpmf(x[possible])
        return result

    def _tails(self, x: Array) -> tuple[Array, Array]:
        first, last = self.support()
        x = np.floor(x)
        inside = (x >= first) & (x < last)
        lower = np.where(x < first, 0.0, 1.0)
        upper = 1 - lower
        lower[inside], upper[inside] = self._inner_tails(x[inside])
        return lower, upper

    # Each tail is compared with its own: at the steps themselves rounding must not decide.

    def _from_lower(self, p: Array) -> Array:
        return self._search(p, 1 - p, lambda x, inside: self._tails(x)[0] >= p[inside])

    def _from_upper(self, q: Array) -> Array:
        return self._search(1 - q, q, lambda x, inside: self._tails(x)[1] <= q[inside])

    def _search(
        self, p: Array, q: Array, reached: Callable[[Array, npt.NDArray[np.bool_]], npt.NDArray[np.bool_]]
    ) -> Array:
        """The first whole numbers that have reached their quantile, from the normal approximation on."""
        first, last = self.support()
        result = np.where(p <= 0, first, last)
        inside = (p > 0) & (q > 0)
        if inside.any():
            normal = normal_quantile(p[inside], q[inside])
            guess = np.clip(np.floor(self.mean() + np.sqrt(self.variance()) * normal), first, last)
            result[inside] = self._bisect(guess, lambda x: reached(x, inside))
        return result

    def _bisect(self, guess: Array, reached: Callable[[Array], npt.NDArray[np.bool_]]) -> Array:
        """Bisection on whole numbers in a bracket around the guess that grows until it holds."""
        first, last = self.support()
        # The quantile is kept above `low` and at most at `high`.
        low, high = np.maximum(guess - 1, first - 1), guess
        reach = 1.0
        while (short := ~reached(high) & (high < last)).any():
            low, high = np.where(short, high, low), np.where(short, np.minimum(high + reach, last), high)
            reach *= 2
        reach = 1.0
        while (beyond := (low >= first) & reached(low)).any():
            low, high = np.where(beyond, np.maximum(low - reach, first - 1), low), np.where(beyond, low, high)
            reach *= 2
        while ((high - low) > 1).any():
            middle = np.floor((low + high) / 2)
            enough = reached(middle)
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high


def uniform(rng: np.random.Generator, size: Size = None) -> Array:
    """Uniform draws strictly between 0 and 1."""
    # The generator's numbers are multiples of 2⁻⁵³ from 0 on: half a step more keeps them off both ends.
    drawn: Array = np.asarray(rng.random(size)) + 2.0**-54
    return np.minimum(drawn, 1 - 2.0**-53)


def check_confidence(confidence: float) -> float:
    """A probability strictly between 0 and 1. Raises RangeError otherwise."""
    if not 0 < number_in(confidence, "confidence") < 1:
        raise RangeError(f"confidence must be in (0, 1), got {confidence!r}")
    return float(confidence)


def _apply(kernel: Callable[[Array], Array], x: Array) -> Array:
    return elementwise(lambda block: (kernel(block),), x)[0]
