"""Product quantisation with given centres."""

from __future__ import annotations

from collections.abc import Sequence

Vector = Sequence[float]


class ProductQuantizer:
    """Numbers of the nearest centres of each part; centres[p][c] is a centre of part p.

    >>> ProductQuantizer([[[0.0], [1.0]], [[5.0], [9.0]]]).encode([[0.9, 8.0]])
    [[1, 1]]
    """

    def __init__(self, centres: Sequence[Sequence[Vector]]) -> None:
        self.centres = centres

    def encode(self, X: Sequence[Vector]) -> list[list[int]]:
        """The nearest centre of each part, the first of those as near."""
        return [[table.index(min(table)) for table in self.tables(x)] for x in X]

    def decode(self, codes: Sequence[Sequence[int]]) -> list[list[float]]:
        """The vectors that codes stand for."""
        return [
            [number for part, code in zip(self.centres, row, strict=True) for number in part[code]] for row in codes
        ]

    def tables(self, query: Vector) -> list[list[float]]:
        """Squared distances of each part to all its centres."""
        width = len(self.centres[0][0])
        parts = [query[start : start + width] for start in range(0, len(query), width)]
        return [
            [sum((a - b) ** 2 for a, b in zip(part, centre, strict=True)) for centre in centres]
            for part, centres in zip(parts, self.centres, strict=True)
        ]

    def distances(self, query: Vector, codes: Sequence[Sequence[int]]) -> list[float]:
        """Squared distances to encoded vectors: sums of table entries."""
        tables = self.tables(query)
        return [sum(table[code] for table, code in zip(tables, row, strict=True)) for row in codes]
