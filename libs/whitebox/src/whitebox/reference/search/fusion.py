"""Fusion of several rankings into one, by the definition."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
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
    fused = [
        (
            item,
            sum(
                weight / (k + ranking.index(item) + 1)
                for ranking, weight in zip(rankings, chosen, strict=True)
                if item in ranking
            ),
        )
        for item in items
    ]
    return sorted(fused, key=lambda pair: pair[1], reverse=True)
