"""Gradient boosting on binned columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import BaseEstimator, Classifier, Regressor
from whitebox.ensemble._binning import bin_columns, bin_edges
from whitebox.ensemble._histograms import Growth, grow, workspace
from whitebox.ensemble._losses import Derivatives, LogLoss, Loss, SoftmaxLoss, SquaredLoss, sigmoid
from whitebox.errors import EmptyInputError, RangeError
from whitebox.tree import Tree, TreeEnsemble

_UNLIMITED = np.iinfo(np.int64).max


class _HistGradientBoosting(BaseEstimator):
    """What classification and regression share."""

    learning_rate: float
    max_iter: int
    max_leaf_nodes: int
    max_depth: int | None
    min_samples_leaf: int
    l2_regularization: float
    max_bins: int
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    tol: float
    random_state: int | None

    ensemble_: TreeEnsemble
    baseline_: Array
    n_iter_: int
    train_score_: Array
    validation_score_: Array

    def _raw(self, X: npt.ArrayLike) -> Array:
        return self.ensemble_.predict(self._rows_to_use(X, "ensemble_"))

    def _loss(self, target: Array) -> Loss:
        raise NotImplementedError

    def _boost(self, rows: Array, target: Array) -> None:
        growth, max_bins = self._growth(), positive_int(self.max_bins, "max_bins")
        rounds, patience = (
            positive_int(self.max_iter, "max_iter"),
            positive_int(self.n_iter_no_change, "n_iter_no_change"),
        )
        if not 2 <= max_bins <= 255:
            raise RangeError(f"max_bins must be a whole number from 2 to 255, got {max_bins}")
        tol, held_share = (
            number_in(self.tol, "tol", 0),
            number_in(self.validation_fraction, "validation_fraction", 0, 1),
        )
        held = np.zeros(len(rows), dtype=bool)
        if self.early_stopping:
            count = round(held_share * len(rows))
            if not 0 < count < len(rows):
                raise EmptyInputError(f"{len(rows)} rows cannot be split into {count} to validate with and others")
            held[np.random.default_rng(self.random_state).permutation(len(rows))[:count]] = True
        binned = bin_columns(rows[~held], [bin_edges(column, max_bins) for column in rows[~held].T])
        loss, check = self._loss(target[~held]), self._loss(target[held])
        self.baseline_ = loss.start()
        outputs = len(self.baseline_)
        # One column after the other, as trees add to one at a time.
        raw = np.tile(self.baseline_, ((~held).sum(), 1)).T.copy()
        held_rows, held_raw = rows[held], np.tile(self.baseline_, (held.sum(), 1))
        space, trees = workspace(binned, growth), []
        scores, held_scores = [loss.mean(raw.T)], [check.mean(held_raw)] if held.any() else []
        for _ in range(rounds):
            gradient, hessian = (np.ascontiguousarray(part.T) for part in loss.derivatives(raw.T))
            for k in range(outputs):
                tree = grow(binned, Derivatives(gradient[k], hessian[k]), raw[k], growth, space)
                trees.append(_in_column(tree, k, outputs))
            scores.append(loss.mean(raw.T))
            if held.any():
                held_raw += TreeEnsemble(trees[-outputs:]).predict(held_rows)
                held_scores.append(check.mean(held_raw))
                if len(held_scores) > patience and min(held_scores[-patience:]) > held_scores[-patience - 1] - tol:
                    break
        self.ensemble_ = TreeEnsemble(trees, offset=self.baseline_)
        self.n_iter_ = len(trees) // outputs
        self.train_score_, self.validation_score_ = -np.array(scores), -np.array(held_scores)

    def _growth(self) -> Growth:
        unlimited = self.max_depth is None
        leaves = positive_int(self.max_leaf_nodes, "max_leaf_nodes")
        if leaves < 2:
            raise RangeError(f"max_leaf_nodes must be a whole number of at least 2, got {leaves}")
        return Growth(
            leaves,
            _UNLIMITED if unlimited else positive_int(self.max_depth, "max_depth"),  # type: ignore[arg-type]
            positive_int(self.min_samples_leaf, "min_samples_leaf"),
            number_in(self.l2_regularization, "l2_regularization", 0),
            number_in(self.learning_rate, "learning_rate", 0, open_low=True),
        )


class HistGradientBoostingRegressor(_HistGradientBoosting, Regressor):
    r"""Gradient boosting for regression: every tree takes a step against the gradient of the squared error.

    .. math:: F_m = F_{m-1} + \nu\, h_m, \qquad w_\ell = -\frac{\sum_{i \in \ell} g_i}{\sum_{i \in \ell} h_i + \lambda}

    with the first and second derivatives g, h of each row's loss at :math:`F_{m-1}` (Friedman 2001, algorithm 1; the
    leaves' values and the gain of a split from Chen, Guestrin 2016, equations 5 and 7). Columns are cut into bins once;
    trees grow leaf by leaf, the one with the largest gain first, from histograms of the derivatives, of which only the
    smaller child's is counted and the other is the difference (Ke et al. 2017). O(d · n · log n) for the bins, then
    O(d · (n · depth + leaves · bins)) a tree.

    Args:
        learning_rate: ν.
        max_iter: Number of trees (a class each) at most.
        max_leaf_nodes: Leaves of a tree at most.
        max_depth: Steps from the root at most; no limit where None.
        min_samples_leaf: Rows that a leaf has at least.
        l2_regularization: λ.
        max_bins: Bins of a column at most, up to 255.
        early_stopping: Whether to hold rows back, and to stop when their loss does not fall any more.
        validation_fraction: Share of the rows that are held back.
        n_iter_no_change: Rounds without a loss lower by `tol` after which to stop.
        tol: What counts as lower.
        random_state: Seed that draws the rows held back.

    Attributes:
        baseline_: The constant to start from, shape (outputs,).
        ensemble_: Baseline and trees as a `TreeEnsemble`, for explanations.
        n_iter_: Rounds made.
        train_score_: Negative loss before each round and after the last, shape (n_iter_ + 1,).
        validation_score_: The same of the rows held back; empty without.

    >>> X = [[float(i)] for i in range(40)]
    >>> model = HistGradientBoostingRegressor(min_samples_leaf=5).fit(X, [float(i >= 20) for i in range(40)])
    >>> model.predict([[3.0], [30.0]]).round(3).tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        random_state: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows the trees one on the other.

        Raises:
            RangeError: if a parameter is out of its range.
            EmptyInputError: if no row is left to be held back, or no other.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        self._boost(rows, self._target(y, len(rows)))
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Baseline and trees summed, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._raw(X)[:, 0]

    def _loss(self, target: Array) -> Loss:
        return SquaredLoss(target)


