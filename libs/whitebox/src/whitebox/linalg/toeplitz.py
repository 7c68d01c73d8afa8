"""Toeplitz matrices, constant along diagonals, and the convolutions that they are."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import RangeError, ShapeError, SingularMatrixError
from whitebox.linalg._checks import EPS


def toeplitz(column: npt.ArrayLike, row: npt.ArrayLike | None = None) -> Array:
    r"""The matrix :math:`T_{ij} = t_{i-j}`, shape (m, n), from its first column (m,) and first row (n,).

    The row is the column by default, which makes T symmetric. O(m · n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if column and row disagree about the first entry.

    >>> toeplitz([1.0, 2.0, 3.0], [1.0, 5.0]).tolist()
    [[1.0, 5.0], [2.0, 1.0], [3.0, 2.0]]
    """
    first_column, first_row = _column_and_row(column, row)
    diagonals = np.concatenate([first_row[:0:-1], first_column])
    m, n = len(first_column), len(first_row)
    matrix: Array = diagonals[np.arange(m)[:, None] - np.arange(n) + n - 1]
    return matrix


def toeplitz_matmul(column: npt.ArrayLike, row: npt.ArrayLike | None, x: npt.ArrayLike) -> Array:
    r"""The product :math:`T x` without T, a corner of a circulant matrix, which the Fourier transform makes diagonal.

    O((m + n) log(m + n)) for each column of x (Golub, Van Loan: Matrix Computations, 4th ed., 4.8.4).

    Args:
        column: First column of T, shape (m,).
        row: First row of T, shape (n,); the column if None.
        x: Shape (n,) or (n, r).

    Returns:
        Shape (m,) or (m, r).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: as `toeplitz`.

    >>> toeplitz_matmul([1.0, 2.0, 3.0], [1.0, 5.0], [1.0, 1.0]).round(12).tolist()
    [6.0, 3.0, 5.0]
    """
    first_column, first_row = _column_and_row(column, row)
    dense = as_vector(x, "x") if np.ndim(x) == 1 else as_matrix(x, "x")
    m, n = len(first_column), len(first_row)
    if len(dense) != n:
        raise ShapeError(f"x must have {n} rows, got shape {dense.shape}")
    size = _power_of_two(m + n - 1)
    circulant = np.concatenate([first_column, np.zeros(size - m - n + 1), first_row[:0:-1]])
    spectrum = np.fft.rfft(circulant)
    transformed = np.fft.rfft(dense, size, axis=0)
    product = np.fft.irfft((spectrum if dense.ndim == 1 else spectrum[:, None]) * transformed, size, axis=0)[:m]
    return np.asarray(product, dtype=np.float64)


def convolve(signal: npt.ArrayLike, kernel: npt.ArrayLike, mode: Literal["full", "same", "valid"] = "full") -> Array:
    r"""The convolution :math:`(s * k)_i = \sum_j s_j k_{i-j}`: the Toeplitz matrix of the kernel times the signal.

    Args:
        signal: Shape (n,).
        kernel: Shape (k,).
        mode: "full" gives all n + k - 1 places, "same" the n in the middle, "valid" the places where the kernel lies
            within the signal, at least one where n ≥ k.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: for an unknown mode, or a kernel longer than the signal unless mode is "full".

    >>> convolve([1.0, 2.0, 3.0], [1.0, 1.0]).round(12).tolist()
    [1.0, 3.0, 5.0, 3.0]
    """
    s, k = as_vector(signal, "signal"), as_vector(kernel, "kernel")
    if mode not in ("full", "same", "valid"):
        raise RangeError(f"mode must be 'full', 'same' or 'valid', got {mode!r}")
    if mode != "full" and len(k) > len(s):
        raise RangeError(f"a kernel of length {len(k)} does not fit into a signal of length {len(s)}")
    full = toeplitz_matmul(np.append(k, np.zeros(len(s) - 1)), np.append(k[0], np.zeros(len(s) - 1)), s)
    if mode == "same":
        return full[(len(k) - 1) // 2 :][: len(s)]
    return full[len(k) - 1 : len(s)] if mode == "valid" else full


def solve_toeplitz(column: npt.ArrayLike, row: npt.ArrayLike | None, b: npt.ArrayLike) -> Array:
    r"""Solves :math:`T x = b` by the recursion of Levinson in O(n²).

    The solutions of all leading blocks are built one after the other (Golub, Van Loan: Matrix Computations, 4th ed.,
    4.7.3). Reliable for positive definite T, such as autocorrelations; other matrices may have leading blocks that are
    nearly singular, where `solve(toeplitz(...), b)` is the safer way.

    Args:
        column: First column, shape (n,).
        row: First row, shape (n,); the column if None.
        b: Shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: as `toeplitz`.
        SingularMatrixError: if a leading block is singular, with its size.

    >>> solve_toeplitz([4.0, 1.0], None, [5.0, 5.0]).round(12).tolist()
    [1.0, 1.0]
    """
    c, r = _column_and_row(column, row)
    target = as_vector(b, "b")
    if not len(c) == len(r) == len(target):
        raise ShapeError(f"column, row and b must be of one length, got {len(c)}, {len(r)} and {len(target)}")
    if c[0] == 0:
        raise SingularMatrixError("the leading block of size 1 is singular")
    n = len(c)
    # T f is the first unit vector and T g the last one, for the leading block reached so far.
    f, g = np.array([1 / c[0]]), np.array([1 / c[0]])
    x = np.array([target[0] / c[0]])
    for k in range(1, n):
        below, above = c[k:0:-1] @ f, r[1 : k + 1] @ g
        determinant = 1 - below * above
        if abs(determinant) <= 4 * EPS:
            raise SingularMatrixError(f"the leading block of size {k + 1} is singular")
        f, g = (
            (np.append(f, 0.0) - below * np.append(0.0, g)) / determinant,
            (np.append(0.0, g) - above * np.append(f, 0.0)) / determinant,
        )
        x = np.append(x, 0.0) + (target[k] - c[k:0:-1] @ x) * g
    return x


def _column_and_row(column: npt.ArrayLike, row: npt.ArrayLike | None) -> tuple[Array, Array]:
    first_column = as_vector(column, "column")
    first_row = first_column if row is None else as_vector(row, "row")
    if first_column[0] != first_row[0]:
        raise RangeError(f"column starts with {first_column[0]:g}, row with {first_row[0]:g}: the corner is both")
    return first_column, first_row


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
