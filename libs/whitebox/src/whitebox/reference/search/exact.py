"""Exact nearest neighbours: score everything, sort everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from whitebox.reference.metrics.pairwise import cosine_similarity, dot


def search(
    queries: Sequence[Sequence[float]],
    corpus: Sequence[Sequence[float]],
    k: int,
    *,
    metric: Literal["cosine", "dot"] = "cosine",
) -> tuple[list[list[int]], list[list[float]]]:
    """Indices and scores of the `k` best rows for each query, best first, ties to the lower index.

    >>> search([[1.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]], k=1)
    ([[1]], [[1.0]])
    """
    if metric == "cosine":
        table = cosine_similarity(queries, corpus)
    else:
        table = [[dot(query, row) for row in corpus] for query in queries]
    # Pairs sort by score first and, among equal scores, by index.
    indices = [[i for _, i in sorted((-score, i) for i, score in enumerate(scores))][:k] for scores in table]
    return indices, [[scores[i] for i in best] for scores, best in zip(table, indices, strict=True)]
