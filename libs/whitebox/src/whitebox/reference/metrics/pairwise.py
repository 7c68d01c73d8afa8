"""Similarity of vectors, by the definition."""

from __future__ import annotations

import math
from collections.abc import Sequence


def dot(left: Sequence[float], right: Sequence[float]) -> float:
    r"""Inner product :math:`\sum_j x_j y_j`, rounded once.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def cosine_similarity(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> list[list[float]]:
    r"""Cosine of the angle between each row of `left` and each row of `right`.

    .. math:: \cos(x, y) = \frac{x \cdot y}{\lVert x \rVert \, \lVert y \rVert}

    The zero vector has no direction; its similarity to anything is 0.

    >>> cosine_similarity([[3.0, 4.0]], [[6.0, 8.0], [0.0, 0.0]])
    [[1.0, 0.0]]
    """
    return [[_cosine(x, y) for y in right] for x in left]


def _cosine(x: Sequence[float], y: Sequence[float]) -> float:
    norms = math.hypot(*x), math.hypot(*y)  # hypot scales inside, so that squares neither overflow nor vanish
    if 0 in norms:
        return 0.0
    cosine = dot([a / norms[0] for a in x], [b / norms[1] for b in y])
    return max(-1.0, min(1.0, cosine))
