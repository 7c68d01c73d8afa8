"""Orthogonalisation."""

from __future__ import annotations

import math

from whitebox.reference.linalg._basic import Matrix, Rows, dot, identity, matmul, norm, transpose


def qr(A: Rows) -> tuple[Matrix, Matrix]:
    """Square Q and R with A = Q R: one mirror after the other turns a column onto its axis (Householder 1958).

    >>> Q, R = qr([[3.0, 1.0], [4.0, 2.0]])
    >>> [[round(entry, 9) + 0 for entry in row] for row in R]
    [[-5.0, -2.2], [0.0, 0.4]]
    """
    R = [list(row) for row in A]
    m, n = len(R), len(R[0])
    Q = identity(m)
    for k in range(min(m - 1, n)):
        v = [0.0] * k + [row[k] for row in R[k:]]
        v[k] += math.copysign(norm(v), v[k])  # away from zero, so that nothing cancels
        square = dot(v, v)
        if square == 0:
            continue
        mirror = [[float(i == j) - 2 * v[i] * v[j] / square for j in range(m)] for i in range(m)]
        R, Q = matmul(mirror, R), matmul(Q, mirror)
    return Q, R


def gram_schmidt(A: Rows) -> tuple[Matrix, Matrix]:
    """Q with orthonormal columns and R with A = Q R: take from each column its share of every one before it.

    >>> gram_schmidt([[3.0, 0.0], [4.0, 5.0]])[1]
    [[5.0, 4.0], [0.0, 3.0]]
    """
    columns = transpose(A)
    n = len(columns)
    R = [[0.0] * n for _ in range(n)]
    for k in range(n):
        for _ in range(2):  # what rounding left of a share in the first pass goes in the second
            for j in range(k):
                share = dot(columns[j], columns[k])
                R[j][k] += share
                columns[k] = [x - share * q for x, q in zip(columns[k], columns[j], strict=True)]
        R[k][k] = norm(columns[k])
        columns[k] = [x / R[k][k] for x in columns[k]]
    return transpose(columns), R
