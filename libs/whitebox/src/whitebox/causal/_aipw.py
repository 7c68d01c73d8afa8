"""Doubly robust estimation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.causal._effect import Effect, as_probabilities, as_treatment, effect, keep, observations, same_length
from whitebox.causal._nuisance import cross_fit


def aipw(
    outcome: npt.ArrayLike,
    treatment: npt.ArrayLike,
    propensity: npt.ArrayLike,
    treated_prediction: npt.ArrayLike,
    control_prediction: npt.ArrayLike,
    *,
    trim: float = 0.0,
    confidence: float = 0.95,
) -> Effect:
    r"""The average treatment effect by augmented inverse propensity weighting.

    .. math::
        \hat\tau = \frac1n \sum_i \left[ m_1(x_i) - m_0(x_i) + \frac{T_i (Y_i - m_1(x_i))}{e_i}
        - \frac{(1 - T_i)(Y_i - m_0(x_i))}{1 - e_i} \right]

    (Robins, Rotnitzky, Zhao: Estimation of Regression Coefficients When Some Regressors Are Not Always Observed, 1994.)
    Right in large samples if either the propensities e or the predictions m are. The standard error is that of the
    mean of the brackets, the efficient influence function: right if both are. O(n).

    Args:
        outcome: Y, shape (n,).
        treatment: T, 0 or 1, shape (n,).
        propensity: e, between 0 and 1, shape (n,).
        treated_prediction: m₁, predicted outcomes if treated, shape (n,).
        control_prediction: m₀, predicted outcomes if not, shape (n,).
        trim: Rows with a propensity below this, or above 1 less this, are left out.
        confidence: Of the interval.

    Raises:
        RangeError: for propensities not between 0 and 1, treatments other than 0 and 1, or options out of range.
        SingleClassError: if all rows are treated, or none.
        EmptyInputError: also where trimming leaves no treated rows, or no untreated ones.
        ShapeError, NotFiniteError, DtypeError: for unusable arrays.

    >>> aipw([3.0, 1.0], [1, 0], [0.5, 0.5], [3.0, 3.0], [1.0, 1.0]).estimate
    2.0
    """
    y, t, e = as_vector(outcome, "outcome"), as_treatment(treatment), as_probabilities(propensity)
    m1, m0 = as_vector(treated_prediction, "treated_prediction"), as_vector(control_prediction, "control_prediction")
    same_length(outcome=y, treatment=t, propensity=e, treated_prediction=m1, control_prediction=m0)
    kept = keep(e, t, trim)
    treated, control = potential_outcome_scores(y, t, e, m1, m0)
    treated, control = treated[kept], control[kept]
    means = float(treated.mean()), float(control.mean())
    return effect(means, treated - control - (means[0] - means[1]), kept, confidence)


def doubly_robust(
    X: npt.ArrayLike,
    treatment: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    folds: int = 5,
    outcome_model: Any = None,
    propensity_model: Any = None,
    trim: float = 0.01,
    confidence: float = 0.95,
) -> Effect:
    """The average treatment effect by `aipw` on predictions from `cross_fit`.

    Args:
        X: Covariates, shape (n, d).
        treatment: 0 or 1, shape (n,).
        outcome: Shape (n,).
        rng: Draws the folds.
        folds: How many; 1 for none.
        outcome_model: With `fit(X, y)` and `predict(X)`; least squares by default.
        propensity_model: With `fit(X, y)` and `predict_proba(X)`; logistic regression by default.
        trim: Rows with a propensity below this, or above 1 less this, are left out.
        confidence: Of the interval.

    Raises:
        RangeError, SingleClassError, EmptyInputError, ShapeError, NotFiniteError, DtypeError: as `aipw`, `cross_fit`.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((400, 2))
    >>> treatment = rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))
    >>> result = doubly_robust(X, treatment, X[:, 0] + 2 * treatment + 0.1 * rng.standard_normal(400), rng)
    >>> round(result.estimate, 1)
    2.0
    """
    _, t, y = observations(X, treatment, outcome)
    found = cross_fit(X, t, y, rng, folds=folds, outcome_model=outcome_model, propensity_model=propensity_model)
    return aipw(y, t, found.propensity, found.treated, found.control, trim=trim, confidence=confidence)


def potential_outcome_scores(y: Array, t: Array, e: Array, m1: Array, m0: Array) -> tuple[Array, Array]:
    """What each row says of the mean outcomes with and without treatment: a prediction, corrected where it is known."""
    return m1 + t * (y - m1) / e, m0 + (1 - t) * (y - m0) / (1 - e)
