"""The Rauch–Tung–Striebel smoother."""

from __future__ import annotations

from whitebox.reference.filtering import kalman
from whitebox.reference.filtering._matrices import add, plus
from whitebox.reference.linalg._basic import Matrix, Rows, Vector, matmul, times, transpose
from whitebox.reference.linalg._lu import inverse


def rts(F: Rows, Q: Rows, means: list[Vector], covariances: list[Matrix]) -> tuple[list[Vector], list[Matrix]]:
    """Means and covariances given all observations, from those given the observations up to each time.

    >>> rts([[1.0]], [[1.0]], [[0.0], [3.0]], [[[1.0]], [[1.0]]])
    ([[1.5], [3.0]], [[[0.75]], [[1.0]]])
    """
    smoothed, spreads = [means[-1]], [covariances[-1]]
    for m, P in zip(means[-2::-1], covariances[-2::-1], strict=True):
        expected, predicted = kalman.predict(F, Q, m, P)
        G = matmul(matmul(P, transpose(F)), inverse(predicted))
        smoothed.append(plus(m, times(G, plus(smoothed[-1], expected, -1.0))))
        spreads.append(add(P, matmul(matmul(G, add(spreads[-1], predicted, -1.0)), transpose(G))))
    return smoothed[::-1], spreads[::-1]
