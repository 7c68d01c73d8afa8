"""What has to be estimated on the way to an effect, without letting a row help to predict itself."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, positive_int
from whitebox.base import BaseEstimator
from whitebox.causal._effect import observations
from whitebox.causal._propensity import ScaledLogistic
from whitebox.errors import RangeError
from whitebox.linalg import lstsq

# Propensities are kept this far from 0 and 1: beyond, one row would outweigh all others.
_CERTAIN = 1e-6


class Nuisance(NamedTuple):
    """Predictions that effects are made of.

    Attributes:
        propensity: Probability of treatment of each row, shape (n,).
        treated: Predicted outcome of each row if treated, shape (n,).
        control: Predicted outcome of each row if not, shape (n,).
    """

    propensity: Array
    treated: Array
    control: Array

    def outcome(self) -> Array:
        """Predicted outcome of each row whether treated or not, E(Y | X)."""
        return self.propensity * self.treated + (1 - self.propensity) * self.control


class LeastSquares(BaseEstimator):
    """Linear regression with an intercept: the outcome model where no other is given.

    Attributes:
        coef_: Shape (d,).
        intercept_: A number.
    """

    coef_: Array
    intercept_: float

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Minimises the weighted sum of squares; of equal minima the one with the shortest coefficients."""
        rows, target = self._rows_to_fit(X), as_vector(y, "y")
        weights = np.ones(len(rows)) if sample_weight is None else as_vector(sample_weight, "sample_weight")
        centre, level = np.average(rows, axis=0, weights=weights), np.average(target, weights=weights)
        root = np.sqrt(weights)
        centred = root[:, None] * (rows - centre)
        self.coef_ = lstsq(centred, root * (target - level)).solution if centred.any() else np.zeros(rows.shape[1])
        self.intercept_ = float(level - centre @ self.coef_)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Predicted outcomes, shape (n,)."""
        return self._rows_to_use(X, "coef_") @ self.coef_ + self.intercept_


def cross_fit(
    X: npt.ArrayLike,
    treatment: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    folds: int = 5,
    outcome_model: Any = None,
    propensity_model: Any = None,
) -> Nuisance:
    """Propensities and outcomes of each row, predicted by models that were fitted on the other folds.

    Flexible models fit noise, and an estimate that uses them where they were fitted takes it for signal; predictions
    for rows that a model has not seen do not (Chernozhukov et al.: Double/Debiased Machine Learning, 2018, definition
    3.1). Folds are drawn among treated and untreated rows apart. Three fits a fold.

    Args:
        X: Covariates, shape (n, d).
        treatment: 0 or 1, shape (n,).
        outcome: Shape (n,).
        rng: Draws the folds.
        folds: How many; with 1 all rows are used to fit, and predicted nevertheless.
        outcome_model: With `fit(X, y)` and `predict(X)`, copied for each fit; least squares by default.
        propensity_model: With `fit(X, y)` and `predict_proba(X)`; logistic regression by default.

    Raises:
        RangeError: for more folds than rows in a group, or treatments other than 0 and 1.
        SingleClassError: if all rows are treated, or none.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.

    >>> X = np.arange(8.0)[:, None]
    >>> found = cross_fit(X, [0, 1] * 4, 2 * X[:, 0] + [0, 1] * 4, np.random.default_rng(0), folds=2)
    >>> (found.treated - found.control).round(9).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    rows, t, y = observations(X, treatment, outcome)
    fold = _folds(t, positive_int(folds, "folds"), rng)
    regression = LeastSquares() if outcome_model is None else outcome_model
    classification = ScaledLogistic() if propensity_model is None else propensity_model
    found = Nuisance(*(np.empty(len(y)) for _ in range(3)))
    for number in range(folds):
        held = fold == number
        used = ~held if folds > 1 else held
        found.propensity[held] = deepcopy(classification).fit(rows[used], t[used]).predict_proba(rows[held])[:, 1]
        for predicted, arm in ((found.treated, 1), (found.control, 0)):
            learnt = used & (t == arm)
            predicted[held] = deepcopy(regression).fit(rows[learnt], y[learnt]).predict(rows[held])
    return found._replace(propensity=np.clip(found.propensity, _CERTAIN, 1 - _CERTAIN))


def _folds(treatment: Array, folds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The fold of each row, as many of either group in each as can be."""
    fold = np.empty(len(treatment), dtype=np.intp)
    for arm in (0, 1):
        group = np.flatnonzero(treatment == arm)
        if folds > 1 and len(group) < folds:
            raise RangeError(f"folds must be at most {len(group)}, the rows with treatment {arm}, got {folds}")
        fold[rng.permutation(group)] = np.arange(len(group)) % folds
    return fold
