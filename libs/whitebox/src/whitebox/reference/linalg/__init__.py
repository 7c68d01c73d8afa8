"""Linear algebra, in pure Python on lists of rows."""

from __future__ import annotations

from whitebox.reference.linalg._cholesky import cholesky, ldl, solve_positive_definite
from whitebox.reference.linalg._eigen import eig, eigh, inverse_iteration, power_iteration
from whitebox.reference.linalg._lu import determinant, inverse, log_determinant, lu, solve
from whitebox.reference.linalg._qr import gram_schmidt, qr
from whitebox.reference.linalg._svd import condition_number, lstsq, svd
from whitebox.reference.linalg._triangular import solve_triangular
from whitebox.reference.linalg.sparse import CSR
from whitebox.reference.linalg.toeplitz import convolve, solve_toeplitz, toeplitz, toeplitz_matmul

__all__ = [
    "CSR",
    "cholesky",
    "condition_number",
    "convolve",
    "determinant",
    "eig",
    "eigh",
    "gram_schmidt",
    "inverse",
    "inverse_iteration",
    "ldl",
    "log_determinant",
    "lstsq",
    "lu",
    "power_iteration",
    "qr",
    "solve",
    "solve_positive_definite",
    "solve_toeplitz",
    "solve_triangular",
    "svd",
    "toeplitz",
    "toeplitz_matmul",
]
