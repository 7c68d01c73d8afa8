"""What rules are, and what methods of integration give back."""

from __future__ import annotations

import math
from typing import NamedTuple

from whitebox._validation import Array


class Rule(NamedTuple):
    r"""Nodes and weights: :math:`\int f(x)\, w(x)\, dx \approx \sum_i w_i f(x_i)`.

    Attributes:
        nodes: Rising, shape (n,).
        weights: Shape (n,).
        degree: Every polynomial up to this degree is integrated exactly.
    """

    nodes: Array
    weights: Array
    degree: int


class NestedRule(NamedTuple):
    """A rule that contains another one, so that their difference tells the error at no further evaluation.

    Attributes:
        nodes: Rising, shape (n,).
        weights: Of the outer rule, shape (n,).
        inner_weights: Of the inner rule, zero where it has no node, shape (n,).
        degree: Of the outer rule.
    """

    nodes: Array
    weights: Array
    inner_weights: Array
    degree: int


class Integral(NamedTuple):
    """A value with all that is known about it.

    Attributes:
        value: The estimate.
        error: By how much it may be off, by the method's own estimate: for deterministic methods a pessimistic guess of
            the difference, for random ones the half-width of a 99 % confidence interval.
        evaluations: At how many points the integrand was computed, those that were only looked at included.
        converged: Whether the error is within the tolerance.
        method: What computed it.
        why: Why this method, and what came of it, in words.
    """

    value: float
    error: float
    evaluations: int
    converged: bool
    method: str
    why: str


class Sampled(NamedTuple):
    """A mean over random points.

    Attributes:
        value: The estimate.
        standard_error: Its estimated standard deviation.
        samples: At how many points the integrand was computed.
        independent: How many independent values the standard error rests on.
    """

    value: float
    standard_error: float
    samples: int
    independent: int


def tolerance(value: float, rtol: float, atol: float) -> float:
    """The absolute error that is good enough for a value."""
    return max(atol, rtol * abs(value))


def mean_and_error(total: float, squares: float, count: int) -> tuple[float, float]:
    """Mean, and its standard error, of `count` values from their sum and their sum of squared deviations."""
    return total / count, math.sqrt(max(squares, 0.0) / (count - 1) / count) if count > 1 else math.inf
