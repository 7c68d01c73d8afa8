"""Information theory, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

Weights = Sequence[float]
Table = Sequence[Sequence[float]]

_BASES = {"nats": math.e, "bits": 2.0}


def entropy(p: Weights, unit: str = "nats") -> float:
    r"""How surprising an outcome is on average, :math:`-\sum_i p_i \log p_i`.

    >>> entropy([1, 1], "bits")
    1.0
    """
    return math.fsum(-share * math.log(share) for share in _shares(p) if share > 0) / math.log(_BASES[unit])


def cross_entropy(p: Weights, q: Weights, unit: str = "nats") -> float:
    r"""How surprising it is to someone who expects q, :math:`-\sum_i p_i \log q_i`.

    >>> cross_entropy([1, 0], [1, 1], "bits")
    1.0
    """
    total = 0.0
    for a, b in zip(_shares(p), _shares(q), strict=True):
        if a > 0:
            total += -a * math.log(b) if b > 0 else math.inf
    return total / math.log(_BASES[unit])


def kl_divergence(p: Weights, q: Weights, unit: str = "nats") -> float:
    r"""By how much more, :math:`\sum_i p_i \log (p_i / q_i)`.

    >>> kl_divergence([1, 0], [1, 1], "bits")
    1.0
    """
    total = 0.0
    for a, b in zip(_shares(p), _shares(q), strict=True):
        if a > 0:
            total += a * math.log(a / b) if b > 0 else math.inf
    return max(0.0, total) / math.log(_BASES[unit])


def js_divergence(p: Weights, q: Weights, unit: str = "nats") -> float:
    """How far both are from their mean.

    >>> js_divergence([1, 0], [0, 1], "bits")
    1.0
    """
    middle = [(a + b) / 2 for a, b in zip(_shares(p), _shares(q), strict=True)]
    return (kl_divergence(p, middle, unit) + kl_divergence(q, middle, unit)) / 2


def js_distance(p: Weights, q: Weights, unit: str = "nats") -> float:
    """The root of that, which is a metric.

    >>> js_distance([1, 0], [0, 1], "bits")
    1.0
    """
    return math.sqrt(js_divergence(p, q, unit))


def contingency(x: Sequence[Hashable], y: Sequence[Hashable]) -> list[list[int]]:
    """How often each pair of labels occurs.

    >>> contingency(["a", "b", "a"], [0, 1, 1])
    [[1, 1], [0, 1]]
    """
    pairs = list(zip(x, y, strict=True))
    return [[pairs.count((a, b)) for b in sorted(set(y))] for a in sorted(set(x))]  # type: ignore[type-var]


def joint_entropy(table: Table, unit: str = "nats") -> float:
    """The entropy of all cells.

    >>> joint_entropy([[1, 1], [1, 1]], "bits")
    2.0
    """
    return entropy([cell for row in table for cell in row], unit)


def conditional_entropy(table: Table, unit: str = "nats") -> float:
    """The entropy of the columns in each row, averaged over the rows.

    >>> conditional_entropy([[1, 0], [0, 1]])
    0.0
    """
    total = sum(map(sum, table))
    return math.fsum(sum(row) / total * entropy(row, unit) for row in table if sum(row) > 0) + 0.0


def mutual_information(table: Table, unit: str = "nats") -> float:
    """How far the table is from one whose rows and columns are independent.

    >>> mutual_information([[1, 0], [0, 1]], "bits")
    1.0
    """
    columns = [sum(column) for column in zip(*table, strict=True)]
    total = sum(columns)
    independent = [sum(row) * column / total for row in table for column in columns]
    return kl_divergence([cell for row in table for cell in row], independent, unit)


def _shares(weights: Weights) -> list[float]:
    total = math.fsum(weights)
    return [weight / total for weight in weights]
