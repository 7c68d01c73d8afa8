"""Quality of rankings, query by query. Equations stand with the twins in `whitebox.metrics.ranking`."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from statistics import fmean

Rankings = Sequence[Sequence[Hashable]]
Relevant = Sequence[Collection[Hashable]]


def precision_at_k(rankings: Rankings, relevant: Relevant, k: int) -> float:
    """Of the first k places, how many hold something relevant?

    >>> precision_at_k([["a", "b"]], [{"a"}], k=2)
    0.5
    """
    return fmean(_found(ranking, wanted, k) / k for ranking, wanted in zip(rankings, relevant, strict=True))


def recall_at_k(rankings: Rankings, relevant: Relevant, k: int) -> float:
    """Of everything relevant, how much stands in the first k places?

    >>> recall_at_k([["a", "b"]], [{"a"}], k=2)
    1.0
    """
    return fmean(
        _found(ranking, wanted, k) / len(set(wanted)) for ranking, wanted in zip(rankings, relevant, strict=True)
    )


def mean_reciprocal_rank(rankings: Rankings, relevant: Relevant, k: int | None = None) -> float:
    """How far down, on average, does a reader go to the first relevant item? 1 is the first place, 1/2 the second.

    >>> mean_reciprocal_rank([["a", "b"], ["c"]], [{"b"}, {"c"}])
    0.75
    """
    return fmean(_reciprocal_rank(ranking[:k], wanted) for ranking, wanted in zip(rankings, relevant, strict=True))


def ndcg_at_k(rankings: Rankings, gains: Sequence[Mapping[Hashable, float]], k: int | None = None) -> float:
    """How much of the gain of the best possible order does this order reach, when lower places count less?

    >>> round(ndcg_at_k([["b", "a"]], [{"a": 3.0, "b": 1.0}]), 4)
    0.7967
    """
    return fmean(
        _discounted_gain(ranking[:k], worth) / _discounted_gain(_ideal(worth)[:k], worth)
        for ranking, worth in zip(rankings, gains, strict=True)
    )


def _found(ranking: Sequence[Hashable], wanted: Collection[Hashable], k: int) -> int:
    return sum(item in wanted for item in ranking[:k])


def _reciprocal_rank(ranking: Sequence[Hashable], wanted: Collection[Hashable]) -> float:
    for rank, item in enumerate(ranking, start=1):
        if item in wanted:
            return 1 / rank
    return 0.0


def _ideal(worth: Mapping[Hashable, float]) -> list[Hashable]:
    return sorted(worth, key=lambda item: worth[item], reverse=True)


def _discounted_gain(ranking: Sequence[Hashable], worth: Mapping[Hashable, float]) -> float:
    return sum(worth.get(item, 0.0) / math.log2(rank + 1) for rank, item in enumerate(ranking, start=1))
