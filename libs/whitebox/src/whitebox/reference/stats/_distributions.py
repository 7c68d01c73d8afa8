"""Distributions: a density, its integral, and the inverse of that by bisection."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg import determinant, solve
from whitebox.reference.stats._bisection import bisect
from whitebox.reference.stats.special import betainc, betaln, gammainc, gammaln, ndtr


class _Continuous:
    """Inverts the distribution function."""

    def cdf(self, x: float) -> float:
        """The probability of at most x."""
        raise NotImplementedError

    def quantile(self, p: float) -> float:
        """The x below which a share p lies: an interval that holds it, then bisection."""
        low, high = -1.0, 1.0
        while self.cdf(low) > p:
            low *= 2
        while self.cdf(high) < p:
            high *= 2
        return bisect(self.cdf, p, low, high)


class _Discrete:
    """Sums the probabilities from `first` on."""

    first = 0

    def pmf(self, k: int) -> float:
        """The probability of k."""
        raise NotImplementedError

    def cdf(self, x: float) -> float:
        """The sum of the probabilities up to x."""
        return math.fsum(self.pmf(k) for k in range(self.first, math.floor(x) + 1))

    def quantile(self, p: float) -> int:
        """The first number up to which the sum reaches p."""
        k = self.first
        while self.cdf(k) < p:
            k += 1
        return k


class Normal(_Continuous):
    r""":math:`\frac{1}{\sigma\sqrt{2\pi}} e^{-(x-\mu)^2 / 2\sigma^2}`.

    >>> round(Normal().quantile(0.975), 6)
    1.959964
    """

    def __init__(self, mu: float = 0.0, sigma: float = 1.0) -> None:
        self.mu, self.sigma = mu, sigma

    def pdf(self, x: float) -> float:
        """The density."""
        return math.exp(-(((x - self.mu) / self.sigma) ** 2) / 2) / (self.sigma * math.sqrt(2 * math.pi))

    def cdf(self, x: float) -> float:
        """The normal distribution function of the standardised x."""
        return ndtr((x - self.mu) / self.sigma)


class LogNormal(_Continuous):
    """The exponential of a normal number.

    >>> LogNormal().cdf(1.0)
    0.5
    """

    def __init__(self, mu: float = 0.0, sigma: float = 1.0) -> None:
        self.normal = Normal(mu, sigma)

    def pdf(self, x: float) -> float:
        """That of the logarithm, times its derivative."""
        return self.normal.pdf(math.log(x)) / x if x > 0 else 0.0

    def cdf(self, x: float) -> float:
        """That of the logarithm."""
        return self.normal.cdf(math.log(x)) if x > 0 else 0.0


class Uniform(_Continuous):
    """The same density all over an interval.

    >>> Uniform(0.0, 4.0).cdf(1.0)
    0.25
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low, self.high = low, high

    def pdf(self, x: float) -> float:
        """One over the length."""
        return 1 / (self.high - self.low) if self.low <= x <= self.high else 0.0

    def cdf(self, x: float) -> float:
        """The share of the interval up to x."""
        return min(1.0, max(0.0, (x - self.low) / (self.high - self.low)))


