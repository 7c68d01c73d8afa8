"""Losses of preference pairs."""

from __future__ import annotations

import math


def implicit_rewards(policy: list[float], reference: list[float], beta: float = 0.1) -> list[float]:
    """Beta times how much more probable an answer has become.

    >>> implicit_rewards([-1.0], [-2.0], 0.5)
    [0.5]
    """
    return [beta * (p - q) for p, q in zip(policy, reference, strict=True)]


def dpo_loss(  # noqa: PLR0917  # as the fast one has them
    chosen: list[float],
    rejected: list[float],
    reference_chosen: list[float],
    reference_rejected: list[float],
    beta: float = 0.1,
    label_smoothing: float = 0.0,
) -> float:
    """Mean of -(1 - e) log s(h) - e log s(-h), h being the difference of the implicit rewards.

    >>> round(dpo_loss([-1.0], [-1.0], [-2.0], [-2.0]), 4)
    0.6931
    """
    better = implicit_rewards(chosen, reference_chosen, beta)
    worse = implicit_rewards(rejected, reference_rejected, beta)
    total = 0.0
    for h in (b - w for b, w in zip(better, worse, strict=True)):
        total += (1 - label_smoothing) * _softplus(-h) + label_smoothing * _softplus(h)
    return total / len(chosen)


def ipo_loss(
    chosen: list[float],
    rejected: list[float],
    reference_chosen: list[float],
    reference_rejected: list[float],
    beta: float = 0.1,
) -> float:
    """Mean of the squared distance of the log-ratio of both answers from 1 / (2 beta).

    >>> ipo_loss([0.0], [-5.0], [0.0], [0.0])
    0.0
    """
    total = 0.0
    for c, r, c0, r0 in zip(chosen, rejected, reference_chosen, reference_rejected, strict=True):
        total += ((c - c0) - (r - r0) - 1 / (2 * beta)) ** 2
    return total / len(chosen)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
