"""Orthogonalisation: Householder reflections, Givens rotations, Gram and Schmidt."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix
from whitebox.errors import RangeError, SingularMatrixError
from whitebox.linalg._checks import EPS, norm

_LEAF = 12


class QR(NamedTuple):
    """`A = Q @ R` with orthonormal columns in Q and R upper triangular.

    Attributes:
        Q: Shape (m, r) with r = min(m, n), or (m, m) when complete.
        R: Shape (r, n), or (m, n) when complete.
    """

    Q: Array
    R: Array


def qr(A: npt.ArrayLike, *, method: Literal["householder", "givens"] = "householder", complete: bool = False) -> QR:
    r"""Factors :math:`A = Q R`.

    "householder" reflects: the product of the reflections :math:`I - \tau v v^\top` is kept as :math:`I - V T V^\top`,
    and columns are halved recursively, so that nearly all work is matrix products (Elmroth, Gustavson: Applying
    Recursion to Serial and Parallel QR Factorization, 2000). "givens" turns two rows at a time, which pays for matrices
    that are nearly triangular. Both are backward stable, and columns may depend on each other. The signs of R's
    diagonal are arbitrary. O(m · n · r).

    Args:
        A: Shape (m, n).
        method: "householder" or "givens".
        complete: Whether Q is to be square.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: for an unknown method.

    >>> Q, R = qr([[3.0, 1.0], [4.0, 2.0]])
    >>> np.allclose(Q @ R, [[3.0, 1.0], [4.0, 2.0]]), np.allclose(Q.T @ Q, np.eye(2)), float(R[1, 0])
    (True, True, 0.0)
    """
    work = as_matrix(A, "A").copy()
    if method == "householder":
        return _householder_qr(work, complete)
    if method == "givens":
        return _givens_qr(work, complete)
    raise RangeError(f"method must be 'householder' or 'givens', got {method!r}")


def gram_schmidt(A: npt.ArrayLike) -> QR:
    r"""Orthonormalises columns by modified Gram–Schmidt, each one twice; R has a positive diagonal.

    .. math:: q_k = \frac{a_k - \sum_{j<k} (q_j \cdot a_k)\, q_j}{\lVert a_k - \sum_{j<k} (q_j \cdot a_k)\, q_j \rVert}

    One pass loses orthogonality as A gets ill-conditioned, a second restores it ("twice is enough", Giraud, Langou,
    Rozložník, van den Eshof 2005). O(m · n²).

    Args:
        A: Shape (m, n) with m ≥ n and independent columns.

    Returns:
        Q of shape (m, n) and R of shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        SingularMatrixError: if a column depends on the ones before it.

    >>> gram_schmidt([[3.0, 1.0], [4.0, 2.0]]).R.round(12).tolist()
    [[5.0, 2.2], [0.0, 0.4]]
    """
    Q = as_matrix(A, "A").copy(order="F")
    m, n = Q.shape
    R = np.zeros((n, n))
    for k in range(n):
        length = norm(Q[:, k])
        for _ in range(2):
            for j in range(k):
                share = Q[:, j] @ Q[:, k]
                R[j, k] += share
                Q[:, k] -= share * Q[:, j]
        R[k, k] = norm(Q[:, k])
        if R[k, k] <= 10 * m * EPS * length:
            raise SingularMatrixError(f"column {k} of A depends on the columns before it")
        Q[:, k] /= R[k, k]
    return QR(Q, R)


def reflector(x: Array) -> tuple[Array, float, float]:
    r"""The reflection :math:`H = I - \tau v v^\top` with :math:`v_0 = 1` that maps x onto its first axis.

    Returns:
        v, :math:`\tau`, and the first entry of :math:`H x`, whose sign is chosen so that nothing cancels.
    """
    rest = norm(x[1:])
    if rest == 0:
        return np.append(1.0, np.zeros(len(x) - 1)), 0.0, float(x[0])
    first = float(x[0])
    image = -math.copysign(math.hypot(first, rest), first)
    v = x / (first - image)
    v[0] = 1.0
    return v, (image - first) / image, image


def accumulate(V: Array, taus: Array) -> Array:
    r"""The upper triangular T with :math:`(I - \tau_1 v_1 v_1^\top) \cdots (I - \tau_k v_k v_k^\top) = I - V T V^\top`.

    (Schreiber, Van Loan: A Storage-Efficient WY Representation for Products of Householder Transformations, 1989.)
    """
    T = np.diag(taus)
    products = V.T @ V
    for k in range(1, len(taus)):
        T[:k, k] = -taus[k] * (T[:k, :k] @ products[:k, k])
    return T


def rotation(a: float, b: float) -> tuple[float, float, float]:
    """Cosine c, sine s and length r with (c a + s b, c b - s a) = (r, 0)."""
    r = math.hypot(a, b)
    return (a / r, b / r, r) if r > 0 else (1.0, 0.0, 0.0)


def _householder_qr(work: Array, complete: bool) -> QR:
    m, n = work.shape
    rank = min(m, n)
    V, T = _reflect(work[:, :rank])
    work[:, rank:] -= V @ (T.T @ (V.T @ work[:, rank:]))
    width = m if complete else rank
    Q = np.eye(m, width) - V @ (T @ V[:width].T)
    return QR(Q, np.triu(work[:width]))


def _reflect(work: Array) -> tuple[Array, Array]:
    """Overwrites A, with no more columns than rows, by R in its upper triangle; gives V and T of Q = I - V T Vᵀ."""
    m, n = work.shape
    if n > _LEAF:
        half = n // 2
        left, right = work[:, :half], work[:, half:]
        V1, T1 = _reflect(left)
        right -= V1 @ (T1.T @ (V1.T @ right))
        V2, T2 = _reflect(right[half:])
        V = np.zeros((m, n))
        V[:, :half], V[half:, half:] = V1, V2
        T = np.zeros((n, n))
        T[:half, :half], T[half:, half:] = T1, T2
        T[:half, half:] = -T1 @ (V1[half:].T @ V2) @ T2
        return V, T
    V, taus = np.zeros((m, n)), np.zeros(n)
    for k in range(n):
        v, taus[k], image = reflector(work[k:, k])
        V[k:, k] = v
        work[k, k] = image
        work[k:, k + 1 :] -= (taus[k] * v)[:, None] * (v @ work[k:, k + 1 :])
    return V, accumulate(V, taus)


def _givens_qr(work: Array, complete: bool) -> QR:
    m, n = work.shape
    turned = np.eye(m)
    for column in range(min(m - 1, n)):
        for row in range(m - 1, column, -1):
            if work[row, column] == 0:
                continue
            c, s, _ = rotation(float(work[row - 1, column]), float(work[row, column]))
            turn = np.array([[c, s], [-s, c]])
            work[row - 1 : row + 1, column:] = turn @ work[row - 1 : row + 1, column:]
            work[row, column] = 0.0
            turned[row - 1 : row + 1] = turn @ turned[row - 1 : row + 1]
    width = m if complete else min(m, n)
    return QR(turned[:width].T.copy(), np.triu(work[:width]))
