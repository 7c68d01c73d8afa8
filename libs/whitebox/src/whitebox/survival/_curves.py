"""Survival without a model: Kaplan and Meier, Nelson and Aalen, and the log-rank test."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._chi_square import chi_square_survival
from whitebox._validation import Array, as_array, number_in
from whitebox.errors import RangeError, ShapeError, SingleClassError
from whitebox.linalg import eigh
from whitebox.survival._inputs import risk_table, times_and_events


class SurvivalCurve(NamedTuple):
    """The probability of getting beyond each of k times at which something happened; it is 1 before the first.

    Attributes:
        times: Rising, shape (k,).
        survival: Falling, shape (k,).
        standard_error: Greenwood's, shape (k,).
        lower: Lower end of the pointwise interval, shape (k,).
        upper: Upper end, shape (k,).
        at_risk: Shape (k,).
        events: Shape (k,).
    """

    times: Array
    survival: Array
    standard_error: Array
    lower: Array
    upper: Array
    at_risk: npt.NDArray[np.intp]
    events: npt.NDArray[np.intp]

    def at(self, times: npt.ArrayLike) -> Array:
        """Survival at any times, in their shape."""
        steps = np.append(1.0, self.survival)
        found: Array = steps[np.searchsorted(self.times, as_array(times, "times"), side="right")]
        return found

    def quantile(self, share: float = 0.5) -> float:
        """The first time by which at least this share has had the event; infinity if that never happens."""
        reached = np.flatnonzero(1 - self.survival >= number_in(share, "share", 0, 1) - 1e-12)
        return float(self.times[reached[0]]) if len(reached) else math.inf


class CumulativeHazard(NamedTuple):
    """Expected number of events until each of k times; it is 0 before the first.

    Attributes:
        times: Rising, shape (k,).
        hazard: Rising, shape (k,).
        standard_error: Shape (k,).
        at_risk: Shape (k,).
        events: Shape (k,).
    """

    times: Array
    hazard: Array
    standard_error: Array
    at_risk: npt.NDArray[np.intp]
    events: npt.NDArray[np.intp]


class LogRank(NamedTuple):
    """Test of whether groups survive alike.

    Attributes:
        statistic: Chi-square distributed if they do.
        p_value: Probability of at least as much.
        dof: Groups less one.
        observed: Events of each group, in the order of the sorted labels, shape (g,).
        expected: What each would have had if all survived alike, shape (g,).
    """

    statistic: float
    p_value: float
    dof: int
    observed: Array
    expected: Array


def kaplan_meier(
    times: npt.ArrayLike,
    events: npt.ArrayLike | None = None,
    *,
    level: float = 0.95,
    interval: Literal["log-log", "plain"] = "log-log",
) -> SurvivalCurve:
    r"""The product-limit estimate of survival, with Greenwood's errors.

    .. math:: \hat S(t) = \prod_{t_i \le t} \Bigl( 1 - \frac{d_i}{n_i} \Bigr), \qquad
              \widehat{\operatorname{var}} \log \hat S(t) = \sum_{t_i \le t} \frac{d_i}{n_i (n_i - d_i)}

    with :math:`d_i` events among :math:`n_i` at risk (Kaplan, Meier 1958; Greenwood 1926). The interval is symmetric in
    :math:`\log(-\log S)` and so lies within (0, 1) (Kalbfleisch, Prentice 1980), or plain, in S, cut off at 0 and 1.
    Where nobody survives, the error is 0 by Greenwood's formula, and the interval a point. O(n log n).

    Args:
        times: How long each was observed, shape (n,).
        events: 1 where the event ended it, 0 where something else did (censoring), shape (n,); all 1 by default.
        level: Probability that the interval holds the truth, at each time by itself.
        interval: "log-log" or "plain".

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: if an event is neither 0 nor 1, or a parameter out of its range.

    >>> curve = kaplan_meier([1.0, 2.0, 2.0, 3.0, 4.0], [1, 1, 0, 1, 0])
    >>> curve.survival.round(6).tolist(), curve.at_risk.tolist()
    ([0.8, 0.6, 0.3], [5, 4, 2])
    """
    if not 0 < number_in(level, "level", 0, 1) < 1:
        raise RangeError(f"level must lie between 0 and 1, got {level!r}")
    if interval not in ("log-log", "plain"):
        raise RangeError(f"interval must be 'log-log' or 'plain', got {interval!r}")
    table = risk_table(*times_and_events(times, events))
    left = table.at_risk - table.events
    survival: Array = np.cumprod(left / table.at_risk, dtype=np.float64)
    # Where the last at risk has the event, the sum has a pole that survival's zero cancels.
    terms = table.events / (table.at_risk * np.maximum(left, 1))
    spread = np.sqrt(np.cumsum(terms))
    z = NormalDist().inv_cdf((1 + level) / 2)
    if interval == "plain":
        lower, upper = survival - z * survival * spread, survival + z * survival * spread
        return SurvivalCurve(
            table.times, survival, survival * spread, np.maximum(lower, 0), np.minimum(upper, 1), *table[1:]
        )
    inside = (survival > 0) & (survival < 1)
    logs = np.log(np.where(inside, survival, 0.5))
    shift = np.exp(z * spread / -logs)
    lower = np.where(inside, np.exp(logs * shift), survival)
    upper = np.where(inside, np.exp(logs / shift), survival)
    return SurvivalCurve(table.times, survival, survival * spread, lower, upper, *table[1:])


def nelson_aalen(times: npt.ArrayLike, events: npt.ArrayLike | None = None) -> CumulativeHazard:
    r"""The cumulative hazard as a sum of shares.

    .. math:: \hat H(t) = \sum_{t_i \le t} \frac{d_i}{n_i}, \qquad
              \widehat{\operatorname{var}}\, \hat H(t) = \sum_{t_i \le t} \frac{d_i}{n_i^2}

    (Nelson 1972; Aalen 1978.) O(n log n).

    Args:
        times: How long each was observed, shape (n,).
        events: As in `kaplan_meier`.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: as `kaplan_meier`.

    >>> nelson_aalen([1.0, 2.0, 2.0, 4.0], [1, 1, 0, 1]).hazard.round(6).tolist()
    [0.25, 0.583333, 1.583333]
    """
    table = risk_table(*times_and_events(times, events))
    hazard = np.cumsum(table.events / table.at_risk)
    return CumulativeHazard(table.times, hazard, np.sqrt(np.cumsum(table.events / table.at_risk**2)), *table[1:])


def log_rank(times: npt.ArrayLike, events: npt.ArrayLike | None, groups: npt.ArrayLike) -> LogRank:
    r"""Compares how many events each group had with how many it would have had if all groups survived alike.

    .. math:: E_g = \sum_i d_i \frac{n_{ig}}{n_i}, \qquad
       V_{gh} = \sum_i d_i \frac{n_i - d_i}{n_i - 1} \frac{n_{ig}}{n_i} \Bigl( [g = h] - \frac{n_{ih}}{n_i} \Bigr)
    .. math:: (O - E)^\top V^{-} (O - E) \sim \chi^2_{g-1}

    (Mantel 1966; Peto, Peto 1972; Klein, Moeschberger: Survival Analysis, 2003, section 7.3.) O(n (g + log n) + g³).

    Args:
        times: How long each was observed, shape (n,).
        events: As in `kaplan_meier`.
        groups: Any labels, shape (n,).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: as `kaplan_meier`.
        SingleClassError: if there is one group only.

    >>> test = log_rank([1.0, 2.0, 3.0, 4.0], None, ["a", "b", "a", "b"])
    >>> test.observed.tolist(), test.expected.round(6).tolist()
    ([2.0, 2.0], [1.333333, 2.666667])
    """
    durations, happened = times_and_events(times, events)
    labels: npt.NDArray[Any] = np.asarray(groups)
    if labels.shape != durations.shape:
        raise ShapeError(f"groups must have shape {durations.shape}, got {labels.shape}")
    names, numbers = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise SingleClassError(f"groups hold one label only: {names[0]!r}; a comparison needs at least two")
    table = risk_table(durations, happened)
    observed = np.bincount(numbers[happened], minlength=len(names)).astype(float)
    shares = np.empty((len(table.times), len(names)))
    for g in range(len(names)):
        own = np.sort(durations[numbers == g])
        shares[:, g] = (len(own) - np.searchsorted(own, table.times, side="left")) / table.at_risk
    expected = table.events @ shares
    # With one at risk there is nothing to vary.
    weights = table.events * (table.at_risk - table.events) / np.maximum(table.at_risk - 1, 1)
    covariance = np.diag(weights @ shares) - (shares.T * weights) @ shares
    values, vectors = eigh(covariance)
    # The groups' differences add up to zero: one direction, at least, has no variance.
    kept = values > 1e-10 * max(float(values[-1]), 1e-300)
    turned = vectors.T @ (observed - expected)
    statistic = float((turned[kept] ** 2 / values[kept]).sum())
    dof = len(names) - 1
    return LogRank(statistic, chi_square_survival(statistic, dof), dof, observed, expected)
