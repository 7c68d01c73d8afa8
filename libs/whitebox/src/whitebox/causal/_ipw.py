"""Inverse propensity weighting."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.causal._effect import Effect, as_probabilities, as_treatment, effect, keep, same_length
from whitebox.causal._propensity import standardise
from whitebox.errors import RangeError
from whitebox.linalg import lstsq


def ipw(
    outcome: npt.ArrayLike,
    treatment: npt.ArrayLike,
    propensity: npt.ArrayLike,
    *,
    method: Literal["hajek", "horvitz_thompson"] = "hajek",
    trim: float = 0.0,
    fitted_on: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Effect:
    r"""The average treatment effect by weights that undo who was treated.

    .. math::
        \hat\mu_1 = \frac{\sum_i w_i Y_i}{\sum_i w_i}, \; w_i = \frac{T_i}{e_i}, \qquad
        \hat\mu_0 = \frac{\sum_i v_i Y_i}{\sum_i v_i}, \; v_i = \frac{1 - T_i}{1 - e_i}, \qquad
        \hat\tau = \hat\mu_1 - \hat\mu_0

    (Hájek 1971); Horvitz and Thompson (1952) divide by n instead, which is unbiased for known propensities, but moves
    with the outcome's origin and varies more. The standard error is that of known propensities,
    :math:`\sqrt{\sum_i \psi_i^2} / n` with the influence function ψ. Where they were fitted by logistic regression on
    the same rows, that is too large; give the regression's covariates as `fitted_on`, and what ψ shares with the
    regression's score :math:`(T_i - e_i)(1, x_i)` is taken out (Lunceford, Davidian: Stratification and Weighting via
    the Propensity Score, 2004). Trimming changes the question: to the average effect among the rows that are kept
    (Crump et al.: Dealing with Limited Overlap, 2009). O(n), with `fitted_on` O(nd²).

    Args:
        outcome: Y, shape (n,).
        treatment: T, 0 or 1, shape (n,).
        propensity: e, between 0 and 1, shape (n,).
        method: "hajek" or "horvitz_thompson".
        trim: Rows with a propensity below this, or above 1 less this, are left out.
        fitted_on: Covariates of the logistic regression that gave the propensities, shape (n, d).
        confidence: Of the interval.

    Raises:
        RangeError: for propensities not between 0 and 1, treatments other than 0 and 1, or options out of range.
        SingleClassError: if all rows are treated, or none.
        EmptyInputError: also where trimming leaves no treated rows, or no untreated ones.
        ShapeError, NotFiniteError, DtypeError: for unusable arrays.

    >>> result = ipw([3.0, 5.0, 1.0, 2.0], [1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5])
    >>> result.estimate, result.treated_mean, result.control_mean
    (2.5, 4.0, 1.5)
    """
    y, t, e = as_vector(outcome, "outcome"), as_treatment(treatment), as_probabilities(propensity)
    same_length(outcome=y, treatment=t, propensity=e)
    kept = keep(e, t, trim)
    covariates = None if fitted_on is None else as_matrix(fitted_on, "fitted_on")
    if covariates is not None:
        same_length(outcome=y, fitted_on=covariates)
        covariates = covariates[kept]
    y, t, e = y[kept], t[kept], e[kept]
    w, v = t / e, (1 - t) / (1 - e)
    if method == "hajek":
        means = float(w @ y / w.sum()), float(v @ y / v.sum())
        influence = w / w.mean() * (y - means[0]) - v / v.mean() * (y - means[1])
    elif method == "horvitz_thompson":
        means = float((w * y).mean()), float((v * y).mean())
        influence = w * y - v * y - (means[0] - means[1])
    else:
        raise RangeError(f"method must be 'hajek' or 'horvitz_thompson', got {method!r}")
    if covariates is not None:
        influence = _less_what_fitting_explains(influence, t - e, covariates)
    return effect(means, influence, kept, confidence)


def _less_what_fitting_explains(influence: Array, residual: Array, covariates: Array) -> Array:
    score = residual[:, None] * np.hstack([np.ones((len(residual), 1)), standardise(covariates)])
    explained: Array = score @ lstsq(score, influence).solution
    return influence - explained
