"""Beliefs of several experts about one number, or about classes, multiplied."""

from __future__ import annotations

import math
from collections.abc import Sequence


def product_of_experts(
    means: Sequence[float], log_variances: Sequence[float], present: Sequence[bool], prior_variance: float
) -> tuple[float, float]:
    """Mean and log variance: each expert that is present counts by its precision, and so does the prior at 0.

    >>> product_of_experts([2.0], [0.0], [True], 1.0)
    (1.0, -0.6931471805599453)
    """
    precisions = [math.exp(-s) if there else 0.0 for s, there in zip(log_variances, present, strict=True)]
    total = 1 / prior_variance + sum(precisions)
    return sum(p * m for p, m in zip(precisions, means, strict=True)) / total, -math.log(total)


def product_of_categoricals(
    log_probabilities: Sequence[Sequence[float]], log_prior: Sequence[float], present: Sequence[bool]
) -> list[float]:
    """Log-probabilities by Bayes' rule: the prior, which each expert counted in, counts once.

    >>> [round(math.exp(p), 3) for p in product_of_categoricals([[-0.2231, -1.6094]], [-0.6931, -0.6931], [True])]
    [0.8, 0.2]
    """
    weights = []
    for c, prior in enumerate(log_prior):
        odds = [row[c] - prior for row, there in zip(log_probabilities, present, strict=True) if there]
        weights.append(math.exp(prior + sum(odds)))
    return [math.log(weight / sum(weights)) for weight in weights]


def heteroscedastic_loss(mean: Sequence[float], log_variance: Sequence[float], target: Sequence[float]) -> float:
    """Mean of half the squared error over the variance, and half the log variance.

    >>> heteroscedastic_loss([1.0], [0.0], [3.0])
    2.0
    """
    terms = [0.5 * (y - m) ** 2 / math.exp(s) + 0.5 * s for m, s, y in zip(mean, log_variance, target, strict=True)]
    return sum(terms) / len(terms)
