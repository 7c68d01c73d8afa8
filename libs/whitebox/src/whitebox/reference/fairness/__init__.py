"""Fairness between groups, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from statistics import NormalDist

Labels = Sequence[Hashable]


def selection_rates(y_pred: Sequence[int], groups: Labels) -> dict[Hashable, float]:
    r""":math:`P(\hat Y = 1 \mid A = a)` of each group.

    >>> selection_rates([1, 0, 1, 1], ["a", "a", "b", "b"])
    {'a': 0.5, 'b': 1.0}
    """
    return {a: _mean([p for p, g in zip(y_pred, groups, strict=True) if g == a]) for a in sorted(set(groups), key=str)}


def demographic_parity_difference(y_pred: Sequence[int], groups: Labels) -> float:
    """The largest selection rate less the smallest.

    >>> demographic_parity_difference([1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    rates = selection_rates(y_pred, groups).values()
    return max(rates) - min(rates)


def demographic_parity_ratio(y_pred: Sequence[int], groups: Labels) -> float:
    """The smallest selection rate over the largest; 1 where nobody is selected.

    >>> demographic_parity_ratio([1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    rates = selection_rates(y_pred, groups).values()
    return min(rates) / max(rates) if max(rates) > 0 else 1.0


def disparate_impact(y_pred: Sequence[int], groups: Labels, privileged: Hashable) -> dict[Hashable, float]:
    """Every other group's selection rate over the privileged group's: below four fifths it is adverse impact.

    >>> disparate_impact([1, 0, 0, 1, 1, 0], ["a", "a", "a", "b", "b", "b"], privileged="b")
    {'a': 0.5}
    """
    rates = selection_rates(y_pred, groups)
    return {a: rate / rates[privileged] for a, rate in rates.items() if a != privileged}


def equal_opportunity_difference(y_true: Sequence[int], y_pred: Sequence[int], groups: Labels) -> float:
    """Demographic parity among the positives (Hardt, Price, Srebro 2016, definition 2.2).

    >>> equal_opportunity_difference([1, 1, 1, 1], [1, 0, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _difference_where(y_true, 1, y_pred, groups)


def equalized_odds_difference(y_true: Sequence[int], y_pred: Sequence[int], groups: Labels) -> float:
    """Demographic parity among the positives, or among the negatives, whichever is worse (ibid., definition 2.1).

    >>> equalized_odds_difference([1, 0, 1, 0], [1, 0, 1, 1], ["a", "a", "b", "b"])
    1.0
    """
    return max(_difference_where(y_true, 1, y_pred, groups), _difference_where(y_true, 0, y_pred, groups))


def predictive_parity_difference(y_true: Sequence[int], y_pred: Sequence[int], groups: Labels) -> float:
    """The share of positives among those decided for: the largest less the smallest.

    >>> predictive_parity_difference([1, 0, 1, 1], [1, 1, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    return _difference_where(y_pred, 1, y_true, groups)


def calibration_by_group(
    y_true: Sequence[int], scores: Sequence[float], groups: Labels, bins: int = 10
) -> dict[Hashable, float]:
    r""":math:`\sum_b \frac{n_b}{n} \lvert \bar y_b - \bar s_b \rvert` of each group.

    >>> calibration_by_group([1, 0, 1, 1], [0.5, 0.5, 0.75, 0.75], ["a", "a", "b", "b"])
    {'a': 0.0, 'b': 0.25}
    """
    errors: dict[Hashable, float] = {}
    for a in sorted(set(groups), key=str):
        own = [(y, s) for y, s, g in zip(y_true, scores, groups, strict=True) if g == a]
        error = 0.0
        for b in range(bins):
            held = [(y, s) for y, s in own if min(int(s * bins), bins - 1) == b]
            if held:
                error += len(held) / len(own) * abs(_mean([y for y, _ in held]) - _mean([s for _, s in held]))
        errors[a] = error
    return errors


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float, float]:
    r"""Wilson's interval: all :math:`\pi` with :math:`(\hat p - \pi)^2 \le z^2 \pi (1 - \pi) / n`.

    >>> [round(end, 4) for end in proportion_interval(8, 10)]
    [0.8, 0.4902, 0.9433]
    """
    z, p = NormalDist().inv_cdf((1 + confidence) / 2), successes / trials
    # The ends are the roots of a π² + b π + c.
    a, b, c = 1 + z * z / trials, -2 * p - z * z / trials, p * p
    root = math.sqrt(b * b - 4 * a * c)
    return p, (-b - root) / (2 * a), (-b + root) / (2 * a)


def difference_interval(a: int, n: int, b: int, m: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """Newcombe's interval (1998, method 10), from Wilson's intervals of both shares.

    >>> [round(end, 4) for end in difference_interval(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    p, low_p, high_p = proportion_interval(a, n, confidence)
    q, low_q, high_q = proportion_interval(b, m, confidence)
    below = math.sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
    above = math.sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    return p - q, p - q - below, p - q + above


def ratio_interval(a: int, n: int, b: int, m: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """Katz' interval on the logarithm, with Walter's halves.

    >>> [round(end, 4) for end in ratio_interval(30, 100, 60, 100)]
    [0.5, 0.3602, 0.7056]
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    log = math.log((a + 0.5) / (n + 0.5)) - math.log((b + 0.5) / (m + 0.5))
    error = math.sqrt(1 / (a + 0.5) - 1 / (n + 0.5) + 1 / (b + 0.5) - 1 / (m + 0.5))
    return (a / n) / (b / m), math.exp(log - z * error), math.exp(log + z * error)


def reweighing(y: Sequence[int], groups: Labels) -> list[float]:
    """P(group) P(label) / P(group, label) of each case (Kamiran, Calders 2012, algorithm 3).

    >>> reweighing([1, 0, 0, 1], ["a", "a", "b", "b"])
    [1.0, 1.0, 1.0, 1.0]
    """
    n, cases = len(y), list(zip(groups, y, strict=True))
    weights = []
    for group, label in cases:
        p_group, p_label = list(groups).count(group) / n, list(y).count(label) / n
        weights.append(p_group * p_label / (cases.count((group, label)) / n))
    return weights


def derive_predictor(
    scores: Sequence[float],
    y_true: Sequence[int],
    groups: Labels,
    false_positive_cost: float = 1.0,
    false_negative_cost: float = 1.0,
) -> float:
    r"""The least expected cost of decisions that satisfy equalised odds (Hardt, Price, Srebro 2016, section 4.2).

    Every group reaches what lies below the chords between any two points of its ROC curve. At a false positive rate φ
    all groups can have the lowest of their heights as true positive rate. The cost of doing so is convex in φ: trisect.

    >>> round(derive_predictor([0.9, 0.1, 0.6, 0.4], [1, 0, 1, 0], ["a", "a", "b", "b"]), 6)
    0.0
    """
    positive = _mean(y_true)
    curves = [_roc([(s, y) for s, y, g in zip(scores, y_true, groups, strict=True) if g == a]) for a in set(groups)]

    def cost(fpr: float) -> float:
        tpr = min(_height(curve, fpr) for curve in curves)
        return false_positive_cost * (1 - positive) * fpr + false_negative_cost * positive * (1 - tpr)

    low, high = 0.0, 1.0
    for _ in range(60):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if cost(left) <= cost(right):
            high = right
        else:
            low = left
    return min(cost(low), cost((low + high) / 2), cost(high))


def _roc(cases: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """False and true positive rate of each threshold, (0, 0) first."""
    positives = [s for s, y in cases if y == 1]
    negatives = [s for s, y in cases if y == 0]
    return [(0.0, 0.0)] + [
        (_mean([s >= threshold for s in negatives]), _mean([s >= threshold for s in positives]))
        for threshold in sorted({s for s, _ in cases}, reverse=True)
    ]


def _height(curve: list[tuple[float, float]], fpr: float) -> float:
    """The highest chord above a false positive rate."""
    best = 0.0
    for x, y in curve:
        for u, v in curve:
            if x <= fpr <= u:
                best = max(best, y, v) if x == u else max(best, y + (v - y) * (fpr - x) / (u - x))
    return best


def _difference_where(condition: Sequence[int], value: int, rates_of: Sequence[int], groups: Labels) -> float:
    kept = [(x, g) for c, x, g in zip(condition, rates_of, groups, strict=True) if c == value]
    return demographic_parity_difference([x for x, _ in kept], [g for _, g in kept])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
