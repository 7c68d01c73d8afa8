"""Distributions with a density.

Densities and moments are those of Johnson, Kotz, Balakrishnan: Continuous Univariate Distributions, 2nd ed., 1994.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from whitebox._validation import Array, number_in
from whitebox.errors import RangeError
from whitebox.stats._distribution import Continuous, Size, uniform
from whitebox.stats.special import betaln, digamma, gammaln, ndtri
from whitebox.stats.special._beta import beta_quantile, beta_tails, log_beta_kernel
from whitebox.stats.special._error import erfc_kernel, normal_quantile
from whitebox.stats.special._incomplete_gamma import gamma_quantile, gamma_tails, log_gamma_kernel

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_ROOT_2 = math.sqrt(2)
_EULER = 0.57721566490153286061


@dataclass(frozen=True)
class Normal(Continuous):
    r"""The normal distribution.

    .. math:: f(x) = \frac{1}{\sigma \sqrt{2\pi}} \exp\left(-\frac{(x - \mu)^2}{2 \sigma^2}\right)

    Args:
        mu: Mean, finite.
        sigma: Standard deviation, positive.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> Normal().cdf([-1.96, 0.0]).round(4).tolist()
    [0.025, 0.5]
    """

    mu: float = 0.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.mu, "mu")
        _positive(self.sigma, "sigma")

    def mean(self) -> float:
        """The parameter μ."""
        return float(self.mu)

    def variance(self) -> float:
        """The square σ²."""
        return float(self.sigma) ** 2

    def entropy(self) -> float:
        r""":math:`\tfrac12 \log(2 \pi e \sigma^2)`."""
        return 0.5 + _HALF_LOG_TWO_PI + math.log(self.sigma)

    def _logpdf(self, x: Array) -> Array:
        z = (x - self.mu) / self.sigma
        return -0.5 * z * z - (_HALF_LOG_TWO_PI + math.log(self.sigma))

    def _cdf(self, x: Array) -> Array:
        return 0.5 * erfc_kernel((self.mu - x) / (self.sigma * _ROOT_2))[0]

    def _sf(self, x: Array) -> Array:
        return 0.5 * erfc_kernel((x - self.mu) / (self.sigma * _ROOT_2))[0]

    def _quantile(self, p: Array, q: Array) -> Array:
        return self.mu + self.sigma * normal_quantile(p, q)


@dataclass(frozen=True)
class LogNormal(Continuous):
    r"""The distribution of a number whose logarithm is normal.

    .. math:: f(x) = \frac{1}{x \sigma \sqrt{2\pi}} \exp\left(-\frac{(\log x - \mu)^2}{2 \sigma^2}\right), \quad x > 0

    Args:
        mu: Mean of the logarithm, finite.
        sigma: Standard deviation of the logarithm, positive.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> float(LogNormal(mu=0.0, sigma=1.0).quantile(0.5))
    1.0
    """

    mu: float = 0.0
    sigma: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.mu, "mu")
        _positive(self.sigma, "sigma")

    def mean(self) -> float:
        r""":math:`e^{\mu + \sigma^2 / 2}`."""
        return math.exp(self.mu + self.sigma**2 / 2)

    def variance(self) -> float:
        r""":math:`(e^{\sigma^2} - 1) e^{2\mu + \sigma^2}`."""
        return math.expm1(self.sigma**2) * math.exp(2 * self.mu + self.sigma**2)

    def entropy(self) -> float:
        r""":math:`\mu + \tfrac12 \log(2 \pi e \sigma^2)`."""
        return self.mu + 0.5 + _HALF_LOG_TWO_PI + math.log(self.sigma)

    def _logpdf(self, x: Array) -> Array:
        log_x = np.log(np.maximum(x, 0.0))
        density = self._of_logarithm()._logpdf(log_x) - log_x
        return np.where((x > 0) & np.isfinite(x), density, -np.inf)

    def _cdf(self, x: Array) -> Array:
        return self._of_logarithm()._cdf(np.log(np.maximum(x, 0.0)))

    def _sf(self, x: Array) -> Array:
        return self._of_logarithm()._sf(np.log(np.maximum(x, 0.0)))

    def _quantile(self, p: Array, q: Array) -> Array:
        return np.exp(self._of_logarithm()._quantile(p, q))

    def _of_logarithm(self) -> Normal:
        return Normal(self.mu, self.sigma)


@dataclass(frozen=True)
class Uniform(Continuous):
    r"""The uniform distribution on an interval: :math:`f(x) = 1 / (b - a)` for :math:`a \le x \le b`.

    Args:
        low: a, finite.
        high: b, finite and above a.

    Raises:
        RangeError: if the interval is empty or infinite.

    >>> float(Uniform(2.0, 4.0).cdf(3.5))
    0.75
    """

    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.low, "low")
        number_in(self.high, "high")
        if self.high <= self.low:
            raise RangeError(f"high must be above low, got low={self.low!r} and high={self.high!r}")

    def mean(self) -> float:
        """The middle of the interval."""
        return self.low + (self.high - self.low) / 2

    def variance(self) -> float:
        """A twelfth of the square of the length."""
        return (self.high - self.low) ** 2 / 12

    def entropy(self) -> float:
        """The logarithm of the length."""
        return math.log(self.high - self.low)

    def _logpdf(self, x: Array) -> Array:
        return np.where((x >= self.low) & (x <= self.high), -math.log(self.high - self.low), -np.inf)

    def _cdf(self, x: Array) -> Array:
        return np.clip((x - self.low) / (self.high - self.low), 0.0, 1.0)

    def _sf(self, x: Array) -> Array:
        return np.clip((self.high - x) / (self.high - self.low), 0.0, 1.0)

    def _quantile(self, p: Array, q: Array) -> Array:
        length = self.high - self.low
        return np.where(p <= q, self.low + length * p, self.high - length * q)


@dataclass(frozen=True)
class Exponential(Continuous):
    r"""The exponential distribution, :math:`f(x) = e^{-x / \theta} / \theta` for :math:`x \ge 0`.

    Args:
        scale: The mean θ, positive; the rate is its inverse.

    Raises:
        RangeError: if the scale is not positive.

    >>> float(Exponential(scale=2.0).quantile(0.5).round(6))  # 2 log 2
    1.386294
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.scale, "scale")

    def mean(self) -> float:
        """The parameter θ."""
        return float(self.scale)

    def variance(self) -> float:
        """The square θ²."""
        return float(self.scale) ** 2

    def entropy(self) -> float:
        r""":math:`1 + \log\theta`."""
        return 1 + math.log(self.scale)

    def _logpdf(self, x: Array) -> Array:
        return np.where(x >= 0, -x / self.scale - math.log(self.scale), -np.inf)

    def _cdf(self, x: Array) -> Array:
        return -np.expm1(-np.maximum(x, 0.0) / self.scale)

    def _sf(self, x: Array) -> Array:
        return np.exp(-np.maximum(x, 0.0) / self.scale)

    def _quantile(self, p: Array, q: Array) -> Array:
        return -self.scale * np.where(p <= q, np.log1p(-p), np.log(q))


