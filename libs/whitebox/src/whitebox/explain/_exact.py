"""Shapley values by definition."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import NotFiniteError, ShapeError
from whitebox.explain._coalitions import (
    Explanation,
    Predict,
    all_coalitions,
    answers,
    as_rows,
    coalition_values,
    same_width,
    shapley_weights,
)

# 2^20 coalitions are a million calls of the game.
_MOST_PLAYERS = 20


def shapley_values(game: Callable[[npt.NDArray[np.bool_]], Any], players: int) -> Array:
    r"""Shapley values of a cooperative game, by enumerating its coalitions.

    .. math:: \phi_j = \sum_{S \not\ni j} \frac{|S|!\,(n - |S| - 1)!}{n!} \left( v(S \cup j) - v(S) \right)

    (Shapley 1953.) They sum to v(all) - v(none), are equal for players who add the same to every coalition, 0 for those
    who add nothing, and add up over games; nothing else does all four. O(n · 2ⁿ).

    Args:
        game: v, which maps coalitions, shape (m, n) with True for members, to worths, shape (m,) or (m, outputs).
        players: n, at most 20.

    Returns:
        Shape (n,) or (n, outputs).

    Raises:
        RangeError: for no or too many players.
        ShapeError: if the game does not give a worth for each coalition.
        NotFiniteError: if a worth is NaN or infinite.

    >>> shapley_values(lambda masks: masks.all(axis=1) * 1.0, 5).round(12).tolist()  # all five are needed
    [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    masks = all_coalitions(positive_int(players, "players"), _MOST_PLAYERS)
    worth = np.asarray(game(masks), dtype=np.float64)
    if worth.ndim not in (1, 2) or len(worth) != len(masks):
        raise ShapeError(
            f"game must map {masks.shape} to ({len(masks)},) or ({len(masks)}, outputs), got {worth.shape}"
        )
    if not np.isfinite(worth).all():
        raise NotFiniteError("game gave NaN or infinity")
    weights = shapley_weights(players)
    sizes = masks.sum(axis=1)
    phi = np.empty((players, *worth.shape[1:]))
    for j in range(players):
        without = np.flatnonzero(~masks[:, j])
        phi[j] = weights[sizes[without]] @ (worth[without | (1 << j)] - worth[without])
    return phi


def exact_shap(predict: Predict, background: npt.ArrayLike, x: npt.ArrayLike) -> Explanation:
    r"""Shapley values of a prediction, by enumerating all coalitions of columns.

    .. math:: v(S) = \frac{1}{B} \sum_b f(x_S, b_{\bar S})

    What `kernel_shap` comes to where it need not sample. O(2ᵈ · B) predictions a row, for up to 20 columns.

    Args:
        predict: The model, which maps rows of shape (n, d) to (n,) or (n, outputs).
        background: Rows from which unknown columns are taken, shape (B, d).
        x: What to explain, shape (d,) or (n, d).

    Raises:
        RangeError: for more than 20 columns.
        ShapeError: if shapes do not fit, or `predict` gives something else.
        NotFiniteError: if `predict` gives NaN or infinity.
        DtypeError, EmptyInputError: for unusable input.

    >>> both = lambda X: X[:, 0] * X[:, 1]
    >>> exact_shap(both, [[0.0, 0.0, 0.0]], [1.0, 1.0, 1.0]).values.tolist()
    [0.5, 0.5, 0.0]
    """
    known = as_matrix(background, "background")
    rows, single = as_rows(x, "x")
    same_width(rows, "x", known, "background")
    usual, scalar = answers(predict, known)
    values = np.array([shapley_values(partial(coalition_values, predict, known, row), rows.shape[1]) for row in rows])
    return shaped(values, usual.mean(axis=0), single, scalar)


def shaped(values: Array, base: Array, single: bool, scalar: bool) -> Explanation:
    """Values of shape (n, d, outputs) without the axes that input and model do not have."""
    if scalar:
        values, base = values[..., 0], base[0]
    return Explanation(values[0] if single else values, np.asarray(base))
