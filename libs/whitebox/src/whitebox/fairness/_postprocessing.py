"""Equalised odds after the fact: thresholds of a score, one or two a group, some of them drawn by lot."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.fairness._groups import as_binary, as_groups


class GroupRule(NamedTuple):
    """How one group is decided.

    Scores of at least `strict` are decided for, those below `lenient` against, those between with probability `mix`;
    but with probability `ignore` the score is ignored, and a coin decides for with probability `constant`.

    Attributes:
        strict: The higher threshold; infinite where none is always decided for.
        lenient: The lower threshold.
        mix: Probability of the lenient threshold.
        ignore: Probability that the score is ignored.
        constant: Probability of a decision for, where it is.
        false_positive_rate: On the data of the derivation.
        true_positive_rate: On the data of the derivation.
    """

    strict: float
    lenient: float
    mix: float
    ignore: float
    constant: float
    false_positive_rate: float
    true_positive_rate: float


@dataclass(frozen=True)
class DerivedPredictor:
    """What `derive_predictor` finds: a decision from score and group alone.

    Args:
        rules: By the group's label.
        loss: Expected cost a case on the data of the derivation.

    >>> always, never = GroupRule(0, 0, 0, 0, 0, 1, 1), GroupRule(math.inf, math.inf, 0, 0, 0, 0, 0)
    >>> DerivedPredictor({"a": always, "b": never}, 0.5).predict_proba([0.9, 0.9], ["a", "b"]).tolist()
    [1.0, 0.0]
    """

    rules: dict[Hashable, GroupRule]
    loss: float

    def predict_proba(self, scores: npt.ArrayLike, groups: npt.ArrayLike) -> Array:
        """Probability of a decision for each case, shape (n,).

        Raises:
            RangeError: for a group that the derivation has not seen.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        values = as_vector(scores, "scores")
        labels, numbers = as_groups(groups, len(values))
        unseen = [label for label in labels.tolist() if label not in self.rules]
        if unseen:
            raise RangeError(f"no rule for group {unseen[0]!r}; there are {', '.join(map(repr, self.rules))}")
        strict, lenient, mix, ignore, constant, *_ = np.array([self.rules[label] for label in labels.tolist()]).T
        by_score = np.where(values >= strict[numbers], 1.0, np.where(values >= lenient[numbers], mix[numbers], 0.0))
        probability: Array = ignore[numbers] * constant[numbers] + (1 - ignore[numbers]) * by_score
        return probability

    def predict(self, rng: np.random.Generator, scores: npt.ArrayLike, groups: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Decisions, zeros and ones, drawn from `predict_proba`; shape (n,).

        Raises:
            RangeError, ShapeError, DtypeError, EmptyInputError, NotFiniteError: as `predict_proba`.
        """
        probability = self.predict_proba(scores, groups)
        return (rng.random(len(probability)) < probability).astype(np.int64)


class _Curve(NamedTuple):
    """The upper hull of a group's ROC points, from (0, 0) to (1, 1), and the threshold of each vertex."""

    fpr: Array
    tpr: Array
    thresholds: Array


def derive_predictor(
    scores: npt.ArrayLike,
    y_true: npt.ArrayLike,
    groups: npt.ArrayLike,
    constraint: Literal["equalized_odds", "equal_opportunity"] = "equalized_odds",
    *,
    false_positive_cost: float = 1.0,
    false_negative_cost: float = 1.0,
) -> DerivedPredictor:
    r"""The cheapest decision from score and group that satisfies equalised odds, or equal opportunity.

    A group reaches, with thresholds and lots, every point of the convex hull of its ROC curve. Equalised odds need one
    point that all groups reach, and the cheapest,

    .. math:: \min_{(\phi, \tau) \in \bigcap_a \mathrm{conv}(C_a)} c_{FP} \, P(Y = 0) \, \phi
              + c_{FN} \, P(Y = 1) (1 - \tau)

    (Hardt, Price, Srebro 2016, section 4.2), lies on the lowest of the upper hulls: a concave line of finitely many
    corners, where the linear cost has its minimum. So the linear programme has a closed form: try the corners of all
    hulls and where they cross. A group that could do better at that point ignores its scores now and then. Equal
    opportunity needs the same τ only, and each group its own least φ. O(n log n + groups² · corners).

    Args:
        scores: Higher for more probable positives, shape (n,).
        y_true: What was right, zeros and ones, shape (n,).
        groups: Labels, shape (n,).
        constraint: Which of the two.
        false_positive_cost: :math:`c_{FP}`, not negative.
        false_negative_cost: :math:`c_{FN}`, not negative.

    Raises:
        EmptyInputError: if a group has no positives, or no negatives.
        RangeError: if a cost is negative, both are 0, or the constraint is unknown.
        ShapeError, DtypeError, NotFiniteError: for unusable input.

    >>> scores = [0.9, 0.8, 0.3, 0.2, 0.6, 0.7, 0.4, 0.1]
    >>> derived = derive_predictor(scores, [1, 1, 0, 0, 1, 0, 1, 0], ["a"] * 4 + ["b"] * 4)
    >>> [(rule.false_positive_rate, rule.true_positive_rate) for rule in derived.rules.values()]
    [(0.5, 1.0), (0.5, 1.0)]
    """
    values = as_vector(scores, "scores")
    truth = as_binary(y_true, "y_true")
    if len(truth) != len(values):
        raise ShapeError(f"y_true has {len(truth)} entries, scores has {len(values)}")
    labels, numbers = as_groups(groups, len(values))
    costs = np.array(
        [
            number_in(false_positive_cost, "false_positive_cost", 0),
            number_in(false_negative_cost, "false_negative_cost", 0),
        ]
    )
    if not costs.any():
        raise RangeError("both costs are 0, and so every decision is the cheapest")
    names: list[Hashable] = labels.tolist()
    curves, negatives = [], []
    for number, name in enumerate(names):
        own = numbers == number
        curves.append(_upper_hull(values[own], truth[own], name))
        negatives.append(int((truth[own] == 0).sum()))
    shares = np.array(negatives) / len(truth)
    price, gain = costs[0] * shares, costs[1] * (1 - shares.sum())
    if constraint == "equalized_odds":
        fpr, tpr = _cheapest_common_point(curves, float(price.sum()), float(gain))
        rules = [_through(curve, fpr, tpr) for curve in curves]
    elif constraint == "equal_opportunity":
        rates = np.unique(np.concatenate([curve.tpr for curve in curves]))
        needed = np.array([_least_fpr(curve, rates) for curve in curves])
        rate = float(rates[np.argmin(price @ needed + gain * (1 - rates))])
        rules = [_at_rate(curve, rate) for curve in curves]
    else:
        raise RangeError(f"constraint must be 'equalized_odds' or 'equal_opportunity', got {constraint!r}")
    false_alarms = float(price @ [rule.false_positive_rate for rule in rules])
    loss = false_alarms + float(gain) * (1 - rules[0].true_positive_rate)
    return DerivedPredictor(dict(zip(names, rules, strict=True)), loss)


def _upper_hull(scores: Array, truth: npt.NDArray[np.int64], name: Hashable) -> _Curve:
    positives = int(truth.sum())
    if positives in (0, len(truth)):
        lacking = "positives" if positives == 0 else "negatives"
        raise EmptyInputError(f"group {name!r} has no {lacking}, and so no ROC curve")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # equal scores fall together
    tp = np.concatenate([[0], np.cumsum(truth[order])[ends]])
    fp = np.concatenate([[0], ends + 1]) - tp
    corners = _right_turns(fp, tp)
    thresholds = np.concatenate([[math.inf], ranked[ends]])
    return _Curve(fp[corners] / (len(truth) - positives), tp[corners] / positives, thresholds[corners])


def _right_turns(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Numbers of the points on the upper hull, left to right; in whole numbers, so that no turn is missed.

    A point below the chord of its neighbours is no corner: all such points go at once, as long as that removes many.
    The rest is Andrew's scan (1979).
    """
    kept, before = np.arange(len(x)), math.inf
    while len(kept) < 0.9 * before:
        before = len(kept)
        u, v = np.diff(x[kept]), np.diff(y[kept])
        inner = u[:-1] * v[1:] < v[:-1] * u[1:]
        kept = kept[np.concatenate([[True], inner, [True]])]
    hull: list[tuple[int, int, int]] = []
    for number, px, py in zip(kept.tolist(), x[kept].tolist(), y[kept].tolist(), strict=True):
        while len(hull) >= 2:
            (_, ax, ay), (_, bx, by) = hull[-2:]
            if (bx - ax) * (py - ay) < (by - ay) * (px - ax):
                break
            hull.pop()
        hull.append((number, px, py))
    return np.array([number for number, _, _ in hull])


def _height(curve: _Curve, fpr: Array) -> Array:
    """The hull above each false positive rate; at 0, where it may rise straight up, its upper end."""
    first = int(np.searchsorted(curve.fpr, 0.0, side="right")) - 1
    return np.interp(fpr, curve.fpr[first:], curve.tpr[first:])


def _least_fpr(curve: _Curve, tpr: Array) -> Array:
    """The least false positive rate at each true positive rate."""
    last = int(np.searchsorted(curve.tpr, 1.0))
    return np.interp(tpr, curve.tpr[: last + 1], curve.fpr[: last + 1])


def _cheapest_common_point(curves: list[_Curve], price: float, gain: float) -> tuple[float, float]:
    """The corner of the lowest hull at which price · φ - gain · τ is least; the leftmost of equal ones."""
    places = np.unique(np.concatenate([curve.fpr for curve in curves]))
    heights = np.array([_height(curve, places) for curve in curves])
    crossings = [places]
    for i in range(len(curves) - 1):
        apart = heights[i + 1 :] - heights[i]
        left, right = apart[:, :-1], apart[:, 1:]
        row, column = np.nonzero(left * right < 0)
        part = left[row, column] / (left[row, column] - right[row, column])
        crossings.append(places[column] + part * np.diff(places)[column])
    corners = np.unique(np.concatenate(crossings))
    lowest = np.min([_height(curve, corners) for curve in curves], axis=0)
    best = int(np.argmin(price * corners - gain * lowest))
    return float(corners[best]), float(lowest[best])


def _through(curve: _Curve, fpr: float, tpr: float) -> GroupRule:
    """The rule that has these rates: the hull's at the same φ, mixed with a coin of that probability."""
    height = float(_height(curve, np.array([fpr]))[0])
    ignore = (height - tpr) / (height - fpr) if height > tpr else 0.0
    # The last corner at or left of φ; the threshold moves towards the next one.
    left = int(np.searchsorted(curve.fpr, fpr, side="right")) - 1
    right = min(left + 1, len(curve.fpr) - 1)
    gap = curve.fpr[right] - curve.fpr[left]
    mix = float((fpr - curve.fpr[left]) / gap) if gap > 0 else 0.0
    return GroupRule(float(curve.thresholds[left]), float(curve.thresholds[right]), mix, ignore, fpr, fpr, tpr)


def _at_rate(curve: _Curve, tpr: float) -> GroupRule:
    """The rule of least φ that has this τ."""
    right = int(np.searchsorted(curve.tpr, tpr))
    left = max(right - 1, 0)
    gap = curve.tpr[right] - curve.tpr[left]
    mix = float((tpr - curve.tpr[left]) / gap) if gap > 0 else 0.0
    fpr = float(curve.fpr[left] + mix * (curve.fpr[right] - curve.fpr[left]))
    return GroupRule(float(curve.thresholds[left]), float(curve.thresholds[right]), mix, 0.0, 0.0, fpr, tpr)
