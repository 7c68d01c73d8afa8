"""Rényi differential privacy: its curves for the mechanisms at hand, and the way back to (ε, δ)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError

# Dense where the best order usually lies, with infinity for pure differential privacy.
DEFAULT_ORDERS: tuple[float, ...] = (
    *(1 + x / 10 for x in range(1, 100)),
    *map(float, range(11, 65)),
    *(80.0, 96.0, 128.0, 192.0, 256.0, 384.0, 512.0, 768.0, 1024.0),
    math.inf,
)


class Guarantee(NamedTuple):
    """A promise of (ε, δ)-differential privacy.

    Attributes:
        epsilon: ε.
        delta: δ.
        order: The order α at which the Rényi curve gives it.
    """

    epsilon: float
    delta: float
    order: float


def rdp_gaussian(noise_multiplier: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> Array:
    r"""Curve of the Gaussian mechanism.

    .. math:: \varepsilon(\alpha) = \frac{\alpha}{2 (\sigma / \Delta)^2}

    (Mironov: Rényi Differential Privacy, CSF 2017, corollary 3.) Infinite at α = ∞. O(orders).

    Args:
        noise_multiplier: σ / Δ, positive.
        orders: Orders α above 1, shape (m,).

    Returns:
        Shape (m,).

    Raises:
        RangeError: if the multiplier is not positive, or an order not above 1.

    >>> rdp_gaussian(2.0, [2.0, 8.0]).tolist()
    [0.25, 1.0]
    """
    sigma = number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)
    curve: Array = _orders(orders) / (2 * sigma * sigma)
    return curve


def rdp_laplace(noise_multiplier: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> Array:
    r"""Curve of the Laplace mechanism.

    .. math:: \varepsilon(\alpha) = \frac{1}{\alpha - 1} \log \Bigl( \frac{\alpha}{2\alpha - 1} e^{(\alpha - 1) / b}
              + \frac{\alpha - 1}{2\alpha - 1} e^{-\alpha / b} \Bigr), \qquad \varepsilon(\infty) = \frac{1}{b}

    (Mironov 2017, proposition 6.) O(orders).

    Args:
        noise_multiplier: b, the scale over the sensitivity, positive.
        orders: Orders α above 1, shape (m,).

    Returns:
        Shape (m,).

    Raises:
        RangeError: if the multiplier is not positive, or an order not above 1.

    >>> rdp_laplace(2.0, [2.0, math.inf]).round(4).tolist()
    [0.2003, 0.5]
    """
    rate = 1 / number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)
    alphas = _orders(orders)
    curve = np.full(alphas.shape, rate)
    finite = np.isfinite(alphas)
    a = alphas[finite]
    up, down = np.log(a / (2 * a - 1)) + (a - 1) * rate, np.log((a - 1) / (2 * a - 1)) - a * rate
    curve[finite] = np.maximum(0.0, np.logaddexp(up, down) / (a - 1))
    return curve


def rdp_pure(epsilon: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> Array:
    r"""Curve of whatever is ε-differentially private: of randomised response, than which nothing is worse.

    .. math:: \varepsilon(\alpha) = \frac{1}{\alpha - 1} \log \bigl( p^\alpha (1 - p)^{1 - \alpha}
              + (1 - p)^\alpha p^{1 - \alpha} \bigr), \qquad p = \frac{e^\varepsilon}{1 + e^\varepsilon}

    (Mironov 2017, proposition 5; that every ε-private mechanism is randomised response and something after it: Kairouz,
    Oh, Viswanath 2015.) ε at α = ∞. O(orders).

    Args:
        epsilon: ε, not negative.
        orders: Orders α above 1, shape (m,).

    Returns:
        Shape (m,).

    Raises:
        RangeError: if ε is negative, or an order not above 1.

    >>> rdp_pure(1.0, [2.0, math.inf]).round(4).tolist()
    [0.7353, 1.0]
    """
    eps = number_in(epsilon, "epsilon", 0)
    alphas = _orders(orders)
    curve = np.full(alphas.shape, eps)
    finite = np.isfinite(alphas)
    a = alphas[finite]
    # log p = -log(1 + e^-ε) and log(1 - p) = log p - ε.
    log_p = -math.log1p(math.exp(-eps))
    curve[finite] = np.maximum(0.0, (np.logaddexp((a - 1) * eps, -a * eps) + log_p) / (a - 1))
    return curve


def rdp_subsampled_gaussian(
    noise_multiplier: float, sampling_rate: float, orders: npt.ArrayLike = DEFAULT_ORDERS
) -> Array:
    r"""Curve of normal noise on a sum over a sample that every row enters with probability q, on its own.

    .. math:: \varepsilon(\alpha) = \frac{1}{\alpha - 1} \log \sum_{k=0}^{\alpha} \binom{\alpha}{k} (1 - q)^{\alpha - k}
              q^k \exp \frac{k^2 - k}{2 \sigma^2}

    at whole orders (Mironov, Talwar, Zhang: Rényi Differential Privacy of the Sampled Gaussian Mechanism, 2019, section
    3.3), for neighbours that differ by one row more or less. :math:`(\alpha - 1) \varepsilon(\alpha)` is convex in α
    (Wang, Balle, Kasiviswanathan 2019, corollary 10) and 0 at 1, so between whole orders its chord bounds it. At q = 1
    this is `rdp_gaussian`. O(sum of the whole orders).

    Args:
        noise_multiplier: σ over the bound on a row's length, positive.
        sampling_rate: q, from 0 to 1.
        orders: Orders α above 1, shape (m,).

    Returns:
        Shape (m,).

    Raises:
        RangeError: if an argument is out of its range.

    >>> rdp_subsampled_gaussian(1.0, 0.01, [2.0]).round(6).tolist(), rdp_gaussian(1.0, [2.0]).tolist()
    ([0.000172], [1.0])
    """
    sigma = number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)
    q = number_in(sampling_rate, "sampling_rate", 0, 1)
    alphas = _orders(orders)
    if q == 1:
        return rdp_gaussian(sigma, alphas)
    if q == 0:
        return np.zeros(alphas.shape)
    finite = np.isfinite(alphas)
    a = alphas[finite]
    below, above = np.floor(a), np.ceil(a)
    whole = np.unique(np.append(below, above))
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, whole.max(initial=1.0) + 1)))])
    moments = np.array([_log_moment(log_factorials[: int(order) + 1], q, sigma) for order in whole])
    left, right = moments[np.searchsorted(whole, below)], moments[np.searchsorted(whole, above)]
    curve = np.full(alphas.shape, math.inf)
    # A chord may rise above the curve of the whole, than which a sample is never worse.
    curve[finite] = np.minimum((left + (a - below) * (right - left)) / (a - 1), a / (2 * sigma * sigma))
    return curve


def rdp_to_epsilon(rdp: npt.ArrayLike, delta: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> Guarantee:
    r"""The least ε that a Rényi curve promises at a δ.

    .. math:: \varepsilon = \min_\alpha \varepsilon(\alpha) + \log \frac{\alpha - 1}{\alpha}
              - \frac{\log \delta + \log \alpha}{\alpha - 1}

    (Balle, Barthe, Gaboardi, Hsu, Sato 2020, theorem 21; Canonne, Kamath, Steinke 2020, proposition 12), less by
    about log α / (α - 1) than Mironov's conversion. At α = ∞ it is the curve's value whatever δ is, 0 included.
    O(orders).

    Args:
        rdp: ε(α) of each order, shape (m,), infinite where nothing is known.
        delta: δ, from 0 and below 1.
        orders: Orders α above 1, shape (m,).

    Returns:
        The guarantee; an infinite ε where no order promises anything.

    Raises:
        RangeError: if δ or an order is out of its range, or the curve is negative.
        ShapeError: if there are not as many values as orders.

    >>> guarantee = rdp_to_epsilon(rdp_gaussian(1.0), 1e-5)
    >>> round(guarantee.epsilon, 2), round(guarantee.order, 1)
    (4.73, 5.4)
    """
    curve, alphas = _curve(rdp, orders)
    delta = _delta(delta)
    epsilons = np.where(np.isinf(alphas), curve, math.inf)
    if delta > 0:
        finite = np.isfinite(alphas)
        a = alphas[finite]
        epsilons[finite] = curve[finite] + np.log1p(-1 / a) - (math.log(delta) + np.log(a)) / (a - 1)
    best = int(np.argmin(epsilons))
    return Guarantee(max(0.0, float(epsilons[best])), delta, float(alphas[best]))


def rdp_to_delta(rdp: npt.ArrayLike, epsilon: float, orders: npt.ArrayLike = DEFAULT_ORDERS) -> Guarantee:
    r"""The least δ that a Rényi curve promises at an ε.

    .. math:: \delta = \min_\alpha \frac{e^{(\alpha - 1)(\varepsilon(\alpha) - \varepsilon)}}{\alpha - 1}
              \Bigl( 1 - \frac{1}{\alpha} \Bigr)^\alpha

    (Canonne, Kamath, Steinke 2020, proposition 12.) At most 1. O(orders).

    Args:
        rdp: ε(α) of each order, shape (m,), infinite where nothing is known.
        epsilon: ε, not negative.
        orders: Orders α above 1, shape (m,).

    Raises:
        RangeError: if ε or an order is out of its range, or the curve is negative.
        ShapeError: if there are not as many values as orders.

    >>> guarantee = rdp_to_delta(rdp_gaussian(1.0), 4.73)
    >>> bool(9e-6 < guarantee.delta < 1.1e-5)
    True
    """
    curve, alphas = _curve(rdp, orders)
    epsilon = number_in(epsilon, "epsilon", 0)
    logs = np.where(np.isinf(alphas) & (curve <= epsilon), -math.inf, math.inf)
    finite = np.isfinite(alphas)
    a = alphas[finite]
    logs[finite] = (a - 1) * (curve[finite] - epsilon) - np.log(a - 1) + a * np.log1p(-1 / a)
    best = int(np.argmin(logs))
    return Guarantee(epsilon, math.exp(min(0.0, float(logs[best]))), float(alphas[best]))


def _log_moment(log_factorials: Array, q: float, sigma: float) -> float:
    """The logarithm of the sum over k up to the order whose factorial comes last; its largest term is taken out."""
    order = len(log_factorials) - 1
    k = np.arange(order + 1.0)
    log_binomials = log_factorials[-1] - log_factorials - log_factorials[::-1]
    terms = log_binomials + (order - k) * math.log1p(-q) + k * math.log(q) + (k * k - k) / (2 * sigma * sigma)
    largest = terms.max()
    # Never below 0, the value without any data, which rounding may undercut by an epsilon.
    return max(0.0, float(largest + math.log(np.exp(terms - largest).sum())))


def _orders(orders: npt.ArrayLike) -> Array:
    alphas = np.asarray(orders, dtype=float)
    if alphas.ndim != 1:
        raise ShapeError(f"orders must be a vector, got shape {alphas.shape}")
    if alphas.size == 0:
        raise EmptyInputError("orders is empty")
    if not (alphas > 1).all():
        raise RangeError(f"orders must be above 1, got {alphas[~(alphas > 1)][0]:g}")
    return alphas


def _curve(rdp: npt.ArrayLike, orders: npt.ArrayLike) -> tuple[Array, Array]:
    alphas, curve = _orders(orders), np.asarray(rdp, dtype=float)
    if curve.shape != alphas.shape:
        raise ShapeError(f"the curve has shape {curve.shape}, the orders have {alphas.shape}")
    if not (curve >= 0).all():
        raise RangeError(f"a Rényi divergence is not negative, got {curve[~(curve >= 0)][0]:g}")
    return curve, alphas


def _delta(delta: float) -> float:
    delta = number_in(delta, "delta", 0, 1)
    if delta == 1:
        raise RangeError("delta must be below 1: at 1 anything may be published")
    return delta