@dataclass(frozen=True)
class Gamma(Continuous):
    r"""The gamma distribution.

    .. math:: f(x) = \frac{x^{k-1} e^{-x / \theta}}{\Gamma(k)\, \theta^k}, \quad x > 0

    Draws are accepted or rejected from the cube of a normal number (Marsaglia, Tsang: A Simple Method for Generating
    Gamma Variables, 2000).

    Args:
        shape: k, positive.
        scale: θ, positive.

    Raises:
        RangeError: if a parameter is not positive.

    >>> Gamma(shape=1.0, scale=2.0).sf([2.0, 4.0]).round(6).tolist()  # exp(-1), exp(-2)
    [0.367879, 0.135335]
    """

    shape: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.shape, "shape")
        _positive(self.scale, "scale")

    def mean(self) -> float:
        """The product kθ."""
        return float(self.shape * self.scale)

    def variance(self) -> float:
        """The product kθ²."""
        return float(self.shape * self.scale**2)

    def entropy(self) -> float:
        r""":math:`k + \log\theta + \log\Gamma(k) + (1 - k) \psi(k)`."""
        k = self.shape
        return float(k + math.log(self.scale) + gammaln(k) + (1 - k) * digamma(k))

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws by Marsaglia and Tsang's rejection."""
        return self.scale * np.exp(log_gamma_draws(rng, self.shape, size))

    def _logpdf(self, x: Array) -> Array:
        z, k = x / self.scale, self.shape
        density = log_gamma_kernel(np.full_like(z, k), np.maximum(z, 0.0)) + math.log(k) - np.log(z)
        return _on_the_positive(x, density, k) - math.log(self.scale)

    def _tails(self, x: Array) -> tuple[Array, Array]:
        return gamma_tails(np.full_like(x, self.shape), np.maximum(x, 0.0) / self.scale)

    def _quantile(self, p: Array, q: Array) -> Array:
        return self.scale * gamma_quantile(np.full_like(p, self.shape), p, q)


