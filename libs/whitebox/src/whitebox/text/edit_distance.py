"""How many edits lie between two sequences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled

Numbers = npt.NDArray[np.int64]


def levenshtein(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    r"""The least number of insertions, deletions and substitutions that turn one sequence into the other.

    .. math:: D_{ij} = \min(D_{i-1,j} + 1,\; D_{i,j-1} + 1,\; D_{i-1,j-1} + [a_i \ne b_j])

    (Levenshtein 1966; Wagner, Fischer: The String-to-String Correction Problem, 1974.) Of strings it compares
    characters (code points), of other sequences their items. What both begin and end with is skipped. O(m · n) time,
    O(n) memory.

    >>> levenshtein("kitten", "sitting"), levenshtein(["ebb", "tide"], ["tide"])
    (3, 1)
    """
    first, second = numbered(left, right)
    return int(_distance(*_middle(first, second)))


def similarity(left: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    r"""Levenshtein's distance as a share, :math:`1 - D / \max(m, n)`: 1 for equal sequences. O(m · n).

    >>> round(similarity("kitten", "sitting"), 3)
    0.571
    """
    longest = max(len(left), len(right))
    return 1 - levenshtein(left, right) / longest if longest else 1.0


def numbered(left: Sequence[Hashable], right: Sequence[Hashable]) -> tuple[Numbers, Numbers]:
    """Two sequences as numbers that are equal where the items are. O(m + n).

    >>> [numbers.tolist() for numbers in numbered(["ebb", "tide"], ["tide"])]
    [[0, 1], [1]]
    """
    if isinstance(left, str) and isinstance(right, str):
        first, second = (
            np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
            for text in (left, right)
        )
        return first, second
    numbers: dict[Hashable, int] = {}
    first, second = (
        np.fromiter((numbers.setdefault(item, len(numbers)) for item in items), np.int64, len(items))
        for items in (left, right)
    )
    return first, second


def _middle(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    """Without what both begin and end with; the longer one first."""
    shorter = min(len(left), len(right))
    same = left[:shorter] == right[:shorter]
    begin = shorter if same.all() else int(same.argmin())
    left, right, shorter = left[begin:], right[begin:], shorter - begin
    same = left[::-1][:shorter] == right[::-1][:shorter]
    end = shorter if same.all() else int(same.argmin())
    left, right = left[: len(left) - end], right[: len(right) - end]
    return (left, right) if len(left) >= len(right) else (right, left)


@compiled
def _distance(left: Numbers, right: Numbers) -> int:
    row = np.arange(len(right) + 1)
    for i in range(len(left)):
        # `diagonal` is the entry above and to the left, which the row being written has overwritten.
        diagonal = row[0]
        row[0] = i + 1
        for j in range(len(right)):
            above = row[j + 1]
            least = diagonal if left[i] == right[j] else diagonal + 1
            least = min(least, above + 1)
            least = min(least, row[j] + 1)
            row[j + 1] = least
            diagonal = above
    return int(row[len(right)])
