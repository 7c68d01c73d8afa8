"""Singular values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, identity, norm, transpose
from whitebox.reference.linalg._lu import inverse


def svd(A: Rows) -> tuple[Matrix, Vector, Matrix]:
    """U, the singular values in falling order, and Vᵀ; without the vectors of zeros (Hestenes 1958).

    Columns are rotated in pairs until all are orthogonal to each other; their lengths are the singular values then.

    >>> [round(value, 9) for value in svd([[3.0, 0.0], [4.0, 5.0]])[1]]
    [6.708203932, 2.236067977]
    """
    if len(A) < len(A[0]):
        U, values, Vt = svd(transpose(A))
        return transpose(Vt), values, transpose(U)
    columns, V = transpose(A), identity(len(A[0]))
    for _ in range(60):
        turned = False
        for i in range(len(columns)):
            for j in range(i + 1, len(columns)):
                x, y = columns[i], columns[j]
                if abs(dot(x, y)) <= 1e-15 * norm(x) * norm(y):
                    continue
                turned = True
                angle = math.atan2(2 * dot(x, y), dot(x, x) - dot(y, y)) / 2
                c, s = math.cos(angle), math.sin(angle)
                for rows in (columns, V):
                    x, y = rows[i], rows[j]
                    rows[i] = [c * a + s * b for a, b in zip(x, y, strict=True)]
                    rows[j] = [c * b - s * a for a, b in zip(x, y, strict=True)]
        if not turned:
            break
    order = sorted(range(len(columns)), key=lambda k: -norm(columns[k]))
    values = [norm(columns[k]) for k in order]
    kept = [(k, value) for k, value in zip(order, values, strict=True) if value > 0]
    return transpose([[a / value for a in columns[k]] for k, value in kept]), values, [V[k] for k, _ in kept]


def lstsq(A: Rows, b: Sequence[float], rcond: float = 1e-14) -> Vector:
    """The shortest x that minimises the length of A x - b: a sum over the singular directions.

    >>> [round(x, 9) for x in lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0])]
    [1.0, 2.0]
    """
    U, values, Vt = svd(A)
    x = [0.0] * len(A[0])
    for u, value, v in zip(transpose(U), values, Vt, strict=False):
        if value > rcond * values[0]:
            share = dot(u, b) / value
            x = [entry + share * direction for entry, direction in zip(x, v, strict=True)]
    return x


def condition_number(A: Rows, p: str = "2") -> float:
    """How much solving A x = b magnifies relative errors.

    >>> condition_number([[2.0, 0.0], [0.0, 0.5]])
    4.0
    """
    if p == "2":
        values = svd(A)[1]
        return values[0] / values[-1] if values[-1] > 0 else math.inf

    def largest(M: Rows) -> float:
        return max(sum(map(abs, row)) for row in (M if p == "inf" else transpose(M)))

    return largest(A) * largest(inverse(A))
