"""Checks and small pieces that the factorisations share."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import NotSymmetricError, ShapeError

EPS = float(np.finfo(np.float64).eps)


def square(values: npt.ArrayLike, name: str) -> Array:
    """A finite square matrix. Raises ShapeError otherwise."""
    matrix = as_matrix(values, name)
    if matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"{name} must be square, got shape {matrix.shape}")
    return matrix


def symmetric(values: npt.ArrayLike, name: str) -> Array:
    r"""A symmetric matrix: the mean of the input and its transpose, which may differ by rounding only.

    Raises:
        NotSymmetricError: if they differ by more than :math:`100 n \varepsilon \max |a_{ij}|`, with the worst place.
    """
    matrix = square(values, name)
    difference = np.abs(matrix - matrix.T)
    if difference.max() > 100 * len(matrix) * EPS * np.abs(matrix).max():
        row, column = np.unravel_index(difference.argmax(), difference.shape)
        raise NotSymmetricError(
            f"{name} is not symmetric: {name}[{row}, {column}] = {matrix[row, column]:.6g}, "
            f"{name}[{column}, {row}] = {matrix[column, row]:.6g}"
        )
    halves: Array = matrix / 2 + matrix.T / 2
    return halves


def right_hand_side(b: npt.ArrayLike, rows: int) -> tuple[Array, bool]:
    """The right-hand sides as the columns of a fresh matrix, and whether there was but one, given as a vector."""
    single = np.ndim(b) == 1
    columns = as_vector(b, "b")[:, None] if single else as_matrix(b, "b")
    if len(columns) != rows:
        raise ShapeError(f"b must have {rows} rows like A, got shape {np.shape(b)}")
    return columns.copy(), single


def norm(vector: Array) -> float:
    r"""Euclidean norm :math:`\sqrt{x \cdot x}`, with scaling only where the squares overflow or vanish."""
    squares = float(vector @ vector)
    if 1e-280 < squares < math.inf:
        return math.sqrt(squares)
    largest = float(np.abs(vector).max(initial=0.0))
    if largest == 0:
        return 0.0
    scaled = vector / largest
    return largest * math.sqrt(float(scaled @ scaled))
