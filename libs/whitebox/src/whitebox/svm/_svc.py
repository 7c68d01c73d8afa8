"""Support vector classification."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in
from whitebox.base import Classifier
from whitebox.errors import NotFittedError, RangeError
from whitebox.svm._kernels import Kernel, kernel_of
from whitebox.svm._platt import PlattSigmoid, couple_probabilities, fit_platt
from whitebox.svm._smo import Solution, solve_dual

_PLATT_FOLDS = 5
# Probabilities of 0 and 1 cannot be coupled.
_SUREST = 1e-7


class SVC(Classifier):
    r"""Support vector machine for classification.

    .. math:: \min_{w, b} \tfrac12 \lVert w \rVert^2 + C \sum_i \max(0,\, 1 - y_i (w^\top \phi(x_i) + b)), \qquad
              f(x) = \sum_i y_i \alpha_i k(x_i, x) + b

    (Boser, Guyon, Vapnik 1992; Cortes, Vapnik 1995), by its dual, see `solve_dual`. More than two classes are decided
    between in pairs; each pair votes, and where votes tie, the sums of the decision values decide. Probabilities are a
    sigmoid of decision values from cross-validation (`fit_platt`), coupled where there are more than two classes
    (`couple_probabilities`). Fit O(steps · n + support · n · d), prediction O(n · support · d).

    Args:
        C: Price of a unit of margin violated, positive.
        kernel: "linear" or "rbf".
        gamma: Of the RBF kernel: a positive number, "scale" for one over d times the variance of X, "auto" for 1 / d.
        probability: Whether `predict_proba` is wanted; costs five fits more.
        tol: Largest violation of optimality that is left.
        cache_mb: Megabytes for kernel rows.
        max_iter: Steps at most; a warning is given when they do not suffice.
        decision_function_shape: "ovr" for a score a class, "ovo" for the decision value of every pair.
        random_state: Seed of the folds that probabilities are learned from.

    Attributes:
        classes_: Sorted class labels.
        support_: Indices of the support vectors, shape (s,).
        support_vectors_: Shape (s, d).
        dual_coef_: :math:`y_i \alpha_i` of each pair of classes, 0 where a row is of neither, shape (pairs, s). Pairs
            are in the order (0, 1), (0, 2), ..., (1, 2), ..., and the first class of several is the positive one; of
            two classes it is the second, as in scikit-learn.
        intercept_: b of each pair, shape (pairs,).
        coef_: w of each pair, shape (pairs, d); with the linear kernel only.
        dual_objective_: :math:`\tfrac12 \alpha^\top Q \alpha - \mathbf 1^\top \alpha` of each pair, shape (pairs,).
        n_iter_: Steps of each pair, shape (pairs,).
        sigmoids_: Of each pair, with `probability` only.

    >>> X = [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    >>> SVC(C=10.0, gamma=2.0).fit(X, ["even", "even", "odd", "odd"]).predict([[0.1, 0.1], [0.9, 0.2]]).tolist()
    ['even', 'odd']
    """

    support_: npt.NDArray[np.intp]
    support_vectors_: Array
    dual_coef_: Array
    intercept_: Array
    dual_objective_: Array
    n_iter_: npt.NDArray[np.int64]
    sigmoids_: list[PlattSigmoid]

    def __init__(
        self,
        C: float = 1.0,
        *,
        kernel: Literal["linear", "rbf"] = "rbf",
        gamma: float | Literal["scale", "auto"] = "scale",
        probability: bool = False,
        tol: float = 1e-3,
        cache_mb: float = 200.0,
        max_iter: int = 10_000_000,
        decision_function_shape: Literal["ovr", "ovo"] = "ovr",
        random_state: int | None = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.probability = probability
        self.tol = tol
        self.cache_mb = cache_mb
        self.max_iter = max_iter
        self.decision_function_shape = decision_function_shape
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Finds the support vectors of every pair of classes.

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        number_in(self.C, "C", 0, open_low=True)
        if self.decision_function_shape not in ("ovr", "ovo"):
            raise RangeError(f"decision_function_shape must be 'ovr' or 'ovo', got {self.decision_function_shape!r}")
        rows = self._rows_to_fit(X)
        numbers = self._encode(y, len(rows))
        self._kernel: Kernel = kernel_of(self.kernel, self.gamma, rows)
        pairs = self._pairs()
        coefficients = np.zeros((len(pairs), len(rows)))
        solutions, sigmoids = [], []
        rng = np.random.default_rng(self.random_state)
        for place, (positive, negative) in enumerate(pairs):
            members = np.flatnonzero((numbers == positive) | (numbers == negative))
            part, labels = rows[members], np.where(numbers[members] == positive, 1.0, -1.0)
            solution = self._solve(part, labels)
            coefficients[place, members] = solution.coefficients
            solutions.append(solution)
            if self.probability:
                sigmoids.append(fit_platt(self._unseen_decisions(part, labels, rng), labels > 0))
        self.support_ = np.flatnonzero(coefficients.any(axis=0))
        self.support_vectors_ = rows[self.support_]
        self.dual_coef_ = coefficients[:, self.support_]
        self.intercept_ = np.array([solution.bias for solution in solutions])
        self.dual_objective_ = np.array([solution.objective for solution in solutions])
        self.n_iter_ = np.array([solution.iterations for solution in solutions])
        if self.probability:
            self.sigmoids_ = sigmoids
        return self

    @property
    def coef_(self) -> Array:
        """Weights of the features, shape (pairs, d)."""
        if self.kernel != "linear":
            raise NotFittedError("coef_ exists with the linear kernel only")
        weights: Array = self.dual_coef_ @ self.support_vectors_
        return weights

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Decision values: shape (n,) for two classes, else (n, classes) or, for "ovo", (n, pairs).

        The score of a class is its number of votes, plus a third of how far its decision values speak for it at most,
        so that no vote is outweighed.

        Raises:
            NotFittedError: before `fit`.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        values = self._pair_values(X)
        if len(self.classes_) == 2:
            return values[:, 0]
        return values if self.decision_function_shape == "ovo" else self._scores(values)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The class of each row, shape (n,). Raises as `decision_function`."""
        values = self._pair_values(X)
        numbers = (values[:, 0] > 0).astype(int) if len(self.classes_) == 2 else self._scores(values).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[numbers]
        return labels

    @property
    def predict_proba(self) -> Callable[[npt.ArrayLike], Array]:
        """Probability of every class in the order of `classes_`, shape (n, classes); with `probability` only."""
        if not self.probability:
            raise NotFittedError("predict_proba needs probability=True when fitting")
        return self._probabilities

    def _probabilities(self, X: npt.ArrayLike) -> Array:
        values = self._pair_values(X)
        if not hasattr(self, "sigmoids_"):
            raise NotFittedError("predict_proba needs probability=True when fitting")
        chances = np.column_stack([sigmoid(values[:, i]) for i, sigmoid in enumerate(self.sigmoids_)])
        if len(self.classes_) == 2:
            return np.column_stack([1 - chances[:, 0], chances[:, 0]])
        pairwise = np.full((len(values), len(self.classes_), len(self.classes_)), 0.5)
        for place, (positive, negative) in enumerate(self._pairs()):
            chance = np.clip(chances[:, place], _SUREST, 1 - _SUREST)
            pairwise[:, positive, negative], pairwise[:, negative, positive] = chance, 1 - chance
        return couple_probabilities(pairwise)

    def _pairs(self) -> list[tuple[int, int]]:
        """Positive and negative class of each decision."""
        k = len(self.classes_)
        return [(1, 0)] if k == 2 else list(itertools.combinations(range(k), 2))

    def _pair_values(self, X: npt.ArrayLike) -> Array:
        values: Array = (
            self._kernel(self._rows_to_use(X, "support_vectors_"), self.support_vectors_) @ self.dual_coef_.T
            + self.intercept_
        )
        return values

    def _scores(self, values: Array) -> Array:
        votes, sums = (np.zeros((len(values), len(self.classes_))) for _ in range(2))
        for place, (positive, negative) in enumerate(self._pairs()):
            won = values[:, place] > 0
            votes[:, positive] += won
            votes[:, negative] += ~won
            sums[:, positive] += values[:, place]
            sums[:, negative] -= values[:, place]
        scores: Array = votes + sums / (3 * (np.abs(sums) + 1))
        return scores

    def _solve(self, rows: Array, labels: Array) -> Solution:
        C = float(self.C)
        return solve_dual(
            self._kernel.rows_of(rows),
            self._kernel.diagonal(rows),
            labels,
            np.where(labels > 0, 0.0, -C),
            np.where(labels > 0, C, 0.0),
            tol=self.tol,
            max_iter=self.max_iter,
            cache_mb=self.cache_mb,
        )

    def _unseen_decisions(self, rows: Array, labels: Array, rng: np.random.Generator) -> Array:
        """Decision values of rows by models that were fitted without them."""
        decisions = np.empty(len(rows))
        fold = _stratified_folds(labels, _PLATT_FOLDS, rng)
        for number in range(_PLATT_FOLDS):
            held, seen = fold == number, fold != number
            if not held.any():
                continue
            if len(np.unique(labels[seen])) < 2:
                # Nothing to separate: all that is left speaks for one class.
                decisions[held] = labels[seen][0] if seen.any() else 0.0
                continue
            solution = self._solve(rows[seen], labels[seen])
            used = solution.coefficients != 0
            values = self._kernel(rows[held], rows[seen][used]) @ solution.coefficients[used]
            decisions[held] = values + solution.bias
        return decisions


def _stratified_folds(labels: Array, folds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A fold for each row, at random, with the classes' shares in each as near to those of the whole as can be."""
    fold = np.empty(len(labels), dtype=np.intp)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        fold[members] = np.arange(len(members)) % folds
    return fold
