"""Random forests."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.base import BaseEstimator, Classifier, Regressor
from whitebox.errors import RangeError
from whitebox.tree import Tree, TreeEnsemble
from whitebox.tree._cart import MaxFeatures, checked_limits
from whitebox.tree._growing import classification, grow, regression, sort_columns
from whitebox.tree._pruning import importances
from whitebox.tree._task import Task


class _RandomForest(BaseEstimator):
    """What classification and regression share."""

    n_estimators: int
    max_depth: int | None
    min_samples_split: int
    min_samples_leaf: int
    max_features: MaxFeatures
    bootstrap: bool
    oob_score: bool
    random_state: int | None

    trees_: list[Tree]
    ensemble_: TreeEnsemble
    estimators_samples_: list[npt.NDArray[np.intp]]
    feature_importances_: Array
    oob_score_: float

    def apply(self, X: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Number of each tree's leaf that each row falls into, shape (n, trees).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        rows = self._rows_to_use(X, "ensemble_")
        return self.ensemble_.apply(rows)

    def _values(self, X: npt.ArrayLike) -> Array:
        return self.ensemble_.predict(self._rows_to_use(X, "ensemble_"))

    def _grow_all(self, rows: Array, task: Task) -> None:
        n, d = rows.shape
        trees = positive_int(self.n_estimators, "n_estimators")
        if self.oob_score and not self.bootstrap:
            raise RangeError("oob_score needs bootstrap=True: otherwise no row is out of any bag")
        limits = checked_limits(self, d)
        columns = sort_columns(rows)
        self.trees_, self.estimators_samples_ = [], []
        total = np.zeros(d)
        # Each tree has draws of its own, so that it does not depend on the trees before it.
        for rng in np.random.default_rng(self.random_state).spawn(trees):
            bag = (rng.random(n) * n).astype(np.intp) if self.bootstrap else np.arange(n)
            # A row drawn twice counts twice: no tree sorts its bag anew.
            weights = np.bincount(bag, minlength=n).astype(np.float64)
            grown = grow(columns, task._replace(weights=weights), limits, rng)
            self.trees_.append(grown.tree)
            self.estimators_samples_.append(bag)
            total += importances(grown, d)
        self.ensemble_ = TreeEnsemble(self.trees_, scale=1 / trees)
        self.feature_importances_ = total / (total.sum() or 1.0)

    def _out_of_bag(self, rows: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Mean value of each row over the trees that have not seen it, and whether there is such a tree."""
        total, votes = np.zeros((len(rows), len(self.ensemble_.offset))), np.zeros(len(rows))
        for tree, bag in zip(self.trees_, self.estimators_samples_, strict=True):
            outside = np.ones(len(rows), dtype=bool)
            outside[bag] = False
            if outside.any():
                total[outside] += TreeEnsemble([tree]).predict(rows[outside])
                votes += outside
        if not votes.all():
            warnings.warn(
                f"{int((votes == 0).sum())} rows are in every tree's bag, and left out of the out-of-bag score: "
                "grow more trees",
                RuntimeWarning,
                stacklevel=3,
            )
        return total / np.maximum(votes, 1)[:, None], votes > 0


class RandomForestClassifier(_RandomForest, Classifier):
    r"""Random forest: trees grown on bootstrap samples that look at few columns at a time; shares are averaged.

    .. math:: \hat p(x) = \frac{1}{T} \sum_{t=1}^{T} p_t(x), \qquad
              \operatorname{Var} = \rho \sigma^2 + \frac{1 - \rho}{T} \sigma^2

    (Breiman 2001; the variance of a mean of trees with correlation ρ is equation 15.1 of Hastie, Tibshirani, Friedman:
    Elements of Statistical Learning.) Drawing rows and columns lowers ρ. Columns are sorted once for all trees:
    O(d · n · log n), then O(T · d · n · depth).

    Args:
        n_estimators: T.
        criterion, max_depth, min_samples_split, min_samples_leaf, max_features: As for `DecisionTreeClassifier`.
        bootstrap: Whether each tree draws n rows with replacement; all trees see all rows where not.
        oob_score: Whether to score each row by the trees that have not seen it.
        random_state: Seed of the draws.

    Attributes:
        classes_: Sorted class labels.
        trees_: The trees; their values are shares of the classes.
        ensemble_: Their mean as a `TreeEnsemble`, for explanations.
        estimators_samples_: The rows that each tree drew, shape (n,) each.
        feature_importances_: Share of the decrease in impurity that each column brought, shape (d,).
        oob_decision_function_: Mean shares of the trees that have not seen a row, NaN without one, shape (n, classes).
        oob_score_: Share of rows whose class these predict right.

    >>> X = [[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]]
    >>> forest = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, [0, 0, 0, 1, 1, 1])
    >>> forest.predict([[0.5], [4.5]]).tolist()
    [0, 1]
    """

    oob_decision_function_: Array

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        criterion: Literal["gini", "entropy"] = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_features: MaxFeatures = "sqrt",
        bootstrap: bool = True,
        oob_score: bool = False,
        random_state: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows the trees.

        Raises:
            RangeError: if a parameter is out of its range, or labels are fractions.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
            SingleClassError: if `y` holds one class only.
        """
        rows = self._rows_to_fit(X)
        numbers = self._encode(y, len(rows))
        self._grow_all(rows, classification(numbers, len(self.classes_), np.ones(len(rows)), self.criterion))
        if self.oob_score:
            shares, seen = self._out_of_bag(rows)
            self.oob_decision_function_ = np.where(seen[:, None], shares, np.nan)
            self.oob_score_ = float((shares.argmax(axis=1) == numbers)[seen].mean()) if seen.any() else 0.0
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Array:
        """Mean share of every class in each row's leaves, in the order of `classes_`, shape (n, classes).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._values(X)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The class with the largest mean share, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        likely = self._values(X).argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[likely]
        return labels


class RandomForestRegressor(_RandomForest, Regressor):
    r"""Random forest for regression: the mean of trees grown on bootstrap samples (Breiman 2001).

    Everything else as for `RandomForestClassifier`.

    Args:
        n_estimators, max_depth, min_samples_split, min_samples_leaf, max_features, bootstrap, oob_score, random_state:
            As there; all columns are looked at where nothing else is said.

    Attributes:
        trees_: The trees; their values are means.
        ensemble_: Their mean as a `TreeEnsemble`, for explanations.
        estimators_samples_: The rows that each tree drew, shape (n,) each.
        feature_importances_: Share of the decrease in squares that each column brought, shape (d,).
        oob_prediction_: Mean of the trees that have not seen a row, NaN without one, shape (n,).
        oob_score_: Share of the variance that these explain.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> forest = RandomForestRegressor(bootstrap=False, n_estimators=2).fit(X, [1.0, 1.0, 3.0, 3.0])
    >>> forest.predict([[0.5], [2.5]]).tolist()
    [1.0, 3.0]
    """

    oob_prediction_: Array

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_features: MaxFeatures = None,
        bootstrap: bool = True,
        oob_score: bool = False,
        random_state: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grows the trees.

        Raises:
            RangeError: if a parameter is out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        self._grow_all(rows, regression(target, np.ones(len(rows))))
        if self.oob_score:
            means, seen = self._out_of_bag(rows)
            self.oob_prediction_ = np.where(seen, means[:, 0], np.nan)
            left = float(((target - means[:, 0]) ** 2)[seen].sum())
            spread = float(((target[seen] - target[seen].mean()) ** 2).sum()) if seen.any() else 0.0
            self.oob_score_ = 1 - left / spread if spread > 0 else 0.0
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Mean of each row's leaves, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._values(X)[:, 0]
