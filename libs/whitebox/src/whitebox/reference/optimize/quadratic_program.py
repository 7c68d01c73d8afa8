"""Quadratic programmes, on lists."""

from __future__ import annotations

from whitebox.reference.linalg._basic import Matrix, Vector, dot, times, transpose
from whitebox.reference.linalg._lu import solve


def solve_qp(
    P: Matrix, q: Vector, inequalities: tuple[Matrix, Vector], equalities: tuple[Matrix, Vector]
) -> tuple[Vector, Vector, Vector]:
    """Newton steps towards products of slack and multiplier that are a tenth of the present ones: x, z and y.

    The plain path-following method, on the whole system in one piece.

    >>> x, z, _ = solve_qp([[2.0]], [-4.0], ([[1.0]], [1.0]), ([], []))
    >>> round(x[0], 6), round(z[0], 6)
    (1.0, 2.0)
    """
    (G, h), (A, b) = inequalities, equalities
    n, m, p = len(q), len(h), len(b)
    x, z, s, y = [0.0] * n, [1.0] * m, [1.0] * m, [0.0] * p
    Gt, At = transpose(G), transpose(A) if A else [[] for _ in range(n)]
    for _ in range(100):
        dual = [
            a + c + d + e
            for a, c, d, e in zip(times(P, x), q, times(Gt, z), times(At, y) if p else [0.0] * n, strict=True)
        ]
        equal = [left - right for left, right in zip(times(A, x), b, strict=True)]
        upper = [left + slack - right for left, slack, right in zip(times(G, x), s, h, strict=True)]
        gap = dot(s, z) / m
        if max(map(abs, [*dual, *equal, *upper, gap])) <= 1e-11:
            break
        # Unknowns: dx, dz, dy, ds.
        matrix = (
            [[*P[i], *Gt[i], *At[i], *([0.0] * m)] for i in range(n)]
            + [[*A[i], *([0.0] * (m + p + m))] for i in range(p)]
            + [[*G[i], *([0.0] * (m + p)), *(float(i == j) for j in range(m))] for i in range(m)]
            + [
                [*([0.0] * n), *(s[i] * (i == j) for j in range(m)), *([0.0] * p), *(z[i] * (i == j) for j in range(m))]
                for i in range(m)
            ]
        )
        goal = [gap / 10 - slack * multiplier for slack, multiplier in zip(s, z, strict=True)]
        step = solve(matrix, [*(-r for r in [*dual, *equal, *upper]), *goal])
        dx, dz, dy, ds = step[:n], step[n : n + m], step[n + m : n + m + p], step[n + m + p :]
        length = 1.0
        for value, change in zip([*s, *z], [*ds, *dz], strict=True):
            if change < 0:
                length = min(length, -0.95 * value / change)
        x = [a + length * d for a, d in zip(x, dx, strict=True)]
        z = [a + length * d for a, d in zip(z, dz, strict=True)]
        y = [a + length * d for a, d in zip(y, dy, strict=True)]
        s = [a + length * d for a, d in zip(s, ds, strict=True)]
    return x, z, y
