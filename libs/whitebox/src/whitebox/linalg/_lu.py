"""LU factorisation with partial pivoting, and what follows from it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix
from whitebox.errors import SingularMatrixError
from whitebox.linalg._checks import right_hand_side, square
from whitebox.linalg._triangular import backward, forward

# Up to this many columns elimination by rank-one updates is cheaper than further halving.
_LEAF = 32

Permutation = npt.NDArray[np.intp]


class LU(NamedTuple):
    """`A[permutation] = lower @ upper`.

    Attributes:
        permutation: Shape (m,).
        lower: Shape (m, r) with r = min(m, n): ones on the diagonal, no entry larger than 1 in magnitude.
        upper: Shape (r, n).
    """

    permutation: Permutation
    lower: Array
    upper: Array


def lu(A: npt.ArrayLike) -> LU:
    r"""Factors :math:`P A = L U`, choosing in every column the largest pivot.

    Columns are halved recursively, so that nearly all work is matrix products (Toledo: Locality of Reference in LU
    Decomposition with Partial Pivoting, SIMAX 1997). A column without a pivot is passed over: singular and rectangular
    matrices factor too. O(m · n · r).

    Args:
        A: Shape (m, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> factors = lu([[0.0, 2.0], [1.0, 3.0]])
    >>> factors.permutation.tolist(), factors.lower.tolist(), factors.upper.tolist()
    ([1, 0], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 3.0], [0.0, 2.0]])
    """
    work = as_matrix(A, "A").copy()
    permutation = _eliminate(work)
    rank = min(work.shape)
    lower = np.tril(work[:, :rank], -1)
    np.fill_diagonal(lower, 1.0)
    return LU(permutation, lower, np.triu(work[:rank]))


def solve(A: npt.ArrayLike, b: npt.ArrayLike) -> Array:
    r"""Solves :math:`A x = b` by :math:`L y = P b`, :math:`U x = y`. O(n³ + n² · r).

    The answer is exact for a matrix that differs from `A` by rounding; its error may grow with `condition_number(A)`.

    Args:
        A: Shape (n, n).
        b: Shape (n,) or (n, r).

    Returns:
        x in the shape of `b`.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        SingularMatrixError: if elimination runs out of pivots, with the column.

    >>> solve([[0.0, 2.0], [1.0, 1.0]], [2.0, 3.0]).tolist()
    [2.0, 1.0]
    """
    work = square(A, "A").copy()
    x, single = right_hand_side(b, len(work))
    x = Solver(work)(x)
    return x[:, 0] if single else x


class Solver:
    """Factors a square matrix, overwriting it; called with right-hand sides as columns, gives the solutions.

    Raises:
        SingularMatrixError: if elimination runs out of pivots, with the column.
    """

    def __init__(self, work: Array) -> None:
        self._permutation = _eliminate(work)
        self._factors = work
        zeros = np.flatnonzero(work.diagonal() == 0)
        if zeros.size:
            raise SingularMatrixError(f"A is singular: no pivot in column {zeros[0]}")

    def __call__(self, columns: Array) -> Array:
        x = columns[self._permutation]
        forward(self._factors, x, unit=True)
        backward(self._factors, x)
        return x


def inverse(A: npt.ArrayLike) -> Array:
    r"""The inverse, :math:`A A^{-1} = I`, shape (n, n). O(n³). To solve a system use `solve`: cheaper and closer.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, SingularMatrixError: as `solve`.

    >>> inverse([[0.0, 2.0], [1.0, 0.0]]).tolist()
    [[0.0, 1.0], [0.5, 0.0]]
    """
    matrix = square(A, "A")
    return solve(matrix, np.eye(len(matrix)))


def log_determinant(A: npt.ArrayLike) -> tuple[float, float]:
    r"""Sign and logarithm of the magnitude of the determinant; 0 and minus infinity for a singular matrix.

    .. math:: \det A = \operatorname{sgn}(P) \prod_i u_{ii}

    which overflows long before its logarithm does. O(n³).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> log_determinant([[0.0, 2.0], [1.0, 0.0]])
    (-1.0, 0.6931471805599453)
    """
    factors = lu(square(A, "A"))
    pivots = factors.upper.diagonal()
    if (pivots == 0).any():
        return 0.0, -math.inf
    sign = _parity(factors.permutation) * np.prod(np.sign(pivots))
    return float(sign), float(np.log(np.abs(pivots)).sum())


def determinant(A: npt.ArrayLike) -> float:
    r"""The determinant, by `lu`; 0 or infinite where it leaves the range of floats: see `log_determinant`. O(n³).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> determinant([[0.0, 2.0], [1.0, 0.0]])
    -2.0
    """
    factors = lu(square(A, "A"))
    with np.errstate(over="ignore", under="ignore"):
        return _parity(factors.permutation) * float(np.prod(factors.upper.diagonal()))


def _eliminate(work: Array) -> Permutation:
    """Overwrites A with L below the diagonal and U on and above it; gives the order of the rows."""
    m, n = work.shape
    order = np.arange(m)
    if n > _LEAF and m > 1:
        half = min(m, n) // 2
        left, right = work[:, :half], work[:, half:]
        order = _eliminate(left)
        right[:] = right[order]
        forward(left[:half], right[:half], unit=True)
        right[half:] -= left[half:] @ right[:half]
        rest = _eliminate(right[half:])
        left[half:] = left[half:][rest]
        order[half:] = order[half:][rest]
        return order
    for k in range(min(m, n)):
        pivot = k + int(np.abs(work[k:, k]).argmax())
        if pivot != k:
            row = work[k].copy()
            work[k], work[pivot] = work[pivot], row
            order[k], order[pivot] = order[pivot], order[k]
        if work[k, k] != 0:
            work[k + 1 :, k] /= work[k, k]
            work[k + 1 :, k + 1 :] -= work[k + 1 :, k, None] * work[k, k + 1 :]
    return order


def _parity(permutation: Permutation) -> float:
    """1 for an even permutation, -1 for an odd one: every cycle of even length turns the sign."""
    sign, seen = 1.0, np.zeros(len(permutation), dtype=bool)
    for start in range(len(permutation)):
        length, place = 0, start
        while not seen[place]:
            seen[place] = True
            place = permutation[place]
            length += 1
        if length and length % 2 == 0:
            sign = -sign
    return sign
