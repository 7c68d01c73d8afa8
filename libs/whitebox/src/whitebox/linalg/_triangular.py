"""Triangular systems, by recursion so that nearly all work is matrix products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import SingularMatrixError
from whitebox.linalg._checks import right_hand_side, square

# Below this size a loop over rows is cheaper than further halving.
_LEAF = 24


def solve_triangular(T: npt.ArrayLike, b: npt.ArrayLike, *, lower: bool) -> Array:
    r"""Solves :math:`T x = b` by substitution; the other triangle of `T` is not looked at.

    With T in halves, :math:`x_1 = L_{11}^{-1} b_1` and :math:`x_2 = L_{22}^{-1} (b_2 - L_{21} x_1)` (Golub, Van Loan:
    Matrix Computations, 4th ed., 3.1). O(n² · r).

    Args:
        T: Shape (n, n).
        b: Shape (n,) or (n, r).
        lower: Whether the lower or the upper triangle counts.

    Returns:
        x in the shape of `b`.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        SingularMatrixError: if the diagonal holds a zero, with its place.

    >>> solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True).tolist()
    [1.0, 2.0]
    """
    matrix = square(T, "T")
    x, single = right_hand_side(b, len(matrix))
    zeros = np.flatnonzero(matrix.diagonal() == 0)
    if zeros.size:
        raise SingularMatrixError(f"T[{zeros[0]}, {zeros[0]}] is zero")
    (forward if lower else backward)(matrix, x)
    return x[:, 0] if single else x


def forward(L: Array, x: Array, *, unit: bool = False) -> None:
    """Turns x, holding b, into the solution of L x = b; `unit` takes the diagonal as ones."""
    n = len(L)
    if n > _LEAF:
        half = n // 2
        forward(L[:half, :half], x[:half], unit=unit)
        x[half:] -= L[half:, :half] @ x[:half]
        forward(L[half:, half:], x[half:], unit=unit)
        return
    for i in range(n):
        if i:
            x[i] -= L[i, :i] @ x[:i]
        if not unit:
            x[i] /= L[i, i]


def backward(U: Array, x: Array) -> None:
    """Turns x, holding b, into the solution of U x = b."""
    n = len(U)
    if n > _LEAF:
        half = n // 2
        backward(U[half:, half:], x[half:])
        x[:half] -= U[:half, half:] @ x[half:]
        backward(U[:half, :half], x[:half])
        return
    for i in range(n - 1, -1, -1):
        if i < n - 1:
            x[i] -= U[i, i + 1 :] @ x[i + 1 :]
        x[i] /= U[i, i]
