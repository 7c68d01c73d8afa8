"""Classification and regression trees."""

from __future__ import annotations

import math
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int
from whitebox.base import BaseEstimator, Classifier, Regressor
from whitebox.errors import RangeError, ShapeError
from whitebox.tree._growing import Grown, classification, grow, regression, sort_columns
from whitebox.tree._pruning import PruningPath, importances, prune, pruning_path
from whitebox.tree._structure import Indices, Tree, TreeEnsemble, depth_of_nodes
from whitebox.tree._task import Limits, Task

MaxFeatures: TypeAlias = int | float | Literal["sqrt", "log2"] | None
# Deeper than any tree gets.
_UNLIMITED = np.iinfo(np.int64).max


class _DecisionTree(BaseEstimator):
    """What classification and regression share."""

    max_depth: int | None
    min_samples_split: int
    min_samples_leaf: int
    max_features: MaxFeatures
    ccp_alpha: float
    random_state: int | None

    tree_: Tree
    impurity_: Array
    ensemble_: TreeEnsemble
    feature_importances_: Array

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Grows the tree, and prunes it where `ccp_alpha` is positive.

        Args:
            X: Rows, shape (n, d).
            y: Class labels or targets, shape (n,).
            sample_weight: How often each row counts, at least 0, shape (n,); 1 where none is given.

        Raises:
            RangeError: if a parameter or a weight is out of its range, or labels are fractions.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if a classifier's `y` holds one class only.
        """
        grown = self._grow(X, y, sample_weight)
        if number_in(self.ccp_alpha, "ccp_alpha", 0) > 0:
            grown = prune(grown, self.ccp_alpha)
        self.tree_, self.impurity_ = grown
        self.ensemble_ = TreeEnsemble([self.tree_])
        self.feature_importances_ = importances(grown, self.n_features_in_)
        return self

    def cost_complexity_pruning_path(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> PruningPath:
        """The values of `ccp_alpha` at which the tree loses branches, and the impurity of its leaves from there on.

        Raises:
            RangeError, DtypeError, ShapeError, EmptyInputError, NotFiniteError, SingleClassError: as `fit`.
        """
        return pruning_path(self._grow(X, y, sample_weight))

    def apply(self, X: npt.ArrayLike) -> Indices:
        """Number of the leaf that each row falls into, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        rows = self._rows_to_use(X, "ensemble_")
        return self.ensemble_.apply(rows)[:, 0]

    def get_depth(self) -> int:
        """Number of steps from the root to the deepest leaf."""
        return int(depth_of_nodes(self.tree_).max())

    def get_n_leaves(self) -> int:
        """Number of leaves."""
        return int((self.tree_.children_left < 0).sum())

    def _values(self, X: npt.ArrayLike) -> Array:
        return self.ensemble_.predict(self._rows_to_use(X, "ensemble_"))

    def _task(self, y: npt.ArrayLike, weights: Array) -> Task:
        raise NotImplementedError

    def _grow(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None) -> Grown:
        rows = self._rows_to_fit(X)
        task = self._task(y, checked_weights(sample_weight, len(rows)))
        limits = checked_limits(self, rows.shape[1])
        return grow(sort_columns(rows), task, limits, np.random.default_rng(self.random_state))


