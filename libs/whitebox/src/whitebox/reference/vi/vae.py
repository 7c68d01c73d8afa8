"""What a variational autoencoder is made of, number by number."""

from __future__ import annotations

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def gaussian_kl(mean: Rows, log_variance: Rows) -> list[float]:
    """How far each row's normal distribution lies from the standard one.

    >>> gaussian_kl([[3.0, 4.0]], [[0.0, 0.0]])
    [12.5]
    """
    return [
        sum(0.5 * (m * m + math.exp(s) - 1 - s) for m, s in zip(means, logs, strict=True))
        for means, logs in zip(mean, log_variance, strict=True)
    ]


def reparameterize(mean: Rows, log_variance: Rows, noise: Rows) -> list[list[float]]:
    """Means, and as many standard deviations of noise as were drawn.

    >>> reparameterize([[1.0]], [[0.0]], [[2.0]])
    [[3.0]]
    """
    return [
        [m + math.sqrt(math.exp(s)) * e for m, s, e in zip(*row, strict=True)]
        for row in zip(mean, log_variance, noise, strict=True)
    ]


def importance_weighted_bound(log_weights: Rows) -> list[float]:
    """Of each column, the logarithm of the mean weight.

    >>> importance_weighted_bound([[0.0], [0.0]])
    [0.0]
    """
    return [
        math.log(sum(math.exp(weight) for weight in column) / len(column)) for column in zip(*log_weights, strict=True)
    ]
