"""Logistic and softmax regression."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import Classifier


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
    intercept is not regularised, as in scikit-learn. Solved by Newton's method with a backtracking line search (Boyd,
    Vandenberghe: Convex Optimization, 2004, algorithm 9.5): O(n · p² + p³) a step with p = classes · (features + 1).

    Args:
        C: Inverse strength of the regularisation, positive.
        tol: Stops when half the squared Newton decrement falls below this, relative to the number of rows.
        max_iter: Newton steps at most; a warning is given when they do not suffice.

    Attributes:
        classes_: Sorted class labels.
        coef_: Shape (1, d) for two classes, else (classes, d).
        intercept_: Shape (1,) or (classes,).
        n_iter_: Newton steps taken.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> LogisticRegression().fit(X, ["no", "no", "yes", "yes"]).predict([[0.4], [2.9]]).tolist()
    ['no', 'yes']
    """

    coef_: Array
    intercept_: Array

    def __init__(self, C: float = 1.0, tol: float = 1e-10, max_iter: int = 100) -> None:
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
        weights = self._newton(design, target)
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

    def _newton(self, design: Array, target: Array) -> Array:
        """Weights of shape (features + 1, columns)."""
        weights = np.zeros((design.shape[1], target.shape[1]))
        value = self._objective(design, target, weights)
        for step in range(1, self.max_iter + 1):
            self.n_iter_ = step
            gradient, hessian = self._derivatives(design, target, weights)
            direction = -_solve(hessian, gradient)
            decrement = float(-gradient @ direction)
            if decrement / 2 <= self.tol * len(design):
                return weights
            size, delta = 1.0, direction.reshape(weights.shape, order="F")
            while (trial := self._objective(design, target, weights + size * delta)) > value - 1e-4 * size * decrement:
                size /= 2
                if size < 1e-12:
                    return weights
            weights, value = weights + size * delta, trial
        warnings.warn(f"no convergence within {self.max_iter} Newton steps", RuntimeWarning, stacklevel=3)
        return weights

    def _objective(self, design: Array, target: Array, weights: Array) -> float:
        logits = design @ weights
        if logits.shape[1] == 1:
            loss = np.logaddexp(0.0, logits) - target * logits
        else:
            largest = logits.max(axis=1, keepdims=True)
            loss = np.log(np.exp(logits - largest).sum(axis=1, keepdims=True)) + largest
            loss = loss - (target * logits).sum(axis=1, keepdims=True)
        return float(self.C * loss.sum() + 0.5 * (weights[:-1] ** 2).sum())

    def _derivatives(self, design: Array, target: Array, weights: Array) -> tuple[Array, Array]:
        """Gradient of shape (p,) and Hessian of shape (p, p), the columns of the weights one after another."""
        logits = design @ weights
        columns, width = target.shape[1], design.shape[1]
        probability = 1 / (1 + np.exp(-np.clip(logits, -700, 700))) if columns == 1 else softmax(logits)
        penalty = np.append(np.ones(width - 1), 0.0)
        gradient = self.C * design.T @ (probability - target) + penalty[:, None] * weights
        hessian = np.empty((columns * width, columns * width))
        for i in range(columns):
            for j in range(i + 1):
                own = float(i == j)
                curvature = probability[:, i] * (own - probability[:, j])
                block = self.C * (design * curvature[:, None]).T @ design + own * np.diag(penalty)
                hessian[i * width : (i + 1) * width, j * width : (j + 1) * width] = block
                hessian[j * width : (j + 1) * width, i * width : (i + 1) * width] = block.T
        if columns > 1:
            # Shifting all intercepts changes nothing. Curvature along that direction, which no gradient leans to,
            # makes the Hessian regular and the step the shortest of the equal ones.
            hessian[width - 1 :: width, width - 1 :: width] += self.C * len(design) / columns
        return gradient.ravel(order="F"), hessian


def _solve(hessian: Array, gradient: Array) -> Array:
    try:
        np.linalg.cholesky(hessian)  # fails where rounding has left no curvature, and the solution would point anywhere
        step: Array = np.linalg.solve(hessian, gradient)
    except np.linalg.LinAlgError:
        # All probabilities of a class are 0 or 1 to rounding: of the steps that are as good, the shortest.
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    return step
