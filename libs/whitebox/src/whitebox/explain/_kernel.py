"""Shapley values by weighted least squares."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import RangeError
from whitebox.explain._coalitions import (
    Explanation,
    Predict,
    all_coalitions,
    answers,
    as_rows,
    coalition_values,
    predictions,
    same_width,
)
from whitebox.explain._exact import shaped
from whitebox.linalg import solve_positive_definite


def kernel_shap(
    predict: Predict,
    background: npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    n_samples: int | None = None,
    rng: np.random.Generator | None = None,
) -> Explanation:
    r"""Shapley values of any model's prediction, as the additive model nearest to it in the Shapley kernel.

    .. math:: \min_\phi \sum_{\emptyset \ne S \subsetneq N} \frac{n - 1}{\binom{n}{|S|} |S| (n - |S|)}
              \Bigl( v(S) - v(\emptyset) - \sum_{j \in S} \phi_j \Bigr)^2
              \quad \text{subject to} \quad \sum_j \phi_j = f(x) - v(\emptyset)

    (Lundberg, Lee 2017, theorem 2.) v(S) is the mean prediction with the columns of S as in x and the others as in each
    row of the background. The constraint is solved for, not approximated: contributions and base sum to the prediction
    whatever is sampled. Columns in which x equals all of the background get 0.

    Where the coalitions are no more than `n_samples`, all are used and the values are exact. Otherwise the smallest and
    largest coalitions, which weigh most, are used as far as they fit, and the others are drawn in proportion to the
    kernel, each with its complement, which takes most of the variance away (Covert, Lee 2021).
    O(n_samples · (B predictions + d²)) a row.

    Args:
        predict: The model, which maps rows of shape (n, d) to (n,) or (n, outputs).
        background: Rows from which unknown columns are taken, shape (B, d).
        x: What to explain, shape (d,) or (n, d).
        n_samples: Coalitions at most, at least two for each column; 2 d + 2048 where None.
        rng: Draws coalitions where there are more; seeded with 0 where None, so that the answer is always the same.

    Raises:
        RangeError: for too few samples.
        ShapeError: if shapes do not fit, or `predict` gives something else.
        NotFiniteError: if `predict` gives NaN or infinity.
        DtypeError, EmptyInputError: for unusable input.

    >>> explanation = kernel_shap(lambda X: X @ [1.0, 2.0] + 3.0, [[0.0, 0.0], [2.0, 2.0]], [5.0, 2.0])
    >>> explanation.values.round(9).tolist(), explanation.base.item()
    ([4.0, 2.0], 6.0)
    """
    known = as_matrix(background, "background")
    rows, single = as_rows(x, "x")
    same_width(rows, "x", known, "background")
    d = rows.shape[1]
    budget = 2 * d + 2048 if n_samples is None else positive_int(n_samples, "n_samples")
    if budget < 2 * d:
        raise RangeError(f"n_samples must be at least two for each of the {d} columns, got {budget}")
    rng = np.random.default_rng(0) if rng is None else rng
    usual, scalar = answers(predict, known)
    base, reached = usual.mean(axis=0), predictions(predict, rows)
    values = np.zeros((len(rows), d, len(base)))
    for i, row in enumerate(rows):
        # What is the same in all of the background changes nothing.
        players = np.flatnonzero((known != row).any(axis=0))
        gain = reached[i] - base
        if len(players) == 1:
            values[i, players[0]] = gain
        elif len(players) > 1:
            masks, weights = _coalitions(len(players), budget, rng)
            chosen = np.zeros((len(masks), d), dtype=bool)
            chosen[:, players] = masks
            worth = coalition_values(predict, known, row, chosen) - base
            values[i, players] = _least_squares(masks.astype(np.float64), weights, worth, gain)
    return shaped(values, base, single, scalar)


def _least_squares(masks: Array, weights: Array, worth: Array, gain: Array) -> Array:
    """Weighted least squares under the constraint that the solution sums to the gain, by a multiplier."""
    weighted = masks * weights[:, None]
    normal = weighted.T @ masks
    ones = np.ones((masks.shape[1], 1))
    solved = solve_positive_definite(normal, np.hstack([weighted.T @ worth, ones]))
    free, direction = solved[:, :-1], solved[:, -1:]
    phi: Array = free - direction * ((free.sum(axis=0) - gain) / direction.sum())
    phi += (gain - phi.sum(axis=0)) / len(phi)  # what rounding leaves is shared
    return phi


def _coalitions(players: int, budget: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], Array]:
    """Coalitions, neither empty nor complete, and their weights."""
    kernel = _size_weights(players)
    if players < 63 and (1 << players) - 2 <= budget:
        masks = all_coalitions(players, players)[1:-1]
        sizes = masks.sum(axis=1)
        each = np.array([0.0, *(kernel[s - 1] / math.comb(players, s) for s in range(1, players))])
        return masks, each[sizes]
    whole: list[npt.NDArray[np.bool_]] = []
    weights: list[Array] = []
    smallest = 1
    while smallest <= players // 2:
        pair = {smallest, players - smallest}
        count = sum(math.comb(players, size) for size in pair)
        rest = kernel[smallest - 1 : players - smallest].sum()
        share = sum(kernel[size - 1] for size in pair) / rest
        left = budget - sum(len(masks) for masks in whole)
        # Used whole where that takes no more than would be drawn of it; single columns always.
        if smallest > 1 and count > left * share:
            break
        for size in pair:
            whole.append(_of_size(players, size))
            weights.append(np.full(len(whole[-1]), kernel[size - 1] / len(whole[-1])))
        smallest += 1
    left = (budget - sum(len(masks) for masks in whole)) // 2
    if smallest > players // 2 or left == 0:
        return np.concatenate(whole), np.concatenate(weights)
    rest = kernel[smallest - 1 : players - smallest]
    sizes = rng.choice(np.arange(smallest, players - smallest + 1), size=left, p=rest / rest.sum())
    ranks = rng.random((left, players)).argsort(axis=1).argsort(axis=1)
    drawn = ranks < sizes[:, None]
    # Each with its complement.
    distinct, counts = np.unique(np.concatenate([drawn, ~drawn]), axis=0, return_counts=True)
    return (
        np.concatenate([*whole, distinct]),
        np.concatenate([*weights, rest.sum() * counts / counts.sum()]),
    )


def _size_weights(players: int) -> Array:
    """The kernel summed over the coalitions of each size from 1 to players - 1."""
    size = np.arange(1, players)
    return (players - 1) / (size * (players - size))


def _of_size(players: int, size: int) -> npt.NDArray[np.bool_]:
    members = np.array(list(itertools.combinations(range(players), size)))
    masks = np.zeros((len(members), players), dtype=bool)
    masks[np.arange(len(members))[:, None], members] = True
    return masks