@dataclass(frozen=True)
class ChiSquare(Continuous):
    r"""The distribution of a sum of ν squared standard normal numbers: `Gamma` with k = ν / 2 and θ = 2.

    .. math:: f(x) = \frac{x^{\nu/2 - 1} e^{-x/2}}{2^{\nu/2}\, \Gamma(\nu/2)}, \quad x > 0

    Args:
        df: Degrees of freedom ν, positive.

    Raises:
        RangeError: if `df` is not positive.

    >>> float(ChiSquare(1).sf(3.841).round(4))
    0.05
    """

    df: float

    def __post_init__(self) -> None:
        _positive(self.df, "df")

    def mean(self) -> float:
        """The parameter ν."""
        return float(self.df)

    def variance(self) -> float:
        """Twice ν."""
        return 2 * float(self.df)

    def entropy(self) -> float:
        """That of the gamma distribution."""
        return self._gamma().entropy()

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws, as `Gamma.sample`."""
        return self._gamma().sample(rng, size)

    def _logpdf(self, x: Array) -> Array:
        return self._gamma()._logpdf(x)

    def _tails(self, x: Array) -> tuple[Array, Array]:
        return self._gamma()._tails(x)

    def _quantile(self, p: Array, q: Array) -> Array:
        return self._gamma()._quantile(p, q)

    def _gamma(self) -> Gamma:
        return Gamma(self.df / 2, 2.0)


@dataclass(frozen=True)
class Beta(Continuous):
    r"""The beta distribution, :math:`f(x) = x^{a-1} (1 - x)^{b-1} / B(a, b)` for 0 < x < 1.

    Draws are shares of gamma draws, :math:`X = G_a / (G_a + G_b)`.

    Args:
        a: Positive.
        b: Positive.

    Raises:
        RangeError: if a parameter is not positive.

    >>> float(Beta(2.0, 2.0).cdf(0.25).round(12))
    0.15625
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        _positive(self.a, "a")
        _positive(self.b, "b")

    def mean(self) -> float:
        """The share a / (a + b)."""
        return float(self.a / (self.a + self.b))

    def variance(self) -> float:
        """The quotient ab / ((a + b)² (a + b + 1))."""
        n = self.a + self.b
        return float((self.a / n) * (self.b / n) / (n + 1))

    def entropy(self) -> float:
        r""":math:`\log B(a, b) - (a-1) \psi(a) - (b-1) \psi(b) + (a+b-2) \psi(a+b)`."""
        a, b = self.a, self.b
        psi = (a - 1) * digamma(a) + (b - 1) * digamma(b) - (a + b - 2) * digamma(a + b)
        return float(betaln(a, b) - psi)

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws as shares of gamma draws."""
        distance = log_gamma_draws(rng, self.a, size) - log_gamma_draws(rng, self.b, size)
        return np.exp(-np.logaddexp(0.0, -distance))

    def _logpdf(self, x: Array) -> Array:
        result = np.full_like(x, -np.inf)
        inside = (x > 0) & (x < 1)
        near = x[inside]
        a, b = np.full_like(near, self.a), np.full_like(near, self.b)
        result[inside] = log_beta_kernel(a, b, near, 1 - near) - np.log(near) - np.log1p(-near)
        for end, exponent, other in ((0, self.a, self.b), (1, self.b, self.a)):
            # At an end the density is 0, infinite, or what the other factor leaves.
            limit = math.inf if exponent < 1 else math.log(other) if exponent == 1 else -math.inf
            result[x == end] = limit
        return result

    def _tails(self, x: Array) -> tuple[Array, Array]:
        x = np.clip(x, 0.0, 1.0)
        return beta_tails(np.full_like(x, self.a), np.full_like(x, self.b), x, 1 - x)

    def _quantile(self, p: Array, q: Array) -> Array:
        u = beta_quantile(np.full_like(p, self.a), np.full_like(p, self.b), p, q)
        return np.where(u > 0, 1 / (1 + np.exp(-u)), np.exp(u) / (1 + np.exp(u)))


@dataclass(frozen=True)
class StudentT(Continuous):
    r"""Student's t distribution, of a normal mean over its estimated error.

    .. math:: f(t) = \frac{1}{\sqrt{\nu}\, B(\nu/2, 1/2)} \left(1 + \frac{t^2}{\nu}\right)^{-(\nu+1)/2}, \qquad
              P(|T| > t) = I_{\nu / (\nu + t^2)}(\nu/2, 1/2)

    for t = (x - loc) / scale. Draws are a normal one over the root of a mean square.

    Args:
        df: Degrees of freedom ν, positive.
        loc: Centre, finite.
        scale: Positive.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> float(StudentT(10).quantile(0.975).round(4))
    2.2281
    """

    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.df, "df")
        number_in(self.loc, "loc")
        _positive(self.scale, "scale")

    def mean(self) -> float:
        """The centre; NaN for ν ≤ 1."""
        return float(self.loc) if self.df > 1 else math.nan

    def variance(self) -> float:
        """The quotient scale² ν / (ν - 2); infinite for ν ≤ 2, NaN for ν ≤ 1."""
        if self.df > 2:
            return float(self.scale**2 * self.df / (self.df - 2))
        return math.inf if self.df > 1 else math.nan

    def entropy(self) -> float:
        r""":math:`(h + \tfrac12) (\psi(h + \tfrac12) - \psi(h)) + \log(\sqrt\nu B(h, \tfrac12))` with h = ν / 2."""
        half = self.df / 2
        change = (half + 0.5) * (digamma(half + 0.5) - digamma(half))
        return float(change + 0.5 * math.log(self.df) + betaln(half, 0.5) + math.log(self.scale))

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws: a normal one over the root of a chi-square one's share of its degrees."""
        normal = ndtri(uniform(rng, size))
        log_mean_square = log_gamma_draws(rng, self.df / 2, size) + math.log(2 / self.df)
        return self.loc + self.scale * normal * np.exp(-0.5 * log_mean_square)

    def _logpdf(self, x: Array) -> Array:
        z = (x - self.loc) / self.scale
        constant = 0.5 * math.log(self.df) + float(betaln(self.df / 2, 0.5)) + math.log(self.scale)
        return -0.5 * (self.df + 1) * np.log1p(z * z / self.df) - constant

    def _tails(self, x: Array) -> tuple[Array, Array]:
        z = (x - self.loc) / self.scale
        ratio = z * z / self.df
        half = np.full_like(z, 0.5)
        tail = 0.5 * beta_tails(self.df * half, half, 1 / (1 + ratio), 1 / (1 + 1 / ratio))[0]
        return np.where(z < 0, tail, 1 - tail), np.where(z < 0, 1 - tail, tail)

    def _quantile(self, p: Array, q: Array) -> Array:
        # Both tails together are I at ν / (ν + t²); between the tails lies the rest, exact near the centre.
        between = np.where(p <= q, 0.5 - p, 0.5 - q) * 2
        half = np.full_like(p, 0.5)
        u = beta_quantile(self.df * half, half, 2 * np.minimum(p, q), between)
        size = math.sqrt(self.df) * np.exp(-0.5 * u)
        return self.loc + self.scale * np.where(p <= q, -size, size)


