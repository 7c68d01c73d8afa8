"""Edit distance, by the whole table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def levenshtein(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """Insertions, deletions and substitutions from one sequence to the other.

    >>> levenshtein("kitten", "sitting")
    3
    """
    table = [[i + j for j in range(len(right) + 1)] for i in range(len(left) + 1)]
    for i, a in enumerate(left, start=1):
        for j, b in enumerate(right, start=1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a != b))
    return table[-1][-1]


def similarity(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    """1 minus the distance as a share of the longer sequence.

    >>> similarity("abcd", "abce")
    0.75
    """
    longest = max(len(left), len(right))
    return 1 - levenshtein(left, right) / longest if longest else 1.0
