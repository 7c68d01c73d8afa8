"""Bayes' rule with features taken for independent within a class, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pvariance
from typing import Any, Self

Rows = Sequence[Sequence[float]]


class _NaiveBayes:
    """What the kinds have in common: priors, and that logarithms are added where probabilities are multiplied."""

    classes_: list[Any]

    def _split(self, X: Rows, y: Sequence[Any]) -> list[list[Sequence[float]]]:
        """The rows of each class."""
        self.classes_ = sorted(set(y))
        members = [[row for row, label in zip(X, y, strict=True) if label == c] for c in self.classes_]
        self.class_log_prior_ = [math.log(len(rows) / len(X)) for rows in members]
        return members

    def _joint(self, row: Sequence[float], c: int) -> float:
        raise NotImplementedError

    def predict_joint_log_proba(self, X: Rows) -> list[list[float]]:
        """Log p(c) + log p(x | c) of each row and class."""
        return [[self._joint(row, c) for c in range(len(self.classes_))] for row in X]

    def predict_proba(self, X: Rows) -> list[list[float]]:
        """Bayes' rule."""
        probabilities = []
        for joint in self.predict_joint_log_proba(X):
            weights = [math.exp(value - max(joint)) for value in joint]
            probabilities.append([weight / sum(weights) for weight in weights])
        return probabilities

    def predict(self, X: Rows) -> list[Any]:
        """The most probable class."""
        return [self.classes_[joint.index(max(joint))] for joint in self.predict_joint_log_proba(X)]


class GaussianNB(_NaiveBayes):
    """A bell curve a feature and class.

    >>> GaussianNB().fit([[0.0], [1.0], [5.0], [7.0]], [0, 0, 1, 1]).predict([[1.5], [4.0]])
    [0, 1]
    """

    def __init__(self, var_smoothing: float = 1e-9) -> None:
        self.var_smoothing = var_smoothing

    def fit(self, X: Rows, y: Sequence[Any]) -> Self:
        """Learns means and variances."""
        epsilon = self.var_smoothing * (max(pvariance(column) for column in zip(*X, strict=True)) or 1.0)
        members = self._split(X, y)
        self.theta_ = [[fmean(column) for column in zip(*rows, strict=True)] for rows in members]
        self.var_ = [[pvariance(column) + epsilon for column in zip(*rows, strict=True)] for rows in members]
        return self

    def _joint(self, row: Sequence[float], c: int) -> float:
        curves = zip(row, self.theta_[c], self.var_[c], strict=True)
        misfit: float = sum(math.log(2 * math.pi * var) / 2 + (x - mean) ** 2 / (2 * var) for x, mean, var in curves)
        return self.class_log_prior_[c] - misfit


class MultinomialNB(_NaiveBayes):
    """A die a class, thrown once a word.

    >>> MultinomialNB().fit([[2, 1, 0], [0, 1, 3]], ["sea", "land"]).predict([[1, 1, 0]])
    ['sea']
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Rows, y: Sequence[Any]) -> Self:
        """Counts, with alpha more of everything."""
        counts = [[sum(column) + self.alpha for column in zip(*rows, strict=True)] for rows in self._split(X, y)]
        self.feature_log_prob_ = [[math.log(count / sum(row)) for count in row] for row in counts]
        return self

    def _joint(self, row: Sequence[float], c: int) -> float:
        return self.class_log_prior_[c] + sum(x * p for x, p in zip(row, self.feature_log_prob_[c], strict=True))


class ComplementNB(_NaiveBayes):
    """A die for everything but the class; the class whose die fits worst is the one.

    >>> ComplementNB().fit([[2, 1, 0], [0, 1, 3]], ["sea", "land"]).predict([[1, 1, 0]])
    ['sea']
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Rows, y: Sequence[Any]) -> Self:
        """Counts, with alpha more of everything."""
        self._split(X, y)
        self.feature_log_prob_ = []
        for c in self.classes_:
            others = [row for row, label in zip(X, y, strict=True) if label != c]
            counts = [sum(column) + self.alpha for column in zip(*others, strict=True)]
            self.feature_log_prob_.append([-math.log(count / sum(counts)) for count in counts])
        return self

    def _joint(self, row: Sequence[float], c: int) -> float:
        return sum(x * p for x, p in zip(row, self.feature_log_prob_[c], strict=True))


class BernoulliNB(_NaiveBayes):
    """A coin a feature and class.

    >>> BernoulliNB().fit([[1, 0], [1, 1], [0, 1], [0, 1]], [0, 0, 1, 1]).predict([[1, 0]])
    [0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: Rows, y: Sequence[Any]) -> Self:
        """Counts rows that show a feature, with alpha more that do and alpha more that do not."""
        self.chances_ = [
            [
                (sum(x > 0 for x in column) + self.alpha) / (len(rows) + 2 * self.alpha)
                for column in zip(*rows, strict=True)
            ]
            for rows in self._split(X, y)
        ]
        return self

    def _joint(self, row: Sequence[float], c: int) -> float:
        chances = zip(row, self.chances_[c], strict=True)
        return self.class_log_prior_[c] + sum(math.log(p if x > 0 else 1 - p) for x, p in chances)