@dataclass(frozen=True)
class F(Continuous):
    r"""Fisher and Snedecor's F distribution, of a ratio of two mean squares.

    .. math:: f(x) = \frac{w^{m/2} (1 - w)^{n/2}}{x\, B(m/2, n/2)}, \qquad w = \frac{m x}{m x + n},
              \qquad P(F \le x) = I_w(m/2, n/2)

    Args:
        df1: Degrees of freedom m of the numerator, positive.
        df2: Degrees of freedom n of the denominator, positive.

    Raises:
        RangeError: if a parameter is not positive.

    >>> float(F(2, 10).sf(4.1028).round(4))
    0.05
    """

    df1: float
    df2: float

    def __post_init__(self) -> None:
        _positive(self.df1, "df1")
        _positive(self.df2, "df2")

    def mean(self) -> float:
        """The quotient n / (n - 2), infinite for n ≤ 2."""
        return float(self.df2 / (self.df2 - 2)) if self.df2 > 2 else math.inf

    def variance(self) -> float:
        """The quotient 2n² (m + n - 2) / (m (n - 2)² (n - 4)); infinite for n ≤ 4, NaN for n ≤ 2."""
        m, n = self.df1, self.df2
        if n > 4:
            return float(2 * n**2 * (m + n - 2) / (m * (n - 2) ** 2 * (n - 4)))
        return math.inf if n > 2 else math.nan

    def entropy(self) -> float:
        """The expectation of -log f, with E log w and E log (1 - w) by digamma functions."""
        a, b = self.df1 / 2, self.df2 / 2
        log_odds = digamma(a) - digamma(b)
        log_rest = digamma(a + b) - digamma(b)
        return float(betaln(a, b) - (a - 1) * log_odds + (a + b) * log_rest + math.log(b / a))

    def sample(self, rng: np.random.Generator, size: Size = None) -> Array:
        """Independent draws as ratios of gamma draws."""
        distance = log_gamma_draws(rng, self.df1 / 2, size) - log_gamma_draws(rng, self.df2 / 2, size)
        return np.exp(distance + math.log(self.df2 / self.df1))

    def _logpdf(self, x: Array) -> Array:
        w, rest = self._shares(x)
        a, b = np.full_like(x, self.df1 / 2), np.full_like(x, self.df2 / 2)
        return _on_the_positive(x, log_beta_kernel(a, b, w, rest) - np.log(x), self.df1 / 2)

    def _tails(self, x: Array) -> tuple[Array, Array]:
        return beta_tails(np.full_like(x, self.df1 / 2), np.full_like(x, self.df2 / 2), *self._shares(x))

    def _quantile(self, p: Array, q: Array) -> Array:
        u = beta_quantile(np.full_like(p, self.df1 / 2), np.full_like(p, self.df2 / 2), p, q)
        return self.df2 / self.df1 * np.exp(u)

    def _shares(self, x: Array) -> tuple[Array, Array]:
        odds = self.df1 / self.df2 * np.maximum(x, 0.0)
        return 1 / (1 + 1 / odds), 1 / (1 + odds)


