"""Naive Bayes with a normal distribution a feature and class."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.naive_bayes._base import NaiveBayes


class GaussianNB(NaiveBayes):
    r"""Naive Bayes for real features.

    .. math:: \log p(c, x) = \log \pi_c - \frac12 \sum_j \left[ \log 2 \pi \sigma_{cj}^2
              + \frac{(x_j - \mu_{cj})^2}{\sigma_{cj}^2} \right]

    with means and variances of each class by maximum likelihood, and :math:`\epsilon` added to every variance, without
    which a feature that is constant within a class would decide alone. Fit O(n · d), prediction O(n · classes · d).

    Args:
        priors: Probabilities of the classes, shape (classes,); their shares by default.
        var_smoothing: :math:`\epsilon` as a share of the largest variance of a feature.

    Attributes:
        theta_: Means, shape (classes, d).
        var_: Variances, :math:`\epsilon` included, shape (classes, d).
        epsilon_: What was added to the variances.
        class_prior_: Shape (classes,).
        class_count_: Shape (classes,).

    >>> model = GaussianNB().fit([[0.0], [1.0], [5.0], [7.0]], [0, 0, 1, 1])
    >>> model.predict([[1.5], [4.0]]).tolist(), model.theta_.tolist()
    ([0, 1], [[0.5], [6.0]])
    """

    theta_: Array
    var_: Array
    epsilon_: float
    class_prior_: Array

    def __init__(self, priors: npt.ArrayLike | None = None, var_smoothing: float = 1e-9) -> None:
        self.priors = priors
        self.var_smoothing = var_smoothing

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Learns means, variances and priors.

        Raises:
            RangeError: if a parameter is out of its range, or priors do not sum to 1.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError, SingleClassError: for unusable input.
        """
        smoothing = number_in(self.var_smoothing, "var_smoothing", 0)
        rows = self._rows_to_fit(X)
        members = self._one_hot(y, len(rows))
        self.class_prior_ = self._priors(self.priors, "priors")
        # Around the mean of all, so that a large one costs no digits.
        centre = rows.mean(axis=0)
        counts = self.class_count_[:, None]
        means = members.T @ (rows - centre) / counts
        self.theta_ = means + centre
        deviations = rows - centre - means[members.argmax(axis=1)]
        spread = float(((rows - centre) ** 2).mean(axis=0).max())
        # Data that do not vary at all still need a width.
        self.epsilon_ = smoothing * (spread or 1.0)
        self.var_ = members.T @ deviations**2 / counts + self.epsilon_
        return self

    def predict_joint_log_proba(self, X: npt.ArrayLike) -> Array:
        """The equation of the class, shape (n, classes).

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_use(X, "theta_")
        joint = np.empty((len(rows), len(self.classes_)))
        for c, (mean, var) in enumerate(zip(self.theta_, self.var_, strict=True)):
            # Where a variance is 0, whatever deviates is impossible.
            with np.errstate(divide="ignore", invalid="ignore"):
                misfit = np.where(rows == mean, 0.0, (rows - mean) ** 2 / var)
                normaliser = np.log(2 * np.pi * np.maximum(var, np.finfo(np.float64).tiny))
            joint[:, c] = np.log(self.class_prior_[c]) - 0.5 * (normaliser.sum() + misfit.sum(axis=1))
        return joint
