"""Group fairness of decisions: how far groups are apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.fairness._groups import (
    FN,
    FP,
    TN,
    TP,
    Grouped,
    as_binary,
    as_groups,
    defined,
    false_positive_rate,
    grouped,
    positive_predictive_value,
    selection_rate,
    share,
    true_positive_rate,
)
from whitebox.fairness._intervals import Interval, confidence_level, ratio_interval

Metric = Literal[
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "predictive_parity_difference",
]


class GroupRates(NamedTuple):
    """Rates of one group; NaN where it has nobody to take a share of.

    Attributes:
        size: Number of its members.
        base_rate: Share of positives.
        selection_rate: Share decided for.
        true_positive_rate: Of the positives, the share decided for.
        false_positive_rate: Of the negatives, the share decided for.
        positive_predictive_value: Of those decided for, the share of positives.
        accuracy: Share decided right.
    """

    size: int
    base_rate: float
    selection_rate: float
    true_positive_rate: float
    false_positive_rate: float
    positive_predictive_value: float
    accuracy: float


class DisparateImpact(NamedTuple):
    """A group's selection rate against the privileged group's.

    Attributes:
        ratio: Its rate over the privileged group's.
        low: Lower end of the ratio's confidence interval.
        high: Upper end.
        passes: Whether the ratio reaches four fifths.
    """

    ratio: float
    low: float
    high: float
    passes: bool


class Calibration(NamedTuple):
    """How scores and outcomes of one group go together, bin by bin; empty bins are left out.

    Attributes:
        score: Mean score of each bin, shape (m,).
        rate: Share of positives in it, shape (m,).
        size: Cases in it, shape (m,).
        error: Mean distance of the two over all cases: the expected calibration error.
    """

    score: Array
    rate: Array
    size: npt.NDArray[np.int64]
    error: float


def rates_by_group(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> dict[Hashable, GroupRates]:
    """All rates of each group, by its label. O(n log n).

    Args:
        y_true: What was right, zeros and ones, shape (n,).
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> rates_by_group([1, 0, 1, 0], [1, 0, 0, 1], ["a", "a", "b", "b"])["b"].selection_rate
    0.5
    """
    data = grouped(y_true, y_pred, groups)
    counts = data.counts
    size = counts.sum(axis=1)
    columns = (
        share(counts[:, TP] + counts[:, FN], size),
        selection_rate(counts),
        true_positive_rate(counts),
        false_positive_rate(counts),
        positive_predictive_value(counts),
        share(counts[:, TP] + counts[:, TN], size),
    )
    return {
        name: GroupRates(int(size[i]), *(float(column[i]) for column in columns)) for i, name in enumerate(data.names())
    }


def selection_rates(y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> dict[Hashable, float]:
    r"""Share of each group that is decided for, :math:`P(\hat Y = 1 \mid A = a)`, by its label. O(n log n).

    Args:
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> selection_rates([1, 0, 1, 1], ["a", "a", "b", "b"])
    {'a': 0.5, 'b': 1.0}
    """
    data = grouped(None, y_pred, groups)
    return dict(zip(data.names(), selection_rate(data.counts).tolist(), strict=True))


def demographic_parity_difference(y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    r"""Distance between the largest and the smallest selection rate.

    .. math:: \max_a P(\hat Y = 1 \mid A = a) - \min_a P(\hat Y = 1 \mid A = a)

    (Calders, Kamiran, Pechenizkiy 2009.) 0 is parity. O(n log n).

    Args:
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> demographic_parity_difference([1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _of("demographic_parity_difference", grouped(None, y_pred, groups))


def demographic_parity_ratio(y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    r"""The smallest selection rate over the largest.

    .. math:: \frac{\min_a P(\hat Y = 1 \mid A = a)}{\max_a P(\hat Y = 1 \mid A = a)}

    1 is parity, which nobody being selected in any group is too. O(n log n).

    Args:
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> demographic_parity_ratio([1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _of("demographic_parity_ratio", grouped(None, y_pred, groups))


def disparate_impact(
    y_pred: npt.ArrayLike, groups: npt.ArrayLike, privileged: Hashable, confidence: float = 0.95
) -> dict[Hashable, DisparateImpact]:
    r"""Each other group's selection rate over the privileged group's, held against the four-fifths rule.

    .. math:: \frac{P(\hat Y = 1 \mid A = a)}{P(\hat Y = 1 \mid A = \text{privileged})} \ge \frac{4}{5}

    (Equal Employment Opportunity Commission: Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D,
    1978; Feldman and others 2015.) The rule looks at the ratio alone; the interval (`ratio_interval`) says how sure
    it is. O(n log n).

    Args:
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).
        privileged: Label of the group that the others are compared with.
        confidence: Of the intervals, above 0 and below 1.

    Raises:
        RangeError: if there is no such group, nobody of it is selected, or something other than zeros and ones is among
            the decisions.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> impact = disparate_impact([1, 0, 0, 1, 1, 0], ["a", "a", "a", "b", "b", "b"], privileged="b")["a"]
    >>> impact.ratio, impact.passes
    (0.5, False)
    """
    data = grouped(None, y_pred, groups)
    names = data.names()
    if privileged not in names:
        raise RangeError(f"no group is called {privileged!r}; there are {', '.join(map(repr, names))}")
    selected = (data.counts[:, TP] + data.counts[:, FP]).tolist()
    sizes = data.counts.sum(axis=1).tolist()
    base = names.index(privileged)
    if selected[base] == 0:
        raise RangeError(f"nobody of the privileged group {privileged!r} is selected, and so there is no ratio")
    impacts: dict[Hashable, DisparateImpact] = {}
    for i, name in enumerate(names):
        if i != base:
            # Products of whole numbers: 4/5 exactly has to pass.
            passes = 5 * selected[i] * sizes[base] >= 4 * selected[base] * sizes[i]
            ratio = ratio_interval(selected[i], sizes[i], selected[base], sizes[base], confidence)
            impacts[name] = DisparateImpact(*ratio, passes)
    return impacts


def equal_opportunity_difference(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    r"""Distance between the largest and the smallest true positive rate.

    .. math:: \max_a P(\hat Y = 1 \mid Y = 1, A = a) - \min_a P(\hat Y = 1 \mid Y = 1, A = a)

    (Hardt, Price, Srebro: Equality of Opportunity in Supervised Learning, NeurIPS 2016, definition 2.2.) O(n log n).

    Args:
        y_true: What was right, zeros and ones, shape (n,).
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        EmptyInputError: if a group has no positives.
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, NotFiniteError: for unusable input.

    >>> equal_opportunity_difference([1, 1, 1, 1], [1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _of("equal_opportunity_difference", grouped(y_true, y_pred, groups))


def equalized_odds_difference(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    r"""The larger of the distances between true positive rates, and between false positive rates.

    .. math:: \max_{y \in \{0, 1\}} \bigl( \max_a P(\hat Y = 1 \mid Y = y, A = a)
              - \min_a P(\hat Y = 1 \mid Y = y, A = a) \bigr)

    (Hardt, Price, Srebro 2016, definition 2.1, as a distance.) O(n log n).

    Args:
        y_true: What was right, zeros and ones, shape (n,).
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        EmptyInputError: if a group has no positives, or no negatives.
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, NotFiniteError: for unusable input.

    >>> equalized_odds_difference([1, 0, 1, 0], [1, 0, 1, 1], ["a", "a", "b", "b"])
    1.0
    """
    return _of("equalized_odds_difference", grouped(y_true, y_pred, groups))


def predictive_parity_difference(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> float:
    r"""Distance between the largest and the smallest positive predictive value.

    .. math:: \max_a P(Y = 1 \mid \hat Y = 1, A = a) - \min_a P(Y = 1 \mid \hat Y = 1, A = a)

    (Chouldechova 2017, who shows that with unequal base rates this and equalised odds cannot both be 0.) O(n log n).

    Args:
        y_true: What was right, zeros and ones, shape (n,).
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).

    Raises:
        EmptyInputError: if nobody of a group is decided for.
        RangeError: if something other than zeros and ones is among the decisions.
        ShapeError, DtypeError, NotFiniteError: for unusable input.

    >>> predictive_parity_difference([1, 0, 1, 1], [1, 1, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _of("predictive_parity_difference", grouped(y_true, y_pred, groups))


def calibration_by_group(
    y_true: npt.ArrayLike, scores: npt.ArrayLike, groups: npt.ArrayLike, bins: int = 10
) -> dict[Hashable, Calibration]:
    r"""Calibration within groups, :math:`P(Y = 1 \mid S = s, A = a) = s`, in bins of equal width.

    .. math:: \mathrm{ECE}_a = \sum_b \frac{n_{ab}}{n_a} \lvert \bar y_{ab} - \bar s_{ab} \rvert

    (Kleinberg, Mullainathan, Raghavan 2017 for the condition; Naeini, Cooper, Hauskrecht 2015 for the error.)
    O(n log n + groups · bins).

    Args:
        y_true: What was right, zeros and ones, shape (n,).
        scores: Probabilities from 0 to 1, shape (n,).
        groups: Labels, shape (n,).
        bins: How many from 0 to 1; each includes its left edge, the last both.

    Returns:
        By the group's label.

    Raises:
        RangeError: if a score is no probability, or there are no bins.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> calibration_by_group([1, 0, 1, 1], [0.5, 0.5, 0.9, 0.9], ["a", "a", "b", "b"])["b"].error.__round__(6)
    0.1
    """
    truth = as_binary(y_true, "y_true")
    probabilities = as_vector(scores, "scores")
    if len(probabilities) != len(truth):
        raise ShapeError(f"y_true has {len(truth)} entries, scores has {len(probabilities)}")
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise RangeError("scores must be probabilities from 0 to 1")
    labels, numbers = as_groups(groups, len(truth))
    width = positive_int(bins, "bins")
    cell = numbers * width + np.minimum((probabilities * width).astype(np.int64), width - 1)
    cells = len(labels) * width
    size = np.bincount(cell, minlength=cells)
    score, rate = (share(np.bincount(cell, values, cells), size) for values in (probabilities, truth))
    curves: dict[Hashable, Calibration] = {}
    for i, name in enumerate(labels.tolist()):
        own = np.arange(i * width, (i + 1) * width)
        own = own[size[own] > 0]
        error = float(np.average(np.abs(rate[own] - score[own]), weights=size[own]))
        curves[name] = Calibration(score[own], rate[own], size[own], error)
    return curves


def bootstrap_interval(
    rng: np.random.Generator,
    metric: Metric,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    r"""A metric with its percentile bootstrap interval, groups resampled each within themselves.

    Cases of a group drawn with replacement (Efron 1979) are, for a metric of decisions, a multinomial draw of
    its four counts: O(n log n + resamples · groups). Resamples in which a group has no rate are left out. A largest
    difference is biased upwards where groups are small, and so is its interval, which never reaches below 0.

    Args:
        rng: Source of the resamples.
        metric: Name of a function of this module.
        y_true: What was right, zeros and ones, shape (n,); the metrics of demographic parity do not look at it.
        y_pred: What was decided, zeros and ones, shape (n,).
        groups: Labels, shape (n,).
        confidence: Share of the resamples within the interval, above 0 and below 1.
        resamples: How many, at least 1.

    Raises:
        RangeError: if there is no such metric, or an argument is out of its range.
        EmptyInputError: as the metric.
        ShapeError, DtypeError, NotFiniteError: for unusable input.

    >>> y, groups = [1, 0] * 50 + [1, 1, 1, 0] * 25, [0] * 100 + [1] * 100
    >>> found = bootstrap_interval(np.random.default_rng(0), "demographic_parity_difference", y, y, groups)
    >>> found.value, bool(0.05 < found.low < 0.25 < found.high < 0.45)
    (0.25, True)
    """
    if metric not in _METRICS:
        raise RangeError(f"no metric is called {metric!r}; there are {', '.join(_METRICS)}")
    tail = (1 - confidence_level(confidence)) / 2
    data = grouped(y_true, y_pred, groups)
    value = _of(metric, data)
    size = data.counts.sum(axis=1)
    draws = rng.multinomial(size, data.counts / size[:, None], (positive_int(resamples, "resamples"), len(size)))
    values = _METRICS[metric][0](draws)
    low, high = np.quantile(values[~np.isnan(values)], (tail, 1 - tail)).tolist()
    return Interval(value, low, high)


def _range(rates: Array) -> Array:
    """Largest less smallest along the last axis; NaN where one is NaN."""
    spread: Array = rates.max(axis=-1) - rates.min(axis=-1)
    return spread


def _parity_ratio(counts: npt.NDArray[Any]) -> Array:
    rates = selection_rate(counts)
    largest = rates.max(axis=-1)
    return np.where(largest > 0, rates.min(axis=-1) / np.where(largest > 0, largest, 1.0), 1.0)


def _odds_difference(counts: npt.NDArray[Any]) -> Array:
    return np.maximum(_range(true_positive_rate(counts)), _range(false_positive_rate(counts)))


# Each metric of counts of shape (..., groups, 4), with the rates it needs and whom they are of.
_METRICS: dict[str, tuple[Callable[[npt.NDArray[Any]], Array], tuple[tuple[Callable[..., Array], str], ...]]] = {
    "demographic_parity_difference": (lambda counts: _range(selection_rate(counts)), ()),
    "demographic_parity_ratio": (_parity_ratio, ()),
    "equal_opportunity_difference": (
        lambda counts: _range(true_positive_rate(counts)),
        ((true_positive_rate, "positives"),),
    ),
    "equalized_odds_difference": (
        _odds_difference,
        ((true_positive_rate, "positives"), (false_positive_rate, "negatives")),
    ),
    "predictive_parity_difference": (
        lambda counts: _range(positive_predictive_value(counts)),
        ((positive_predictive_value, "members decided for"),),
    ),
}


def _of(metric: str, data: Grouped) -> float:
    compute, needed = _METRICS[metric]
    for rates, of_what in needed:
        defined(rates(data.counts), data, of_what)
    return float(compute(data.counts))
