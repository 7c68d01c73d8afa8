"""Triangular systems."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg._basic import Rows, Vector


def solve_triangular(T: Rows, b: Sequence[float], *, lower: bool) -> Vector:
    """Solves T x = b row by row, from the row that holds one unknown only.

    >>> solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True)
    [1.0, 2.0]
    """
    n = len(T)
    x = [0.0] * n
    for i in range(n) if lower else reversed(range(n)):
        known = range(i) if lower else range(i + 1, n)
        x[i] = (b[i] - sum(T[i][j] * x[j] for j in known)) / T[i][i]
    return x
