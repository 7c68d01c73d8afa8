"""Eigenvalues: power and inverse iteration for one, QR iteration for all."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.errors import ConvergenceError, RangeError, ShapeError, SingularMatrixError
from whitebox.linalg._checks import EPS, norm, square, symmetric
from whitebox.linalg._lu import Solver
from whitebox.linalg._qr import accumulate, reflector
from whitebox.linalg._tridiagonal import diagonalise

Complex = npt.NDArray[np.complex128]

# QR iteration takes two or three steps an eigenvalue; this many mean that something is wrong.
_STEPS_PER_VALUE = 60


class Eigenpair(NamedTuple):
    """One eigenvalue with its unit eigenvector of shape (n,)."""

    value: float
    vector: Array


class SymmetricEigen(NamedTuple):
    """`A @ vectors == vectors * values`, with real values in rising order and orthonormal columns of shape (n, n)."""

    values: Array
    vectors: Array


class Eigen(NamedTuple):
    """`A @ vectors == vectors * values`, complex, in no particular order, with unit columns of shape (n, n)."""

    values: Complex
    vectors: Complex


class Schur(NamedTuple):
    """`A == Z @ T @ Z.conj().T` with Z unitary and T upper triangular, both complex of shape (n, n)."""

    T: Complex
    Z: Complex


def power_iteration(
    A: npt.ArrayLike, *, start: npt.ArrayLike | None = None, tol: float = 1e-12, max_iter: int = 10_000
) -> Eigenpair:
    r"""The eigenvalue of largest magnitude, by :math:`x \leftarrow A x / \lVert A x \rVert`.

    Converges like :math:`|\lambda_2 / \lambda_1|^k`, for symmetric A the value like its square (Golub, Van Loan: Matrix
    Computations, 4th ed., 7.3.1). O(n²) a step.

    Args:
        A: Shape (n, n).
        start: First x, not orthogonal to the eigenvector wanted; some fixed one by default.
        tol: Stops when :math:`\lVert A x - \lambda x \rVert \le` tol :math:`\lVert A \rVert_F`.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.
        ConvergenceError: if no single eigenvalue is the largest, or the gap to the next is too small for `max_iter`.

    >>> value, vector = power_iteration([[2.0, 1.0], [1.0, 2.0]])
    >>> round(value, 9), abs(vector).round(6).tolist()
    (3.0, [0.707107, 0.707107])
    """
    matrix = square(A, "A")
    return _iterate(matrix, lambda x: matrix @ x, start, tol, max_iter)


def inverse_iteration(
    A: npt.ArrayLike,
    shift: float,
    *,
    start: npt.ArrayLike | None = None,
    tol: float = 1e-12,
    max_iter: int = 1000,
) -> Eigenpair:
    r"""The eigenvalue nearest to `shift`, by power iteration with :math:`(A - \sigma I)^{-1}`.

    One factorisation serves all steps. A shift that is an eigenvalue is moved by a rounding error, which does no harm
    (Peters, Wilkinson: Inverse Iteration, Ill-Conditioned Equations and Newton's Method, 1979). O(n³ + n² a step).

    Args:
        A: Shape (n, n).
        shift: Where to look.
        start: First x; some fixed one by default.
        tol: Stops when :math:`\lVert A x - \lambda x \rVert \le` tol :math:`\lVert A \rVert_F`.
        max_iter: Steps at most.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.
        ConvergenceError: if two eigenvalues are equally near.

    >>> round(inverse_iteration([[2.0, 1.0], [1.0, 2.0]], shift=0.9).value, 9)
    1.0
    """
    matrix = square(A, "A")
    shift = number_in(shift, "shift")
    size = norm(matrix.ravel())
    step = EPS * max(size, abs(shift)) or EPS
    for _ in range(8):
        try:
            solve = Solver(matrix - shift * np.eye(len(matrix)))
            break
        except SingularMatrixError:
            shift, step = shift + step, 2 * step
    else:
        raise ConvergenceError("no shift near the given one leaves a matrix that can be inverted")
    return _iterate(matrix, lambda x: solve(x[:, None])[:, 0], start, tol, max_iter)


def eigh(A: npt.ArrayLike) -> SymmetricEigen:
    r"""All eigenvalues and eigenvectors of a symmetric matrix, :math:`A = V \Lambda V^\top`.

    Reflections bring A to tridiagonal form, `diagonalise` takes it from there: implicit QR steps with Wilkinson's shift
    for small matrices (Golub, Van Loan: Matrix Computations, 4th ed., algorithm 8.3.3), divide and conquer for others.
    O(n³).

    Args:
        A: Symmetric, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotSymmetricError: for unusable input.
        ConvergenceError: which no matrix is known to cause.

    >>> eigh([[2.0, 1.0], [1.0, 2.0]]).values.round(12).tolist()
    [1.0, 3.0]
    """
    matrix = symmetric(A, "A")
    scale = float(np.abs(matrix).max())
    if scale == 0:
        return SymmetricEigen(np.zeros(len(matrix)), np.eye(len(matrix)))
    diagonal, beside, Q = _tridiagonal(matrix / scale)
    values, V = diagonalise(diagonal, beside)
    return SymmetricEigen(scale * values, Q @ V)


def hessenberg(A: npt.ArrayLike) -> tuple[Array, Array]:
    r"""H, zero below its first subdiagonal, and orthogonal Q with :math:`A = Q H Q^\top`. O(n³).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> H, Q = hessenberg([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    >>> float(H[2, 0]), np.allclose(Q @ H @ Q.T, [[1, 2, 3], [4, 5, 6], [7, 8, 10]])
    (0.0, True)
    """
    work = square(A, "A").copy()
    n = len(work)
    V, taus = np.zeros((n, max(n - 2, 0))), np.zeros(max(n - 2, 0))
    for k in range(n - 2):
        v, tau, image = reflector(work[k + 1 :, k])
        V[k + 1 :, k], taus[k] = v, tau
        work[k + 1, k], work[k + 2 :, k] = image, 0.0
        work[k + 1 :, k + 1 :] -= (tau * v)[:, None] * (v @ work[k + 1 :, k + 1 :])
        work[:, k + 1 :] -= (work[:, k + 1 :] @ (tau * v))[:, None] * v
    return work, np.eye(n) - V @ accumulate(V, taus) @ V.T


def schur(A: npt.ArrayLike) -> Schur:
    r"""The complex Schur form :math:`A = Z T Z^*`; the eigenvalues of A are the diagonal of T.

    Reflections bring A to Hessenberg form, QR steps with Wilkinson's shift make it triangular (Golub, Van Loan: Matrix
    Computations, 4th ed., 7.5, in complex arithmetic, where one shift does the work of Francis' two). O(n³).

    Args:
        A: Real, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        ConvergenceError: if an eigenvalue does not settle, which is hardly known to happen.

    >>> sorted(schur([[0.0, -1.0], [1.0, 0.0]]).T.diagonal().round(12).tolist(), key=lambda value: value.imag)
    [-1j, 1j]
    """
    matrix = square(A, "A")
    scale = float(np.abs(matrix).max()) or 1.0
    H, Q = hessenberg(matrix / scale)
    T, Z = H.astype(np.complex128), Q.astype(np.complex128)
    high, steps = len(T) - 1, 0
    while high > 0:
        low = _active_block(T, high)
        if low == high:
            high, steps = high - 1, 0
            continue
        steps += 1
        if steps > _STEPS_PER_VALUE:
            raise ConvergenceError(f"eigenvalue {high} did not settle within {_STEPS_PER_VALUE} QR steps")
        _qr_step(T, Z, low, high, _shift(T, high, exceptional=steps % 10 == 0))
    return Schur(scale * np.triu(T), Z)


def eig(A: npt.ArrayLike) -> Eigen:
    r"""All eigenvalues and eigenvectors of a square matrix, :math:`A V = V \Lambda`.

    By `schur` and back substitution in :math:`(T - \lambda I) x = 0`. A defective matrix has too few eigenvectors; it
    gets nearly parallel ones, as from LAPACK. O(n³).

    Args:
        A: Real, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, ConvergenceError: as `schur`.

    >>> values, vectors = eig([[0.0, -1.0], [1.0, 0.0]])
    >>> np.allclose(np.array([[0.0, -1.0], [1.0, 0.0]]) @ vectors, vectors * values)
    True
    """
    T, Z = schur(A)
    n = len(T)
    smallest = max(EPS * float(np.abs(T).max()), float(np.finfo(np.float64).tiny))
    triangular = np.zeros((n, n), dtype=np.complex128)
    for k in range(n):
        x = triangular[:, k]
        x[k] = 1.0
        for i in range(k - 1, -1, -1):
            gap = T[i, i] - T[k, k]
            x[i] = -(T[i, i + 1 : k + 1] @ x[i + 1 : k + 1]) / (gap if abs(gap) > smallest else smallest)
            if abs(x[i]) > 1e100:
                x /= abs(x[i])
        x /= np.abs(x).max()
    vectors = Z @ triangular
    return Eigen(T.diagonal().copy(), vectors / np.sqrt((np.abs(vectors) ** 2).sum(axis=0)))


def _iterate(
    matrix: Array, apply: Callable[[Array], Array], start: npt.ArrayLike | None, tol: float, max_iter: int
) -> Eigenpair:
    tol, max_iter = number_in(tol, "tol", 0), positive_int(max_iter, "max_iter")
    x = np.random.default_rng(0).standard_normal(len(matrix)) if start is None else as_vector(start, "start")
    if len(x) != len(matrix):
        raise ShapeError(f"start must have shape ({len(matrix)},), got {x.shape}")
    if not x.any():
        raise RangeError("start must not be zero")
    x = x / norm(x)
    size = norm(matrix.ravel())
    for _ in range(max_iter):
        image = matrix @ x
        value = float(x @ image)
        # Rounding alone leaves a residual of a few units in the last place of the norm.
        if norm(image - value * x) <= max(tol, 4 * EPS) * size:
            return Eigenpair(value, x)
        x = apply(x)
        length = norm(x)
        x = x / length
    raise ConvergenceError(f"no convergence within {max_iter} steps: no single real eigenvalue dominates by enough")


def _tridiagonal(work: Array) -> tuple[Array, Array, Array]:
    """Diagonal, subdiagonal and orthogonal Q of A = Q T Qᵀ; overwrites A."""
    n = len(work)
    V, taus, beside = np.zeros((n, max(n - 2, 0))), np.zeros(max(n - 2, 0)), np.zeros(n - 1)
    for k in range(n - 2):
        v, tau, beside[k] = reflector(work[k + 1 :, k])
        V[k + 1 :, k], taus[k] = v, tau
        rest = work[k + 1 :, k + 1 :]
        p = tau * (rest @ v)
        w = p - (tau / 2 * (p @ v)) * v
        change = v[:, None] * w
        rest -= change
        rest -= change.T
    if n > 1:
        beside[n - 2] = work[n - 1, n - 2]
    return work.diagonal().copy(), beside, np.eye(n) - V @ accumulate(V, taus) @ V.T


def _active_block(T: Complex, high: int) -> int:
    """First row of the unreduced block that ends at `high`; a subdiagonal entry lost in rounding becomes zero."""
    for low in range(high, 0, -1):
        beside = abs(T[low - 1, low - 1]) + abs(T[low, low])
        if abs(T[low, low - 1]) <= EPS * beside + 1e-290:
            T[low, low - 1] = 0.0
            return low
    return 0


def _shift(T: Complex, high: int, *, exceptional: bool) -> complex:
    """The eigenvalue of the last 2×2 block that is nearer to its last entry; or something else, to break a cycle."""
    a, b, c, d = (complex(T[i, j]) for i in (high - 1, high) for j in (high - 1, high))
    if exceptional:
        return d + abs(c)
    half = (a - d) / 2
    root = cmath.sqrt(half * half + b * c)
    if (half.conjugate() * root).real < 0:
        root = -root
    return d - b * c / (half + root) if half + root != 0 else d


def _qr_step(T: Complex, Z: Complex, low: int, high: int, shift: complex) -> None:
    """Chases one bulge down the block from `low` to `high`."""
    x, bulge = complex(T[low, low]) - shift, complex(T[low + 1, low])
    for k in range(low, high):
        r = math.hypot(abs(x), abs(bulge))
        if r > 0:
            turn = np.array([[x.conjugate(), bulge.conjugate()], [-bulge, x]]) / r
            start, end = max(k - 1, low), min(k + 2, high) + 1
            T[k : k + 2, start:] = turn @ T[k : k + 2, start:]
            T[:end, k : k + 2] = T[:end, k : k + 2] @ turn.conj().T
            Z[:, k : k + 2] = Z[:, k : k + 2] @ turn.conj().T
            if k > low:
                T[k + 1, k - 1] = 0.0
        if k < high - 1:
            x, bulge = complex(T[k + 1, k]), complex(T[k + 2, k])
