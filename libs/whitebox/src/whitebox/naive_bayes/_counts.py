"""Naive Bayes for counts and for presence."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.errors import RangeError
from whitebox.naive_bayes._base import NaiveBayes


class _CountedNB(NaiveBayes):
    """Classes that add up, for every class, how often each feature occurs."""

    _counts_only = True
    alpha: float
    class_prior: npt.ArrayLike | None
    class_log_prior_: Array
    feature_count_: Array
    feature_log_prob_: Array

    def __init__(self, alpha: float = 1.0, class_prior: npt.ArrayLike | None = None) -> None:
        self.alpha = alpha
        self.class_prior = class_prior

    def _count(self, rows: Array, y: Any) -> None:
        number_in(self.alpha, "alpha", 0, open_low=True)
        members = self._one_hot(y, len(rows))
        self.class_log_prior_ = np.log(self._priors(self.class_prior, "class_prior"))
        self.feature_count_ = members.T @ rows


class MultinomialNB(_CountedNB):
    r"""Naive Bayes for counts, such as the words of a document.

    .. math:: \log p(c, x) = \log \pi_c + \sum_j x_j \log \theta_{cj}, \qquad
              \theta_{cj} = \frac{N_{cj} + \alpha}{\sum_k (N_{ck} + \alpha)}

    (Manning, Raghavan, Schütze: Introduction to Information Retrieval, 2008, equation 13.7.) Without :math:`\alpha`, a
    word that a class has never shown would rule the class out. Fit and prediction O(n · classes · d).

    Args:
        alpha: Occurrences of every feature that are taken for granted, positive; 1 is Laplace's rule.
        class_prior: Probabilities of the classes, shape (classes,); their shares by default.

    Attributes:
        feature_count_: N, shape (classes, d).
        feature_log_prob_: :math:`\log \theta`, shape (classes, d).
        class_log_prior_: Shape (classes,).
        class_count_: Rows of each class, shape (classes,).

    >>> model = MultinomialNB().fit([[2, 1, 0], [0, 1, 3]], ["sea", "land"])
    >>> model.predict([[1, 1, 0]]).tolist(), np.exp(model.feature_log_prob_[1]).round(3).tolist()
    (['sea'], [0.5, 0.333, 0.167])
    """

    _positive_only = True

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Counts.

        Raises:
            RangeError: if a parameter is out of its range, or a count is negative.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError, SingleClassError: for unusable input.
        """
        rows = _not_negative(self._rows_to_fit(X), type(self).__name__)
        self._count(rows, y)
        smoothed = self.feature_count_ + self.alpha
        self.feature_log_prob_ = np.log(smoothed) - np.log(smoothed.sum(axis=1, keepdims=True))
        return self

    def predict_joint_log_proba(self, X: npt.ArrayLike) -> Array:
        """The equation of the class, shape (n, classes). Raises as `fit`, and before it."""
        rows = _not_negative(self._rows_to_use(X, "feature_log_prob_"), type(self).__name__)
        joint: Array = rows @ self.feature_log_prob_.T + self.class_log_prior_
        return joint


class ComplementNB(_CountedNB):
    r"""Multinomial naive Bayes turned round: how unlike all other classes is it?

    .. math:: \hat c = \arg\min_c \sum_j x_j \log \tilde\theta_{cj}, \qquad
              \tilde\theta_{cj} = \frac{\alpha + \sum_{c' \ne c} N_{c'j}}{\sum_k (\alpha + \sum_{c' \ne c} N_{c'k})}

    (Rennie, Shih, Teevan, Karger: Tackling the Poor Assumptions of Naive Bayes, 2003, section 3.1.) The complement of a
    rare class holds many rows, so its estimate is steadier. Classes are not weighed by their shares.

    Args:
        alpha: Occurrences of every feature that are taken for granted, positive.
        class_prior: Only checked, for one interface with the other classes; scores do not depend on it.

    Attributes:
        feature_count_: N, shape (classes, d).
        feature_log_prob_: :math:`-\log \tilde\theta`, shape (classes, d).
        class_count_: Rows of each class, shape (classes,).

    >>> ComplementNB().fit([[2, 1, 0], [0, 1, 3]], ["sea", "land"]).predict([[1, 1, 0]]).tolist()
    ['sea']
    """

    _positive_only = True

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Counts. Raises as `MultinomialNB.fit`."""
        rows = _not_negative(self._rows_to_fit(X), type(self).__name__)
        self._count(rows, y)
        others = self.feature_count_.sum(axis=0) - self.feature_count_ + self.alpha
        self.feature_log_prob_ = np.log(others.sum(axis=1, keepdims=True)) - np.log(others)
        return self

    def predict_joint_log_proba(self, X: npt.ArrayLike) -> Array:
        """Scores of the classes, shape (n, classes). Raises as `fit`, and before it."""
        rows = _not_negative(self._rows_to_use(X, "feature_log_prob_"), type(self).__name__)
        scores: Array = rows @ self.feature_log_prob_.T
        return scores


class BernoulliNB(_CountedNB):
    r"""Naive Bayes for presence and absence.

    .. math:: \log p(c, x) = \log \pi_c + \sum_j \left[ b_j \log \theta_{cj} + (1 - b_j) \log (1 - \theta_{cj}) \right],
              \qquad \theta_{cj} = \frac{N_{cj} + \alpha}{N_c + 2 \alpha}

    with :math:`b_j = [x_j > t]` (McCallum, Nigam 1998): other than for counts, absence speaks too. Fit and prediction
    O(n · classes · d).

    Args:
        alpha: Rows with, and rows without every feature that are taken for granted in a class, positive.
        class_prior: Probabilities of the classes, shape (classes,); their shares by default.
        binarize: t.

    Attributes:
        feature_count_: Rows of a class that show a feature, shape (classes, d).
        feature_log_prob_: :math:`\log \theta`, shape (classes, d).
        class_log_prior_: Shape (classes,).
        class_count_: Rows of each class, shape (classes,).

    >>> model = BernoulliNB().fit([[1, 0], [1, 1], [0, 1], [0, 1]], [0, 0, 1, 1])
    >>> np.exp(model.feature_log_prob_).round(2).tolist()
    [[0.75, 0.5], [0.25, 0.75]]
    """

    def __init__(self, alpha: float = 1.0, class_prior: npt.ArrayLike | None = None, binarize: float = 0.0) -> None:
        super().__init__(alpha, class_prior)
        self.binarize = binarize

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Counts.

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError, SingleClassError: for unusable input.
        """
        threshold = number_in(self.binarize, "binarize")
        self._count((self._rows_to_fit(X) > threshold).astype(np.float64), y)
        self.feature_log_prob_ = np.log(self.feature_count_ + self.alpha) - np.log(
            self.class_count_ + 2 * self.alpha
        ).reshape(-1, 1)
        return self

    def predict_joint_log_proba(self, X: npt.ArrayLike) -> Array:
        """The equation of the class, shape (n, classes). Raises as `fit`, and before it."""
        present = (self._rows_to_use(X, "feature_log_prob_") > self.binarize).astype(np.float64)
        absent = np.log1p(-np.exp(self.feature_log_prob_))
        joint: Array = present @ (self.feature_log_prob_ - absent).T + self.class_log_prior_ + absent.sum(axis=1)
        return joint


def _not_negative(rows: Array, name: str) -> Array:
    if (rows < 0).any():
        place = np.argwhere(rows < 0)[0]
        raise RangeError(f"Negative values in data passed to X in {name}: X[{place[0]}, {place[1]}]")
    return rows
