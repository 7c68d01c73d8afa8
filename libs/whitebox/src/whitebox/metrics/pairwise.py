"""Similarities between the rows of two matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix
from whitebox.errors import ShapeError


def normalize_rows(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows scaled to unit Euclidean norm; zero rows stay zero.

    Each row is divided by its largest magnitude first, so that squares neither overflow nor vanish.

    >>> normalize_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    scaled = np.divide(matrix, largest, out=np.zeros_like(matrix), where=largest > 0)
    norms = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]
    unit: npt.NDArray[Any] = np.divide(scaled, norms, out=scaled, where=norms > 0)
    return unit


def cosine_similarity(left: npt.ArrayLike, right: npt.ArrayLike) -> npt.NDArray[np.float64]:
    r"""Cosine of the angle between every row of `left` and every row of `right`.

    .. math:: \cos(x, y) = \frac{x \cdot y}{\lVert x \rVert \, \lVert y \rVert}

    and 0 where either row is zero. O(m · n · d).

    Args:
        left: Shape (m, d).
        right: Shape (n, d).

    Returns:
        Shape (m, n), each value in [-1, 1].

    Raises:
        ShapeError: if the inputs are no matrices of the same width.
        EmptyInputError, NotFiniteError: for empty inputs, NaN and infinity.

    >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 5.0]]).tolist()
    [[1.0, 0.0]]
    """
    first, second = as_matrix(left, "left"), as_matrix(right, "right")
    if first.shape[1] != second.shape[1]:
        raise ShapeError(f"left has {first.shape[1]} columns, right has {second.shape[1]}")
    similarity: npt.NDArray[np.float64] = np.clip(normalize_rows(first) @ normalize_rows(second).T, -1.0, 1.0)
    return similarity
