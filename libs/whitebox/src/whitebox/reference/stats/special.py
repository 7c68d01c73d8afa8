"""Special functions of one number each, by the series and fractions that define them.

What the standard library has (`math.erf`, `math.lgamma`) is not used: the point is to see how it is done.
"""

from __future__ import annotations

import math

from whitebox.reference.stats._bisection import bisect

# Godfrey's coefficients of Lanczos' formula for g = 607 / 128.
_LANCZOS = (
    0.99999999999999709182,
    57.156235665862923517,
    -59.597960355475491248,
    14.136097974741747174,
    -0.49191381609762019978,
    0.33994649984811888699e-4,
    0.46523628927048575665e-4,
    -0.98374475304879564677e-4,
    0.15808870322491248884e-3,
    -0.21026444172410488319e-3,
    0.21743961811521264320e-3,
    -0.16431810653676389022e-3,
    0.84418223983852743293e-4,
    -0.26190838401581408670e-4,
    0.36899182659531622704e-5,
)
_G = 607 / 128


def erf(x: float) -> float:
    r"""Maclaurin's series :math:`\frac{2}{\sqrt\pi} \sum_n \frac{(-1)^n x^{2n+1}}{n!\,(2n+1)}`, or 1 less `erfc`.

    >>> round(erf(0.5), 12)
    0.520499877813
    """
    if abs(x) > 2:
        return 1 - erfc(x) if x > 0 else erfc(-x) - 1
    total, power = 0.0, x
    for n in range(60):
        total += power / (2 * n + 1)
        power *= -x * x / (n + 1)
    return 2 / math.sqrt(math.pi) * total


def erfc(x: float) -> float:
    r"""The continued fraction :math:`\frac{e^{-x^2}}{\sqrt\pi} \frac{1}{x + \frac{1/2}{x + \frac{1}{x + \dots}}}`.

    >>> round(erfc(3.0), 12)
    2.2090497e-05
    """
    if x < 2:
        return 1 - erf(x)
    fraction = x
    for n in range(100, 0, -1):
        fraction = x + n / 2 / fraction
    return math.exp(-x * x) / math.sqrt(math.pi) / fraction


def erfinv(y: float) -> float:
    """The x with erf(x) = y, by bisection.

    >>> round(erfinv(0.5), 9)
    0.476936276
    """
    return bisect(erf, y, -6.0, 6.0)


def ndtr(x: float) -> float:
    """The standard normal distribution function.

    >>> ndtr(0.0)
    0.5
    """
    return erfc(-x / math.sqrt(2)) / 2


def ndtri(p: float) -> float:
    """The standard normal quantile, by bisection.

    >>> round(ndtri(0.975), 6)
    1.959964
    """
    return bisect(ndtr, p, -40.0, 40.0)


def gammaln(x: float) -> float:
    r"""Lanczos' formula :math:`\Gamma(x) = \frac{\sqrt{2\pi}}{x} t^{x + 1/2} e^{-t} (c_0 + \sum_k \frac{c_k}{x + k})`.

    With :math:`t = x + g + \frac12`.

    >>> round(gammaln(5.0), 9)  # log 24
    3.17805383
    """
    series = _LANCZOS[0] + sum(c / (x + k) for k, c in enumerate(_LANCZOS[1:], start=1))
    t = x + _G + 0.5
    return (x + 0.5) * math.log(t) - t + math.log(math.sqrt(2 * math.pi) * series / x)


def digamma(x: float) -> float:
    r""":math:`\psi(x) = \psi(x + 1) - 1/x`, until x is large enough for :math:`\log x - \frac{1}{2x} - \dots`.

    >>> round(digamma(1.0), 9)
    -0.577215665
    """
    total = 0.0
    while x < 20:
        total -= 1 / x
        x += 1
    return total + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6) + 1 / (240 * x**8)


def gammainc(a: float, x: float) -> float:
    r"""The series :math:`\frac{x^a e^{-x}}{\Gamma(a+1)} (1 + \frac{x}{a+1} + \frac{x^2}{(a+1)(a+2)} + \dots)`.

    >>> round(gammainc(1.0, 2.0), 9)
    0.864664717
    """
    if x == 0:
        return 0.0
    if x > a + 1:
        return 1 - gammaincc(a, x)
    total = term = 1.0
    n = 0
    while term > 1e-17 * total:
        n += 1
        term *= x / (a + n)
        total += term
    return math.exp(a * math.log(x) - x - gammaln(a + 1)) * total


def gammaincc(a: float, x: float) -> float:
    r"""The fraction :math:`\frac{x^a e^{-x}}{\Gamma(a)} \frac{1}{x+1-a - \frac{1(1-a)}{x+3-a - \frac{2(2-a)}{\dots}}}`.

    >>> round(gammaincc(1.0, 2.0), 9)
    0.135335283
    """
    if x <= a + 1:
        return 1 - gammainc(a, x)
    fraction = math.inf
    for n in range(80 + 20 * math.isqrt(math.ceil(a)), -1, -1):
        fraction = x + 2 * n + 1 - a - (n + 1) * (n + 1 - a) / fraction
    return math.exp(a * math.log(x) - x - gammaln(a)) / fraction


def gammaincinv(a: float, p: float) -> float:
    """The x with P(a, x) = p, by bisection.

    >>> round(gammaincinv(1.0, 0.5), 9)
    0.693147181
    """
    high = 1.0
    while gammainc(a, high) < p:
        high *= 2
    return bisect(lambda x: gammainc(a, x), p, 0.0, high)


def betaln(a: float, b: float) -> float:
    r""":math:`\log (\Gamma(a) \Gamma(b) / \Gamma(a + b))`.

    >>> round(betaln(2.0, 3.0), 9)
    -2.48490665
    """
    return gammaln(a) + gammaln(b) - gammaln(a + b)


def betainc(a: float, b: float, x: float) -> float:
    r"""The fraction :math:`\frac{x^a (1-x)^b}{a B(a, b)} \frac{1}{1 + \frac{d_1}{1 + \frac{d_2}{1 + \dots}}}`.

    :math:`d_{2m} = \frac{m (b - m) x}{(a + 2m - 1)(a + 2m)}` and
    :math:`d_{2m+1} = -\frac{(a + m)(a + b + m) x}{(a + 2m)(a + 2m + 1)}`.

    >>> round(betainc(2.0, 3.0, 0.5), 9)
    0.6875
    """
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - betainc(b, a, 1 - x)
    fraction = 1.0
    # About twice as many terms as the fraction needs.
    for m in range(30 + 5 * math.isqrt(math.ceil(max(a, b))), -1, -1):
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        even = (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))
        # From the innermost term outwards: d₁ / (1 + d₂ / (1 + …)).
        fraction = 1 + odd / (1 + even / fraction)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - betaln(a, b)) / a / fraction


def betaincinv(a: float, b: float, p: float) -> float:
    """The x with I_x(a, b) = p, by bisection.

    >>> round(betaincinv(2.0, 3.0, 0.6875), 9)
    0.5
    """
    return bisect(lambda x: betainc(a, b, x), p, 0.0, 1.0)
