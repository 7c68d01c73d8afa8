"""Linear algebra, in pure Python on lists of rows."""

from __future__ import annotations

from collections.abc import Sequence

Vector = list[float]
Matrix = list[list[float]]


def solve(A: Sequence[Sequence[float]], b: Sequence[float]) -> Vector:
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
