"""Linear models, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Self

from whitebox.reference.linalg import solve
from whitebox.reference.linear_model._bayesian import BayesianLinearRegression as BayesianLinearRegression

# Keeps the Hessian invertible where shifting all intercepts changes nothing; the optimum stays where it is.
_DAMPING = 1e-9


def softmax(logits: Sequence[float]) -> list[float]:
    r"""Probabilities :math:`e^{z_j} / \sum_k e^{z_k}`; the largest logit is subtracted against overflow.

    >>> softmax([1000.0, 1000.0])
    [0.5, 0.5]
    """
    largest = max(logits)
    powers = [math.exp(z - largest) for z in logits]
    total = sum(powers)
    return [power / total for power in powers]


class LogisticRegression:
    r"""Minimises :math:`C \sum_i -\log p(y_i \mid x_i) + \frac12 \lVert W \rVert^2`; the intercepts go free.

    Newton's method: stand somewhere, fit a parabola by gradient and curvature, jump to its lowest point, and halve the
    jump as long as it does not go down. For two classes one vector w suffices: the logits are (0, w · x + b).

    >>> LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).predict([[0.4], [2.9]])
    [0, 1]
    """

    def __init__(self, C: float = 1.0, tol: float = 1e-10, max_iter: int = 100) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[Any]) -> Self:
        """Fits the weights."""
        self.classes_ = sorted(set(y))
        numbers = [self.classes_.index(label) for label in y]
        rows = [[*row, 1.0] for row in X]  # the last column belongs to the intercept
        width = len(rows[0])
        # One row of weights per free class: all of them, or only the second of two.
        weights = [[0.0] * width for _ in (self.classes_ if len(self.classes_) > 2 else self.classes_[1:])]
        for _ in range(self.max_iter):
            gradient, hessian = self._derivatives(rows, numbers, weights)
            step = solve(hessian, gradient)
            decrement = sum(g * s for g, s in zip(gradient, step, strict=True))
            if decrement / 2 <= self.tol * len(rows):
                break
            size = 1.0
            while size > 1e-12:
                trial = [[w - size * step[c * width + j] for j, w in enumerate(row)] for c, row in enumerate(weights)]
                if self._objective(rows, numbers, trial) <= self._objective(rows, numbers, weights):
                    break
                size /= 2
            weights = trial
        self.coef_ = [row[:-1] for row in weights]
        self.intercept_ = [row[-1] for row in weights]
        return self

    def predict_proba(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Probability of every class, in the order of `classes_`, for each row."""
        weights = [[*coef, intercept] for coef, intercept in zip(self.coef_, self.intercept_, strict=True)]
        return [softmax(_logits([*row, 1.0], weights)) for row in X]

    def predict(self, X: Sequence[Sequence[float]]) -> list[Any]:
        """The most probable class of each row."""
        return [self.classes_[p.index(max(p))] for p in self.predict_proba(X)]

    def _objective(self, rows: Sequence[Sequence[float]], numbers: Sequence[int], weights: list[list[float]]) -> float:
        loss = 0.0
        for row, number in zip(rows, numbers, strict=True):
            logits = _logits(row, weights)
            largest = max(logits)
            loss += largest + math.log(sum(math.exp(z - largest) for z in logits)) - logits[number]
        return self.C * loss + sum(w * w for coef in weights for w in coef[:-1]) / 2

    def _derivatives(
        self, rows: Sequence[Sequence[float]], numbers: Sequence[int], weights: list[list[float]]
    ) -> tuple[list[float], list[list[float]]]:
        """Gradient and Hessian with respect to all weights, class after class."""
        width, first = len(rows[0]), 2 - len(weights) if len(weights) == 1 else 0
        place = [(c, j) for c in range(len(weights)) for j in range(width)]
        penalty = [0.0 if j == width - 1 else 1.0 for _, j in place]
        gradient = [penalty[a] * weights[c][j] for a, (c, j) in enumerate(place)]
        hessian = [[(penalty[a] + _DAMPING) * (a == b) for b in range(len(place))] for a in range(len(place))]
        for row, number in zip(rows, numbers, strict=True):
            p = softmax(_logits(row, weights))[first:]
            for a, (c, j) in enumerate(place):
                gradient[a] += self.C * (p[c] - (number == c + first)) * row[j]
                for b, (d, k) in enumerate(place):
                    hessian[a][b] += self.C * p[c] * ((c == d) - p[d]) * row[j] * row[k]
        return gradient, hessian


