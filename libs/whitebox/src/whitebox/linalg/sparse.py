"""Sparse matrices in compressed sparse row form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import DtypeError, RangeError, ShapeError

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CSR:
    """A matrix that keeps its nonzero entries only, row after row.

    Entries of row i stand at places `starts[i]` to `starts[i + 1]`. Made by `from_triplets` or `from_dense`, which sort
    them by column and add up repeated ones. Memory O(nonzeros + m).

    Attributes:
        values: Shape (nonzeros,).
        columns: Shape (nonzeros,).
        starts: Shape (m + 1,).
        shape: (m, n).

    >>> A = CSR.from_triplets([0, 1, 1], [1, 0, 2], [5.0, 2.0, 3.0], shape=(2, 3))
    >>> (A @ [1.0, 10.0, 100.0]).tolist()
    [50.0, 302.0]
    """

    values: Array
    columns: Indices
    starts: Indices
    shape: tuple[int, int]

    @classmethod
    def from_triplets(
        cls, rows: npt.ArrayLike, columns: npt.ArrayLike, values: npt.ArrayLike, shape: tuple[int, int]
    ) -> CSR:
        """From the place and value of every entry; values at the same place are added up. O(nonzeros · log).

        Raises:
            ShapeError: if the three differ in length or `shape` is not positive.
            RangeError: if a place lies outside `shape`.
            DtypeError, NotFiniteError: for values that are no finite numbers.
        """
        if len(shape) != 2 or min(shape) < 1:
            raise ShapeError(f"shape must be two positive numbers, got {shape}")
        i, j = _places(rows, shape[0], "rows"), _places(columns, shape[1], "columns")
        numbers = np.zeros(0) if np.size(values) == 0 else as_vector(values, "values")
        if not len(i) == len(j) == len(numbers):
            raise ShapeError(f"{len(i)} rows, {len(j)} columns and {len(numbers)} values are no triplets")
        keys, inverse = np.unique(i * shape[1] + j, return_inverse=True)
        totals = np.bincount(inverse, weights=numbers, minlength=len(keys)).astype(np.float64)
        return cls._from_sorted(keys, totals, shape)

    @classmethod
    def from_dense(cls, A: npt.ArrayLike) -> CSR:
        """The nonzero entries of a dense matrix. O(m · n). Raises as a matrix is validated everywhere."""
        matrix = as_matrix(A, "A")
        keys = np.flatnonzero(matrix)
        return cls._from_sorted(keys, matrix.ravel()[keys], (matrix.shape[0], matrix.shape[1]))

    @classmethod
    def _from_sorted(cls, keys: Indices, values: Array, shape: tuple[int, int]) -> CSR:
        rows, columns = np.divmod(keys, shape[1])
        return cls(values, columns, np.searchsorted(rows, np.arange(shape[0] + 1)), shape)

    @property
    def rows(self) -> Indices:
        """Row of every entry, shape (nonzeros,)."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.starts))

    @property
    def T(self) -> CSR:  # noqa: N802  # as NumPy has it
        """The transpose. O(nonzeros · log)."""
        return CSR.from_triplets(self.columns, self.rows, self.values, (self.shape[1], self.shape[0]))

    def to_dense(self) -> Array:
        """As an array of shape (m, n)."""
        dense = np.zeros(self.shape)
        dense[self.rows, self.columns] = self.values
        return dense

    @overload
    def __matmul__(self, other: CSR) -> CSR: ...
    @overload
    def __matmul__(self, other: npt.ArrayLike) -> Array: ...
    def __matmul__(self, other: CSR | npt.ArrayLike) -> CSR | Array:
        """Product with a vector (n,), a dense matrix (n, r), or a sparse one.

        O(nonzeros · r); with a sparse matrix O(number of products), by row as in Gustavson 1978.

        Raises:
            ShapeError: if the inner dimensions differ.
        """
        if isinstance(other, CSR):
            return self._times_sparse(other)
        dense = as_vector(other, "vector") if np.ndim(other) == 1 else as_matrix(other, "matrix")
        self._check_inner(len(dense))
        product = np.zeros((self.shape[0], *dense.shape[1:]))
        filled = np.flatnonzero(np.diff(self.starts))
        if filled.size:
            weights = self.values if dense.ndim == 1 else self.values[:, None]
            # Empty rows are left out: between the starts of two filled ones stand exactly the first one's entries.
            product[filled] = np.add.reduceat(weights * dense[self.columns], self.starts[filled], axis=0)
        return product

    def _times_sparse(self, other: CSR) -> CSR:
        self._check_inner(other.shape[0])
        lengths = np.diff(other.starts)[self.columns]
        left = np.repeat(np.arange(len(self.values)), lengths)
        within = np.arange(len(left)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        right = other.starts[self.columns[left]] + within
        return CSR.from_triplets(
            self.rows[left],
            other.columns[right],
            self.values[left] * other.values[right],
            (self.shape[0], other.shape[1]),
        )

    def _check_inner(self, rows: int) -> None:
        if rows != self.shape[1]:
            raise ShapeError(f"a matrix of shape {self.shape} cannot be multiplied by one of {rows} rows")


def _places(values: npt.ArrayLike, limit: int, name: str) -> Indices:
    places = np.asarray(values)
    if places.ndim != 1:
        raise ShapeError(f"{name} must be a vector, got shape {places.shape}")
    if places.size and places.dtype.kind not in "iu":
        raise DtypeError(f"{name} must hold whole numbers, got dtype {places.dtype}")
    outside = np.flatnonzero((places < 0) | (places >= limit))
    if outside.size:
        raise RangeError(f"{name}[{outside[0]}] is {places[outside[0]]}, outside 0 to {limit - 1}")
    return places.astype(np.int64)
