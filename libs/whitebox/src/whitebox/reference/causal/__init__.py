"""Causal effects, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from whitebox.reference.linalg import lstsq
from whitebox.reference.linear_model import LogisticRegression

Rows = Sequence[Sequence[float]]


def propensity_scores(X: Rows, treatment: Sequence[int], C: float = 1e6) -> list[float]:
    """The probability of treatment, by logistic regression on standardised columns.

    >>> [round(e, 6) for e in propensity_scores([[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 0])]
    [0.5, 0.5, 0.5, 0.5]
    """
    columns = [_standardised(column) for column in zip(*X, strict=True)]
    rows = list(zip(*columns, strict=True))
    return [p[1] for p in LogisticRegression(C=C, tol=1e-14).fit(rows, treatment).predict_proba(rows)]


def ipw(
    outcome: Sequence[float], treatment: Sequence[int], propensity: Sequence[float], method: str = "hajek"
) -> tuple[float, float]:
    """Weighted means of the treated and the untreated: the effect, and its standard error for known propensities.

    >>> ipw([3.0, 5.0, 1.0, 2.0], [1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5])[0]
    2.5
    """
    rows = list(zip(outcome, treatment, propensity, strict=True))
    n = len(rows)
    # Each row stands for 1 / P(its treatment) rows of its kind.
    weights = [t / e for _, t, e in rows], [(1 - t) / (1 - e) for _, t, e in rows]
    means, influences = [], []
    for group in weights:
        total = sum(group) if method == "hajek" else n
        mean = sum(w * y for w, y in zip(group, outcome, strict=True)) / total
        means.append(mean)
        if method == "hajek":
            influences.append([n / total * w * (y - mean) for w, y in zip(group, outcome, strict=True)])
        else:
            influences.append([w * y - mean for w, y in zip(group, outcome, strict=True)])
    influence = [a - b for a, b in zip(*influences, strict=True)]
    return means[0] - means[1], math.sqrt(sum(value**2 for value in influence)) / n


def aipw(
    outcome: Sequence[float],
    treatment: Sequence[int],
    propensity: Sequence[float],
    treated_prediction: Sequence[float],
    control_prediction: Sequence[float],
) -> tuple[float, float]:
    """Predicted effects, corrected by the weighted residuals of the rows that are known: the effect and its error.

    >>> aipw([3.0, 1.0], [1, 0], [0.5, 0.5], [3.0, 3.0], [1.0, 1.0])
    (2.0, 0.0)
    """
    scores = []
    for y, t, e, m1, m0 in zip(outcome, treatment, propensity, treated_prediction, control_prediction, strict=True):
        scores.append(m1 - m0 + (t * (y - m1) / e) - ((1 - t) * (y - m0) / (1 - e)))
    mean = math.fsum(scores) / len(scores)
    return mean, math.sqrt(math.fsum((score - mean) ** 2 for score in scores)) / len(scores)


class TLearner:
    """A linear regression in either group, and the difference of their predictions.

    >>> X = [[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]]
    >>> learner = TLearner().fit(X, [1.0, 3.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0])
    >>> [round(effect, 6) for effect in learner.predict([[0.0], [4.0]])]
    [1.0, 5.0]
    """

    def fit(self, X: Rows, y: Sequence[float], treatment: Sequence[int]) -> Self:
        """Fits both regressions; the first column is for the intercept."""
        self.weights_ = []
        for arm in (0, 1):
            chosen = [i for i, t in enumerate(treatment) if t == arm]
            self.weights_.append(lstsq([[1.0, *X[i]] for i in chosen], [y[i] for i in chosen]))
        return self

    def predict(self, X: Rows) -> list[float]:
        """The predicted effect for each row."""
        control, treated = self.weights_
        return [sum((b - a) * x for a, b, x in zip(control, treated, [1.0, *row], strict=True)) for row in X]


def _standardised(column: Sequence[float]) -> list[float]:
    mean = math.fsum(column) / len(column)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column)) or 1.0
    return [(value - mean) / spread for value in column]
