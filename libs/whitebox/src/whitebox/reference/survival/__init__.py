"""Survival analysis, on lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whitebox.reference.linalg._basic import Rows, Vector, dot


def kaplan_meier(times: Sequence[float], events: Sequence[int]) -> tuple[Vector, Vector, Vector]:
    """Distinct times of events, survival beyond each, and Greenwood's standard error.

    >>> kaplan_meier([1.0, 2.0, 2.0, 3.0], [1, 1, 0, 0])[:2]
    ([1.0, 2.0], [0.75, 0.5])
    """
    distinct = sorted({t for t, e in zip(times, events, strict=True) if e})
    survival, spread = 1.0, 0.0
    curve, errors = [], []
    for time in distinct:
        n = sum(t >= time for t in times)
        d = sum(t == time and e == 1 for t, e in zip(times, events, strict=True))
        survival *= 1 - d / n
        spread += d / (n * (n - d)) if d < n else 0.0
        curve.append(survival)
        errors.append(survival * math.sqrt(spread))
    return distinct, curve, errors


def nelson_aalen(times: Sequence[float], events: Sequence[int]) -> tuple[Vector, Vector]:
    """Distinct times of events, and the cumulative hazard at each.

    >>> nelson_aalen([1.0, 2.0, 2.0, 3.0], [1, 1, 1, 0])[1]
    [0.25, 0.9166666666666666]
    """
    distinct = sorted({t for t, e in zip(times, events, strict=True) if e})
    hazard, total = [], 0.0
    for time in distinct:
        n = sum(t >= time for t in times)
        d = sum(t == time and e == 1 for t, e in zip(times, events, strict=True))
        total += d / n
        hazard.append(total)
    return distinct, hazard


def log_rank(times: Sequence[float], events: Sequence[int], groups: Sequence[int]) -> float:
    """The statistic for two groups, 0 and 1.

    >>> round(log_rank([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1], [0, 1, 0, 1]), 6)
    0.615385
    """
    difference, variance = 0.0, 0.0
    for time in sorted({t for t, e in zip(times, events, strict=True) if e}):
        n = sum(t >= time for t in times)
        own = sum(t >= time and g == 1 for t, g in zip(times, groups, strict=True))
        d = sum(t == time and e == 1 for t, e in zip(times, events, strict=True))
        ours = sum(t == time and e == 1 and g == 1 for t, e, g in zip(times, events, groups, strict=True))
        difference += ours - d * own / n
        if n > 1:
            variance += d * (n - d) / (n - 1) * own / n * (1 - own / n)
    return difference**2 / variance if variance > 0 else 0.0


def cox_log_likelihood(
    X: Rows, times: Sequence[float], events: Sequence[int], coefficients: Sequence[float], ties: str = "efron"
) -> float:
    """The logarithm of the partial likelihood, by Efron's or Breslow's rule for ties.

    >>> round(cox_log_likelihood([[0.0], [1.0], [0.0]], [1.0, 1.0, 2.0], [1, 1, 1], [0.0]), 6)
    -1.791759
    """
    logits = [dot(x, coefficients) for x in X]
    total = 0.0
    for time in sorted({t for t, e in zip(times, events, strict=True) if e}):
        dead = [i for i, t in enumerate(times) if t == time and events[i] == 1]
        at_risk = sum(math.exp(logits[i]) for i, t in enumerate(times) if t >= time)
        tied = sum(math.exp(logits[i]) for i in dead)
        for place, i in enumerate(dead):
            share = place / len(dead) if ties == "efron" else 0.0
            total += logits[i] - math.log(at_risk - share * tied)
    return total
