"""Regression by Gaussian processes, and what a next evaluation promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Self

from whitebox.reference.gp.kernels import _Kernel
from whitebox.reference.linalg._basic import Rows, Vector, dot, times
from whitebox.reference.linalg._lu import determinant, inverse


class GaussianProcessRegressor:
    """The normal distribution of the function at new rows, given its noisy values at others.

    >>> from whitebox.reference.gp.kernels import RBF
    >>> model = GaussianProcessRegressor(RBF([1.0])).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> [round(number, 3) for number in model.predict([1.0])]
    [1.0, 0.0]
    """

    def __init__(self, kernel: _Kernel, alpha: float = 1e-10) -> None:
        self.kernel = kernel
        self.alpha = alpha

    def fit(self, X: Rows, y: Sequence[float]) -> Self:
        """Inverts the covariances, noise on their diagonal."""
        self.X, self.y = X, y
        self.K = [
            [self.kernel.value(x, z, i == j) + self.alpha * (i == j) for j, z in enumerate(X)] for i, x in enumerate(X)
        ]
        self.inverse = inverse(self.K)
        return self

    def predict(self, x: Sequence[float]) -> tuple[float, float]:
        """Mean and standard deviation at one row."""
        k = [self.kernel.value(x, z) for z in self.X]
        mean = dot(k, times(self.inverse, self.y))
        variance = self.kernel.value(x, x, same=True) - dot(k, times(self.inverse, k))
        return mean, math.sqrt(max(variance, 0.0))

    def log_marginal_likelihood(self) -> tuple[float, Vector]:
        """The log-density of y, and its derivatives by the logarithms of the hyper-parameters."""
        n, a = len(self.y), times(self.inverse, self.y)
        value = -(dot(self.y, a) + math.log(determinant(self.K)) + n * math.log(2 * math.pi)) / 2
        gradient = [0.0] * len(self.kernel.slopes(self.X[0], self.X[0], same=True))
        for i in range(n):
            for j in range(n):
                for p, slope in enumerate(self.kernel.slopes(self.X[i], self.X[j], i == j)):
                    gradient[p] += (a[i] * a[j] - self.inverse[i][j]) * slope / 2
        return value, gradient


def expected_improvement(mean: float, std: float, best: float, xi: float = 0.0) -> float:
    """E max(best - ξ - f, 0) of a normal f.

    >>> round(expected_improvement(0.0, 1.0, 0.0), 4)
    0.3989
    """
    gain = best - xi - mean
    if std == 0:
        return max(gain, 0.0)
    normal = NormalDist()
    return gain * normal.cdf(gain / std) + std * normal.pdf(gain / std)


def probability_of_improvement(mean: float, std: float, best: float, xi: float = 0.0) -> float:
    """P(f < best - ξ) of a normal f.

    >>> probability_of_improvement(0.0, 1.0, 0.0)
    0.5
    """
    gain = best - xi - mean
    return float(gain > 0) if std == 0 else NormalDist().cdf(gain / std)


def upper_confidence_bound(mean: float, std: float, kappa: float = 2.0) -> float:
    """Of the negative objective.

    >>> upper_confidence_bound(1.0, 2.0, 3.0)
    5.0
    """
    return kappa * std - mean
