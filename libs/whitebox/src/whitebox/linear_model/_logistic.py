"""Logistic and softmax regression."""

from __future__ import annotations

import math
import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import Classifier
from whitebox.optimize import lbfgs, newton

# With more weights than this, their second derivatives cost more than the steps they save.
_NEWTON_WEIGHTS = 100


def softmax(logits: Array) -> Array:
    r"""Probabilities :math:`e^{z_j} / \sum_k e^{z_k}` of each row; the largest logit is subtracted against overflow.

    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    total: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return total


class LogisticRegression(Classifier):
    r"""L2-regularised logistic regression; softmax regression for more than two classes.

    Minimises

    .. math:: C \sum_i -\log p(y_i \mid x_i) + \tfrac{1}{2} \lVert W \rVert_F^2

    where :math:`p = \mathrm{softmax}(W x + b)`; for two classes one weight vector and the logistic function. The
    intercept is not regularised, as in scikit-learn. With p = classes · (features + 1) up to 100 weights solved by
    `whitebox.optimize.newton`, O(n · p² + p³) a step, with more by `whitebox.optimize.lbfgs`, O(n · p) a step.

    Args:
        C: Inverse strength of the regularisation, positive.
        tol: Stops when about this is left to gain in the objective, relative to C and the number of rows.
        max_iter: Steps at most; a warning is given when they do not suffice.

    Attributes:
        classes_: Sorted class labels.
        coef_: Shape (1, d) for two classes, else (classes, d).
        intercept_: Shape (1,) or (classes,).
        n_iter_: Steps taken.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> LogisticRegression().fit(X, ["no", "no", "yes", "yes"]).predict([[0.4], [2.9]]).tolist()
    ['no', 'yes']
    """

    coef_: Array
    intercept_: Array

    def __init__(self, C: float = 1.0, tol: float = 1e-10, max_iter: int = 1000) -> None:
        self.C = C
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Fits the weights.

        Raises:
            RangeError: if a parameter is out of its range, or labels are fractions.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        number_in(self.C, "C", 0, open_low=True)
        number_in(self.tol, "tol", 0)
        positive_int(self.max_iter, "max_iter")
        rows = self._rows_to_fit(X)
        numbers = self._encode(y, len(rows))
        design = np.hstack([rows, np.ones((len(rows), 1))])
        # Two classes need one weight vector: the other's would be its negative.
        columns = 1 if len(self.classes_) == 2 else len(self.classes_)
        target = (numbers == 1)[:, None].astype(float) if columns == 1 else np.eye(columns)[numbers]
        weights = self._minimise(design, target)
        self.coef_, self.intercept_ = weights[:-1].T.copy(), weights[-1].copy()
        return self

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Logits: shape (n,) for two classes, else (n, classes)."""
        logits = self._logits(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Probability of every class in the order of `classes_`, shape (n, classes)."""
        logits = self._logits(X)
        if logits.shape[1] == 1:
            logits = np.hstack([np.zeros_like(logits), logits])
        return softmax(logits)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each row, shape (n,)."""
        probable = self.predict_proba(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[probable]
        return labels

    def _logits(self, X: npt.ArrayLike) -> Array:
        return self._rows_to_use(X, "coef_") @ self.coef_.T + self.intercept_

    def _minimise(self, design: Array, target: Array) -> Array:
        """Weights of shape (features + 1, columns)."""
        loss = _PenalisedLoss(design, target, self.C)
        start = np.zeros(design.shape[1] * target.shape[1])
        # Both sides of the sum grow with C and the rows, and so does what is worth gaining.
        gain = self.tol * self.C * len(design)
        if len(start) <= _NEWTON_WEIGHTS:
            found = newton(loss.value_and_gradient, loss.hessian, start, tol=gain, max_iter=self.max_iter)
        else:
            # Where the penalty bends the objective, by at least 1, a gradient g leaves at most g² / 2 to gain; the free
            # intercept is bent by the loss, far more than that unless all rows are classified with certainty.
            length = math.sqrt(2 * gain)
            found = lbfgs(loss.value_and_gradient, start, tol=length, max_iter=self.max_iter)
        self.n_iter_ = max(1, found.iterations)
        if not found.converged:
            warnings.warn(f"no convergence within {self.max_iter} steps", RuntimeWarning, stacklevel=3)
        return found.x.reshape(target.shape[1], -1).T


class _PenalisedLoss:
    """The objective as a function of all weights in one vector, column after column.

    Args:
        design: Rows with a final 1 for the intercept, shape (n, features + 1).
        target: 1 where a row belongs to a column's class, shape (n, columns).
        C: Weight of the loss.
    """

    def __init__(self, design: Array, target: Array, C: float) -> None:
        self._design, self._target, self._C = design, target, C
        self._penalty = np.append(np.ones(design.shape[1] - 1), 0.0)

    def value_and_gradient(self, vector: Array) -> tuple[float, Array]:
        weights, logits = self._weights_and_logits(vector)
        probability, loss = _probabilities_and_loss(logits, self._target)
        value = float(self._C * loss + 0.5 * (weights[:-1] ** 2).sum())
        residual = probability - self._target
        gradient = self._C * (self._design.T @ residual) + self._penalty[:, None] * weights
        return value, gradient.ravel(order="F")

    def hessian(self, vector: Array) -> Array:
        probability = _probabilities_and_loss(self._weights_and_logits(vector)[1], self._target)[0]
        rows, width, columns = *self._design.shape, self._target.shape[1]
        hessian = np.empty((columns * width, columns * width))
        for i in range(columns):
            for j in range(i + 1):
                own = float(i == j)
                curvature = probability[:, i] * (own - probability[:, j])
                block = self._C * (self._design * curvature[:, None]).T @ self._design + own * np.diag(self._penalty)
                hessian[i * width : (i + 1) * width, j * width : (j + 1) * width] = block
                hessian[j * width : (j + 1) * width, i * width : (i + 1) * width] = block.T
        if columns > 1:
            # Shifting all intercepts changes nothing. Curvature along that direction, which no gradient leans to,
            # makes the Hessian regular and the step the shortest of the equal ones.
            hessian[width - 1 :: width, width - 1 :: width] += self._C * rows / columns
        return hessian

    def _weights_and_logits(self, vector: Array) -> tuple[Array, Array]:
        weights = vector.reshape(self._target.shape[1], -1).T
        return weights, self._design @ weights


def _probabilities_and_loss(logits: Array, target: Array) -> tuple[Array, float]:
    """Of the columns' classes, and the sum of the negative log-probabilities of the targets.

    A single column stands for the logistic function, several for the softmax; both share their exponentials with the
    loss.
    """
    if logits.shape[1] == 1:
        small = np.exp(-np.abs(logits))
        loss = np.log1p(small) + np.maximum(logits, 0) - target * logits
        probability: Array = np.where(logits >= 0, 1.0, small) / (1 + small)
        return probability, float(loss.sum())
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    totals = powers.sum(axis=1, keepdims=True)
    return powers / totals, float(np.log(totals).sum() - np.einsum("ij,ij->", target, shifted))
