"""Linear algebra from scratch: factorisations, linear systems, eigenvalues, singular values, structured matrices.

NumPy supplies arrays, elementwise arithmetic and matrix products; nothing here calls `numpy.linalg`.
"""

from __future__ import annotations

from whitebox.linalg._cholesky import LDL, cholesky, ldl, solve_positive_definite
from whitebox.linalg._eigen import (
    Eigen,
    Eigenpair,
    Schur,
    SymmetricEigen,
    eig,
    eigh,
    hessenberg,
    inverse_iteration,
    power_iteration,
    schur,
)
from whitebox.linalg._lu import LU, determinant, inverse, log_determinant, lu, solve
from whitebox.linalg._qr import QR, gram_schmidt, qr
from whitebox.linalg._svd import SVD, LeastSquares, condition_number, lstsq, randomized_svd, svd
from whitebox.linalg._triangular import solve_triangular
from whitebox.linalg.sparse import CSR
from whitebox.linalg.toeplitz import convolve, solve_toeplitz, toeplitz, toeplitz_matmul

__all__ = [
    "CSR",
    "LDL",
    "LU",
    "QR",
    "SVD",
    "Eigen",
    "Eigenpair",
    "LeastSquares",
    "Schur",
    "SymmetricEigen",
    "cholesky",
    "condition_number",
    "convolve",
    "determinant",
    "eig",
    "eigh",
    "gram_schmidt",
    "hessenberg",
    "inverse",
    "inverse_iteration",
    "ldl",
    "log_determinant",
    "lstsq",
    "lu",
    "power_iteration",
    "qr",
    "randomized_svd",
    "schur",
    "solve",
    "solve_positive_definite",
    "solve_toeplitz",
    "solve_triangular",
    "svd",
    "toeplitz",
    "toeplitz_matmul",
]
