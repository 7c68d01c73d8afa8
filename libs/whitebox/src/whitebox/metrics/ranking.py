"""Quality of rankings, averaged over queries (Manning, Raghavan, Schütze: Introduction to Information Retrieval, 2008).

A ranking is a sequence of items, best first, without repetitions; rows of an index array are rankings too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import islice

from whitebox._validation import positive_int
from whitebox.errors import EmptyInputError, RangeError, ShapeError


def recall_at_k(rankings: Sequence[Sequence[Hashable]], relevant: Sequence[Collection[Hashable]], k: int) -> float:
    r"""Mean share of the relevant items that stand among the first k.

    .. math:: R@k = \frac{1}{|Q|} \sum_q \frac{|\mathrm{top}_k(q) \cap \mathrm{rel}(q)|}{|\mathrm{rel}(q)|}

    O(|Q| · (k + |rel|)). With the exact neighbours as relevant items this is the recall of an approximate search.

    Args:
        rankings: One a query.
        relevant: The relevant items of each query, at least one each.
        k: How far down to look.

    Raises:
        EmptyInputError: if there is no query, or a query has no relevant item.
        ShapeError: if there are not as many rankings as sets.
        RangeError: if `k` is less than 1 or a ranking repeats an item.

    >>> recall_at_k([["a", "b", "c"], ["d", "e"]], [{"a", "c"}, {"e"}], k=2)
    0.75
    """
    k = positive_int(k, "k")
    return _mean([len(hits) / len(wanted) for hits, wanted in _hits(rankings, relevant, k)])


def precision_at_k(rankings: Sequence[Sequence[Hashable]], relevant: Sequence[Collection[Hashable]], k: int) -> float:
    r"""Mean share of the first k places that hold a relevant item; places a short ranking leaves empty count as wrong.

    .. math:: P@k = \frac{1}{|Q|} \sum_q \frac{|\mathrm{top}_k(q) \cap \mathrm{rel}(q)|}{k}

    O(|Q| · (k + |rel|)). Raises as `recall_at_k`.

    >>> precision_at_k([["a", "b"], ["d", "e"]], [{"a"}, {"d", "e"}], k=2)
    0.75
    """
    k = positive_int(k, "k")
    return _mean([len(hits) / k for hits, _ in _hits(rankings, relevant, k)])


def mean_reciprocal_rank(
    rankings: Sequence[Sequence[Hashable]], relevant: Sequence[Collection[Hashable]], k: int | None = None
) -> float:
    r"""Mean reciprocal rank: of each query's first relevant item, 0 where none is found (Voorhees, TREC-8, 1999).

    .. math:: \mathrm{MRR} = \frac{1}{|Q|} \sum_q \frac{1}{\mathrm{rank}_q}

    O(total length). Raises as `recall_at_k`.

    Args:
        rankings: One a query.
        relevant: The relevant items of each query, at least one each.
        k: Looks at the first k only; at all by default.

    >>> mean_reciprocal_rank([["a", "b"], ["d", "e"], ["f"]], [{"b"}, {"d"}, {"z"}])
    0.5
    """
    if k is not None:
        k = positive_int(k, "k")
    return _mean([1 / hits[0] if hits else 0.0 for hits, _ in _hits(rankings, relevant, k)])


def ndcg_at_k(
    rankings: Sequence[Sequence[Hashable]], gains: Sequence[Mapping[Hashable, float]], k: int | None = None
) -> float:
    r"""Mean normalised discounted cumulative gain (Järvelin, Kekäläinen: Cumulated gain-based evaluation, 2002).

    .. math:: \mathrm{nDCG} = \frac{1}{|Q|} \sum_q \frac{\sum_{r} g_q(d_r) / \log_2(1 + r)}
              {\sum_{r} g^*_{q,r} / \log_2(1 + r)}

    with ranks r from 1 and :math:`g^*` the query's gains in falling order. O(|Q| · |gains| · log |gains|).

    Args:
        rankings: One a query.
        gains: Gain of each item that is worth something, by query; not negative, at least one positive each.
        k: Looks at the first k only; at all by default.

    Raises:
        EmptyInputError: if there is no query, or a query has no positive gain.
        ShapeError: if there are not as many rankings as gains.
        RangeError: if `k` is less than 1, a gain is negative or not finite, or a ranking repeats an item.

    >>> round(ndcg_at_k([["b", "a"]], [{"a": 3.0, "b": 1.0}]), 4)
    0.7967
    """
    if k is not None:
        k = positive_int(k, "k")
    _check_pairing(rankings, gains)
    values = []
    for number, (ranking, worth) in enumerate(zip(rankings, gains, strict=True)):
        if not all(math.isfinite(gain) and gain >= 0 for gain in worth.values()):
            raise RangeError(f"gains[{number}] holds a gain that is negative or not finite")
        ideal = _discounted(sorted(worth.values(), reverse=True)[:k])
        if ideal == 0:
            raise EmptyInputError(f"gains[{number}] holds no positive gain")
        _check_distinct(ranking, number)
        values.append(_discounted([worth.get(item, 0.0) for item in islice(ranking, k)]) / ideal)
    return _mean(values)


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _hits(
    rankings: Sequence[Sequence[Hashable]], relevant: Sequence[Collection[Hashable]], k: int | None
) -> list[tuple[list[int], set[Hashable]]]:
    """Ranks of the relevant items within the first k, and the relevant items, of each query."""
    _check_pairing(rankings, relevant)
    found = []
    for number, (ranking, wanted) in enumerate(zip(rankings, relevant, strict=True)):
        targets = set(wanted)
        if not targets:
            raise EmptyInputError(f"relevant[{number}] is empty: the query has nothing to find")
        _check_distinct(ranking, number)
        found.append(([rank for rank, item in enumerate(islice(ranking, k), start=1) if item in targets], targets))
    return found


def _check_pairing(rankings: Sequence[object], targets: Sequence[object]) -> None:
    if len(rankings) != len(targets):
        raise ShapeError(f"{len(rankings)} rankings for {len(targets)} queries")
    if len(rankings) == 0:
        raise EmptyInputError("there is no query to average over")


def _check_distinct(ranking: Sequence[Hashable], number: int) -> None:
    if len(set(ranking)) != len(ranking):
        raise RangeError(f"rankings[{number}] repeats an item")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
