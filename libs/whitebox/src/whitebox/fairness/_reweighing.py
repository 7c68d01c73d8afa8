"""Reweighing: training weights under which label and group are independent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.fairness._groups import as_binary, as_groups


def reweighing(y: npt.ArrayLike, groups: npt.ArrayLike) -> Array:
    r"""The weight of each case: how often its group and label should go together, over how often they do.

    .. math:: w_i = \frac{P(A = a_i) \, P(Y = y_i)}{P(A = a_i, Y = y_i)}

    (Kamiran, Calders: Data Preprocessing Techniques for Classification Without Discrimination, 2012, section 3.3,
    algorithm 3.) The weights sum to n; with them every group has the same share of positives, if it has cases of both
    labels at all. For a learner without weights, draw cases with probabilities in proportion to them. O(n log n).

    Args:
        y: Labels, zeros and ones, shape (n,).
        groups: Labels of the groups, shape (n,).

    Returns:
        Shape (n,).

    Raises:
        RangeError: if something other than zeros and ones is among the labels.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> reweighing([1, 0, 0, 1, 1, 0], ["a", "a", "a", "b", "b", "b"]).round(2).tolist()
    [1.5, 0.75, 0.75, 0.75, 0.75, 1.5]
    """
    labels = as_binary(y, "y")
    names, numbers = as_groups(groups, len(labels))
    together = np.bincount(2 * numbers + labels, minlength=2 * len(names)).reshape(-1, 2)
    expected = together.sum(axis=1, keepdims=True) * together.sum(axis=0) / len(labels)
    weights: Array = (expected / np.maximum(together, 1))[numbers, labels]
    return weights
