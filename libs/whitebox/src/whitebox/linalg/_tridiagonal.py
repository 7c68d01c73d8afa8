"""Eigenvalues of symmetric tridiagonal matrices: QR steps for small ones, divide and conquer for the others."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import ConvergenceError
from whitebox.linalg._checks import EPS
from whitebox.linalg._qr import rotation

# Up to this size QR steps, one rotation after the other, are faster than merging.
_LEAF = 16

# QR iteration takes two or three steps an eigenvalue, the secular equation a handful; more mean that all is not well.
_STEPS_PER_VALUE = 60


def diagonalise(diagonal: Array, beside: Array) -> tuple[Array, Array]:
    r"""Eigenvalues in rising order and eigenvectors, as columns, of a tridiagonal matrix with entries of order 1.

    Cuppen's method: without one entry :math:`\beta` beside the diagonal the matrix falls in two,

    .. math:: T = \begin{pmatrix} T_1 & \\ & T_2 \end{pmatrix} + |\beta|\, w w^\top

    and from the eigenvectors of the halves those of T follow by `_rank_one_update`, nearly all of it a matrix product
    (Cuppen 1981; Gu, Eisenstat: A Divide-and-Conquer Algorithm for the Symmetric Tridiagonal Eigenproblem, 1995). O(n³)
    at worst, far less where eigenvalues cluster.

    Args:
        diagonal: Shape (n,).
        beside: Shape (n - 1,).
    """
    n = len(diagonal)
    if n <= _LEAF:
        rows = np.eye(n)
        values = np.array(_qr_steps(diagonal.tolist(), beside.tolist(), rows))
        order = np.argsort(values, kind="stable")
        return values[order], rows[order].T
    half = n // 2
    beta = float(beside[half - 1])
    diagonal = diagonal.copy()
    diagonal[half - 1 : half + 1] -= abs(beta)
    upper, Q1 = diagonalise(diagonal[:half], beside[: half - 1])
    lower, Q2 = diagonalise(diagonal[half:], beside[half:])
    values = np.concatenate([upper, lower])
    order = np.argsort(values, kind="stable")
    Q = np.zeros((n, n))
    Q[:half, :half], Q[half:, half:] = Q1, Q2
    # Qᵀ w, scaled to length one.
    z = np.concatenate([Q1[-1], math.copysign(1.0, beta) * Q2[0]]) / math.sqrt(2)
    return _rank_one_update(values[order], z[order], 2 * abs(beta), Q[:, order])


def _rank_one_update(d: Array, z: Array, rho: float, Q: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors of Q (diag(d) + ρ z zᵀ) Qᵀ, with d rising; overwrites its arguments."""
    kept = _deflate(d, z, rho, Q)
    if kept.size:
        values, U = _secular(d[kept], z[kept], rho)
        d[kept], Q[:, kept] = values, Q[:, kept] @ U
    order = np.argsort(d, kind="stable")
    return d[order], Q[:, order]


def _deflate(d: Array, z: Array, rho: float, Q: Array) -> npt.NDArray[np.intp]:
    """Takes out what the update does not change to rounding, and gives the places that it does change.

    Where two entries of d are equal, a rotation makes one of the two entries of z zero.
    """
    tolerance = 8 * EPS * max(float(np.abs(d).max()), float(np.abs(z).max()))
    kept: list[int] = []
    for i in np.flatnonzero(rho * np.abs(z) > tolerance).tolist():
        if kept:
            p = kept[-1]
            length = math.hypot(z[i], z[p])
            c, s = z[i] / length, -z[p] / length
            if abs((d[i] - d[p]) * c * s) <= tolerance:
                z[i], z[p] = length, 0.0
                Q[:, p], Q[:, i] = c * Q[:, p] + s * Q[:, i], c * Q[:, i] - s * Q[:, p]
                d[p], d[i] = d[p] * c * c + d[i] * s * s, d[p] * s * s + d[i] * c * c
                kept.pop()
        kept.append(i)
    return np.array(kept, dtype=np.intp)


