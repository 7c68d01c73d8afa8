"""Choosing the highest scores without sorting them all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# Groups enough that few besides the best reach the bound, and wide enough for vector instructions.
_GROUPS = 512


def lower_bound(scores: npt.NDArray[Any], k: int) -> npt.NDArray[Any]:
    """For each row of scores, a number that at least k of them reach, and not many more. O(rows · columns).

    It is the k-th highest of the maxima of groups of columns, which costs one pass of maxima instead of a selection.

    Args:
        scores: Shape (rows, columns) with at least k columns.
        k: How many must reach the bound.

    Returns:
        Shape (rows, 1).

    >>> lower_bound(np.array([[1.0, 4.0, 2.0, 3.0]]), 2).tolist()
    [[3.0]]
    """
    rows, columns = scores.shape
    groups = max(_GROUPS, 4 * k)
    members = columns // groups
    if members > 1:
        # Columns left over at the end may lie above the bound, never make it too high.
        scores = scores[:, : members * groups].reshape(rows, members, groups).max(axis=1)
    place = scores.shape[1] - k
    return np.partition(scores, place, axis=1)[:, place, None]
