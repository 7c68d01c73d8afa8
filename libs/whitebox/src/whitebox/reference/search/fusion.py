"""Fusion of several rankings into one, by the definition."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Item]], k: float = 60, weights: Sequence[float] | None = None
) -> list[tuple[Item, float]]:
    r"""Every item gets :math:`w_r / (k + \mathrm{rank})` from each ranking it stands in; ranks count from 1.

    >>> [item for item, score in reciprocal_rank_fusion([["a", "b"], ["b", "c"]])]
    ['b', 'a', 'c']
    """
    chosen = [1.0] * len(rankings) if weights is None else weights
    items = dict.fromkeys(item for ranking in rankings for item in ranking)  # distinct, in order of first appearance
    fused = []
    for item in items:
        score = 0.0  # added up one by one: Python's sum rounds less since 3.12, and ties would part
        for ranking, weight in zip(rankings, chosen, strict=True):
            if item in ranking:
                score += weight / (k + ranking.index(item) + 1)
        fused.append((item, score))
    return sorted(fused, key=lambda pair: pair[1], reverse=True)


def normalize_scores(scores: Mapping[Item, float], scale: str = "min-max") -> dict[Item, float]:
    """Scores from 0 to 1, or of mean 0 and standard deviation 1.

    >>> normalize_scores({"a": 3.0, "b": 2.0, "c": 1.0})
    {'a': 1.0, 'b': 0.5, 'c': 0.0}
    """
    values = list(scores.values())
    if scale == "none" or not values:
        return dict(scores)
    if scale == "min-max":
        spread = max(values) - min(values)
        return {item: (score - min(values)) / spread if spread else 1.0 for item, score in scores.items()}
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    same = min(values) == max(values)
    return {item: 0.0 if same else (score - mean) / deviation for item, score in scores.items()}


def comb_sum(
    results: Sequence[Mapping[Item, float]], weights: Sequence[float], scale: str = "min-max"
) -> list[tuple[Item, float]]:
    """Sum of normalised scores; what a result leaves out counts there as its lowest does on the scale.

    >>> comb_sum([{"a": 9.0, "b": 5.0, "c": 1.0}, {"b": 0.2, "d": 0.1}], [1.0, 1.0])[0]
    ('b', 1.5)
    """
    scaled = [normalize_scores(result, scale) for result in results]
    fused = []
    for item in dict.fromkeys(item for result in results for item in result):
        total = 0.0
        for scores, weight in zip(scaled, weights, strict=True):
            if item in scores:
                total += weight * scores[item]
            elif scores and scale == "z-score":
                total += weight * min(scores.values())
        fused.append((item, total))
    return sorted(fused, key=lambda pair: pair[1], reverse=True)


def comb_mnz(
    results: Sequence[Mapping[Item, float]], weights: Sequence[float], scale: str = "min-max"
) -> list[tuple[Item, float]]:
    """The sum times the number of results that hold the item.

    >>> comb_mnz([{"a": 9.0, "b": 5.0, "c": 1.0}, {"b": 0.2, "d": 0.1}], [1.0, 1.0])[0]
    ('b', 3.0)
    """
    sums = dict(comb_sum(results, weights, scale))
    items = dict.fromkeys(item for result in results for item in result)
    fused = [(item, sums[item] * sum(item in result for result in results)) for item in items]
    return sorted(fused, key=lambda pair: pair[1], reverse=True)
