"""Toeplitz matrices and convolutions, by definition."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Vector, times
from whitebox.reference.linalg._lu import solve


def toeplitz(column: Sequence[float], row: Sequence[float] | None = None) -> Matrix:
    """The matrix that is constant along each diagonal, from its first column and row.

    >>> toeplitz([1.0, 2.0, 3.0], [1.0, 5.0])
    [[1.0, 5.0], [2.0, 1.0], [3.0, 2.0]]
    """
    across = column if row is None else row
    return [[column[i - j] if i >= j else across[j - i] for j in range(len(across))] for i in range(len(column))]


def toeplitz_matmul(column: Sequence[float], row: Sequence[float] | None, x: Sequence[float]) -> Vector:
    """That matrix times a vector.

    >>> toeplitz_matmul([1.0, 2.0, 3.0], [1.0, 5.0], [1.0, 1.0])
    [6.0, 3.0, 5.0]
    """
    return times(toeplitz(column, row), x)


def convolve(signal: Sequence[float], kernel: Sequence[float], mode: str = "full") -> Vector:
    """Every entry of the signal sets off a copy of the kernel, and all add up.

    >>> convolve([1.0, 2.0, 3.0], [1.0, 1.0])
    [1.0, 3.0, 5.0, 3.0]
    """
    n, k = len(signal), len(kernel)
    full = [0.0] * (n + k - 1)
    for i, s in enumerate(signal):
        for j, weight in enumerate(kernel):
            full[i + j] += s * weight
    if mode == "same":
        return full[(k - 1) // 2 :][:n]
    return full[k - 1 : n] if mode == "valid" else full


def solve_toeplitz(column: Sequence[float], row: Sequence[float] | None, b: Sequence[float]) -> Vector:
    """Solves T x = b like any other system.

    >>> solve_toeplitz([4.0, 1.0], None, [5.0, 5.0])
    [1.0, 1.0]
    """
    return solve(toeplitz(column, row), b)