class Exponential(_Continuous):
    r""":math:`e^{-x/\theta} / \theta`.

    >>> round(Exponential().quantile(0.5), 6)
    0.693147
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def pdf(self, x: float) -> float:
        """The density."""
        return math.exp(-x / self.scale) / self.scale if x >= 0 else 0.0

    def cdf(self, x: float) -> float:
        """Its integral."""
        return -math.expm1(-x / self.scale) if x > 0 else 0.0


class Gamma(_Continuous):
    r""":math:`x^{k-1} e^{-x/\theta} / (\Gamma(k) \theta^k)`.

    >>> round(Gamma(1.0).cdf(1.0), 6)
    0.632121
    """

    def __init__(self, shape: float, scale: float = 1.0) -> None:
        self.shape, self.scale = shape, scale

    def pdf(self, x: float) -> float:
        """The density."""
        if x <= 0:
            return 0.0
        z, k = x / self.scale, self.shape
        return math.exp((k - 1) * math.log(z) - z - gammaln(k)) / self.scale

    def cdf(self, x: float) -> float:
        """The incomplete gamma function."""
        return gammainc(self.shape, x / self.scale) if x > 0 else 0.0


class ChiSquare(Gamma):
    """The sum of squares of so many normal numbers.

    >>> round(ChiSquare(2).cdf(2.0), 6)
    0.632121
    """

    def __init__(self, df: float) -> None:
        super().__init__(df / 2, 2.0)


class Beta(_Continuous):
    r""":math:`x^{a-1} (1-x)^{b-1} / B(a, b)`.

    >>> round(Beta(2.0, 2.0).cdf(0.25), 6)
    0.15625
    """

    def __init__(self, a: float, b: float) -> None:
        self.a, self.b = a, b

    def pdf(self, x: float) -> float:
        """The density."""
        if not 0 < x < 1:
            return 0.0
        return math.exp((self.a - 1) * math.log(x) + (self.b - 1) * math.log1p(-x) - betaln(self.a, self.b))

    def cdf(self, x: float) -> float:
        """The incomplete beta function."""
        return betainc(self.a, self.b, min(1.0, max(0.0, x)))


class StudentT(_Continuous):
    r""":math:`(1 + z^2/\nu)^{-(\nu+1)/2} / (\sqrt\nu B(\nu/2, 1/2))` of the standardised z.

    >>> StudentT(3).cdf(0.0)
    0.5
    """

    def __init__(self, df: float, loc: float = 0.0, scale: float = 1.0) -> None:
        self.df, self.loc, self.scale = df, loc, scale

    def pdf(self, x: float) -> float:
        """The density."""
        z = (x - self.loc) / self.scale
        norm = math.exp(betaln(self.df / 2, 0.5)) * math.sqrt(self.df) * self.scale
        return math.pow(1 + z * z / self.df, -(self.df + 1) / 2) / norm

    def cdf(self, x: float) -> float:
        """Half of what lies outside of ±z, or the rest."""
        z = (x - self.loc) / self.scale
        tail = betainc(self.df / 2, 0.5, self.df / (self.df + z * z)) / 2
        return tail if z < 0 else 1 - tail


class F(_Continuous):
    """The ratio of two mean squares.

    >>> round(F(2, 2).cdf(1.0), 6)
    0.5
    """

    def __init__(self, df1: float, df2: float) -> None:
        self.df1, self.df2 = df1, df2

    def pdf(self, x: float) -> float:
        """The density of the share w = mx / (mx + n), times its derivative."""
        if x <= 0:
            return 0.0
        m, n = self.df1, self.df2
        return Beta(m / 2, n / 2).pdf(m * x / (m * x + n)) * m * n / (m * x + n) ** 2

    def cdf(self, x: float) -> float:
        """That of the share."""
        return Beta(self.df1 / 2, self.df2 / 2).cdf(self.df1 * x / (self.df1 * x + self.df2)) if x > 0 else 0.0


class Laplace(_Continuous):
    r""":math:`e^{-|x-\mu|/b} / 2b`.

    >>> Laplace().cdf(0.0)
    0.5
    """

    def __init__(self, loc: float = 0.0, scale: float = 1.0) -> None:
        self.loc, self.scale = loc, scale

    def pdf(self, x: float) -> float:
        """The density."""
        return math.exp(-abs(x - self.loc) / self.scale) / (2 * self.scale)

    def cdf(self, x: float) -> float:
        """Its integral, from either side."""
        tail = math.exp(-abs(x - self.loc) / self.scale) / 2
        return tail if x < self.loc else 1 - tail


class Cauchy(_Continuous):
    r""":math:`1 / (\pi\gamma (1 + z^2))` of the standardised z.

    >>> Cauchy().cdf(1.0)
    0.75
    """

    def __init__(self, loc: float = 0.0, scale: float = 1.0) -> None:
        self.loc, self.scale = loc, scale

    def pdf(self, x: float) -> float:
        """The density."""
        return 1 / (math.pi * self.scale * (1 + ((x - self.loc) / self.scale) ** 2))

    def cdf(self, x: float) -> float:
        """The angle to x, as a share of half a turn."""
        return 0.5 + math.atan((x - self.loc) / self.scale) / math.pi


class Weibull(_Continuous):
    r"""Lasts longer than x with probability :math:`e^{-(x/\lambda)^k}`.

    >>> round(Weibull(1.0).cdf(1.0), 6)
    0.632121
    """

    def __init__(self, shape: float, scale: float = 1.0) -> None:
        self.shape, self.scale = shape, scale

    def pdf(self, x: float) -> float:
        """The derivative."""
        if x <= 0:
            return 0.0
        z = x / self.scale
        return self.shape / self.scale * math.pow(z, self.shape - 1) * math.exp(-(z**self.shape))

    def cdf(self, x: float) -> float:
        """What has not lasted."""
        return -math.expm1(-((x / self.scale) ** self.shape)) if x > 0 else 0.0


class Bernoulli(_Discrete):
    """1 with probability p, else 0.

    >>> Bernoulli(0.25).pmf(0)
    0.75
    """

    def __init__(self, p: float) -> None:
        self.p = p

    def pmf(self, k: int) -> float:
        """The probability of k."""
        return {0: 1 - self.p, 1: self.p}.get(k, 0.0)


class Binomial(_Discrete):
    r""":math:`\binom nk p^k (1-p)^{n-k}`.

    >>> Binomial(2, 0.5).pmf(1)
    0.5
    """

    def __init__(self, n: int, p: float) -> None:
        self.n, self.p = n, p

    def pmf(self, k: int) -> float:
        """The probability of k."""
        return math.comb(self.n, k) * self.p**k * (1 - self.p) ** (self.n - k) if 0 <= k <= self.n else 0.0


class Poisson(_Discrete):
    r""":math:`\lambda^k e^{-\lambda} / k!`.

    >>> round(Poisson(1.0).pmf(0), 6)
    0.367879
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def pmf(self, k: int) -> float:
        """The probability of k."""
        return self.rate**k * math.exp(-self.rate) / math.factorial(k) if k >= 0 else 0.0


