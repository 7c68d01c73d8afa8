"""Sums of matrices."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector


def add(A: Rows, B: Rows, scale: float = 1.0) -> Matrix:
    """A + scale · B.

    >>> add([[1.0]], [[2.0]], -1.0)
    [[-1.0]]
    """
    return [[a + scale * b for a, b in zip(x, y, strict=True)] for x, y in zip(A, B, strict=True)]


def plus(x: Sequence[float], y: Sequence[float], scale: float = 1.0) -> Vector:
    """X + scale · y.

    >>> plus([1.0], [2.0])
    [3.0]
    """
    return [a + scale * b for a, b in zip(x, y, strict=True)]


def outer(x: Sequence[float], y: Sequence[float]) -> Matrix:
    """X yᵀ.

    >>> outer([1.0, 2.0], [3.0])
    [[3.0], [6.0]]
    """
    return [[a * b for b in y] for a in x]
