"""Eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, identity, matmul, norm, times, transpose
from whitebox.reference.linalg._lu import solve


def power_iteration(A: Rows, start: Sequence[float], steps: int = 2000) -> tuple[float, Vector]:
    """The eigenvalue of largest magnitude: whatever x is at first, A pulls it towards that one's eigenvector.

    >>> value, vector = power_iteration([[2.0, 1.0], [1.0, 2.0]], [1.0, 0.0])
    >>> round(value, 9)
    3.0
    """
    x = list(start)
    for _ in range(steps):
        x = times(A, x)
        length = norm(x)
        x = [entry / length for entry in x]
    return dot(x, times(A, x)), x


def inverse_iteration(A: Rows, shift: float, start: Sequence[float], steps: int = 400) -> tuple[float, Vector]:
    """The eigenvalue nearest to `shift`, whose inverse distance is the largest one of the inverse of A - shift I.

    >>> round(inverse_iteration([[2.0, 1.0], [1.0, 2.0]], 0.9, [1.0, 0.0])[0], 9)
    1.0
    """
    shifted = [[entry - shift * (i == j) for j, entry in enumerate(row)] for i, row in enumerate(A)]
    x = list(start)
    for _ in range(steps):
        x = solve(shifted, x)
        length = norm(x)
        x = [entry / length for entry in x]
    return dot(x, times(A, x)), x


def eigh(A: Rows) -> tuple[Vector, Matrix]:
    """Values in rising order and vectors, as columns, of a symmetric matrix (Jacobi 1846).

    Every rotation in the plane of i and j makes one entry beside the diagonal zero and their sum of squares smaller.

    >>> [round(value, 9) for value in eigh([[2.0, 1.0], [1.0, 2.0]])[0]]
    [1.0, 3.0]
    """
    S, V = [list(row) for row in A], identity(len(A))
    n = len(S)
    for _ in range(60):
        for i in range(n):
            for j in range(i + 1, n):
                if S[i][j] == 0:
                    continue
                angle = math.atan2(2 * S[i][j], S[i][i] - S[j][j]) / 2
                turn = identity(n)
                turn[i][i] = turn[j][j] = math.cos(angle)
                turn[j][i], turn[i][j] = math.sin(angle), -math.sin(angle)
                S, V = matmul(transpose(turn), matmul(S, turn)), matmul(V, turn)
                S[i][j] = S[j][i] = 0.0
        if all(S[i][j] == 0 for i in range(n) for j in range(i)):
            break
    order = sorted(range(n), key=lambda k: S[k][k])
    return [S[k][k] for k in order], [[row[k] for k in order] for row in V]


def eig(A: Rows) -> list[complex]:
    r"""All eigenvalues, as the roots of the characteristic polynomial.

    Its coefficients come from traces, with :math:`M_k = A M_{k-1} + c_{n-k+1} I` and :math:`c_{n-k} = -\mathrm{tr}(A
    M_k) / k` (Faddeev, Le Verrier), its roots from moving all guesses at once (Durand 1960, Kerner 1966). Fine for
    small matrices only: the roots are far more sensitive than the eigenvalues.

    >>> sorted((round(value.real, 6), round(value.imag, 6)) for value in eig([[0.0, -1.0], [1.0, 0.0]]))
    [(0.0, -1.0), (0.0, 1.0)]
    """
    n = len(A)
    coefficients, M = [1.0], [[0.0] * n for _ in range(n)]
    for k in range(1, n + 1):
        M = [[entry + coefficients[-1] * (i == j) for j, entry in enumerate(row)] for i, row in enumerate(matmul(A, M))]
        product = matmul(A, M)
        coefficients.append(-sum(product[i][i] for i in range(n)) / k)
    radius = 1 + max(map(abs, coefficients[1:]))
    roots = [radius * (0.4 + 0.9j) ** k for k in range(n)]
    for _ in range(500):
        for i, root in enumerate(roots):
            value = complex(0)
            for coefficient in coefficients:
                value = value * root + coefficient
            others = complex(1)
            for j, other in enumerate(roots):
                others *= root - other if j != i else 1
            if others != 0:
                roots[i] = root - value / others
    return roots