@dataclass(frozen=True)
class Laplace(Continuous):
    r"""The double exponential distribution, :math:`f(x) = e^{-|x - \mu| / b} / 2b`.

    Args:
        loc: Centre μ, finite.
        scale: b, positive.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> float(Laplace().sf(0.0))
    0.5
    """

    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.loc, "loc")
        _positive(self.scale, "scale")

    def mean(self) -> float:
        """The centre."""
        return float(self.loc)

    def variance(self) -> float:
        """Twice the square of b."""
        return 2 * float(self.scale) ** 2

    def entropy(self) -> float:
        """The logarithm log(2be)."""
        return 1 + math.log(2 * self.scale)

    def _logpdf(self, x: Array) -> Array:
        return -np.abs(x - self.loc) / self.scale - math.log(2 * self.scale)

    def _tails(self, x: Array) -> tuple[Array, Array]:
        tail = 0.5 * np.exp(-np.abs(x - self.loc) / self.scale)
        left = x < self.loc
        return np.where(left, tail, 1 - tail), np.where(left, 1 - tail, tail)

    def _quantile(self, p: Array, q: Array) -> Array:
        return self.loc + self.scale * np.where(p <= q, np.log(2 * p), -np.log(2 * q))


@dataclass(frozen=True)
class Cauchy(Continuous):
    r"""The Cauchy distribution, :math:`f(x) = 1 / (\pi \gamma (1 + z^2))` for :math:`z = (x - x_0) / \gamma`.

    It has no mean.

    Args:
        loc: Median x₀, finite.
        scale: γ, half the distance of the quartiles, positive.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> float(Cauchy().quantile(0.75).round(12))
    1.0
    """

    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.loc, "loc")
        _positive(self.scale, "scale")

    def mean(self) -> float:
        """NaN: the integral does not exist."""
        return math.nan

    def variance(self) -> float:
        """NaN: the integral does not exist."""
        return math.nan

    def entropy(self) -> float:
        r""":math:`\log(4 \pi \gamma)`."""
        return math.log(4 * math.pi * self.scale)

    def _logpdf(self, x: Array) -> Array:
        # log(1 + z²) without its overflow.
        return -2 * np.log(np.hypot(1.0, (x - self.loc) / self.scale)) - math.log(math.pi * self.scale)

    def _cdf(self, x: Array) -> Array:
        return self._tail((x - self.loc) / self.scale)

    def _sf(self, x: Array) -> Array:
        return self._tail((self.loc - x) / self.scale)

    def _quantile(self, p: Array, q: Array) -> Array:
        centred = np.where(p <= q, p - 0.5, 0.5 - q)
        outer = np.copysign(1 / np.tan(math.pi * np.minimum(p, q)), centred)
        size = np.where(np.abs(centred) < 0.25, np.tan(math.pi * centred), outer)
        return self.loc + self.scale * np.where(np.minimum(p, q) == 0, np.copysign(np.inf, centred), size)

    @staticmethod
    def _tail(z: Array) -> Array:
        """P(Z ≤ z), to the left from the angle at the far end."""
        return np.where(z < -1, np.arctan(-1 / z), 0.5 * math.pi + np.arctan(z)) / math.pi


