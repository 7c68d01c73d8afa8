"""What tells a chosen item from the others in a batch, score by score."""

from __future__ import annotations

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def logq_correction(scores: Rows, probabilities: Sequence[float]) -> list[list[float]]:
    """Scores less the logarithm of how probable each item was to be sampled.

    >>> logq_correction([[1.0, 2.0]], [1.0, 1.0])
    [[1.0, 2.0]]
    """
    return [[score - math.log(q) for score, q in zip(row, probabilities, strict=True)] for row in scores]


def in_batch_softmax_loss(
    queries: Rows, keys: Rows, temperature: float, items: Sequence[int], probabilities: Sequence[float]
) -> float:
    """Mean surprise at each user's own item, among those of the batch that are different ones.

    >>> round(in_batch_softmax_loss([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], 1.0, [0, 1], [1.0, 1.0]), 4)
    0.3133
    """
    products = [[sum(a * b for a, b in zip(q, k, strict=True)) / temperature for k in keys] for q in queries]
    total = 0.0
    for i, row in enumerate(logq_correction(products, probabilities)):
        others = [math.exp(score) for j, score in enumerate(row) if j == i or items[j] != items[i]]
        total += math.log(sum(others)) - row[i]
    return total / len(queries)
