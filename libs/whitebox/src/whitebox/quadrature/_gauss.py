"""Rules of highest degree: nodes at the zeros of orthogonal polynomials."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import ConvergenceError, RangeError, ShapeError
from whitebox.quadrature._results import Rule

# QL steps take about two an eigenvalue; more mean that all is not well.
_STEPS_PER_VALUE = 60


def gauss_legendre(n: int) -> Rule:
    r"""The rule of degree 2n - 1 on [-1, 1] with weight 1.

    Nodes are the zeros of Legendre's polynomial, by Newton's method in :math:`\theta = \arccos x`, all at once:

    .. math:: w_i = \frac{2}{\left(\frac{d}{d\theta} P_n(\cos\theta_i)\right)^2}
        = \frac{2}{(1 - x_i^2)\, P_n'(x_i)^2}

    (Abramowitz, Stegun 25.4.29; first guesses by Tricomi 1950.) The three-term recurrence runs on differences
    :math:`D_{k+1} = (k D_k - (2k+1)(1-x) P_k)/(k+1)` with :math:`1 - x = 2 \sin^2(\theta/2)`, which loses no digit near
    the ends: nodes and weights are right to about 1e-15, relative, however many. O(n²).

    Args:
        n: Number of nodes.

    Raises:
        RangeError: if `n` is less than 1.

    >>> rule = gauss_legendre(2)
    >>> (rule.nodes**2 * 3).round(12).tolist(), rule.weights.round(12).tolist(), rule.degree
    ([1.0, 1.0], [1.0, 1.0], 3)
    """
    return _legendre(positive_int(n, "n"))


def gauss_hermite(n: int) -> Rule:
    r"""The rule of degree 2n - 1 on the real line with weight :math:`e^{-x^2}`.

    .. math:: \int_{-\infty}^{\infty} e^{-x^2} f(x)\, dx \approx \sum_i w_i f(x_i), \qquad
        \beta_k = \sqrt{k / 2}

    by `golub_welsch` (Abramowitz, Stegun 25.4.46). The mean of :math:`f(\mu + \sigma Z)` with normal Z is
    :math:`\pi^{-1/2} \sum_i w_i f(\mu + \sqrt{2} \sigma x_i)`. Weights far out are tiny and, where n is large,
    underflow to zero. O(n²).

    Args:
        n: Number of nodes.

    Raises:
        RangeError: if `n` is less than 1.

    >>> rule = gauss_hermite(3)
    >>> (rule.nodes**2).round(12).tolist(), (rule.weights / np.pi**0.5).round(12).tolist()
    ([1.5, 0.0, 1.5], [0.166666666667, 0.666666666667, 0.166666666667])
    """
    return _hermite(positive_int(n, "n"))


def golub_welsch(diagonal: npt.ArrayLike, beside: npt.ArrayLike, mass: float = 1.0) -> Rule:
    r"""The Gauss rule of any weight, from the recurrence of its orthonormal polynomials.

    .. math:: \beta_{k+1}\, p_{k+1}(x) = (x - \alpha_k)\, p_k(x) - \beta_k\, p_{k-1}(x)

    Nodes are the eigenvalues of the symmetric tridiagonal matrix with :math:`\alpha` on and :math:`\beta` beside its
    diagonal, found by QL steps (Golub, Welsch: Calculation of Gauss Quadrature Rules, 1969). They are polished by
    Newton's method on the recurrence, :math:`\delta = p_n p_{n-1} / \sum_{k<n} p_k^2` by Christoffel and Darboux, and
    weights are :math:`w_i = m / \sum_{k<n} p_k(x_i)^2`, which keeps relative accuracy where eigenvectors have none.
    O(n²).

    Args:
        diagonal: :math:`\alpha_0, \dots, \alpha_{n-1}`, shape (n,).
        beside: :math:`\beta_1, \dots, \beta_{n-1}`, positive, shape (n - 1,).
        mass: m, the integral of the weight.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if an entry beside the diagonal, or the mass, is not positive.

    >>> rule = golub_welsch([1.0, 3.0], [1.0])  # Laguerre's: weight exp(-x) for x > 0
    >>> rule.nodes.round(6).tolist(), rule.weights.round(6).tolist()
    ([0.585786, 3.414214], [0.853553, 0.146447])
    """
    alpha = as_vector(diagonal, "diagonal")
    n = len(alpha)
    mass = number_in(mass, "mass", 0, open_low=True)
    beta = np.zeros(0) if n == 1 and np.size(beside) == 0 else as_vector(beside, "beside")
    if len(beta) != n - 1:
        raise ShapeError(f"beside must have shape ({n - 1},) to stand beside a diagonal of {n}, got {beta.shape}")
    if not (beta > 0).all():
        raise RangeError(f"beside[{int((beta <= 0).argmax())}] is not positive")
    nodes = alpha.copy()
    if not _ql_eigenvalues(nodes, np.append(beta, 0.0)):
        raise ConvergenceError(f"the eigenvalues did not settle within {_STEPS_PER_VALUE} QL steps each")
    nodes.sort()
    for _ in range(2):
        last, before, squares, _ = _orthonormal(nodes, alpha, beta)
        # p_n may be rescaled like the rest: the quotient has no scale.
        nodes -= last * before / squares
    _, _, squares, log_scale = _orthonormal(nodes, alpha, beta)
    return Rule(nodes, mass * np.exp(-2 * log_scale) / squares, 2 * n - 1)


@lru_cache(maxsize=256)
def _legendre(n: int) -> Rule:
    half = (n + 1) // 2
    theta = np.pi * (4 * np.arange(1, half + 1) - 1) / (4 * n + 2)
    theta += (n - 1) / (8 * n**3) / np.tan(theta)
    slope = np.ones(half)
    for _ in range(100):
        value, slope = _legendre_slope(n, theta)
        change = value / slope
        theta -= change
        # The distance squares with each step: the next change would be rounding.
        if (np.abs(change) <= 1e-9 * theta).all():
            break
    slope = _legendre_slope(n, theta)[1]
    x, w = np.cos(theta), 2 / slope**2
    if n % 2:
        x[-1] = 0.0
    nodes, weights = np.concatenate([-x, x[::-1][n % 2 :]]), np.concatenate([w, w[::-1][n % 2 :]])
    return _frozen(nodes, weights, 2 * n - 1)


def _legendre_slope(n: int, theta: Array) -> tuple[Array, Array]:
    """P_n(cos θ) and its derivative by θ."""
    gap = 2 * np.sin(theta / 2) ** 2
    value, change = np.ones_like(theta), np.zeros_like(theta)
    for k in range(n):
        change = (k * change - (2 * k + 1) * gap * value) / (k + 1)
        value = value + change
    return value, n * (change - gap * value) / np.sin(theta)


@lru_cache(maxsize=256)
def _hermite(n: int) -> Rule:
    rule = golub_welsch(np.zeros(n), np.sqrt(np.arange(1, n) / 2), math.sqrt(math.pi))
    # Rounding leaves the halves mirrored but for the last digit.
    nodes, weights = (rule.nodes - rule.nodes[::-1]) / 2, (rule.weights + rule.weights[::-1]) / 2
    return _frozen(nodes, weights, rule.degree)


def _frozen(nodes: Array, weights: Array, degree: int) -> Rule:
    # Kept for the next caller, who must find them as they are.
    nodes.flags.writeable = False
    weights.flags.writeable = False
    return Rule(nodes, weights, degree)


def _orthonormal(x: Array, alpha: Array, beta: Array) -> tuple[Array, Array, Array, Array]:
    """p_n (with 1 for β_n), p_{n-1} and the sum of the squares of those before p_n, over exp(scale); and the scale."""
    n = len(alpha)
    value, before = np.ones_like(x), np.zeros_like(x)
    squares, log_scale = np.ones_like(x), np.zeros_like(x)
    for k in range(n):
        above = beta[k] if k < n - 1 else 1.0
        below = beta[k - 1] if k else 0.0
        value, before = ((x - alpha[k]) * value - below * before) / above, value
        if k < n - 1:
            squares += value * value
        large = np.abs(value) > 1e100
        if large.any():
            factor = np.where(large, 1e-100, 1.0)
            value, before, squares = value * factor, before * factor, squares * factor**2
            log_scale -= np.log(factor)
    return value, before, squares, log_scale


@compiled
def _ql_eigenvalues(d: Array, e: Array) -> bool:
    """Implicit QL steps: turns d into the eigenvalues, destroys e (of the same length); whether all settled."""
    n = len(d)
    for low in range(n):
        for step in range(61):
            high = low
            while high < n - 1 and abs(e[high]) > 1.1e-16 * (abs(d[high]) + abs(d[high + 1])):
                high += 1
            if high == low:
                break
            if step == 60:
                return False
            # Wilkinson's shift: the eigenvalue of the leading block that is nearer to its first entry.
            g = (d[low + 1] - d[low]) / (2.0 * e[low])
            r = math.hypot(g, 1.0)
            g = d[high] - d[low] + e[low] / (g + math.copysign(r, g))
            s, c, p = 1.0, 1.0, 0.0
            i = high - 1
            while i >= low:
                f, b = s * e[i], c * e[i]
                r = math.hypot(f, g)
                e[i + 1] = r
                if r == 0.0:
                    # The matrix has fallen apart here.
                    d[i + 1] -= p
                    e[high] = 0.0
                    break
                s, c = f / r, g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                i -= 1
            if i < low:
                d[low] -= p
                e[low] = g
                e[high] = 0.0
    return True
