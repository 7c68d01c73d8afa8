"""Similarities between the rows of two matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_matrix
from whitebox.errors import ShapeError


def row_norms(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    r"""Euclidean norm of each row, :math:`\sqrt{\sum_j x_{ij}^2}`, without overflow or underflow of the squares.

    Only rows whose sum of squares leaves the safe range are scaled first (Blue 1978). O(n · d).

    >>> row_norms(np.array([[3.0, 4.0], [3e-200, 4e-200], [0.0, 0.0]])).tolist()
    [5.0, 5e-200, 0.0]
    """
    limits = np.finfo(matrix.dtype)
    with np.errstate(over="ignore", under="ignore"):
        squares = np.einsum("ij,ij->i", matrix, matrix)
    norms: npt.NDArray[Any] = np.sqrt(squares)
    extreme = np.flatnonzero(~((squares > limits.tiny / limits.eps) & (squares < limits.max)))
    if extreme.size:
        rows = matrix[extreme]
        largest = np.abs(rows).max(axis=1)
        scaled = rows / np.where(largest > 0, largest, 1)[:, None]
        norms[extreme] = largest * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    return norms


def normalize_rows(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows scaled to unit Euclidean norm; zero rows stay zero. O(n · d).

    >>> normalize_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    norms = row_norms(matrix)
    unit: npt.NDArray[Any] = matrix / np.where(norms > 0, norms, 1)[:, None]
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
        DtypeError, EmptyInputError, NotFiniteError: for what is no number, empty inputs, NaN and infinity.

    >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0], [0.0, 5.0]]).tolist()
    [[1.0, 0.0]]
    """
    first, second = as_matrix(left, "left"), as_matrix(right, "right")
    if first.shape[1] != second.shape[1]:
        raise ShapeError(f"left has {first.shape[1]} columns, right has {second.shape[1]}")
    similarity: npt.NDArray[np.float64] = np.clip(normalize_rows(first) @ normalize_rows(second).T, -1.0, 1.0)
    return similarity
