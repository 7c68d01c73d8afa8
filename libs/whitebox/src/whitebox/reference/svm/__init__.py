"""Support vector machines, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from whitebox.reference.linalg import solve

Rows = Sequence[Sequence[float]]


def linear_kernel(X: Rows, Y: Rows) -> list[list[float]]:
    """Inner products of all pairs of rows.

    >>> linear_kernel([[1.0, 2.0]], [[3.0, 4.0]])
    [[11.0]]
    """
    return [[sum(a * b for a, b in zip(x, y, strict=True)) for y in Y] for x in X]


def rbf_kernel(X: Rows, Y: Rows, gamma: float) -> list[list[float]]:
    r"""Likeness :math:`\exp(-\gamma \lVert x - y \rVert^2)` of all pairs of rows.

    >>> rbf_kernel([[0.0]], [[0.0]], gamma=1.0)
    [[1.0]]
    """
    return [[math.exp(-gamma * sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) for y in Y] for x in X]


def solve_dual(
    K: Rows, target: Sequence[float], lower: Sequence[float], upper: Sequence[float], tol: float = 1e-3
) -> tuple[list[float], float, float]:
    r"""Minimises :math:`\frac12 \beta^\top K \beta - t^\top \beta` with :math:`\sum \beta = 0` within bounds.

    What one multiplier gains another must lose, so two is the fewest that can move (Platt 1998). Raise the one that
    wants up most, lower the one that with it promises the largest gain, as far as the parabola between them says or a
    bound allows; until nobody wants to move by more than `tol`. Gives the multipliers, the bias, and the objective.

    >>> solve_dual([[1.0, -1.0], [-1.0, 1.0]], [1.0, -1.0], [0.0, -5.0], [5.0, 0.0])[0]
    [0.5, -0.5]
    """
    n = len(target)
    beta, gradient = [0.0] * n, [-t for t in target]
    while True:
        rising = [t for t in range(n) if beta[t] < upper[t]]
        falling = [t for t in range(n) if beta[t] > lower[t]]
        if not rising or not falling:
            break
        i = min(rising, key=gradient.__getitem__)
        if max(gradient[t] for t in falling) - gradient[i] < tol:
            break

        def curvature(j: int, i: int = i) -> float:
            return max(K[i][i] + K[j][j] - 2 * K[i][j], 1e-12)

        j = max(falling, key=lambda j: max(gradient[j] - gradient[i], 0.0) ** 2 / curvature(j))
        step = min((gradient[j] - gradient[i]) / curvature(j), upper[i] - beta[i], beta[j] - lower[j])
        beta[i], beta[j] = _on_bound(beta[i] + step, upper[i]), _on_bound(beta[j] - step, lower[j])
        gradient = [g + step * (K[i][t] - K[j][t]) for t, g in enumerate(gradient)]
    objective = sum(b * (g - t) for b, g, t in zip(beta, gradient, target, strict=True)) / 2
    free = [t for t in range(n) if lower[t] < beta[t] < upper[t]]
    if free:
        bias = -sum(gradient[t] for t in free) / len(free)
    else:
        bias = -(min(gradient[t] for t in rising) + max(gradient[t] for t in falling)) / 2
    return beta, bias, objective


def _on_bound(value: float, bound: float) -> float:
    """The bound itself where rounding stopped beside it."""
    return bound if math.isclose(value, bound, rel_tol=1e-12, abs_tol=1e-12) else value


class SVC:
    """Support vector machine for two classes with the RBF kernel.

    >>> X = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    >>> SVC(C=10.0, gamma=2.0).fit(X, ["even", "even", "odd", "odd"]).predict([[0.1, 0.1], [0.9, 0.2]])
    ['even', 'odd']
    """

    def __init__(self, C: float = 1.0, gamma: float = 1.0, tol: float = 1e-3) -> None:
        self.C = C
        self.gamma = gamma
        self.tol = tol

    def fit(self, X: Rows, y: Sequence[Any]) -> Self:
        """Finds the support vectors."""
        self.classes_ = sorted(set(y))
        signs = [1.0 if label == self.classes_[1] else -1.0 for label in y]
        lower, upper = [min(0.0, s * self.C) for s in signs], [max(0.0, s * self.C) for s in signs]
        K = rbf_kernel(X, X, self.gamma)
        beta, self.intercept_, self.dual_objective_ = solve_dual(K, signs, lower, upper, self.tol)
        used = [i for i, b in enumerate(beta) if b != 0]
        self.support_vectors_, self.dual_coef_ = [X[i] for i in used], [beta[i] for i in used]
        return self

    def decision_function(self, X: Rows) -> list[float]:
        """On which side of the boundary, in units of the margin, is each row?"""
        likeness = rbf_kernel(X, self.support_vectors_, self.gamma)
        return [sum(b * k for b, k in zip(self.dual_coef_, row, strict=True)) + self.intercept_ for row in likeness]

    def predict(self, X: Rows) -> list[Any]:
        """The class of each row."""
        return [self.classes_[value > 0] for value in self.decision_function(X)]


def fit_platt(decisions: Sequence[float], positive: Sequence[bool]) -> tuple[float, float]:
    r"""A and B for which :math:`p = 1 / (1 + e^{A f + B})` explains the labels best, by Newton's method.

    Labels count as not quite 1 and not quite 0, as if one more row of each kind had been seen (Platt 1999).

    >>> A, B = fit_platt([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    >>> round(A, 3), abs(round(B, 3))
    (-0.674, 0.0)
    """
    n_positive = sum(positive)
    n_negative = len(positive) - n_positive
    target = [(n_positive + 1) / (n_positive + 2) if label else 1 / (n_negative + 2) for label in positive]

    def loss(A: float, B: float) -> float:
        exponents = [A * f + B for f in decisions]
        return sum(t * z + max(-z, 0.0) + math.log1p(math.exp(-abs(z))) for t, z in zip(target, exponents, strict=True))

    A, B = 0.0, math.log((n_negative + 1) / (n_positive + 1))
    for _ in range(100):
        chances = [_sigmoid(A * f + B) for f in decisions]
        gradient = [
            sum(f * (t - p) for f, t, p in zip(decisions, target, chances, strict=True)),
            sum(t - p for t, p in zip(target, chances, strict=True)),
        ]
        if max(map(abs, gradient)) < 1e-11:
            break
        weights = [p * (1 - p) for p in chances]
        ff = sum(w * f * f for w, f in zip(weights, decisions, strict=True)) + 1e-12
        f1 = sum(w * f for w, f in zip(weights, decisions, strict=True))
        step = solve([[ff, f1], [f1, sum(weights) + 1e-12]], gradient)
        size = 1.0
        while size > 1e-10 and loss(A - size * step[0], B - size * step[1]) > loss(A, B):
            size /= 2
        A, B = A - size * step[0], B - size * step[1]
    return A, B


def _sigmoid(z: float) -> float:
    return math.exp(-z) / (1 + math.exp(-z)) if z >= 0 else 1 / (1 + math.exp(z))


def couple_probabilities(pairwise: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    r"""The p with :math:`r_{ji} p_i \approx r_{ij} p_j` for all pairs, in least squares, and a sum of one.

    >>> [round(p, 3) for p in couple_probabilities([[[0.0, 0.8, 0.8], [0.2, 0.0, 0.5], [0.2, 0.5, 0.0]]])[0]]
    [0.667, 0.167, 0.167]
    """
    coupled = []
    for r in pairwise:
        k = len(r)
        # Lagrange: Q p + λ 1 = 0 and Σ p = 1 in one system.
        system = [[-r[j][i] * r[i][j] for j in range(k)] + [1.0] for i in range(k)] + [[1.0] * k + [0.0]]
        for i in range(k):
            system[i][i] = sum(r[j][i] ** 2 for j in range(k) if j != i)
        coupled.append(solve(system, [0.0] * k + [1.0])[:k])
    return coupled
