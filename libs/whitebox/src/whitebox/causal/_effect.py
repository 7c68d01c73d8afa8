"""What an estimate of an average effect is, and the checks that all of them run."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError, SingleClassError
from whitebox.stats import Normal


class Effect(NamedTuple):
    """An estimate of an average treatment effect.

    Attributes:
        estimate: Mean outcome if all were treated, less that if none were.
        standard_error: Its standard error.
        low: Lower end of the confidence interval.
        high: Upper end.
        treated_mean: Estimated mean outcome if all were treated.
        control_mean: Estimated mean outcome if none were.
        influence: What each row that was kept adds to the estimate beyond its mean; shape (kept,).
        kept: Which rows' propensities were not trimmed; shape (n,).
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    treated_mean: float
    control_mean: float
    influence: Array
    kept: npt.NDArray[np.bool_]


def as_treatment(treatment: npt.ArrayLike) -> Array:
    """Zeros and ones, with both among them. Raises RangeError or SingleClassError otherwise."""
    t: Array = as_vector(treatment, "treatment")
    other = (t != 0) & (t != 1)
    if other.any():
        raise RangeError(f"treatment must be 0 or 1, got treatment[{int(other.argmax())}] = {t[other][0]:g}")
    if t.all() or not t.any():
        raise SingleClassError(f"treatment is {t[0]:g} throughout; an effect needs treated and untreated rows")
    return t


def as_probabilities(propensity: npt.ArrayLike) -> Array:
    """Probabilities strictly between 0 and 1. Raises RangeError otherwise."""
    e: Array = as_vector(propensity, "propensity")
    wrong = (e <= 0) | (e >= 1)
    if wrong.any():
        raise RangeError(
            f"propensity[{int(wrong.argmax())}] must be between 0 and 1, both excluded, got {e[wrong][0]:g}: "
            "where treatment is certain, nothing can be compared"
        )
    return e


def same_length(**arrays: Array) -> None:
    """Raises ShapeError for arrays that differ in length."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"lengths differ: {', '.join(f'{name} {length}' for name, length in lengths.items())}")


def observations(X: npt.ArrayLike, treatment: npt.ArrayLike, outcome: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Validated covariates, treatment and outcome."""
    rows, t, y = as_matrix(X, "X"), as_treatment(treatment), as_vector(outcome, "outcome")
    same_length(X=rows, treatment=t, outcome=y)
    return rows, t, y


def keep(propensity: Array, treatment: Array, trim: float) -> npt.NDArray[np.bool_]:
    """Rows whose propensity lies in [trim, 1 - trim]. Raises EmptyInputError where no treated or untreated ones are."""
    number_in(trim, "trim", 0, 0.5)
    kept = (propensity >= trim) & (propensity <= 1 - trim)
    if not treatment[kept].any() or treatment[kept].all():
        raise EmptyInputError(f"trimming at {trim:g} leaves no treated rows, or no untreated ones")
    return kept


def effect(means: tuple[float, float], influence: Array, kept: npt.NDArray[np.bool_], confidence: float) -> Effect:
    """An estimate with the standard error that its influence function says, and a normal interval."""
    estimate = means[0] - means[1]
    error = math.sqrt(float(influence @ influence)) / len(influence)
    margin = error * Normal().interval(confidence)[1]
    return Effect(estimate, error, estimate - margin, estimate + margin, *means, influence, kept)
