"""Fusion of several rankings into one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

from whitebox._validation import number_in
from whitebox.errors import RangeError, ShapeError

Item = TypeVar("Item", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Item]], k: float = 60, weights: Sequence[float] | None = None
) -> list[tuple[Item, float]]:
    r"""Fuses rankings by the sum of reciprocal ranks.

    .. math:: s(d) = \sum_r \frac{w_r}{k + \mathrm{rank}_r(d)}

    with ranks from 1, summed over the rankings that contain d (Cormack, Clarke, Büttcher: Reciprocal Rank Fusion
    Outperforms Condorcet and Individual Rank Learning Methods, SIGIR 2009). O(total length · log of distinct items).

    Args:
        rankings: Each best first, without repetitions.
        k: Damps the lead of the first ranks; 60 in the paper.
        weights: One a ranking, not negative; 1 each by default.

    Returns:
        (item, score), best first; ties keep the order of first appearance.

    Raises:
        RangeError: if `k` or a weight is negative or not finite, or a ranking repeats an item.
        ShapeError: if there are not as many weights as rankings.

    >>> [(item, round(score, 4)) for item, score in reciprocal_rank_fusion([["a", "b"], ["b", "c"]])]
    [('b', 0.0325), ('a', 0.0164), ('c', 0.0161)]
    """
    k = number_in(k, "k", 0)
    if weights is None:
        weights = [1.0] * len(rankings)
    if len(weights) != len(rankings):
        raise ShapeError(f"{len(weights)} weights for {len(rankings)} rankings")
    scores: dict[Item, float] = {}
    for number, ranking in enumerate(rankings):
        weight = number_in(weights[number], f"weights[{number}]", 0)
        if len(set(ranking)) != len(ranking):
            raise RangeError(f"rankings[{number}] repeats an item")
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
