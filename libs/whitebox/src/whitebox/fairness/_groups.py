"""Decisions counted by group: what every group metric is computed from."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError

# Columns of the counts.
TP, FP, TN, FN = range(4)


@dataclass(frozen=True)
class Grouped:
    """Counts of each group.

    Args:
        labels: Sorted labels of the groups, shape (g,).
        counts: True positives, false positives, true negatives, false negatives, shape (g, 4).
    """

    labels: npt.NDArray[Any]
    counts: npt.NDArray[np.int64]

    def names(self) -> list[Hashable]:
        """The labels as Python objects."""
        names: list[Hashable] = self.labels.tolist()
        return names


def grouped(y_true: npt.ArrayLike | None, y_pred: npt.ArrayLike, groups: npt.ArrayLike) -> Grouped:
    """Counts decisions by group; without `y_true` every case counts as a negative."""
    decided = as_binary(y_pred, "y_pred")
    truth = np.zeros_like(decided) if y_true is None else as_binary(y_true, "y_true")
    if len(truth) != len(decided):
        raise ShapeError(f"y_true has {len(truth)} entries, y_pred has {len(decided)}")
    labels, numbers = as_groups(groups, len(decided))
    cell = np.array([[TN, FP], [FN, TP]])[truth, decided]
    counts = np.bincount(4 * numbers + cell, minlength=4 * len(labels)).reshape(-1, 4)
    return Grouped(labels, counts)


def as_binary(values: npt.ArrayLike, name: str) -> npt.NDArray[np.int64]:
    """A vector of zeros and ones."""
    numbers = as_vector(values, name)
    wrong = (numbers != 0) & (numbers != 1)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise RangeError(f"{name} must hold zeros and ones, got {name}[{place}] = {numbers[place]:g}")
    return numbers.astype(np.int64)


def as_groups(groups: npt.ArrayLike, rows: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Sorted labels, and each row's number among them."""
    members = np.asarray(groups)
    if members.ndim != 1 or len(members) != rows:
        raise ShapeError(f"groups must have shape ({rows},), got {members.shape}")
    if members.dtype.kind == "f" and not np.isfinite(members).all():
        raise NotFiniteError(f"groups[{int(np.argmin(np.isfinite(members)))}] is no label: NaN or infinity")
    labels, numbers = np.unique(members, return_inverse=True)
    return labels, numbers


def share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Array:
    """The quotient, NaN where there is no whole."""
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    rates: Array = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return rates


def selection_rate(counts: npt.NDArray[Any]) -> Array:
    """Share of the group that is decided for, shape (..., g)."""
    return share(counts[..., TP] + counts[..., FP], counts.sum(axis=-1))


def true_positive_rate(counts: npt.NDArray[Any]) -> Array:
    """Share of the positives that is decided for, shape (..., g)."""
    return share(counts[..., TP], counts[..., TP] + counts[..., FN])


def false_positive_rate(counts: npt.NDArray[Any]) -> Array:
    """Share of the negatives that is decided for, shape (..., g)."""
    return share(counts[..., FP], counts[..., FP] + counts[..., TN])


def positive_predictive_value(counts: npt.NDArray[Any]) -> Array:
    """Share of positives among those decided for, shape (..., g)."""
    return share(counts[..., TP], counts[..., TP] + counts[..., FP])


def defined(rates: Array, data: Grouped, of_what: str) -> Array:
    """The rates, if every group has one."""
    missing = np.isnan(rates)
    if missing.any():
        raise EmptyInputError(
            f"group {data.names()[int(np.argmax(missing))]!r} has no {of_what}, and so no rate of them"
        )
    return rates
