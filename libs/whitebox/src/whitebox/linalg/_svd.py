"""Singular values: one-sided Jacobi for all, random projection for the largest, and what follows from them."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.errors import ConvergenceError, RangeError, SingularMatrixError
from whitebox.linalg._checks import EPS, right_hand_side, square
from whitebox.linalg._eigen import eigh
from whitebox.linalg._lu import inverse
from whitebox.linalg._qr import qr
from whitebox.linalg.sparse import CSR

# Jacobi's sweeps converge quadratically; two to ten are usual.
_MAX_SWEEPS = 60
# Of squared lengths, where the largest entry is 1: below it products of entries lose digits to underflow.
_NO_DIGITS = 1e-280


class SVD(NamedTuple):
    """`A == (U * singular_values) @ Vt`, with singular values in falling order.

    Attributes:
        U: Orthonormal columns, shape (m, r).
        singular_values: Shape (r,).
        Vt: Orthonormal rows, shape (r, n).
    """

    U: Array
    singular_values: Array
    Vt: Array


class LeastSquares(NamedTuple):
    r"""What `lstsq` found.

    Attributes:
        solution: Shape (n,) or (n, r).
        residual: :math:`\lVert A x - b \rVert` of each right-hand side, shape () or (r,).
        rank: Number of singular values that count.
        singular_values: Shape (min(m, n),).
    """

    solution: Array
    residual: Array
    rank: int
    singular_values: Array


def svd(A: npt.ArrayLike) -> SVD:
    r"""The singular value decomposition :math:`A = U \Sigma V^\top`, with r = min(m, n).

    After a QR factorisation, rotations make the rows of R orthogonal in pairs, n / 2 disjoint pairs at a time (Hestenes
    1958; Brent, Luk 1985; Drmač, Veselić: New Fast and Accurate Jacobi SVD Algorithm, 2008). Where columns differ in
    scale, small singular values keep digits that bidiagonalisation loses. O(m · n · r + sweeps · r³), with two or three
    sweeps, or about ten for ill-conditioned matrices.

    Args:
        A: Shape (m, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        ConvergenceError: which no matrix is known to cause.

    >>> svd([[3.0, 0.0], [4.0, 5.0]]).singular_values.round(12).tolist()
    [6.708203932499, 2.2360679775]
    """
    matrix = as_matrix(A, "A")
    if matrix.shape[0] < matrix.shape[1]:
        U, values, Vt = svd(matrix.T)
        return SVD(Vt.T, values, U.T)
    scale = float(np.abs(matrix).max()) or 1.0
    scaled = matrix / scale
    # With the longest columns first, R is graded as rank-revealing factorisations have it, and sweeps are saved.
    order = np.argsort(-np.einsum("ij,ij->j", scaled, scaled), kind="stable")
    Q, R = qr(scaled[:, order])
    # The eigenvectors of R Rᵀ make the rows nearly orthogonal; what rounding of the product hides is left to rotations.
    rows = eigh(R @ R.T).vectors.T @ np.hstack([R, np.eye(len(R))])
    _orthogonalise_rows(rows, len(R))
    left, right = rows[:, len(R) :].T, rows[:, : len(R)]
    lengths = np.sqrt(np.einsum("ij,ij->i", right, right))
    falling = np.argsort(-lengths, kind="stable")
    lengths, left, right = lengths[falling], left[:, falling], right[falling]
    rank = int((lengths > 0).sum())
    right[:rank] /= lengths[:rank, None]
    if 0 < rank < len(right):
        # Any orthonormal rows may go with singular values of zero.
        right[rank:] = qr(right[:rank].T, complete=True).Q[:, rank:].T
    elif rank == 0:
        right = np.eye(len(right))
    Vt = np.empty_like(right)
    Vt[:, order] = right
    return SVD(Q @ left, scale * lengths, Vt)


def randomized_svd(
    A: npt.ArrayLike | CSR, k: int, rng: np.random.Generator, *, oversampling: int = 10, power_iterations: int = 4
) -> SVD:
    r"""The `k` largest singular values and their vectors, from a random projection.

    Q spans :math:`(A A^\top)^q A \Omega` for a Gaussian :math:`\Omega` of k + p columns; then
    :math:`A \approx Q\,\mathrm{svd}(Q^\top A)`. The expected error exceeds the best possible one by a factor that tends
    to 1 as q grows (Halko, Martinsson, Tropp: Finding Structure with Randomness, 2011, algorithm 4.4 and theorem
    10.6). O(m · n · (k + p) · q), nearly all of it matrix products.

    Args:
        A: Shape (m, n), dense or `CSR`.
        k: How many; at most min(m, n) are returned.
        rng: Source of :math:`\Omega`.
        oversampling: p.
        power_iterations: q; more where singular values fall slowly.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> A = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])
    >>> randomized_svd(A, 1, np.random.default_rng(0)).singular_values.round(9).tolist()
    [15.0]
    """
    matrix = A if isinstance(A, CSR) else as_matrix(A, "A")
    k = min(positive_int(k, "k"), *matrix.shape)
    width = min(k + int(number_in(oversampling, "oversampling", 0)), *matrix.shape)
    transposed = matrix.T
    Q = qr(matrix @ rng.standard_normal((matrix.shape[1], width))).Q
    for _ in range(int(number_in(power_iterations, "power_iterations", 0))):
        # Without orthonormalisation in between all columns would turn into the first singular vector.
        Q = qr(matrix @ qr(transposed @ Q).Q).Q
    U, values, Vt = svd((transposed @ Q).T)
    return SVD((Q @ U)[:, :k], values[:k], Vt[:k])


def lstsq(A: npt.ArrayLike, b: npt.ArrayLike, *, rcond: float | None = None) -> LeastSquares:
    r"""The shortest x that minimises :math:`\lVert A x - b \rVert_2`, by :math:`x = V \Sigma^+ U^\top b`.

    Args:
        A: Shape (m, n), of any rank.
        b: Shape (m,) or (m, r).
        rcond: Singular values up to this share of the largest count as zero; :math:`\varepsilon \max(m, n)` by default.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).solution.round(12).tolist()
    [1.0, 2.0]
    """
    matrix = as_matrix(A, "A")
    columns, single = right_hand_side(b, len(matrix))
    cutoff = EPS * max(matrix.shape) if rcond is None else number_in(rcond, "rcond", 0, 1)
    U, values, Vt = svd(matrix)
    rank = int((values > cutoff * values[0]).sum())
    x = Vt[:rank].T @ ((U[:, :rank].T @ columns) / values[:rank, None])
    residual = np.sqrt(((matrix @ x - columns) ** 2).sum(axis=0))
    if single:
        return LeastSquares(x[:, 0], residual[0], rank, values)
    return LeastSquares(x, residual, rank, values)


def condition_number(A: npt.ArrayLike, p: Literal["1", "2", "inf"] = "2") -> float:
    r"""How much solving :math:`A x = b` magnifies relative errors.

    .. math:: \kappa_p(A) = \lVert A \rVert_p \, \lVert A^{-1} \rVert_p

    In the 2-norm that is :math:`\sigma_{\max} / \sigma_{\min}`, for rectangular matrices too. Infinite where A is
    singular to the last bit; beyond :math:`10^{16}` the figure is rounding noise. O(n³).

    Args:
        A: Shape (m, n), square unless p is "2".
        p: Which norm.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> condition_number([[2.0, 0.0], [0.0, 0.5]])
    4.0
    """
    if p == "2":
        values = svd(A).singular_values
        return float(values[0] / values[-1]) if values[-1] > 0 else math.inf
    if p not in ("1", "inf"):
        raise RangeError(f"p must be '1', '2' or 'inf', got {p!r}")
    matrix = square(A, "A")
    try:
        inverted = inverse(matrix)
    except SingularMatrixError:
        return math.inf
    axis = 0 if p == "1" else 1
    return float(np.abs(matrix).sum(axis=axis).max() * np.abs(inverted).sum(axis=axis).max())


def _orthogonalise_rows(rows: Array, width: int) -> None:
    """Rotates pairs of rows until their first `width` entries are orthogonal."""
    players = len(rows) + len(rows) % 2
    bye = len(rows)
    for _ in range(_MAX_SWEEPS):
        turned = False
        circle = np.arange(players)
        for _ in range(players - 1):
            # A round-robin tournament: every round pairs all rows, all rounds pair every two.
            first, second = circle[: players // 2], circle[players // 2 :][::-1]
            playing = (first != bye) & (second != bye)
            turned |= _rotate_pairs(rows, first[playing], second[playing], width)
            circle[1:] = np.roll(circle[1:], 1)
        if not turned:
            return
    raise ConvergenceError(f"rows not orthogonal after {_MAX_SWEEPS} sweeps")


def _rotate_pairs(rows: Array, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp], width: int) -> bool:
    """Makes each of `first` orthogonal to its partner; says whether any was not."""
    x, y = rows[first], rows[second]
    xx = np.einsum("ij,ij->i", x[:, :width], x[:, :width])
    yy = np.einsum("ij,ij->i", y[:, :width], y[:, :width])
    xy = np.einsum("ij,ij->i", x[:, :width], y[:, :width])
    oblique = np.flatnonzero(np.abs(xy) > EPS * math.sqrt(width) * np.sqrt(xx) * np.sqrt(yy))
    if oblique.size == 0:
        return False
    # What is left of a row that depends on others shrinks with every sweep, to sizes whose squares have no digits.
    for norms, numbers in ((xx, first), (yy, second)):
        rows[numbers[oblique[norms[oblique] < _NO_DIGITS]], :width] = 0
    oblique = oblique[np.minimum(xx, yy)[oblique] >= _NO_DIGITS]
    zeta = (yy[oblique] - xx[oblique]) / (2 * xy[oblique])
    tangent = np.copysign(1.0, zeta) / (np.abs(zeta) + np.hypot(1.0, zeta))
    cosine = (1 / np.hypot(1.0, tangent))[:, None]
    sine = cosine * tangent[:, None]
    x, y = x[oblique], y[oblique]
    rows[first[oblique]] = cosine * x - sine * y
    rows[second[oblique]] = sine * x + cosine * y
    return True
