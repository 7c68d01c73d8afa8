"""An inverted file with given centres, for the Euclidean metric."""

from __future__ import annotations

from collections.abc import Sequence

Vector = Sequence[float]


class IVF:
    """Searches the cells whose centres are nearest to the query.

    >>> IVF(centres=[[0.0], [10.0]]).fit([[1.0], [9.0], [4.0]]).search([4.5], k=2, probes=1)
    [2, 0]
    """

    def __init__(self, centres: Sequence[Vector]) -> None:
        self.centres = centres

    def fit(self, vectors: Sequence[Vector]) -> IVF:
        """Puts each vector into the cell of the nearest centre."""
        self.vectors_ = vectors
        self.cells_: list[list[int]] = [[] for _ in self.centres]
        for number, vector in enumerate(vectors):
            self.cells_[self._nearest(vector)[0]].append(number)
        return self

    def search(self, query: Vector, k: int, probes: int) -> list[int]:
        """The k nearest in so many cells."""
        found = [number for cell in self._nearest(query)[:probes] for number in self.cells_[cell]]
        return sorted(found, key=lambda number: (_squared(query, self.vectors_[number]), number))[:k]

    def _nearest(self, vector: Vector) -> list[int]:
        return sorted(range(len(self.centres)), key=lambda cell: _squared(vector, self.centres[cell]))


def _squared(x: Vector, y: Vector) -> float:
    return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))