def _logits(row: Sequence[float], weights: list[list[float]]) -> list[float]:
    logits = [sum(w * x for w, x in zip(coef, row, strict=True)) for coef in weights]
    return [0.0, *logits] if len(logits) == 1 else logits


class Ridge:
    r"""Minimises :math:`\sum_i (y_i - w^\top x_i - b)^2 + \alpha \lVert w \rVert^2`; the intercept goes free.

    Where the derivative vanishes stands a linear system, :math:`(X^\top X + \alpha I) w = X^\top y`, for centred data.

    >>> Ridge(alpha=2.0).fit([[-1.0], [1.0]], [-2.0, 2.0]).coef_
    [1.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[float]) -> Self:
        """Finds the weights."""
        row_mean, target_mean = [fmean(column) for column in zip(*X, strict=True)], fmean(y)
        rows = [[x - m for x, m in zip(row, row_mean, strict=True)] for row in X]
        target = [t - target_mean for t in y]
        d = len(row_mean)
        products = [[sum(row[i] * row[j] for row in rows) + self.alpha * (i == j) for j in range(d)] for i in range(d)]
        along = [sum(row[i] * t for row, t in zip(rows, target, strict=True)) for i in range(d)]
        self.coef_ = solve(products, along)
        self.intercept_ = target_mean - sum(w * m for w, m in zip(self.coef_, row_mean, strict=True))
        return self

    def predict(self, X: Sequence[Sequence[float]]) -> list[float]:
        """The weighted sum of each row."""
        return [sum(w * x for w, x in zip(self.coef_, row, strict=True)) + self.intercept_ for row in X]


class LinearRegression(Ridge):
    """Ridge regression without the penalty; columns must not depend on each other.

    >>> LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).coef_
    [2.0]
    """

    def __init__(self) -> None:
        super().__init__(alpha=0.0)


class Lasso(Ridge):
    r"""Minimises :math:`\frac{1}{2n} \sum_i (y_i - w^\top x_i - b)^2 + \alpha \sum_j |w_j|`; the intercept goes free.

    One weight after the other goes to where the objective is lowest if the others stay. Because of the kink of the
    absolute value at zero that is often zero itself.

    >>> Lasso(alpha=0.5).fit([[-1.0], [1.0]], [-2.0, 2.0]).coef_
    [1.5]
    """

    def __init__(self, alpha: float = 1.0, passes: int = 1000) -> None:
        super().__init__(alpha)
        self.passes = passes

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[float]) -> Self:
        """Finds the weights."""
        n, d = len(X), len(X[0])
        row_mean, target_mean = [fmean(column) for column in zip(*X, strict=True)], fmean(y)
        columns = [[row[j] - row_mean[j] for row in X] for j in range(d)]
        residual = [t - target_mean for t in y]
        weights = [0.0] * d
        for _ in range(self.passes):
            for j, column in enumerate(columns):
                curvature = sum(x * x for x in column) / n
                if curvature == 0:
                    continue
                pull = sum(x * r for x, r in zip(column, residual, strict=True)) / n + curvature * weights[j]
                new = math.copysign(max(abs(pull) - self.alpha, 0.0), pull) / curvature
                residual = [r - (new - weights[j]) * x for r, x in zip(residual, column, strict=True)]
                weights[j] = new
        self.coef_ = weights
        self.intercept_ = target_mean - sum(w * m for w, m in zip(weights, row_mean, strict=True))
        return self
