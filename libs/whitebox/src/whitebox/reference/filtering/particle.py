"""Resampling, and how many particles the weights are worth."""

from __future__ import annotations

from collections.abc import Sequence


def effective_sample_size(weights: Sequence[float]) -> float:
    """(Σ w)² / Σ w².

    >>> effective_sample_size([1.0, 1.0, 0.0])
    2.0
    """
    return sum(weights) ** 2 / sum(w * w for w in weights)


def multinomial(weights: Sequence[float], uniforms: Sequence[float]) -> list[int]:
    """For each point, the index in whose interval of the cumulated weights it lies.

    >>> multinomial([0.5, 0.25, 0.25], [0.8, 0.1])
    [2, 0]
    """
    total = sum(weights)
    chosen = []
    for point in uniforms:
        cumulated = 0.0
        for i, w in enumerate(weights):
            cumulated += w / total
            if w > 0:
                found = i
            if point < cumulated:
                break
        chosen.append(found)
    return chosen


def stratified(weights: Sequence[float], uniforms: Sequence[float]) -> list[int]:
    """One point in each of as many equal strata as there are uniform numbers.

    >>> stratified([0.5, 0.25, 0.25], [0.0, 0.9, 0.1, 0.5])
    [0, 0, 1, 2]
    """
    return multinomial(weights, [(k + u) / len(uniforms) for k, u in enumerate(uniforms)])


def systematic(weights: Sequence[float], uniform: float, count: int) -> list[int]:
    """Evenly spaced points, all shifted by the same uniform number.

    >>> systematic([0.5, 0.25, 0.25], 0.5, 4)
    [0, 0, 1, 2]
    """
    return multinomial(weights, [(k + uniform) / count for k in range(count)])
