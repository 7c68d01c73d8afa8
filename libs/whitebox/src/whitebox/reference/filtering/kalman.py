"""The Kalman filter, as in the textbook."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.filtering._matrices import add, plus
from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, matmul, times, transpose
from whitebox.reference.linalg._lu import determinant, inverse


def predict(F: Rows, Q: Rows, mean: Sequence[float], covariance: Rows) -> tuple[Vector, Matrix]:
    """Mean F m and covariance F P Fᵀ + Q one step later.

    >>> predict([[2.0]], [[1.0]], [3.0], [[1.0]])
    ([6.0], [[5.0]])
    """
    return times(F, mean), add(matmul(matmul(F, covariance), transpose(F)), Q)


def update(
    H: Rows, R: Rows, observation: Sequence[float], mean: Sequence[float], covariance: Rows
) -> tuple[Vector, Matrix, float]:
    """Mean m + K v, covariance P - K S Kᵀ and log-likelihood; entries that are NaN are left out.

    >>> update([[1.0]], [[1.0]], [4.0], [0.0], [[1.0]])[:2]
    ([2.0], [[0.5]])
    """
    seen = [i for i, y in enumerate(observation) if not math.isnan(y)]
    if not seen:
        return list(mean), [list(row) for row in covariance], 0.0
    H, R = [H[i] for i in seen], [[R[i][j] for j in seen] for i in seen]
    v = plus([observation[i] for i in seen], times(H, mean), -1.0)
    return linear_update(H, R, v, mean, covariance)


def linear_update(
    H: Rows, R: Rows, v: Sequence[float], mean: Sequence[float], covariance: Rows
) -> tuple[Vector, Matrix, float]:
    """The same from the innovation v.

    >>> linear_update([[1.0]], [[1.0]], [4.0], [0.0], [[1.0]])[:2]
    ([2.0], [[0.5]])
    """
    S = add(matmul(matmul(H, covariance), transpose(H)), R)
    K = matmul(matmul(covariance, transpose(H)), inverse(S))
    nis = dot(v, times(inverse(S), v))
    log_likelihood = -(len(v) * math.log(2 * math.pi) + math.log(determinant(S)) + nis) / 2
    return plus(mean, times(K, v)), add(covariance, matmul(matmul(K, S), transpose(K)), -1.0), log_likelihood


def filter(  # noqa: A001, PLR0917  # the field's name, and its order of the matrices
    F: Rows, H: Rows, Q: Rows, R: Rows, mean: Vector, covariance: Matrix, observations: Rows
) -> tuple[list[Vector], list[Matrix], list[float]]:
    """Means, covariances and log-likelihoods after each observation.

    >>> filter([[1.0]], [[1.0]], [[0.0]], [[1.0]], [0.0], [[1.0]], [[4.0], [4.0]])[0]
    [[2.0], [2.6666666666666665]]
    """
    means, covariances, log_likelihoods = [], [], []
    for t, y in enumerate(observations):
        if t:
            mean, covariance = predict(F, Q, mean, covariance)
        mean, covariance, log_likelihood = update(H, R, y, mean, covariance)
        means.append(mean)
        covariances.append(covariance)
        log_likelihoods.append(log_likelihood)
    return means, covariances, log_likelihoods
