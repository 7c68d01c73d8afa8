"""Effects that differ from row to row: conditional average treatment effects, τ(x) = E(Y(1) - Y(0) | X = x).

Each learner makes regressions of it that any model can do. None of them knows how wrong it is at a single x: the
effect itself is never observed, so that no residual tells. What can be checked is the average (`doubly_robust`), and
whether rows with a large prediction have a large effect as a group.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.base import BaseEstimator
from whitebox.causal._aipw import potential_outcome_scores
from whitebox.causal._effect import as_treatment, same_length
from whitebox.causal._nuisance import LeastSquares, cross_fit
from whitebox.causal._propensity import ScaledLogistic


class _Learner(BaseEstimator):
    """What all have in common: `fit(X, y, treatment)` and `predict(X)`.

    Attributes:
        column_means_: Of X, shape (d,).
    """

    column_means_: Array

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, treatment: npt.ArrayLike) -> Self:
        """Learns from covariates, shape (n, d), outcomes, shape (n,), and treatments of 0 or 1, shape (n,).

        Raises:
            RangeError: for treatments other than 0 and 1.
            SingleClassError: if all rows are treated, or none.
            ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.
        """
        rows, target, t = self._rows_to_fit(X), as_vector(y, "y"), as_treatment(treatment)
        same_length(X=rows, y=target, treatment=t)
        self._fit(rows, target, t)
        self.column_means_ = rows.mean(axis=0)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """The predicted effect for each row, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._predict(self._rows_to_use(X, "column_means_"))

    @abstractmethod
    def _fit(self, rows: Array, y: Array, t: Array) -> None:
        """Fits the models."""

    @abstractmethod
    def _predict(self, rows: Array) -> Array:
        """Predicts from validated rows."""


class TLearner(_Learner):
    r"""Two models, one a group: :math:`\hat\tau(x) = m_1(x) - m_0(x)`.

    (Künzel et al.: Metalearners for Estimating Heterogeneous Treatment Effects, 2019.) The plainest; but where the
    effect is simpler than the outcome, the errors of two models add up, and where one group is small its model is poor.
    Two fits.

    Args:
        outcome_model: With `fit(X, y)` and `predict(X)`; least squares by default.

    Attributes:
        treated_model_: Fitted on the treated rows.
        control_model_: Fitted on the others.

    >>> X = [[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]]
    >>> learner = TLearner().fit(X, [1.0, 3.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0])
    >>> learner.predict([[0.0], [4.0]]).round(9).tolist()
    [1.0, 5.0]
    """

    def __init__(self, outcome_model: Any = None) -> None:
        self.outcome_model = outcome_model

    def _fit(self, rows: Array, y: Array, t: Array) -> None:
        self.treated_model_, self.control_model_ = _arm_models(self.outcome_model, rows, y, t)

    def _predict(self, rows: Array) -> Array:
        effect: Array = self.treated_model_.predict(rows) - self.control_model_.predict(rows)
        return effect


class XLearner(_Learner):
    r"""Effects imputed across the groups, then regressed: for unequal groups.

    .. math:: D_i = Y_i - m_0(x_i) \text{ for } T_i = 1, \quad D_i = m_1(x_i) - Y_i \text{ for } T_i = 0, \qquad
              \hat\tau(x) = e(x) \hat\tau_0(x) + (1 - e(x)) \hat\tau_1(x)

    with :math:`\hat\tau_1` and :math:`\hat\tau_0` regressed on the D of either group (Künzel et al. 2019, section 2).
    The small group's effects are imputed by the large group's better model, and weigh most where its rows are rare.
    With linear models it is the T-learner. Five fits.

    Args:
        outcome_model: With `fit(X, y)` and `predict(X)`; least squares by default.
        effect_model: The same, for the imputed effects.
        propensity_model: With `fit(X, y)` and `predict_proba(X)`; logistic regression by default.

    Attributes:
        treated_effect_model_: Fitted on the treated rows' imputed effects.
        control_effect_model_: Fitted on the others'.
        propensity_model_: Fitted on all rows.

    >>> X = [[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]]
    >>> learner = XLearner().fit(X, [1.0, 3.0, 5.0, 0.0, 1.0, 2.0], [1, 1, 1, 0, 0, 0])
    >>> learner.predict([[0.0], [4.0]]).round(9).tolist()
    [1.0, 5.0]
    """

    def __init__(self, outcome_model: Any = None, effect_model: Any = None, propensity_model: Any = None) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model

    def _fit(self, rows: Array, y: Array, t: Array) -> None:
        treated_model, control_model = _arm_models(self.outcome_model, rows, y, t)
        imputed = np.where(t == 1, y - control_model.predict(rows), treated_model.predict(rows) - y)
        self.treated_effect_model_, self.control_effect_model_ = _arm_models(self.effect_model, rows, imputed, t)
        self.propensity_model_ = _copy(self.propensity_model, ScaledLogistic()).fit(rows, t)

    def _predict(self, rows: Array) -> Array:
        e = self.propensity_model_.predict_proba(rows)[:, 1]
        by_control = self.control_effect_model_.predict(rows)
        effect: Array = e * by_control + (1 - e) * self.treated_effect_model_.predict(rows)
        return effect


