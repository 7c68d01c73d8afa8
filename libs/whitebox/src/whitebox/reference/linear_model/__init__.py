"""Linear models, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
