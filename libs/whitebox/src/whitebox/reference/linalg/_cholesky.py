"""Symmetric matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, identity, matmul, transpose
from whitebox.reference.linalg._lu import inverse
from whitebox.reference.linalg._triangular import solve_triangular


def cholesky(A: Rows) -> Matrix:
    """The lower triangular L with A = L Lᵀ: row by row, each entry from the ones before it.

    >>> cholesky([[4.0, 2.0], [2.0, 5.0]])
    [[2.0, 0.0], [1.0, 2.0]]
    """
    n = len(A)
    L = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            L[i][j] = (A[i][j] - dot(L[i][:j], L[j][:j])) / L[j][j]
        L[i][i] = math.sqrt(A[i][i] - dot(L[i][:i], L[i][:i]))
    return L


def solve_positive_definite(A: Rows, b: Sequence[float]) -> Vector:
    """Solves A x = b by L y = b, Lᵀ x = y.

    >>> solve_positive_definite([[4.0, 2.0], [2.0, 5.0]], [8.0, 12.0])
    [1.0, 2.0]
    """
    L = cholesky(A)
    return solve_triangular(transpose(L), solve_triangular(L, b, lower=True), lower=False)


def ldl(A: Rows) -> tuple[list[int], Matrix, Matrix]:
    """Order, L and D with A[order][:, order] = L D Lᵀ, by complete pivoting (Bunch, Parlett 1971).

    The largest diagonal entry becomes the pivot, unless some entry beside the diagonal is much larger: then the 2×2
    block around that one does.

    >>> ldl([[0.0, 1.0], [1.0, 0.0]])
    ([0, 1], [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])
    """
    n = len(A)
    S, order = [list(row) for row in A], list(range(n))
    L, D = identity(n), [[0.0] * n for _ in range(n)]
    k = 0
    while k < n:
        largest = max(range(k, n), key=lambda i: abs(S[i][i]))
        beside = max(((i, j) for i in range(k, n) for j in range(k, i)), key=lambda p: abs(S[p[0]][p[1]]), default=None)
        if beside is None or abs(S[largest][largest]) >= (1 + math.sqrt(17)) / 8 * abs(S[beside[0]][beside[1]]):
            pivots = [largest]
        else:
            pivots = [beside[1], beside[0]]
        for place, pivot in enumerate(pivots, start=k):
            S[place], S[pivot] = S[pivot], S[place]
            for row in S:
                row[place], row[pivot] = row[pivot], row[place]
            order[place], order[pivot] = order[pivot], order[place]
            L[place][:k], L[pivot][:k] = L[pivot][:k], L[place][:k]
        end = k + len(pivots)
        block = [row[k:end] for row in S[k:end]]
        for i, row in enumerate(block):
            D[k + i][k:end] = row
        if any(map(any, block)) and end < n:
            below = [row[k:end] for row in S[end:]]
            multipliers = matmul(below, inverse(block))
            change = matmul(multipliers, transpose(below))
            for i in range(end, n):
                L[i][k:end] = multipliers[i - end]
                S[i][end:] = [s - c for s, c in zip(S[i][end:], change[i - end], strict=True)]
        k = end
    return order, L, D
