"""What boosting makes small: losses of raw predictions, and their first two derivatives."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from whitebox._validation import Array

# Shares of classes that a constant prediction is kept away from 0 and 1 by.
_TINY = float(np.finfo(np.float64).eps)


class Derivatives(NamedTuple):
    """By the raw prediction of every row, both of shape (n, outputs)."""

    gradient: Array
    hessian: Array


class Loss(Protocol):
    """Of raw predictions of shape (n, outputs)."""

    def start(self) -> Array:
        """The constant with the least loss, shape (outputs,)."""

    def mean(self, raw: Array) -> float:
        """The loss of a row, on average."""

    def derivatives(self, raw: Array) -> Derivatives:
        """First and second derivatives of each row's loss."""


class SquaredLoss:
    r""":math:`\tfrac12 (f - y)^2`, with derivatives f - y and 1."""

    def __init__(self, target: Array) -> None:
        self._target = target[:, None]

    def start(self) -> Array:
        mean: Array = self._target.mean(axis=0)
        return mean

    def mean(self, raw: Array) -> float:
        return 0.5 * float(((raw - self._target) ** 2).mean())

    def derivatives(self, raw: Array) -> Derivatives:
        return Derivatives(raw - self._target, np.ones_like(raw))


class LogLoss:
    r""":math:`\log(1 + e^f) - y f` for y of 0 and 1, with derivatives p - y and p (1 - p)."""

    def __init__(self, target: Array) -> None:
        self._target = target[:, None]

    def start(self) -> Array:
        share = self._target.mean(axis=0).clip(_TINY, 1 - _TINY)
        logit: Array = np.log(share / (1 - share))
        return logit

    def mean(self, raw: Array) -> float:
        return float((np.logaddexp(0, raw) - self._target * raw).mean())

    def derivatives(self, raw: Array) -> Derivatives:
        p = sigmoid(raw)
        return Derivatives(p - self._target, p * (1 - p))


class SoftmaxLoss:
    r""":math:`\log \sum_k e^{f_k} - f_y`, with derivatives :math:`p_k - [y = k]` and :math:`p_k (1 - p_k)`.

    Only the diagonal of the second derivatives is used (Friedman 2001, algorithm 6).
    """

    def __init__(self, classes: Array, count: int) -> None:
        self._own = np.eye(count)[classes.astype(np.intp)]

    def start(self) -> Array:
        logs: Array = np.log(self._own.mean(axis=0).clip(_TINY, 1 - _TINY))
        logs -= logs.mean()
        return logs

    def mean(self, raw: Array) -> float:
        largest = raw.max(axis=1, keepdims=True)
        total = np.log(np.exp(raw - largest).sum(axis=1)) + largest[:, 0]
        return float((total - (raw * self._own).sum(axis=1)).mean())

    def derivatives(self, raw: Array) -> Derivatives:
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        p = powers / powers.sum(axis=1, keepdims=True)
        return Derivatives(p - self._own, p * (1 - p))


def sigmoid(raw: Array) -> Array:
    """1 / (1 + e^-f), without overflow."""
    small = np.exp(-np.abs(raw))
    p: Array = np.where(raw >= 0, 1.0, small) / (1 + small)
    return p
