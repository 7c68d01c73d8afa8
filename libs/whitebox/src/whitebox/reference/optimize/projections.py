"""The nearest point of a convex set, on lists."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg._basic import Vector, norm


def project_box(x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> Vector:
    """Coordinate by coordinate.

    >>> project_box([2.0], [0.0], [1.0])
    [1.0]
    """
    return [min(max(a, lower), upper) for a, lower, upper in zip(x, low, high, strict=True)]


def project_ball(x: Sequence[float], radius: float, center: Sequence[float]) -> Vector:
    """Straight towards the centre, as far as needed.

    >>> project_ball([0.0, 4.0], 2.0, [0.0, 0.0])
    [0.0, 2.0]
    """
    away = [a - c for a, c in zip(x, center, strict=True)]
    distance = norm(away)
    if distance <= radius:
        return list(x)
    return [c + a * radius / distance for a, c in zip(away, center, strict=True)]


def project_simplex(x: Sequence[float], total: float = 1.0) -> Vector:
    """Takes the same away from all entries, and what became negative back from the others, until none is.

    >>> project_simplex([0.5, 1.0, -1.0])
    [0.25, 0.75, 0.0]
    """
    kept = list(range(len(x)))
    while True:
        threshold = (sum(x[i] for i in kept) - total) / len(kept)
        positive = [i for i in kept if x[i] > threshold]
        if len(positive) == len(kept) or not positive:
            return [max(x[i] - threshold, 0.0) if i in kept else 0.0 for i in range(len(x))]
        kept = positive


def project_l1_ball(x: Sequence[float], radius: float = 1.0) -> Vector:
    """Magnitudes onto the simplex, if they are too large.

    >>> project_l1_ball([2.0, -1.0])
    [1.0, 0.0]
    """
    magnitudes = [abs(a) for a in x]
    if sum(magnitudes) <= radius:
        return list(x)
    return [b if a > 0 else 0.0 - b for a, b in zip(x, project_simplex(magnitudes, radius), strict=True)]