def _secular(d: Array, z: Array, rho: float) -> tuple[Array, Array]:
    r"""Eigenvalues and eigenvectors of diag(d) + ρ z zᵀ, with d rising strictly and no zero in z.

    The eigenvalues solve :math:`1 + \rho \sum_i z_i^2 / (d_i - \lambda) = 0`, one in each gap of d and one beyond. All
    are sought at once: in each gap the sums over the poles on either side are replaced by one pole each that has the
    same slope (the "middle way" of Li, 1993), inside a bracket that makes sure.
    """
    weights = rho * z * z
    ends = np.append(d[1:], d[-1] + weights.sum())
    middle = (ends - d) / 2
    at_middle = 1 + (weights[:, None] / ((d[:, None] - d) - middle)).sum(axis=0)
    # Distances are measured from the nearer end, lest eigenvalues close to it lose their digits.
    left = at_middle >= 0
    origin = np.where(left, d, ends)
    origin[-1] = d[-1]
    low, high = np.where(left, 0.0, -middle), np.where(left, middle, 0.0)
    low[-1], high[-1] = (0.0, middle[-1]) if left[-1] else (middle[-1], 2 * middle[-1])
    poles = d[:, None] - origin
    before = np.arange(len(d))[:, None] <= np.arange(len(d))
    root = (low + high) / 2
    for _ in range(_STEPS_PER_VALUE):
        gaps = poles - root
        terms = weights[:, None] / gaps
        slopes = terms / gaps
        psi, phi = np.where(before, terms, 0.0).sum(axis=0), np.where(before, 0.0, terms).sum(axis=0)
        value = 1 + psi + phi
        done = np.abs(value) <= EPS * len(d) * (1 + np.abs(psi) + np.abs(phi))
        if done.all():
            break
        low, high = np.where(value < 0, root, low), np.where(value > 0, root, high)
        moved = root + _middle_way(value, gaps, slopes, before)
        outside = ~((moved > low) & (moved < high))
        moved[outside] = (low[outside] + high[outside]) / 2
        # A bracket without a number inside it has found its root.
        done |= (moved == root) | (moved == low) | (moved == high)
        if done.all():
            break
        root = np.where(done, root, moved)
    else:
        raise ConvergenceError(f"the secular equation was not solved within {_STEPS_PER_VALUE} steps")
    return origin + root, _eigenvectors(d, z, poles - root)


def _middle_way(value: Array, gaps: Array, slopes: Array, before: npt.NDArray[np.bool_]) -> Array:
    """Correction of every root: the zero of c + s / (x - d_k) + S / (x - d_{k+1}) that lies between the two poles."""
    psi_slope = np.where(before, slopes, 0.0).sum(axis=0)
    phi_slope = np.where(before, 0.0, slopes).sum(axis=0)
    here = gaps.diagonal()
    following = np.append(gaps.diagonal(-1), 1.0)
    a = (here + following) * value - here * following * (psi_slope + phi_slope)
    b = here * following * value
    c = value - here * psi_slope - following * phi_slope
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(a * a - 4 * b * c, 0.0))
        step: Array = np.where(a <= 0, (a - root) / (2 * c), 2 * b / (a + root))
        # Beyond the last pole there is no other one.
        step[-1] = here[-1] + psi_slope[-1] * here[-1] ** 2 / (value[-1] - here[-1] * psi_slope[-1])
    return step


def _eigenvectors(d: Array, z: Array, gaps: Array) -> Array:
    r"""Columns :math:`\hat z_i / (d_i - \lambda_j)`, with :math:`\hat z` the vector for which the roots are exact.

    .. math:: \hat z_i^2 \propto \prod_j (\lambda_j - d_i) \Big/ \prod_{j \ne i} (d_j - d_i)

    That makes them orthogonal to rounding, however close the roots are (Gu, Eisenstat).
    """
    n = len(d)
    differences = d - d[:, None]
    # Each root is paired with a pole next to it, so that every factor is of order one.
    paired = np.ones((n, n))
    lower = np.tri(n, n, -1, dtype=bool)
    paired[:, :-1] = np.where(lower[:, :-1], differences[:, :-1], differences[:, 1:])
    exact = np.copysign(np.sqrt(np.prod(-gaps / paired, axis=1)), z)
    vectors = exact[:, None] / gaps
    normal: Array = vectors / np.sqrt(np.einsum("ij,ij->j", vectors, vectors))
    return normal


def _qr_steps(d: list[float], e: list[float], rows: Array) -> list[float]:
    """Implicit QR steps with Wilkinson's shift; the rotations are applied to `rows` too."""
    high, steps = len(d) - 1, 0
    turn, turned = np.empty((2, 2)), np.empty((2, rows.shape[1]))
    while high > 0:
        low = high
        while low > 0 and abs(e[low - 1]) > EPS * (abs(d[low - 1]) + abs(d[low])) + 1e-290:
            low -= 1
        if low > 0:
            e[low - 1] = 0.0
        if low == high:
            high, steps = high - 1, 0
            continue
        steps += 1
        if steps > _STEPS_PER_VALUE:
            raise ConvergenceError(f"eigenvalue {high} did not settle within {_STEPS_PER_VALUE} QR steps")
        ratio = (d[high - 1] - d[high]) / (2 * e[high - 1])
        shift = d[high] - e[high - 1] / (ratio + math.copysign(math.hypot(ratio, 1.0), ratio))
        x, bulge = d[low] - shift, e[low]
        for k in range(low, high):
            c, s, r = rotation(x, bulge)
            if k > low:
                e[k - 1] = r
            above, below, off = d[k], d[k + 1], e[k]
            d[k] = c * c * above + 2 * c * s * off + s * s * below
            d[k + 1] = s * s * above - 2 * c * s * off + c * c * below
            e[k] = c * s * (below - above) + (c * c - s * s) * off
            if k < high - 1:
                x, bulge = e[k], s * e[k + 1]
                e[k + 1] *= c
            turn[0, 0] = turn[1, 1] = c
            turn[0, 1], turn[1, 0] = s, -s
            np.dot(turn, rows[k : k + 2], out=turned)
            rows[k : k + 2] = turned
    return d
