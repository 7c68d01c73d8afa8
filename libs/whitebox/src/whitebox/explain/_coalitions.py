"""What all explanations need: calling a model, and rows that may be one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix
from whitebox.errors import NotFiniteError, RangeError, ShapeError

Predict = Callable[[Array], Any]
# Numbers handed to a model at a time.
_BATCH = 1 << 21


class Explanation(NamedTuple):
    r"""What each column added to the prediction: :math:`f(x) = \mathrm{base} + \sum_j \phi_j`.

    Attributes:
        values: :math:`\phi`, shape (d,) for a single row, (n, d) for several; with a last axis for the outputs where
            the model has several.
        base: What is predicted when no column is known, shape () or (outputs,).
    """

    values: Array
    base: Array


def as_rows(x: npt.ArrayLike, name: str) -> tuple[Array, bool]:
    """`x` as a matrix, and whether it was a single row.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
    """
    array = as_array(x, name)
    if array.ndim == 1:
        return array[None], True
    return as_matrix(array, name), False


def same_width(left: Array, left_name: str, right: Array, right_name: str) -> None:
    """Raises ShapeError if the last axes differ in length."""
    if left.shape[-1] != right.shape[-1]:
        raise ShapeError(
            f"{left_name} has {left.shape[-1]} columns and {right_name} has {right.shape[-1]}; they must be the same"
        )


def answers(predict: Predict, rows: Array) -> tuple[Array, bool]:
    """What a model says, always of shape (n, outputs), and whether it said it without an axis for the outputs.

    Raises:
        ShapeError: if it does not say one thing, or one row of things, for each row.
        NotFiniteError: if it says NaN or infinity.
    """
    said = np.asarray(predict(rows), dtype=np.float64)
    if said.ndim not in (1, 2) or len(said) != len(rows):
        raise ShapeError(
            f"predict must map {rows.shape} to ({len(rows)},) or ({len(rows)}, outputs), got shape {said.shape}"
        )
    if not np.isfinite(said).all():
        raise NotFiniteError(f"predict gave NaN or infinity for row {int(np.argwhere(~np.isfinite(said))[0][0])}")
    return said.reshape(len(rows), -1), said.ndim == 1


def predictions(predict: Predict, rows: Array) -> Array:
    """What a model says, always of shape (n, outputs).

    Raises:
        ShapeError, NotFiniteError: as `answers`.
    """
    return answers(predict, rows)[0]


def coalition_values(predict: Predict, background: Array, x: Array, masks: npt.NDArray[np.bool_]) -> Array:
    r"""Mean prediction with the columns of a coalition as in x and the others as in each row of the background.

    .. math:: v(S) = \frac{1}{B} \sum_b f(x_S, b_{\bar S})

    Args:
        predict: The model.
        background: Shape (B, d).
        x: Shape (d,).
        masks: Coalitions, shape (m, d).

    Returns:
        Shape (m, outputs).
    """
    size = len(background)
    step = max(1, _BATCH // background.size)
    parts = []
    for start in range(0, len(masks), step):
        some = masks[start : start + step]
        mixed = np.where(some[:, None, :], x, background)
        said = predictions(predict, mixed.reshape(-1, background.shape[1]))
        parts.append(said.reshape(len(some), size, -1).mean(axis=1))
    return np.concatenate(parts)


def shapley_weights(players: int) -> Array:
    r"""Weight of a marginal contribution by the size of the coalition that is joined, shape (players,).

    .. math:: \frac{s!\,(n - s - 1)!}{n!}
    """
    return np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])


def all_coalitions(players: int, most: int) -> npt.NDArray[np.bool_]:
    """Every coalition as a row, the empty one first, shape (2^players, players); bit j of a row's number is player j.

    Raises:
        RangeError: if there are more than `most` players.
    """
    if players > most:
        raise RangeError(f"{players} players have 2^{players} coalitions: at most {most} players are enumerated")
    masks: npt.NDArray[np.bool_] = (np.arange(1 << players)[:, None] >> np.arange(players)) % 2 == 1
    return masks
