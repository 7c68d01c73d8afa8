"""The unscented Kalman filter, with the weights written out as van der Merwe does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from whitebox.reference.filtering._matrices import add, outer, plus
from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, matmul, times, transpose
from whitebox.reference.linalg._cholesky import cholesky
from whitebox.reference.linalg._lu import determinant, inverse

Function = Callable[[Vector], Vector]
Spread = tuple[float, float, float]


def sigma_points(mean: Vector, covariance: Rows, spread: Spread = (1e-3, 2.0, 0.0)) -> list[Vector]:
    """The mean, and the mean plus and minus √(n + λ) times each column of the covariance's root.

    λ = α² (n + κ) - n, with α, β and κ in `spread`.

    >>> sigma_points([0.0], [[4.0]], (1.0, 2.0, 0.0))
    [[0.0], [2.0], [-2.0]]
    """
    alpha, _, kappa = spread
    radius = alpha * math.sqrt(len(mean) + kappa)
    columns = transpose(cholesky(covariance))
    return [list(mean), *(plus(mean, c, radius) for c in columns), *(plus(mean, c, -radius) for c in columns)]


def _moments(X: Rows, Y: Rows, n: int, spread: Spread) -> tuple[Vector, Vector, Matrix]:
    """Weighted means of two functions at the sigma points, and their covariance."""
    alpha, beta, kappa = spread
    scale = alpha**2 * (n + kappa)
    in_means = [1 - n / scale] + 2 * n * [1 / (2 * scale)]
    in_covariances = [in_means[0] + 1 - alpha**2 + beta, *in_means[1:]]
    x, y = times(transpose(X), in_means), times(transpose(Y), in_means)
    covariance = [[0.0] * len(y) for _ in x]
    for w, a, b in zip(in_covariances, X, Y, strict=True):
        covariance = add(covariance, outer(plus(a, x, -1.0), plus(b, y, -1.0)), w)
    return x, y, covariance


def predict(
    f: Function, Q: Rows, mean: Vector, covariance: Rows, spread: Spread = (1e-3, 2.0, 0.0)
) -> tuple[Vector, Matrix]:
    """Mean and covariance of f at the sigma points, plus Q.

    >>> predict(lambda x: [2 * x[0]], [[1.0]], [1.0], [[4.0]], (1.0, 2.0, 0.0))
    ([2.0], [[17.0]])
    """
    moved = [f(x) for x in sigma_points(mean, covariance, spread)]
    m, _, P = _moments(moved, moved, len(mean), spread)
    return m, add(P, Q)


def update(  # noqa: PLR0917  # the function, and what `kalman.update` takes
    h: Function,
    R: Rows,
    observation: Sequence[float],
    mean: Vector,
    covariance: Rows,
    spread: Spread = (1e-3, 2.0, 0.0),
) -> tuple[Vector, Matrix, float]:
    """Mean m + K v, covariance P - K S Kᵀ and log-likelihood, with S and K = C S⁻¹ from the sigma points.

    >>> update(lambda x: x, [[4.0]], [4.0], [0.0], [[4.0]], (1.0, 2.0, 0.0))[:2]
    ([2.0], [[2.0]])
    """
    points = sigma_points(mean, covariance, spread)
    seen = [h(x) for x in points]
    expected, _, S = _moments(seen, seen, len(mean), spread)
    _, _, C = _moments(points, seen, len(mean), spread)
    S = add(S, R)
    K, v = matmul(C, inverse(S)), plus(observation, expected, -1.0)
    log_likelihood = -(len(v) * math.log(2 * math.pi) + math.log(determinant(S)) + dot(v, times(inverse(S), v))) / 2
    return plus(mean, times(K, v)), add(covariance, matmul(matmul(K, S), transpose(K)), -1.0), log_likelihood
