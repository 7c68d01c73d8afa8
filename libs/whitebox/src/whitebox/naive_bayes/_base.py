"""What the naive Bayes classifiers share: Bayes' rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.base import Classifier
from whitebox.errors import RangeError, ShapeError


class NaiveBayes(Classifier):
    """A classifier that scores classes by joint log-likelihoods.

    Attributes:
        classes_: Sorted class labels.
        class_count_: Rows of each class, shape (classes,).
    """

    class_count_: Array

    def predict_joint_log_proba(self, X: npt.ArrayLike) -> Array:
        r""":math:`\\log p(c) + \\sum_j \\log p(x_j \\mid c)` up to a constant a row, shape (n, classes)."""
        raise NotImplementedError

    def predict_log_proba(self, X: npt.ArrayLike) -> Array:
        """Logarithm of the probability of every class in the order of `classes_`, shape (n, classes)."""
        joint = self.predict_joint_log_proba(X)
        shifted = joint - joint.max(axis=1, keepdims=True)
        logs: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return logs

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Probability of every class in the order of `classes_`, shape (n, classes)."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each row, shape (n,)."""
        numbers = self.predict_joint_log_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[numbers]
        return labels

    def _one_hot(self, y: Any, rows: int) -> Array:
        """1 where a row belongs to a class, shape (n, classes); sets `class_count_`."""
        numbers = self._encode(y, rows)
        members = np.eye(len(self.classes_))[numbers]
        self.class_count_ = members.sum(axis=0)
        return members

    def _priors(self, given: Any, name: str) -> Array:
        """The priors that were given, or the shares of the classes."""
        if given is None:
            shares: Array = self.class_count_ / self.class_count_.sum()
            return shares
        priors = as_vector(given, name)
        if priors.shape != self.class_count_.shape:
            raise ShapeError(f"{name} must have shape {self.class_count_.shape}, one a class, got {priors.shape}")
        if (priors <= 0).any() or abs(float(priors.sum()) - 1) > 1e-8:
            raise RangeError(f"{name} must be positive and sum to 1, got {priors.tolist()}")
        return priors