class RLearner(_Learner):
    r"""Effects from what is left of outcome and treatment once X has explained its part.

    .. math:: \hat\tau = \arg\min_\tau \sum_i \left( Y_i - m(x_i) - (T_i - e(x_i))\, \tau(x_i) \right)^2

    with m and e cross-fitted, as a regression of :math:`(Y - m) / (T - e)` with weights :math:`(T - e)^2` (Nie, Wager:
    Quasi-Oracle Estimation of Heterogeneous Treatment Effects, 2021). As exact as if m and e were known, where their
    errors multiply to less than the rest. With a linear effect model it is the best linear approximation, weighted
    to where both treatments are common.

    Args:
        outcome_model: With `fit(X, y)` and `predict(X)`; least squares by default.
        effect_model: With `fit(X, y, sample_weight=…)` and `predict(X)`; least squares by default.
        propensity_model: With `fit(X, y)` and `predict_proba(X)`; logistic regression by default.
        folds: As `cross_fit`.
        random_state: Seed of the folds.

    Attributes:
        effect_model_: The fitted effect model.

    >>> X = np.arange(12.0)[:, None]
    >>> treatment = np.array([0, 1] * 6)
    >>> learner = RLearner(folds=1).fit(X, X[:, 0] + 3.0 * treatment, treatment)
    >>> learner.predict([[5.0]]).round(3).tolist()
    [3.0]
    """

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        propensity_model: Any = None,
        folds: int = 5,
        random_state: int | None = None,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.folds = folds
        self.random_state = random_state

    def _fit(self, rows: Array, y: Array, t: Array) -> None:
        found = cross_fit(
            rows,
            t,
            y,
            np.random.default_rng(self.random_state),
            folds=self.folds,
            outcome_model=self.outcome_model,
            propensity_model=self.propensity_model,
        )
        rest = t - found.propensity
        self.effect_model_ = _copy(self.effect_model, LeastSquares()).fit(
            rows, (y - found.outcome()) / rest, sample_weight=rest**2
        )

    def _predict(self, rows: Array) -> Array:
        effect: Array = self.effect_model_.predict(rows)
        return effect


class DRLearner(_Learner):
    r"""A regression of the doubly robust scores on X.

    .. math:: \varphi_i = m_1(x_i) - m_0(x_i) + \frac{T_i (Y_i - m_1(x_i))}{e_i}
              - \frac{(1 - T_i)(Y_i - m_0(x_i))}{1 - e_i}

    with m and e cross-fitted (Kennedy: Towards Optimal Doubly Robust Estimation of Heterogeneous Causal Effects, 2023).
    Each score has the effect as its expectation if either m or e is right, but few overlap make it noisy. The mean of
    a linear effect model's predictions over the rows is the estimate of `doubly_robust` without trimming.

    Args:
        outcome_model: With `fit(X, y)` and `predict(X)`; least squares by default.
        effect_model: The same, for the scores.
        propensity_model: With `fit(X, y)` and `predict_proba(X)`; logistic regression by default.
        folds: As `cross_fit`.
        random_state: Seed of the folds.

    Attributes:
        effect_model_: The fitted effect model.

    >>> X = np.arange(12.0)[:, None]
    >>> treatment = np.array([0, 1] * 6)
    >>> learner = DRLearner(folds=2, random_state=0).fit(X, X[:, 0] + 3.0 * treatment, treatment)
    >>> learner.predict([[5.0]]).round(6).tolist()
    [3.0]
    """

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        propensity_model: Any = None,
        folds: int = 5,
        random_state: int | None = None,
    ) -> None:
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.folds = folds
        self.random_state = random_state

    def _fit(self, rows: Array, y: Array, t: Array) -> None:
        found = cross_fit(
            rows,
            t,
            y,
            np.random.default_rng(self.random_state),
            folds=self.folds,
            outcome_model=self.outcome_model,
            propensity_model=self.propensity_model,
        )
        treated, control = potential_outcome_scores(y, t, *found)
        self.effect_model_ = _copy(self.effect_model, LeastSquares()).fit(rows, treated - control)

    def _predict(self, rows: Array) -> Array:
        effect: Array = self.effect_model_.predict(rows)
        return effect


def _arm_models(model: Any, rows: Array, y: Array, t: Array) -> tuple[Any, Any]:
    """Copies of a model fitted on the treated and on the untreated rows."""
    treated, control = (_copy(model, LeastSquares()).fit(rows[t == arm], y[t == arm]) for arm in (1, 0))
    return treated, control


def _copy(model: Any, default: Any) -> Any:
    return default if model is None else deepcopy(model)
