"""Fusion of several rankings into one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal, TypeVar, get_args

from whitebox._validation import number_in
from whitebox.errors import RangeError, ShapeError

Item = TypeVar("Item", bound=Hashable)
Scale = Literal["min-max", "z-score", "none"]


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


def normalize_scores(scores: Mapping[Item, float], scale: Scale = "min-max") -> dict[Item, float]:
    r"""Scores of one ranking on a scale that other rankings share.

    .. math:: \frac{s - \min s}{\max s - \min s} \qquad \text{or} \qquad \frac{s - \bar s}{\sigma_s}

    (Lee: Analyses of Multiple Evidence Combination, SIGIR 1997; Montague, Aslam: Relevance Score Normalization for
    Metasearch, CIKM 2001.) Scores that are all the same become 1 and 0: they say that all these were found, and no
    more. O(items).

    Args:
        scores: By item.
        scale: "min-max" to [0, 1], "z-score" to mean 0 and standard deviation 1, "none" leaves them.

    Raises:
        RangeError: if a score is not finite or the scale is unknown.

    >>> normalize_scores({"a": 3.0, "b": 2.0, "c": 1.0})
    {'a': 1.0, 'b': 0.5, 'c': 0.0}
    """
    if scale not in get_args(Scale):
        raise RangeError(f"scale must be 'min-max', 'z-score' or 'none', got {scale!r}")
    held = {item: number_in(score, f"the score of {item!r}") for item, score in scores.items()}
    if not held or scale == "none":
        return held
    lowest, highest = min(held.values()), max(held.values())
    if lowest == highest:
        return dict.fromkeys(held, 1.0 if scale == "min-max" else 0.0)
    if scale == "min-max":
        # Halves, where a difference of the whole would overflow.
        factor = 1.0 if math.isfinite(highest - lowest) else 0.5
        low, spread = factor * lowest, factor * highest - factor * lowest
        return {item: (factor * score - low) / spread for item, score in held.items()}
    # On [-1, 1], where no square overflows.
    largest = max(abs(lowest), abs(highest))
    shares = {item: score / largest for item, score in held.items()}
    mean = math.fsum(shares.values()) / len(shares)
    deviation = math.sqrt(math.fsum((share - mean) ** 2 for share in shares.values()) / len(shares))
    return {item: (share - mean) / deviation for item, share in shares.items()}


def comb_sum(
    results: Sequence[Mapping[Item, float]], weights: Sequence[float] | None = None, *, scale: Scale = "min-max"
) -> list[tuple[Item, float]]:
    r"""Fuses scored results by the weighted sum of their normalised scores.

    .. math:: s(d) = \sum_r w_r\, \tilde s_r(d)

    CombSUM of Fox, Shaw: Combination of Multiple Searches, TREC-2, 1994. An item that a result leaves out counts there
    as its lowest score does on the scale: 0 for "min-max", the lowest z-score for "z-score", and 0 for "none". O(total
    length · log of distinct items).

    Args:
        results: Score by item, one mapping a ranking.
        weights: One a result, not negative; 1 each by default.
        scale: As `normalize_scores`.

    Returns:
        (item, score), best first; ties keep the order of first appearance.

    Raises:
        RangeError: if a score is not finite, a weight is negative or not finite, or the scale is unknown.
        ShapeError: if there are not as many weights as results.

    >>> comb_sum([{"a": 9.0, "b": 5.0, "c": 1.0}, {"b": 0.2, "d": 0.1}])
    [('b', 1.5), ('a', 1.0), ('c', 0.0), ('d', 0.0)]
    """
    fused = _fused(results, weights, scale)
    return sorted(((item, total) for item, (total, _) in fused.items()), key=lambda pair: -pair[1])


def comb_mnz(
    results: Sequence[Mapping[Item, float]], weights: Sequence[float] | None = None, *, scale: Scale = "min-max"
) -> list[tuple[Item, float]]:
    r"""CombSUM times the number of results that hold the item, which rewards agreement.

    .. math:: s(d) = |\{r : d \in r\}| \sum_r w_r\, \tilde s_r(d)

    (Fox, Shaw 1994.) Scores must not be negative, for a factor would then punish agreement; so z-scores are refused.
    O(total length · log of distinct items).

    Args:
        results: Score by item, one mapping a ranking.
        weights: One a result, not negative; 1 each by default.
        scale: "min-max" or "none".

    Returns:
        (item, score), best first; ties keep the order of first appearance.

    Raises:
        RangeError: if a score is negative or not finite on its scale, a weight is, or the scale is another.
        ShapeError: if there are not as many weights as results.

    >>> comb_mnz([{"a": 9.0, "b": 5.0, "c": 1.0}, {"b": 0.2, "d": 0.1}])[:2]
    [('b', 3.0), ('a', 1.0)]
    """
    if scale == "z-score":
        raise RangeError("scale must be 'min-max' or 'none': CombMNZ multiplies scores, and z-scores may be negative")
    fused = _fused(results, weights, scale)
    for item, (total, _) in fused.items():
        number_in(total, f"the score of {item!r}", 0)
    return sorted(((item, total * count) for item, (total, count) in fused.items()), key=lambda pair: -pair[1])


def _fused(
    results: Sequence[Mapping[Item, float]], weights: Sequence[float] | None, scale: Scale
) -> dict[Item, tuple[float, int]]:
    """Weighted sum, and number of results that hold it, of each item in order of first appearance."""
    if weights is None:
        weights = [1.0] * len(results)
    if len(weights) != len(results):
        raise ShapeError(f"{len(weights)} weights for {len(results)} results")
    shares = [number_in(weight, f"weights[{number}]", 0) for number, weight in enumerate(weights)]
    scaled = [normalize_scores(result, scale) for result in results]
    lowest = [min(scores.values()) if scores and scale == "z-score" else 0.0 for scores in scaled]
    items = dict.fromkeys(item for scores in scaled for item in scores)
    return {
        item: (
            math.fsum(share * scores.get(item, low) for share, scores, low in zip(shares, scaled, lowest, strict=True)),
            sum(item in scores for scores in scaled),
        )
        for item in items
    }