@dataclass(frozen=True)
class Weibull(Continuous):
    r"""The Weibull distribution of lifetimes, :math:`P(X > x) = \exp(-(x / \lambda)^k)` for :math:`x \ge 0`.

    Args:
        shape: k, positive: below 1 what is old lasts, above 1 it wears out.
        scale: λ, positive.

    Raises:
        RangeError: if a parameter is not positive.

    >>> float(Weibull(shape=2.0).sf(1.0).round(6))
    0.367879
    """

    shape: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        _positive(self.shape, "shape")
        _positive(self.scale, "scale")

    def mean(self) -> float:
        r""":math:`\lambda \Gamma(1 + 1/k)`."""
        return float(self.scale * np.exp(gammaln(1 + 1 / self.shape)))

    def variance(self) -> float:
        r""":math:`\lambda^2 (\Gamma(1 + 2/k) - \Gamma(1 + 1/k)^2)`."""
        first, second = gammaln(1 + 1 / self.shape), gammaln(1 + 2 / self.shape)
        # As a multiple of the squared mean, so that a nearly constant lifetime does not cancel to nothing.
        return float((self.scale * np.exp(first)) ** 2 * np.expm1(second - 2 * first))

    def entropy(self) -> float:
        r""":math:`\gamma (1 - 1/k) + \log(\lambda / k) + 1`, with Euler's constant γ."""
        return _EULER * (1 - 1 / self.shape) + math.log(self.scale / self.shape) + 1

    def _logpdf(self, x: Array) -> Array:
        z, k = np.maximum(x, 0.0) / self.scale, self.shape
        return _on_the_positive(x, (k - 1) * np.log(z) - z**k + math.log(k), k) - math.log(self.scale)

    def _cdf(self, x: Array) -> Array:
        return -np.expm1(-((np.maximum(x, 0.0) / self.scale) ** self.shape))

    def _sf(self, x: Array) -> Array:
        return np.exp(-((np.maximum(x, 0.0) / self.scale) ** self.shape))

    def _quantile(self, p: Array, q: Array) -> Array:
        return self.scale * (-np.where(p <= q, np.log1p(-p), np.log(q))) ** (1 / self.shape)


def log_gamma_draws(rng: np.random.Generator, shape: float | Array, size: Size = None) -> Array:
    r"""Logarithms of standard gamma draws; of a tiny shape most draws themselves would underflow.

    A proposal :math:`d v` with :math:`v = (1 + z / \sqrt{9 d})^3`, :math:`d = k - 1/3`, is accepted with probability
    :math:`\exp(z^2/2 + d - d v + d \log v)`, more than 95 %; a shape below 1 is drawn at k + 1 and multiplied by
    :math:`u^{1/k}` (Marsaglia, Tsang 2000, sections 4 and 6).

    Args:
        rng: Source of the uniform numbers.
        shape: k; an array's shape ends `size`.
        size: Shape of the result; by default that of `shape`.
    """
    k = np.broadcast_to(np.asarray(shape, dtype=float), np.shape(shape) if size is None else size).reshape(-1)
    d = np.where(k < 1, k + 1, k) - 1 / 3
    result, left = np.empty(len(k)), np.arange(len(k))
    while len(left):
        degree = d[left]
        z = ndtri(uniform(rng, len(left)))
        root = 1 + z / np.sqrt(9 * degree)
        log_v = 3 * np.log(np.maximum(root, 1e-300))
        bound = 0.5 * z * z + degree * (1 - np.exp(log_v) + log_v)
        accepted = (root > 0) & (np.log(uniform(rng, len(left))) < bound)
        result[left[accepted]] = np.log(degree[accepted]) + log_v[accepted]
        left = left[~accepted]
    small = k < 1
    result[small] += np.log(uniform(rng, int(small.sum()))) / k[small]
    total: Array = result.reshape(np.shape(shape) if size is None else size)[()]
    return total


def _positive(value: float, name: str) -> None:
    number_in(value, name, 0, open_low=True)


def _on_the_positive(x: Array, log_density: Array, exponent: float) -> Array:
    """A log-density on x > 0 that behaves like x**(exponent - 1) near 0, where it is 0, 1 or infinite."""
    at_zero = math.inf if exponent < 1 else 0.0 if exponent == 1 else -math.inf
    inside = (x > 0) & np.isfinite(x)
    return np.where(inside, log_density, np.where(x == 0, at_zero, -np.inf))