class Geometric(_Discrete):
    """Trials up to the first success.

    >>> Geometric(0.5).pmf(2)
    0.25
    """

    first = 1

    def __init__(self, p: float) -> None:
        self.p = p

    def pmf(self, k: int) -> float:
        """The probability of k."""
        return self.p * (1 - self.p) ** (k - 1) if k >= 1 else 0.0


class NegativeBinomial(_Discrete):
    """Failures before the r-th success.

    >>> round(NegativeBinomial(2, 0.5).pmf(1), 9)
    0.25
    """

    def __init__(self, r: float, p: float) -> None:
        self.r, self.p = r, p

    def pmf(self, k: int) -> float:
        """The probability of k."""
        if k < 0:
            return 0.0
        ways = math.exp(gammaln(k + self.r) - gammaln(k + 1.0) - gammaln(self.r))
        return ways * math.pow(self.p, self.r) * math.pow(1 - self.p, k)


class Categorical(_Discrete):
    """One of several classes.

    >>> Categorical([0.5, 0.25, 0.25]).cdf(1)
    0.75
    """

    def __init__(self, probabilities: Sequence[float]) -> None:
        self.probabilities = probabilities

    def pmf(self, k: int) -> float:
        """The probability of class k."""
        return self.probabilities[k] if 0 <= k < len(self.probabilities) else 0.0


class MultivariateNormal:
    r""":math:`e^{-(x-\mu)^\top \Sigma^{-1} (x-\mu) / 2} / \sqrt{\det 2\pi\Sigma}`.

    >>> round(MultivariateNormal([0.0], [[4.0]]).pdf([0.0]), 6)
    0.199471
    """

    def __init__(self, mu: Sequence[float], sigma: Sequence[Sequence[float]]) -> None:
        self.mu, self.sigma = mu, [list(row) for row in sigma]

    def pdf(self, x: Sequence[float]) -> float:
        """The density."""
        deviation = [a - b for a, b in zip(x, self.mu, strict=True)]
        square = sum(a * b for a, b in zip(deviation, solve(self.sigma, deviation), strict=True))
        return math.exp(-square / 2) / math.sqrt((2 * math.pi) ** len(deviation) * determinant(self.sigma))


class Dirichlet:
    r""":math:`\Gamma(\sum_i \alpha_i) \prod_i x_i^{\alpha_i - 1} / \Gamma(\alpha_i)`.

    >>> round(Dirichlet([1.0, 1.0, 1.0]).pdf([0.2, 0.3, 0.5]), 9)
    2.0
    """

    def __init__(self, alpha: Sequence[float]) -> None:
        self.alpha = alpha

    def pdf(self, x: Sequence[float]) -> float:
        """The density of a point inside the simplex."""
        logarithm = gammaln(sum(self.alpha))
        for share, a in zip(x, self.alpha, strict=True):
            logarithm += (a - 1) * math.log(share) - gammaln(a)
        return math.exp(logarithm)
