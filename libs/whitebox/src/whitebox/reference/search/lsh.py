"""Locality-sensitive hashing, with dictionaries of buckets."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Hashable, Sequence

_WORD = (1 << 64) - 1


def amplify(p: float, rows: int, bands: int) -> float:
    """The chance that of `bands` bands, each of `rows` rows that agree with chance p, one agrees in all rows.

    >>> amplify(0.5, rows=2, bands=1)
    0.25
    """
    band = 1.0
    for _ in range(rows):
        band *= p
    none = 1.0
    for _ in range(bands):
        none *= 1 - band
    return 1 - none


def nearest_flips(costs: Sequence[float], count: int) -> list[int]:
    """All sets of bits, by the sum of their costs.

    >>> nearest_flips([4.0, 1.0, 2.0], 5)
    [0, 2, 4, 6, 1]
    """
    sets = range(2 ** len(costs))
    return sorted(sets, key=lambda bits: sum(cost for place, cost in enumerate(costs) if bits >> place & 1))[:count]


def shingles(text: str, width: int = 5) -> set[str]:
    """All runs of `width` characters.

    >>> sorted(shingles("tides", 4))
    ['ides', 'tide']
    """
    plain = " ".join(text.split())
    runs = {plain[start : start + width] for start in range(max(1, len(plain) - width + 1))}
    return runs - {""}


def jaccard(left: Collection[Hashable], right: Collection[Hashable]) -> float:
    """What two sets share of what they hold together.

    >>> jaccard({1, 2}, {2, 3})
    0.3333333333333333
    """
    union = set(left) | set(right)
    return sum(x in left and x in right for x in union) / len(union) if union else 1.0


class MinHash:
    """Signatures of sets of strings: of each hash function the least hash.

    >>> MinHash(seeds=[1, 2]).signatures([{"a"}, {"a"}])[0] == MinHash(seeds=[1, 2]).signatures([{"a"}])[0]
    True
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.seeds = seeds

    def signatures(self, sets: Sequence[Collection[str]]) -> list[list[int]]:
        """One row a set."""
        return [
            [min((_mix(_hash_element(element) ^ seed) for element in elements), default=_WORD) for seed in self.seeds]
            for elements in sets
        ]


class MinHashLSH:
    """Sets that share a bucket of any band of their signatures.

    >>> MinHashLSH(bands=2, rows=1, seeds=[1, 2]).fit([{"a"}, {"b"}, {"a"}]).pairs()
    [(0, 2)]
    """

    def __init__(self, bands: int, rows: int, seeds: Sequence[int]) -> None:
        self.bands = bands
        self.rows = rows
        self.seeds = seeds

    def fit(self, sets: Sequence[Collection[str]]) -> MinHashLSH:
        """Keeps the signatures."""
        self.signatures_ = MinHash(self.seeds).signatures(sets)
        return self

    def pairs(self) -> list[tuple[int, int]]:
        """All pairs i < j that agree in all rows of any band."""
        return [
            (i, j)
            for (i, left), (j, right) in itertools.combinations(enumerate(self.signatures_), 2)
            if any(
                left[start : start + self.rows] == right[start : start + self.rows]
                for start in range(0, self.bands * self.rows, self.rows)
            )
        ]


def _hash_element(element: str) -> int:
    return int.from_bytes(hashlib.blake2b(b"s" + element.encode(), digest_size=8).digest(), "little")


def _mix(value: int) -> int:
    """SplitMix64's finaliser."""
    value ^= value >> 30
    value = value * 0xBF58476D1CE4E5B9 & _WORD
    value ^= value >> 27
    value = value * 0x94D049BB133111EB & _WORD
    return value ^ value >> 31
