"""Distributions on whole numbers.

Probabilities and moments are those of Johnson, Kemp, Kotz: Univariate Discrete Distributions, 3rd ed., 2005.
Probabilities are computed from their distance to their peak, without factorials (Loader: Fast and Accurate Computation
of Binomial Probabilities, 2000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.stats._distribution import Discrete
from whitebox.stats.special._beta import beta_tails, log_beta_kernel
from whitebox.stats.special._incomplete_gamma import gamma_tails, log_gamma_kernel

_SUM_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Bernoulli(Discrete):
    """One trial: 1 with probability p, else 0.

    Args:
        p: From 0 to 1.

    Raises:
        RangeError: if `p` is not a probability.

    >>> Bernoulli(0.25).pmf([0, 1, 2]).tolist()
    [0.75, 0.25, 0.0]
    """

    p: float

    def __post_init__(self) -> None:
        number_in(self.p, "p", 0, 1)

    def mean(self) -> float:
        """The parameter p."""
        return float(self.p)

    def variance(self) -> float:
        """The product p(1 - p)."""
        return float(self.p * (1 - self.p))

    def support(self) -> tuple[float, float]:
        """From 0 to 1."""
        return 0.0, 1.0

    def _logpmf(self, x: Array) -> Array:
        choices: Array = np.log(np.array([1 - self.p, self.p]))
        return choices[x.astype(np.intp)]

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        return np.full_like(x, 1 - self.p), np.full_like(x, self.p)


@dataclass(frozen=True)
class Binomial(Discrete):
    r"""The number of successes in n independent trials.

    .. math:: P(X = k) = \binom{n}{k} p^k (1 - p)^{n-k}, \qquad P(X \le k) = I_{1-p}(n - k, k + 1)

    Args:
        n: Trials, at least 1.
        p: Probability of success, from 0 to 1.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> Binomial(2, 0.5).pmf([0, 1, 2]).round(12).tolist()
    [0.25, 0.5, 0.25]
    """

    n: int
    p: float

    def __post_init__(self) -> None:
        positive_int(self.n, "n")
        number_in(self.p, "p", 0, 1)

    def mean(self) -> float:
        """The product np."""
        return float(self.n * self.p)

    def variance(self) -> float:
        """The product np(1 - p)."""
        return float(self.n * self.p * (1 - self.p))

    def support(self) -> tuple[float, float]:
        """From 0 to n."""
        return 0.0, float(self.n)

    def _logpmf(self, x: Array) -> Array:
        n, p = float(self.n), self.p
        result: Array = np.where(x > 0, n * np.log(p), n * np.log1p(-p))
        inner = (x > 0) & (x < n)
        k = x[inner]
        kernel = log_beta_kernel(k, n - k, np.full_like(k, p), np.full_like(k, 1 - p))
        result[inner] = kernel + np.log(n / (k * (n - k)))
        return result

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        return beta_tails(self.n - x, x + 1, np.full_like(x, 1 - self.p), np.full_like(x, self.p))


@dataclass(frozen=True)
class Poisson(Discrete):
    r"""The number of events that are independent of each other.

    .. math:: P(X = k) = \frac{\lambda^k e^{-\lambda}}{k!}, \qquad P(X \le k) = Q(k + 1, \lambda)

    Args:
        rate: λ, the mean, finite and at least 0.

    Raises:
        RangeError: if the rate is negative.

    >>> Poisson(1.0).cdf([0, 1]).round(6).tolist()
    [0.367879, 0.735759]
    """

    rate: float

    def __post_init__(self) -> None:
        number_in(self.rate, "rate", 0)

    def mean(self) -> float:
        """The parameter λ."""
        return float(self.rate)

    def variance(self) -> float:
        """The parameter λ."""
        return float(self.rate)

    def support(self) -> tuple[float, float]:
        """From 0 on."""
        return 0.0, math.inf

    def _logpmf(self, x: Array) -> Array:
        result = np.full_like(x, -float(self.rate))
        positive = x > 0
        k = x[positive]
        result[positive] = log_gamma_kernel(k, np.full_like(k, self.rate))
        return result

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        lower, upper = gamma_tails(x + 1, np.full_like(x, self.rate))
        return upper, lower


@dataclass(frozen=True)
class Geometric(Discrete):
    """The number of trials up to the first success: P(X = k) = p (1 - p)^(k - 1) for k = 1, 2, ….

    Args:
        p: Probability of success, above 0 and up to 1.

    Raises:
        RangeError: if `p` is out of its range.

    >>> Geometric(0.5).sf([1, 2, 3]).round(12).tolist()
    [0.5, 0.25, 0.125]
    """

    p: float

    def __post_init__(self) -> None:
        number_in(self.p, "p", 0, 1, open_low=True)

    def mean(self) -> float:
        """The inverse 1 / p."""
        return 1 / self.p

    def variance(self) -> float:
        """The quotient (1 - p) / p²."""
        return (1 - self.p) / self.p**2

    def support(self) -> tuple[float, float]:
        """From 1 on."""
        return 1.0, math.inf

    def entropy(self) -> float:
        """That of one trial, over p: as many are needed on average."""
        return Bernoulli(self.p).entropy() / self.p

    def _logpmf(self, x: Array) -> Array:
        return np.where(x == 1, 0.0, (x - 1) * np.log1p(-self.p)) + math.log(self.p)

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        log_upper = x * np.log1p(-self.p)
        return -np.expm1(log_upper), np.exp(log_upper)


@dataclass(frozen=True)
class NegativeBinomial(Discrete):
    r"""The number of failures before the r-th success; r need not be whole.

    .. math:: P(X = k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)} p^r (1 - p)^k, \qquad P(X \le k) = I_p(r, k + 1)

    Args:
        r: Successes to wait for, positive.
        p: Probability of success, above 0 and up to 1.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> NegativeBinomial(2, 0.5).pmf([0, 1, 2]).round(12).tolist()
    [0.25, 0.25, 0.1875]
    """

    r: float
    p: float

    def __post_init__(self) -> None:
        number_in(self.r, "r", 0, open_low=True)
        number_in(self.p, "p", 0, 1, open_low=True)

    def mean(self) -> float:
        """The quotient r(1 - p) / p."""
        return float(self.r * (1 - self.p) / self.p)

    def variance(self) -> float:
        """The quotient r(1 - p) / p²."""
        return float(self.r * (1 - self.p) / self.p**2)

    def support(self) -> tuple[float, float]:
        """From 0 on."""
        return 0.0, math.inf

    def _logpmf(self, x: Array) -> Array:
        result = np.full_like(x, self.r * math.log(self.p))
        positive = x > 0
        k = x[positive]
        p = np.full_like(k, self.p)
        result[positive] = log_beta_kernel(np.full_like(k, self.r), k, p, 1 - p) - np.log(k)
        return result

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        p = np.full_like(x, self.p)
        return beta_tails(np.full_like(x, self.r), x + 1, p, 1 - p)


class Categorical(Discrete):
    """One of k classes 0, 1, …, k - 1 with given probabilities.

    Args:
        probabilities: Of the classes, shape (k,), summing to 1.

    Attributes:
        probabilities: The same, read-only.

    Raises:
        RangeError: if a probability is negative, or they do not sum to 1.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but a vector of numbers.

    >>> float(Categorical([0.2, 0.3, 0.5]).quantile(0.4))
    1.0
    """

    def __init__(self, probabilities: npt.ArrayLike) -> None:
        given = as_vector(probabilities, "probabilities")
        if (given < 0).any() or abs(given.sum() - 1) > _SUM_TOLERANCE:
            raise RangeError(
                f"probabilities must be at least 0 and sum to 1; the least is {given.min():g}, the sum {given.sum():g}"
            )
        self.probabilities = given / given.sum()
        self.probabilities.setflags(write=False)
        self._lower = np.cumsum(self.probabilities)
        self._upper = np.append(np.cumsum(self.probabilities[:0:-1])[::-1], 0.0)

    def __repr__(self) -> str:
        return f"Categorical({self.probabilities.tolist()})"

    def mean(self) -> float:
        """The expectation of the class's number."""
        return float(np.arange(len(self.probabilities)) @ self.probabilities)

    def variance(self) -> float:
        """The variance of the class's number."""
        return float((np.arange(len(self.probabilities)) - self.mean()) ** 2 @ self.probabilities)

    def entropy(self) -> float:
        r""":math:`-\sum_k p_k \log p_k`."""
        possible = self.probabilities[self.probabilities > 0]
        return float(-(possible * np.log(possible)).sum())

    def support(self) -> tuple[float, float]:
        """From the first class that is possible to the last."""
        possible = np.flatnonzero(self.probabilities)
        return float(possible[0]), float(possible[-1])

    def _logpmf(self, x: Array) -> Array:
        log_probability: Array = np.log(self.probabilities[x.astype(np.intp)])
        return log_probability

    def _inner_tails(self, x: Array) -> tuple[Array, Array]:
        classes = x.astype(np.intp)
        return self._lower[classes], self._upper[classes]
