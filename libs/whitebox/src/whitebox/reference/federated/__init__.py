"""Federated learning, in pure Python: what a server does with its clients' parameters."""

from __future__ import annotations

from collections.abc import Sequence

from whitebox.reference.linalg import solve

Vector = Sequence[float]
Matrix = Sequence[Sequence[float]]


def average(parameters: Sequence[Vector]) -> list[float]:
    """The mean over clients.

    >>> average([[1.0], [4.0]])
    [2.5]
    """
    return [sum(column) / len(column) for column in zip(*parameters, strict=True)]


def weighted_average(parameters: Sequence[Vector], samples: Sequence[int]) -> list[float]:
    r""":math:`\sum_k n_k w_k / \sum_k n_k` (McMahan and others 2017, algorithm 1).

    >>> weighted_average([[1.0], [4.0]], [1, 2])
    [3.0]
    """
    return [
        sum(n * w for n, w in zip(samples, column, strict=True)) / sum(samples)
        for column in zip(*parameters, strict=True)
    ]


def inverse_variance_average(
    parameters: Sequence[Vector], variances: Sequence[Vector]
) -> tuple[list[float], list[float]]:
    r""":math:`v = 1 / \sum_k v_k^{-1}` and :math:`w = v \sum_k w_k / v_k`, parameter by parameter.

    >>> inverse_variance_average([[0.0], [4.0]], [[1.0], [3.0]])
    ([1.0], [0.75])
    """
    mean, variance = [], []
    for own, spread in zip(zip(*parameters, strict=True), zip(*variances, strict=True), strict=True):
        v = 1 / sum(1 / s for s in spread)
        variance.append(v)
        mean.append(v * sum(w / s for w, s in zip(own, spread, strict=True)))
    return mean, variance


def bayesian_average(
    parameters: Sequence[Vector], precisions: Sequence[Matrix], prior_precision: float
) -> tuple[list[float], list[list[float]]]:
    r""":math:`\Lambda = \sum_k \Lambda_k - (K - 1) \lambda_0 I` and :math:`\Lambda w = \sum_k \Lambda_k w_k`.

    >>> bayesian_average([[0.0], [4.0]], [[[1.0]], [[3.0]]], prior_precision=0.0)
    ([3.0], [[4.0]])
    """
    width = len(parameters[0])
    total = [[0.0] * width for _ in range(width)]
    pulled = [0.0] * width
    for mean, precision in zip(parameters, precisions, strict=True):
        for i in range(width):
            for j in range(width):
                total[i][j] += precision[i][j]
                pulled[i] += precision[i][j] * mean[j]
    for i in range(width):
        total[i][i] -= (len(parameters) - 1) * prior_precision
    return solve(total, pulled), total
