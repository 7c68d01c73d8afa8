"""Symmetric matrices: Cholesky for positive definite ones, LDLᵀ for all."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import NotPositiveDefiniteError
from whitebox.linalg._checks import right_hand_side, symmetric
from whitebox.linalg._triangular import backward, forward

_LEAF = 24

# Bunch and Kaufman's bound on how much a 1×1 pivot may let the rest grow.
_ALPHA = (1 + math.sqrt(17)) / 8


def cholesky(A: npt.ArrayLike) -> Array:
    r"""The lower triangular L with positive diagonal and :math:`A = L L^\top`.

    In halves: :math:`L_{11} = \mathrm{chol}(A_{11})`, :math:`L_{21} = A_{21} L_{11}^{-\top}`,
    :math:`L_{22} = \mathrm{chol}(A_{22} - L_{21} L_{21}^\top)` (Golub, Van Loan: Matrix Computations, 4th ed., 4.2).
    O(n³).

    Args:
        A: Symmetric, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError: for unusable input.
        NotPositiveDefiniteError: with the first leading block that is not positive definite.

    >>> cholesky([[4.0, 2.0], [2.0, 5.0]]).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    work = symmetric(A, "A")
    _factor(work, 0)
    return np.tril(work)


def solve_positive_definite(A: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    r"""Solves :math:`A x = b` for a symmetric positive definite A by `cholesky`, at half the cost of `solve`.

    Args:
        A: Symmetric, shape (n, n).
        b: Shape (n,) or (n, r).

    Returns:
        x in the shape of `b`.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError, NotPositiveDefiniteError: as
            `cholesky`.

    >>> solve_positive_definite([[4.0, 2.0], [2.0, 5.0]], [8.0, 12.0]).tolist()
    [1.0, 2.0]
    """
    work = symmetric(A, "A")
    x, single = right_hand_side(b, len(work))
    _factor(work, 0)
    forward(work, x)
    backward(work.T, x)
    return x[:, 0] if single else x


class LDL(NamedTuple):
    """`A[permutation][:, permutation] = lower @ diagonal @ lower.T`.

    Attributes:
        permutation: Shape (n,).
        lower: Unit lower triangular, shape (n, n).
        diagonal: Symmetric with blocks of one or two on its diagonal, shape (n, n).
    """

    permutation: npt.NDArray[np.intp]
    lower: Array
    diagonal: Array


def ldl(A: npt.ArrayLike) -> LDL:
    r"""Factors a symmetric matrix, definite or not: :math:`P A P^\top = L D L^\top`.

    D has 1×1 and 2×2 blocks; a 2×2 block stands where any single pivot would let the rest grow (Bunch, Kaufman: Some
    Stable Methods for Calculating Inertia and Solving Symmetric Linear Systems, 1977). Singular matrices factor too. By
    Sylvester's law D has as many positive, negative and zero eigenvalues as A. O(n³).

    Args:
        A: Symmetric, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError: for unusable input.

    >>> factors = ldl([[0.0, 1.0], [1.0, 0.0]])
    >>> factors.lower.tolist(), factors.diagonal.tolist()
    ([[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
    """
    work = symmetric(A, "A")
    n = len(work)
    permutation, lower, diagonal = np.arange(n), np.eye(n), np.zeros((n, n))
    k = 0
    while k < n:
        width, pivot = _bunch_kaufman_pivot(work, k)
        place = k + width - 1
        if pivot != place:
            swap, with_ = [place, pivot], [pivot, place]
            work[swap] = work[with_]
            work[:, swap] = work[:, with_]
            permutation[swap] = permutation[with_]
            lower[swap, :k] = lower[with_, :k]
        end = k + width
        block, below = work[k:end, k:end], work[end:, k:end]
        diagonal[k:end, k:end] = block
        if block.any():
            multipliers = below / block[0, 0] if width == 1 else _times_inverse(below, block)
            work[end:, end:] -= multipliers @ below.T
            lower[end:, k:end] = multipliers
        k = end
    return LDL(permutation, lower, diagonal)


def _factor(work: Array, first: int) -> None:
    """Overwrites the lower triangle of A with L; `first` is the place of its first row in the whole matrix."""
    n = len(work)
    if n > _LEAF:
        half = n // 2
        _factor(work[:half, :half], first)
        below = np.ascontiguousarray(work[half:, :half].T)
        forward(work[:half, :half], below)
        work[half:, :half] = below.T
        work[half:, half:] -= below.T @ below
        _factor(work[half:, half:], first + half)
        return
    for k in range(n):
        pivot = float(work[k, k])
        if not pivot > 0:
            raise NotPositiveDefiniteError(
                f"A is not positive definite: the leading block of size {first + k + 1} leaves the pivot {pivot:.3g}"
            )
        work[k:, k] /= math.sqrt(pivot)
        work[k + 1 :, k + 1 :] -= work[k + 1 :, k, None] * work[k + 1 :, k]


def _bunch_kaufman_pivot(work: Array, k: int) -> tuple[int, int]:
    """Width of the next block, and the row that has to come to its last place."""
    column = np.abs(work[k + 1 :, k])
    if column.size == 0 or column.max() == 0:
        return 1, k
    r = k + 1 + int(column.argmax())
    largest = column[r - k - 1]
    if abs(work[k, k]) >= _ALPHA * largest:
        return 1, k
    row = np.abs(work[r, k:])
    row[r - k] = 0
    across = row.max()
    if abs(work[k, k]) * across >= _ALPHA * largest**2:
        return 1, k
    if abs(work[r, r]) >= _ALPHA * across:
        return 1, r
    return 2, r


def _times_inverse(rows: Array, block: Array) -> Array:
    """Rows times the inverse of a symmetric 2×2 block, scaled by its off-diagonal, which is its largest entry."""
    off = block[0, 1]
    a, c = block[0, 0] / off, block[1, 1] / off
    scale = 1 / ((a * c - 1) * off)
    adjugate = np.array([[c, -1.0], [-1.0, a]])
    product: Array = (rows @ adjugate) * scale
    return product
