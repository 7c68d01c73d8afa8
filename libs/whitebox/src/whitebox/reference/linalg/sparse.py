"""Sparse matrices, as a dictionary of their entries."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector


class CSR:
    """A matrix that keeps its nonzero entries only, by place.

    >>> CSR.from_triplets([0, 1, 1], [1, 0, 2], [5.0, 2.0, 3.0], (2, 3)) @ [1.0, 10.0, 100.0]
    [50.0, 302.0]
    """

    def __init__(self, entries: dict[tuple[int, int], float], shape: tuple[int, int]) -> None:
        self.entries = entries
        self.shape = shape

    @classmethod
    def from_triplets(
        cls, rows: Sequence[int], columns: Sequence[int], values: Sequence[float], shape: tuple[int, int]
    ) -> CSR:
        """From the place and value of every entry; values at the same place are added up."""
        entries: dict[tuple[int, int], float] = {}
        for i, j, value in zip(rows, columns, values, strict=True):
            entries[i, j] = entries.get((i, j), 0.0) + value
        return cls(entries, shape)

    @classmethod
    def from_dense(cls, A: Rows) -> CSR:
        """The nonzero entries of a dense matrix."""
        entries = {(i, j): value for i, row in enumerate(A) for j, value in enumerate(row) if value}
        return cls(entries, (len(A), len(A[0])))

    @property
    def T(self) -> CSR:  # noqa: N802  # as NumPy has it
        """The transpose."""
        return CSR({(j, i): value for (i, j), value in self.entries.items()}, (self.shape[1], self.shape[0]))

    def to_dense(self) -> Matrix:
        """As a list of rows."""
        return [[self.entries.get((i, j), 0.0) for j in range(self.shape[1])] for i in range(self.shape[0])]

    def __matmul__(self, x: Sequence[float]) -> Vector:
        """Product with a vector."""
        product = [0.0] * self.shape[0]
        for (i, j), value in self.entries.items():
            product[i] += value * x[j]
        return product
