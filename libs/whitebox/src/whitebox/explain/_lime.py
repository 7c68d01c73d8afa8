"""Local surrogates."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.explain._coalitions import Predict, answers, same_width
from whitebox.linalg import solve_positive_definite


class LocalSurrogate(NamedTuple):
    """A linear model of a model near a row.

    Attributes:
        coef: Change of the prediction when a column grows by its standard deviation, shape (d,) or (d, outputs).
        intercept: The surrogate's prediction at the row, shape () or (outputs,).
        score: Share of the predictions' weighted variance that it explains, shape () or (outputs,).
    """

    coef: Array
    intercept: Array
    score: Array


def lime_tabular(
    predict: Predict,
    background: npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_samples: int = 5000,
    kernel_width: float | None = None,
    penalty: Literal["ridge", "lasso"] = "ridge",
    alpha: float = 1e-3,
) -> LocalSurrogate:
    r"""The linear model that is nearest to a model around a row.

    .. math:: \min_{\beta, b} \frac{1}{2 \sum_i \pi_i} \sum_i \pi_i
              \left( f(x + \sigma z_i) - b - \beta^\top z_i \right)^2 + \alpha\, \Omega(\beta), \qquad
              \pi_i = e^{-\lVert z_i \rVert^2 / \kappa^2}

    (Ribeiro, Singh, Guestrin 2016, equations 1 and 2, for tables: z is normal, σ the background's standard deviations.)
    Ω is :math:`\tfrac12 \lVert \beta \rVert^2` for "ridge" and :math:`\lVert \beta \rVert_1` for "lasso", which leaves
    columns out. O(n_samples · (prediction + d²)).

    Args:
        predict: The model, which maps rows of shape (n, d) to (n,) or (n, outputs).
        background: Rows that say how far columns spread, shape (B, d). What does not vary there is left as it is.
        x: The row, shape (d,).
        rng: Draws the perturbations.
        n_samples: How many.
        kernel_width: κ, in standard deviations; 0.75 √d where None.
        penalty: Ω.
        alpha: Its strength.

    Raises:
        RangeError: if a parameter is out of its range, or so narrow a kernel that no perturbation has any weight.
        ShapeError: if shapes do not fit, or `predict` gives something else.
        NotFiniteError: if `predict` gives NaN or infinity.
        DtypeError, EmptyInputError: for unusable input.

    >>> surrogate = lime_tabular(lambda X: 3 * X[:, 0] + X[:, 1] ** 2, [[-1.0, -1.0], [1.0, 1.0]], [0.0, 2.0],
    ...                          rng=np.random.default_rng(0), kernel_width=0.3)
    >>> surrogate.coef.round(1).tolist()
    [2.9, 3.9]
    """
    known, row = as_matrix(background, "background"), as_vector(x, "x")
    same_width(row, "x", known, "background")
    d = len(row)
    width = 0.75 * math.sqrt(d) if kernel_width is None else number_in(kernel_width, "kernel_width", 0, open_low=True)
    strength = number_in(alpha, "alpha", 0)
    if penalty not in ("ridge", "lasso"):
        raise RangeError(f"penalty must be 'ridge' or 'lasso', got {penalty!r}")
    spread = known.std(axis=0)
    z = rng.standard_normal((positive_int(n_samples, "n_samples"), d)) * (spread > 0)
    said, scalar = answers(predict, row + spread * z)
    weights = np.exp(-(z**2).sum(axis=1) / width**2)
    if weights.sum() < 1e-250:
        raise RangeError(f"kernel_width is so small ({width:g}) that no perturbation has any weight")
    weights /= weights.sum()
    z_mean, mean = weights @ z, weights @ said
    centred, target = z - z_mean, said - mean
    gram = (centred * weights[:, None]).T @ centred
    moment = (centred * weights[:, None]).T @ target
    if penalty == "ridge":
        # Columns that do not vary have no curvature of their own.
        flat = np.where(spread > 0, 0.0, 1.0)
        coef = solve_positive_definite(gram + np.diag(flat + strength), moment)
    else:
        coef = np.column_stack([_lasso(gram, column, strength) for column in moment.T])
    left = weights @ (target - centred @ coef) ** 2
    whole = weights @ target**2
    score = np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1.0), 1.0)
    intercept = mean - z_mean @ coef
    if scalar:
        return LocalSurrogate(coef[:, 0], intercept[0], score[0])
    return LocalSurrogate(coef, intercept, score)


def _lasso(gram: Array, moment: Array, alpha: float, sweeps: int = 10_000) -> Array:
    """Minimises ½ βᵀGβ - mᵀβ + α ‖β‖₁ one coordinate at a time, each by its soft threshold."""
    beta = np.zeros(len(moment))
    gradient = -moment.copy()
    tolerance = 1e-12 * (np.abs(moment).max() + alpha)
    for _ in range(sweeps):
        moved = 0.0
        for j in range(len(beta)):
            curvature = gram[j, j]
            if curvature == 0:
                continue
            pull = curvature * beta[j] - gradient[j]
            new = math.copysign(max(abs(pull) - alpha, 0.0), pull) / curvature
            step = new - beta[j]
            if step:
                gradient += gram[:, j] * step
                beta[j] = new
                moved = max(moved, abs(step) * curvature)
        if moved <= tolerance:
            break
    return beta