class HistGradientBoostingClassifier(_HistGradientBoosting, Classifier):
    r"""Gradient boosting for classification: the logistic loss for two classes, softmax with a tree a class for more.

    .. math:: -\log p_y, \qquad g_k = p_k - [y = k], \qquad h_k = p_k (1 - p_k)

    (Friedman 2001, algorithms 5 and 6.) Everything else as for `HistGradientBoostingRegressor`.

    Args:
        learning_rate, max_iter, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization, max_bins,
            early_stopping, validation_fraction, n_iter_no_change, tol, random_state: As there.

    Attributes:
        classes_: Sorted class labels.
        baseline_: The logits to start from, shape (1,) for two classes, else (classes,).
        ensemble_: Baseline and trees as a `TreeEnsemble` whose outputs are logits, for explanations.
        n_iter_: Rounds made.
        train_score_: Negative loss before each round and after the last, shape (n_iter_ + 1,).
        validation_score_: The same of the rows held back; empty without.

    >>> X = [[float(i)] for i in range(40)]
    >>> model = HistGradientBoostingClassifier(min_samples_leaf=5).fit(X, ["ebb"] * 20 + ["flood"] * 20)
    >>> model.predict([[3.0], [30.0]]).tolist()
    ['ebb', 'flood']
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_bins: int = 255,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-7,
        random_state: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.max_bins = max_bins
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows the trees one on the other.

        Raises:
            RangeError: if a parameter is out of its range, or labels are fractions.
            EmptyInputError: if no row is left to be held back, or no other.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        rows = self._rows_to_fit(X)
        self._boost(rows, self._encode(y, len(rows)).astype(np.float64))
        return self

    def decision_function(self, X: npt.ArrayLike) -> Array:
        """Logits: shape (n,) for two classes, else (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        raw = self._raw(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Probability of every class in the order of `classes_`, shape (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        raw = self._raw(X)
        if raw.shape[1] == 1:
            return np.hstack([sigmoid(-raw), sigmoid(raw)])
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        total: Array = powers / powers.sum(axis=1, keepdims=True)
        return total

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most probable class of each row, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        raw = self._raw(X)
        likely = (raw[:, 0] > 0).astype(np.intp) if raw.shape[1] == 1 else raw.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[likely]
        return labels

    def _loss(self, target: Array) -> Loss:
        return LogLoss(target) if len(self.classes_) == 2 else SoftmaxLoss(target, len(self.classes_))


def _in_column(tree: Tree, column: int, outputs: int) -> Tree:
    """The tree as one that predicts 0 for every other output."""
    value = np.zeros((len(tree.value), outputs))
    value[:, column] = tree.value[:, 0]
    return tree._replace(value=value)