class DecisionTreeClassifier(_DecisionTree, Classifier):
    r"""Classification tree (CART): splits columns at thresholds, each time where least impurity is left.

    .. math:: H_\mathrm{gini}(p) = \sum_k p_k (1 - p_k), \qquad H_\mathrm{entropy}(p) = -\sum_k p_k \log_2 p_k, \qquad
              \min_{j, t}\; \frac{n_L}{n} H(p_L) + \frac{n_R}{n} H(p_R)

    (Breiman, Friedman, Olshen, Stone 1984, chapter 4.) A row goes to the left where :math:`x_j \le t`; thresholds lie
    in the middle between neighbouring values. Ties go to the first column and the lowest threshold. A split that gains
    nothing is taken too, as in an exclusive or only the next one gains. Columns are sorted once: O(d · n · log n), then
    O(d · n) a level.

    Args:
        criterion: "gini" or "entropy".
        max_depth: Steps from the root at most; no limit where None.
        min_samples_split: A node with fewer rows is a leaf.
        min_samples_leaf: Rows that a leaf has at least.
        max_features: How many columns, drawn anew at each node, are looked at for a split: a number, a share, "sqrt" or
            "log2" of all; all where None. Goes on where they allow no split.
        ccp_alpha: Prunes branches whose impurity is not worth this much a leaf (see `cost_complexity_pruning_path`).
        random_state: Seed of the draws.

    Attributes:
        classes_: Sorted class labels.
        tree_: The `Tree`; its values are shares of the classes, its cover sums of weights.
        impurity_: Of its nodes, shape (nodes,).
        feature_importances_: Share of the decrease in impurity that each column brought, shape (d,).
        ensemble_: The tree as a `TreeEnsemble` of one, for explanations.

    >>> tree = DecisionTreeClassifier().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    >>> tree.predict([[1.4], [1.6]]).tolist(), tree.tree_.threshold[0].item()
    (['no', 'yes'], 1.5)
    """

    def __init__(
        self,
        *,
        criterion: Literal["gini", "entropy"] = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_features: MaxFeatures = None,
        ccp_alpha: float = 0.0,
        random_state: int | None = None,
    ) -> None:
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.ccp_alpha = ccp_alpha
        self.random_state = random_state

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Share of every class in each row's leaf, in the order of `classes_`, shape (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._values(X)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The most frequent class of each row's leaf, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        likely = self._values(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[likely]
        return labels

    def _task(self, y: npt.ArrayLike, weights: Array) -> Task:
        numbers = self._encode(y, len(weights))
        return classification(numbers, len(self.classes_), weights, self.criterion)


class DecisionTreeRegressor(_DecisionTree, Regressor):
    r"""Regression tree (CART): splits columns at thresholds, each time where the squares around the means are least.

    .. math:: \min_{j, t}\; \sum_{x_{ij} \le t} (y_i - \bar y_L)^2 + \sum_{x_{ij} > t} (y_i - \bar y_R)^2

    (Breiman, Friedman, Olshen, Stone 1984, section 8.3.) Everything else as for `DecisionTreeClassifier`.

    Args:
        max_depth, min_samples_split, min_samples_leaf, max_features, ccp_alpha, random_state: As there.

    Attributes:
        tree_: The `Tree`; its values are means, its cover sums of weights.
        impurity_: Mean squares around the means, shape (nodes,).
        feature_importances_: Share of the decrease in squares that each column brought, shape (d,).
        ensemble_: The tree as a `TreeEnsemble` of one, for explanations.

    >>> tree = DecisionTreeRegressor(max_depth=1).fit([[0.0], [1.0], [2.0], [3.0]], [1.0, 1.0, 5.0, 7.0])
    >>> tree.predict([[1.4], [1.6]]).tolist()
    [1.0, 6.0]
    """

    def __init__(
        self,
        *,
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_features: MaxFeatures = None,
        ccp_alpha: float = 0.0,
        random_state: int | None = None,
    ) -> None:
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.ccp_alpha = ccp_alpha
        self.random_state = random_state

    def predict(self, X: npt.ArrayLike) -> Array:
        """Mean of each row's leaf, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._values(X)[:, 0]

    def _task(self, y: npt.ArrayLike, weights: Array) -> Task:
        return regression(self._target(y, len(weights)), weights)


def checked_limits(parameters: Any, columns: int) -> Limits:
    """The limits among an estimator's parameters.

    Raises:
        RangeError: if one is out of its range.
    """
    unlimited = parameters.max_depth is None
    depth = _UNLIMITED if unlimited else positive_int(parameters.max_depth, "max_depth")
    split = positive_int(parameters.min_samples_split, "min_samples_split")
    if split < 2:
        raise RangeError(f"min_samples_split must be a whole number of at least 2, got {split}")
    leaf = positive_int(parameters.min_samples_leaf, "min_samples_leaf")
    return Limits(depth, split, leaf, _number_of_features(parameters.max_features, columns))


def checked_weights(weights: npt.ArrayLike | None, rows: int) -> Array:
    """A weight for each row, all 1 where none are given.

    Raises:
        ShapeError: if there is not one for each row.
        RangeError: if one is negative, or all are 0.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.
    """
    if weights is None:
        return np.ones(rows)
    checked: Array = as_vector(weights, "sample_weight")
    if len(checked) != rows:
        raise ShapeError(f"sample_weight must have shape ({rows},), got {checked.shape}")
    if (checked < 0).any() or not checked.any():
        raise RangeError("sample_weight must be at least 0 everywhere; and not every weight may be zero")
    return checked


def _number_of_features(wanted: MaxFeatures, columns: int) -> int:
    if wanted is None:
        return columns
    if wanted in ("sqrt", "log2"):
        return max(1, int(math.sqrt(columns) if wanted == "sqrt" else math.log2(columns)))
    if isinstance(wanted, float | np.floating):
        return max(1, int(number_in(float(wanted), "max_features", 0, 1, open_low=True) * columns))
    if isinstance(wanted, str):
        raise RangeError(f"max_features must be a number, a share, 'sqrt', 'log2' or None, got {wanted!r}")
    return min(positive_int(wanted, "max_features"), columns)
