"""Preparing features, in pure Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Self


class StandardScaler:
    r"""Centres each column and divides it by its standard deviation :math:`\sqrt{\frac1n \sum_i (x_i - \mu)^2}`.

    >>> StandardScaler().fit([[1.0, 5.0], [3.0, 5.0]]).transform([[5.0, 6.0]])
    [[3.0, 1.0]]
    """

    def fit(self, X: Sequence[Sequence[float]]) -> Self:
        """Learns mean and variance of each column."""
        columns = list(zip(*X, strict=True))
        self.mean_ = [fmean(column) for column in columns]
        self.var_ = [
            math.fsum((x - mean) ** 2 for x in column) / len(column)
            for column, mean in zip(columns, self.mean_, strict=True)
        ]
        # A column of one value has nothing to scale by.
        self.scale_ = [
            1.0 if min(column) == max(column) else math.sqrt(var)
            for column, var in zip(columns, self.var_, strict=True)
        ]
        return self

    def transform(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Standardises with what `fit` learned."""
        return [[(x - m) / s for x, m, s in zip(row, self.mean_, self.scale_, strict=True)] for row in X]

    def inverse_transform(self, X: Sequence[Sequence[float]]) -> list[list[float]]:
        """Undoes `transform`."""
        return [[z * s + m for z, m, s in zip(row, self.mean_, self.scale_, strict=True)] for row in X]
