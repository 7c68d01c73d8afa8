"""Product quantisation: a vector in a few bytes."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import DtypeError, NotFittedError, RangeError, ShapeError
from whitebox.search._lloyd import assign, kmeans

Codes = npt.NDArray[np.uint8]


class ProductQuantizer:
    r"""Cuts vectors into parts and keeps, of each, the number of the nearest of a few learnt centres.

    .. math:: \lVert q - x \rVert^2 \approx \sum_{p} \lVert q_p - c_p(x_p) \rVert^2

    (Jégou, Douze, Schmid: Product Quantization for Nearest Neighbor Search, IEEE TPAMI 2011, section III.) The query is
    not
    quantised: its distances to all centres of a part fill a table, and that to a vector is a sum of entries. Fit is
    O(iterations · n · centres · d); a distance is O(parts).

    Args:
        parts: How many, a divisor of d; one byte each.
        centres: In each part, at most 256; no more than rows to learn from.
        random_state: Seed.

    Attributes:
        centres_: Shape (parts, centres, d / parts).

    Raises:
        RangeError: if a number is out of its range.

    >>> quantizer = ProductQuantizer(parts=2, centres=2).fit([[0.0, 5.0], [0.0, 9.0], [1.0, 5.0]])
    >>> quantizer.decode(quantizer.encode([[0.9, 8.0]])).tolist()
    [[1.0, 9.0]]
    """

    def __init__(self, parts: int = 8, centres: int = 256, random_state: int = 0) -> None:
        self.parts = positive_int(parts, "parts")
        self.centres = positive_int(centres, "centres")
        if centres > 256:
            raise RangeError(f"centres must be at most 256, which a byte can number, got {centres}")
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike) -> Self:
        """Learns the centres of each part by k-means.

        Raises:
            ShapeError: if d is no multiple of the parts.
            DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = as_matrix(X, "X")
        if rows.shape[1] % self.parts:
            raise ShapeError(f"{rows.shape[1]} columns cannot be cut into {self.parts} equal parts")
        rng = np.random.default_rng(self.random_state)
        count = min(self.centres, len(rows))
        self.centres_ = np.stack([kmeans(part, count, rng) for part in np.split(rows, self.parts, axis=1)])
        return self

    def encode(self, X: npt.ArrayLike) -> Codes:
        """The number of the nearest centre of each part, shape (n, parts).

        Raises:
            NotFittedError: before `fit`.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        parts = np.split(self._rows(X, "X"), self.parts, axis=1)
        labels = [assign(part, centres)[0] for part, centres in zip(parts, self.centres_, strict=True)]
        return np.stack(labels, axis=1).astype(np.uint8)

    def decode(self, codes: npt.ArrayLike) -> Array:
        """The vectors that codes stand for, shape (n, d).

        Raises:
            NotFittedError: before `fit`.
            ShapeError, DtypeError, RangeError: for what are no codes of this quantiser.
        """
        numbers = self._codes(codes)
        parts = [centres[column] for centres, column in zip(self.centres_, numbers.T, strict=True)]
        vectors: Array = np.concatenate(parts, axis=1)
        return vectors

    def tables(self, queries: npt.ArrayLike) -> Array:
        """Squared distances of the parts of queries to all centres, shape (q, parts, centres).

        Raises:
            NotFittedError: before `fit`.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        parts = self._rows(queries, "queries").reshape(-1, self.parts, 1, self.centres_.shape[2])
        differences = parts - self.centres_
        squares: Array = np.einsum("qpcj,qpcj->qpc", differences, differences)
        return squares

    def distances(self, queries: npt.ArrayLike, codes: npt.ArrayLike) -> Array:
        """Squared distances of queries to encoded vectors, shape (q, n): asymmetric, for the query is not quantised.

        Raises:
            NotFittedError: before `fit`.
            ShapeError, DtypeError, RangeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        return _looked_up(self.tables(queries), self._codes(codes))

    def _rows(self, X: npt.ArrayLike, name: str) -> Array:
        if not hasattr(self, "centres_"):
            raise NotFittedError("fit the quantiser before using it")
        rows = as_matrix(X, name)
        width = self.parts * self.centres_.shape[2]
        if rows.shape[1] != width:
            raise ShapeError(f"{name} must have {width} columns, got {rows.shape[1]}")
        return rows

    def _codes(self, codes: npt.ArrayLike) -> npt.NDArray[np.int64]:
        if not hasattr(self, "centres_"):
            raise NotFittedError("fit the quantiser before using it")
        numbers = np.asarray(codes)
        if numbers.ndim != 2 or numbers.shape[1] != self.parts:
            raise ShapeError(f"codes must have shape (n, {self.parts}), got {numbers.shape}")
        if numbers.dtype.kind not in "iu":
            raise DtypeError(f"codes must hold whole numbers, got dtype {numbers.dtype}")
        count = self.centres_.shape[1]
        if numbers.size and (numbers.min() < 0 or numbers.max() >= count):
            raise RangeError(f"codes must be from 0 to {count - 1}, got {numbers.min()} to {numbers.max()}")
        return numbers.astype(np.int64)


def _looked_up(tables: Array, codes: npt.NDArray[np.int64]) -> Array:
    """Sums of table entries, shape (q, n)."""
    total = np.zeros((len(tables), len(codes)))
    for part in range(codes.shape[1]):
        total += tables[:, part, codes[:, part]]
    return total
