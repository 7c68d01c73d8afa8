"""Vectors and matrices as lists: the operations that everything else is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

Vector = list[float]
Matrix = list[list[float]]
Rows = Sequence[Sequence[float]]


def identity(n: int) -> Matrix:
    """Ones on the diagonal.

    >>> identity(2)
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return [[float(i == j) for j in range(n)] for i in range(n)]


def transpose(A: Rows) -> Matrix:
    """Columns as rows.

    >>> transpose([[1.0, 2.0], [3.0, 4.0]])
    [[1.0, 3.0], [2.0, 4.0]]
    """
    return [list(column) for column in zip(*A, strict=True)]


def dot(x: Sequence[float], y: Sequence[float]) -> float:
    """The inner product.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return sum(a * b for a, b in zip(x, y, strict=True))


def times(A: Rows, x: Sequence[float]) -> Vector:
    """Matrix times vector.

    >>> times([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
    [3.0, 7.0]
    """
    return [dot(row, x) for row in A]


def matmul(A: Rows, B: Rows) -> Matrix:
    """Matrix times matrix.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    [[11.0]]
    """
    columns = transpose(B)
    return [[dot(row, column) for column in columns] for row in A]


def norm(x: Sequence[float]) -> float:
    """The Euclidean length.

    >>> norm([3.0, 4.0])
    5.0
    """
    return math.hypot(*x)
