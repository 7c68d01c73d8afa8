"""Differential privacy, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence


def gaussian_delta(epsilon: float, sigma: float, sensitivity: float = 1.0) -> float:
    r"""The least δ with which normal noise is (ε, δ)-private.

    :math:`\delta = \Phi(\frac{\Delta}{2\sigma} - \frac{\varepsilon\sigma}{\Delta})
    - e^\varepsilon \Phi(-\frac{\Delta}{2\sigma} - \frac{\varepsilon\sigma}{\Delta})` (Balle, Wang 2018, theorem 8).

    >>> round(gaussian_delta(1.0, sigma=1.0), 6)
    0.126937
    """
    half, shift = sensitivity / (2 * sigma), epsilon * sigma / sensitivity
    return _normal_cdf(half - shift) - math.exp(epsilon) * _normal_cdf(-half - shift)


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """The σ at which `gaussian_delta` is δ, by bisection: less noise means more δ.

    >>> round(gaussian_sigma(1.0, 1e-5), 4)
    3.7306
    """
    low, high = 0.0, 1.0
    while gaussian_delta(epsilon, high, sensitivity) > delta:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if gaussian_delta(epsilon, middle, sensitivity) > delta:
            low = middle
        else:
            high = middle
    return high


def rdp_gaussian(noise_multiplier: float, orders: Sequence[float]) -> list[float]:
    r""":math:`\alpha / 2\sigma^2` (Mironov 2017, corollary 3).

    >>> rdp_gaussian(2.0, [2.0, 8.0])
    [0.25, 1.0]
    """
    return [order / (2 * noise_multiplier**2) for order in orders]


def rdp_laplace(noise_multiplier: float, orders: Sequence[float]) -> list[float]:
    r"""Curve of the Laplace mechanism.

    :math:`\frac{1}{\alpha - 1} \log(\frac{\alpha}{2\alpha - 1} e^{(\alpha - 1) / b}
    + \frac{\alpha - 1}{2\alpha - 1} e^{-\alpha / b})` (Mironov 2017, proposition 6).

    >>> [round(x, 4) for x in rdp_laplace(2.0, [2.0])]
    [0.2003]
    """
    curve = []
    for a in orders:
        up = a / (2 * a - 1) * math.exp((a - 1) / noise_multiplier)
        down = (a - 1) / (2 * a - 1) * math.exp(-a / noise_multiplier)
        curve.append(math.log(up + down) / (a - 1))
    return curve


def rdp_pure(epsilon: float, orders: Sequence[float]) -> list[float]:
    r"""Curve of randomised response, than which no ε-private mechanism is worse.

    :math:`\frac{1}{\alpha - 1} \log(p^\alpha (1 - p)^{1 - \alpha} + (1 - p)^\alpha p^{1 - \alpha})` with
    :math:`p = e^\varepsilon / (1 + e^\varepsilon)` (Mironov 2017, proposition 5).

    >>> [round(x, 4) for x in rdp_pure(1.0, [2.0])]
    [0.7353]
    """
    p = math.exp(epsilon) / (1 + math.exp(epsilon))
    q = 1 / (1 + math.exp(epsilon))
    return [math.log(p**a * q ** (1 - a) + q**a * p ** (1 - a)) / (a - 1) for a in orders]


def rdp_subsampled_gaussian(noise_multiplier: float, sampling_rate: float, orders: Sequence[int]) -> list[float]:
    r"""Curve of normal noise about a Poisson sample.

    :math:`\frac{1}{\alpha - 1} \log \sum_k \binom{\alpha}{k} (1 - q)^{\alpha - k} q^k e^{(k^2 - k) / 2\sigma^2}`
    at whole orders (Mironov, Talwar, Zhang 2019, section 3.3).

    >>> [round(x, 6) for x in rdp_subsampled_gaussian(1.0, 0.01, [2])]
    [0.000172]
    """
    q, curve = sampling_rate, []
    for a in orders:
        moment = 0.0
        for k in range(a + 1):
            moment += math.comb(a, k) * (1 - q) ** (a - k) * q**k * math.exp((k * k - k) / (2 * noise_multiplier**2))
        curve.append(math.log(moment) / (a - 1))
    return curve


def rdp_to_epsilon(rdp: Sequence[float], delta: float, orders: Sequence[float]) -> float:
    r"""The least ε that a curve promises at a δ.

    :math:`\min_\alpha \varepsilon(\alpha) + \log \frac{\alpha - 1}{\alpha}
    - \frac{\log \delta + \log \alpha}{\alpha - 1}`, at least 0 (Canonne, Kamath, Steinke 2020, proposition 12).

    >>> round(rdp_to_epsilon([2.5], 1e-5, [5.0]), 4)
    4.7527
    """
    promised = [
        value + math.log((a - 1) / a) - (math.log(delta) + math.log(a)) / (a - 1)
        for value, a in zip(rdp, orders, strict=True)
    ]
    return max(0.0, min(promised))


def rdp_to_delta(rdp: Sequence[float], epsilon: float, orders: Sequence[float]) -> float:
    r"""The least δ that a curve promises at an ε.

    :math:`\min_\alpha \frac{1}{\alpha - 1} e^{(\alpha - 1)(\varepsilon(\alpha) - \varepsilon)}
    (1 - 1 / \alpha)^\alpha`, at most 1 (Canonne, Kamath, Steinke 2020, proposition 12).

    >>> round(rdp_to_delta([2.5], 4.7527, [5.0]), 7)
    1e-05
    """
    least = 1.0
    for value, a in zip(rdp, orders, strict=True):
        least = min(least, math.exp((a - 1) * (value - epsilon)) / (a - 1) * math.pow(1 - 1 / a, a))
    return least


def clip_rows(rows: Sequence[Sequence[float]], max_norm: float) -> list[list[float]]:
    r""":math:`g \min(1, C / \lVert g \rVert)` (Abadi and others 2016, algorithm 1).

    >>> clip_rows([[3.0, 4.0]], max_norm=2.5)
    [[1.5, 2.0]]
    """
    clipped = []
    for row in rows:
        norm = math.hypot(*row)
        clipped.append([x * (1 if norm <= max_norm else max_norm / norm) for x in row])
    return clipped


def randomized_response_frequencies(reports: Sequence[int], epsilon: float, categories: int = 2) -> list[float]:
    r""":math:`(r - q) / (p - q)`: what was reported, less what lies report, over what truth reports more.

    >>> [round(share, 6) for share in randomized_response_frequencies([0, 1, 1, 1], epsilon=math.log(3))]
    [0.0, 1.0]
    """
    power = math.exp(epsilon)
    p, q = power / (power + categories - 1), 1 / (power + categories - 1)
    return [(list(reports).count(k) / len(reports) - q) / (p - q) for k in range(categories)]


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))
