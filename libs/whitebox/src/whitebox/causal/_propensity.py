"""How likely each row was to be treated, and whether that leaves anything to compare."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in
from whitebox.causal._effect import as_probabilities, as_treatment, same_length
from whitebox.linear_model import LogisticRegression
from whitebox.preprocessing import StandardScaler

# Of the logistic regression's weights: it only matters where the groups can be separated.
_NEXT_TO_NO_PENALTY = 1e6


class Overlap(NamedTuple):
    """How far treated and untreated rows can be compared.

    Attributes:
        low: Lower end of the propensities that both groups have.
        high: Upper end; below `low` where they have none in common.
        outside: Share of the rows outside of these ends.
        extreme: Share of the rows whose propensity is within `bound` of 0 or 1.
        effective_treated: How many equally weighted treated rows the weighted ones are worth (Kish 1965).
        effective_control: As many untreated ones.
        largest_weight: Largest share that one row has of its group's weight.
        difference: Standardised mean difference of each column between the groups, shape (d,), empty without X.
        weighted_difference: The same after weighting; about 0 where the propensities balance the groups.
    """

    low: float
    high: float
    outside: float
    extreme: float
    effective_treated: float
    effective_control: float
    largest_weight: float
    difference: Array
    weighted_difference: Array


class ScaledLogistic:
    """Logistic regression of standardised columns: the propensity model where no other is given."""

    def __init__(self, C: float = _NEXT_TO_NO_PENALTY) -> None:
        self.C = C

    def fit(self, X: Array, y: Array) -> Self:
        """Fits scaler and model."""
        self._scaler = StandardScaler().fit(X)
        self._model = LogisticRegression(C=self.C, tol=1e-14).fit(self._scaler.transform(X), y)
        return self

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of no treatment and of treatment, shape (n, 2)."""
        return self._model.predict_proba(self._scaler.transform(X))


def propensity_scores(X: npt.ArrayLike, treatment: npt.ArrayLike, C: float = _NEXT_TO_NO_PENALTY) -> Array:
    r"""The probability of treatment given X, :math:`e(x) = P(T = 1 \mid X = x)`, by logistic regression.

    (Rosenbaum, Rubin: The Central Role of the Propensity Score in Observational Studies, 1983.) Columns are
    standardised, and the penalty is so small by default that the fit is that of maximum likelihood, but exists where
    the groups can be separated too. See `whitebox.linear_model.LogisticRegression` for the cost.

    Args:
        X: Covariates, shape (n, d).
        treatment: 0 or 1, shape (n,).
        C: Inverse strength of the penalty.

    Returns:
        Shape (n,).

    Raises:
        RangeError: for treatments other than 0 and 1, or a C that is not positive.
        SingleClassError: if all rows are treated, or none.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.

    >>> propensity_scores([[0.0], [0.0], [1.0], [1.0]], [0, 1, 1, 0]).round(6).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    rows, t = as_matrix(X, "X"), as_treatment(treatment)
    same_length(X=rows, treatment=t)
    return ScaledLogistic(C).fit(rows, t).predict_proba(rows)[:, 1]


def overlap_diagnostics(
    propensity: npt.ArrayLike, treatment: npt.ArrayLike, X: npt.ArrayLike | None = None, bound: float = 0.05
) -> Overlap:
    r"""Whether treated and untreated rows have propensities in common, and what weighting by them costs.

    The effective size of a group is :math:`(\sum w)^2 / \sum w^2` with weights w of 1 / e or 1 / (1 - e); the
    difference of a column is that of the groups' means in units of :math:`\sqrt{(s_1^2 + s_0^2) / 2}` (Austin: An
    Introduction to Propensity Score Methods, 2011), by custom small below 0.1. O(nd).

    Args:
        propensity: Shape (n,), between 0 and 1.
        treatment: 0 or 1, shape (n,).
        X: Covariates to compare, shape (n, d).
        bound: How near to 0 or 1 a propensity is extreme.

    Raises:
        RangeError: for propensities that are not between 0 and 1, or treatments other than 0 and 1.
        SingleClassError: if all rows are treated, or none.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.

    >>> report = overlap_diagnostics([0.2, 0.5, 0.5, 0.9], [0, 0, 1, 1])
    >>> report.low, report.high, report.outside, round(report.effective_treated, 3)
    (0.5, 0.5, 0.5, 1.849)
    """
    e, t = as_probabilities(propensity), as_treatment(treatment)
    same_length(propensity=e, treatment=t)
    number_in(bound, "bound", 0, 0.5)
    treated = t == 1
    low = max(e[treated].min(), e[~treated].min())
    high = min(e[treated].max(), e[~treated].max())
    weights = np.where(treated, 1 / e, 1 / (1 - e))
    groups = weights[treated], weights[~treated]
    before = after = np.empty(0)
    if X is not None:
        rows = as_matrix(X, "X")
        same_length(X=rows, treatment=t)
        before = _difference(rows, treated, np.ones(len(t)))
        after = _difference(rows, treated, weights)
    return Overlap(
        low=float(low),
        high=float(high),
        outside=float(((e < low) | (e > high)).mean()),
        extreme=float(((e < bound) | (e > 1 - bound)).mean()),
        effective_treated=_effective_size(groups[0]),
        effective_control=_effective_size(groups[1]),
        largest_weight=float(max(group.max() / group.sum() for group in groups)),
        difference=before,
        weighted_difference=after,
    )


def standardise(rows: Array) -> Array:
    """Columns of mean 0 and variance 1; constant ones become 0."""
    spread = rows.std(axis=0)
    standard: Array = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standard


def _effective_size(weights: Array) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())


def _difference(rows: Array, treated: npt.NDArray[np.bool_], weights: Array) -> Array:
    means = [np.average(rows[group], axis=0, weights=weights[group]) for group in (treated, ~treated)]
    # Always in units of the spread before weighting, or weighting would seem to help by adding spread.
    spread = np.sqrt((rows[treated].var(axis=0) + rows[~treated].var(axis=0)) / 2)
    difference: Array = (means[0] - means[1]) / np.where(spread > 0, spread, 1.0)
    return difference
