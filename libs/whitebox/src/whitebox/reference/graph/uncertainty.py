"""Entropies of several predictions of the same thing."""

from __future__ import annotations

import math
from collections.abc import Sequence


def predictive_uncertainty(
    probabilities: Sequence[Sequence[Sequence[float]]],
) -> tuple[list[list[float]], list[float], list[float]]:
    """Of each row: mean probabilities over the draws, their entropy, and that less the mean of the draws' entropies.

    >>> predictive_uncertainty([[[1.0, 0.0]], [[1.0, 0.0]]])
    ([[1.0, 0.0]], [0.0], [0.0])
    """
    draws = len(probabilities)
    means, entropies, informations = [], [], []
    for row in zip(*probabilities, strict=True):
        mean = [sum(p[c] for p in row) / draws for c in range(len(row[0]))]
        means.append(mean)
        entropies.append(_entropy(mean))
        informations.append(max(0.0, _entropy(mean) - sum(_entropy(p) for p in row) / draws))
    return means, entropies, informations


def _entropy(probabilities: Sequence[float]) -> float:
    return sum(-p * math.log(p) for p in probabilities if p > 0)
