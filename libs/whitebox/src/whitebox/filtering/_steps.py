"""Pieces of linear algebra that the filters share, for matrices of a few rows that may be singular."""

from __future__ import annotations

import math
import operator

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array


def factor(A: Array, tolerance: float) -> Array | None:
    """The lower triangular Cholesky factor of A.

    A pivot of at most `tolerance` is taken for zero, and so is its column: A may then be semidefinite. With a negative
    tolerance nothing is taken for zero, and the answer is None where a pivot is not positive.
    """
    n = len(A)
    # So few numbers are quicker to reach in lists.
    left, L = A.tolist(), [[0.0] * n for _ in range(n)]
    for j, known in enumerate(L):
        pivot = left[j][j] - sum(entry * entry for entry in known[:j])
        if tolerance < 0 and not pivot > 0:
            return None
        if pivot > tolerance:
            known[j] = root = math.sqrt(pivot)
            for i in range(j + 1, n):
                L[i][j] = (left[i][j] - sum(map(operator.mul, L[i][:j], known))) / root
    return np.array(L)


def semidefinite_root(covariance: Array, scale: Array | None = None) -> Array:
    """A lower triangular L with L Lᵀ the covariance, which may be singular by the measure of `scale`."""
    largest = float(np.abs(covariance if scale is None else scale).max())
    root = factor((covariance + covariance.T) / 2, 1e-14 * len(covariance) * largest)
    assert root is not None  # noqa: S101  # only a negative tolerance finds fault
    return root


def forward(L: Array, B: Array) -> None:
    """Turns B into L⁻¹ B; a zero on the diagonal stands for a direction that does not count."""
    for i, row in enumerate(L):
        if i:
            B[i] -= row[:i] @ B[:i]
        B[i] *= 1 / row[i] if row[i] > 0 else 0.0


def backward(L: Array, B: Array) -> None:
    """Turns B into L⁻ᵀ B, likewise."""
    last = len(L) - 1
    for i in range(last, -1, -1):
        if i < last:
            B[i] -= L[i + 1 :, i] @ B[i + 1 :]
        B[i] *= 1 / L[i, i] if L[i, i] > 0 else 0.0


def symmetric(A: Array) -> Array:
    """The mean of A and its transpose."""
    halves: Array = (A + A.T) / 2
    return halves


def empty_results(steps: int, n: int, m: int) -> tuple[npt.NDArray[np.float64], ...]:
    """Room for the fields of `Filtered`, in its order."""
    shapes = ((steps, n), (steps, n, n)) * 2 + ((steps - 1, n, n), (steps, m), (steps, m, m), (steps,), (steps,))
    return tuple(np.zeros(shape) for shape in shapes)
