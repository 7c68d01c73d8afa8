"""Gaussian elimination, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, identity, transpose


def lu(A: Rows) -> tuple[list[int], Matrix, Matrix]:
    """Order of the rows, L and U with A[order] = L U, by elimination with partial pivoting.

    >>> lu([[0.0, 2.0], [1.0, 3.0]])
    ([1, 0], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 3.0], [0.0, 2.0]])
    """
    U = [list(row) for row in A]
    m, n = len(U), len(U[0])
    order, L = list(range(m)), identity(m)
    for k in range(min(m, n)):
        pivot = max(range(k, m), key=lambda i: abs(U[i][k]))
        U[k], U[pivot] = U[pivot], U[k]
        order[k], order[pivot] = order[pivot], order[k]
        L[k][:k], L[pivot][:k] = L[pivot][:k], L[k][:k]
        for i in range(k + 1, m):
            if U[k][k] != 0:
                L[i][k] = U[i][k] / U[k][k]
                U[i] = [a - L[i][k] * b for a, b in zip(U[i], U[k], strict=True)]
                U[i][k] = 0.0
    rank = min(m, n)
    return order, [row[:rank] for row in L], U[:rank]


def solve(A: Rows, b: Sequence[float]) -> Vector:
    """Solves A x = b by Gaussian elimination with partial pivoting and back substitution.

    >>> solve([[0.0, 2.0], [1.0, 1.0]], [2.0, 3.0])
    [2.0, 1.0]
    """
    n = len(A)
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    for column in range(n):
        # The largest entry below becomes the pivot: dividing by a small one would magnify every rounding error so far.
        pivot = max(range(column, n), key=lambda i: abs(rows[i][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for i in range(column + 1, n):
            factor = rows[i][column] / rows[column][column]
            for j in range(column, n + 1):
                rows[i][j] -= factor * rows[column][j]
    x = [0.0] * n
    for i in reversed(range(n)):
        known = sum(rows[i][j] * x[j] for j in range(i + 1, n))
        x[i] = (rows[i][n] - known) / rows[i][i]
    return x


def inverse(A: Rows) -> Matrix:
    """The inverse: its columns solve A x = unit vector.

    >>> inverse([[0.0, 2.0], [1.0, 0.0]])
    [[0.0, 1.0], [0.5, 0.0]]
    """
    return transpose([solve(A, unit) for unit in identity(len(A))])


def determinant(A: Rows) -> float:
    """The determinant, by expansion along the first row: n! products.

    >>> determinant([[0.0, 2.0], [1.0, 0.0]])
    -2.0
    """
    if not A:
        return 1.0
    minors = ([[*row[:j], *row[j + 1 :]] for row in A[1:]] for j in range(len(A)))
    return dot([(-1) ** j * entry for j, entry in enumerate(A[0])], [determinant(minor) for minor in minors])


def log_determinant(A: Rows) -> tuple[float, float]:
    """Sign and logarithm of the magnitude of the determinant.

    >>> log_determinant([[0.0, 2.0], [1.0, 0.0]])
    (-1.0, 0.6931471805599453)
    """
    value = determinant(A)
    return (math.copysign(1.0, value), math.log(abs(value))) if value else (0.0, -math.inf)
