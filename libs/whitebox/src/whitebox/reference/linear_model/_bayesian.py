"""Linear regression with a posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from whitebox.reference.linalg._basic import Matrix, Rows, Vector, dot, times, transpose
from whitebox.reference.linalg._lu import determinant, inverse


class BayesianLinearRegression:
    """Weights with a normal prior, noise that is normal, an intercept that may be anything.

    >>> model = BayesianLinearRegression(1.0, 1.0).fit([[-1.0], [1.0]], [0.0, 3.0])
    >>> [round(w, 4) for w in model.coef_], model.intercept_
    ([1.0], 1.5)
    """

    def __init__(
        self,
        noise_precision: float | None = None,
        weight_precision: float | None = None,
        fit_intercept: bool = True,
        steps: int = 1000,
    ) -> None:
        self.noise_precision = noise_precision
        self.weight_precision = weight_precision
        self.fit_intercept = fit_intercept
        self.steps = steps

    def fit(self, X: Rows, y: Sequence[float]) -> Self:
        """Finds the posterior, and the precisions that make the data most likely where they are not given."""
        n, d = len(X), len(X[0])
        self.centre = [sum(column) / n if self.fit_intercept else 0.0 for column in zip(*X, strict=True)]
        offset = sum(y) / n if self.fit_intercept else 0.0
        rows = [[x - c for x, c in zip(row, self.centre, strict=True)] for row in X]
        target = [value - offset for value in y]
        free = n - 1 if self.fit_intercept else n
        self.alpha_ = self.noise_precision or free / dot(target, target)
        self.lambda_ = self.weight_precision or 1.0
        for _ in range(self.steps):
            self.covariance_, self.coef_ = self._posterior(rows, target)
            left = [t - p for t, p in zip(target, times(rows, self.coef_), strict=True)]
            known = d - self.lambda_ * sum(self.covariance_[j][j] for j in range(d))
            if self.weight_precision is None:
                self.lambda_ = known / dot(self.coef_, self.coef_)
            if self.noise_precision is None:
                self.alpha_ = (free - known) / dot(left, left)
        self.covariance_, self.coef_ = self._posterior(rows, target)
        self.intercept_ = offset - dot(self.centre, self.coef_)
        left = [t - p for t, p in zip(target, times(rows, self.coef_), strict=True)]
        self.log_evidence_ = 0.5 * (
            free * math.log(self.alpha_ / (2 * math.pi))
            + d * math.log(self.lambda_)
            - self.alpha_ * dot(left, left)
            - self.lambda_ * dot(self.coef_, self.coef_)
            + math.log(determinant(self.covariance_))
            - (math.log(n) if self.fit_intercept else 0.0)
        )
        self.rows = n
        return self

    def predict(self, x: Sequence[float]) -> tuple[float, float]:
        """Mean and standard deviation of a new observation."""
        away = [a - c for a, c in zip(x, self.centre, strict=True)]
        variance = dot(away, times(self.covariance_, away)) + 1 / self.alpha_
        if self.fit_intercept:
            variance += 1 / (self.rows * self.alpha_)
        return dot(x, self.coef_) + self.intercept_, math.sqrt(variance)

    def _posterior(self, rows: Rows, target: Sequence[float]) -> tuple[Matrix, Vector]:
        columns = transpose(rows)
        precision = [
            [self.alpha_ * dot(a, b) + self.lambda_ * (i == j) for j, b in enumerate(columns)]
            for i, a in enumerate(columns)
        ]
        covariance = inverse(precision)
        return covariance, times(covariance, [self.alpha_ * dot(column, target) for column in columns])
