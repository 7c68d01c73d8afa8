"""What columns matter over many rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix, positive_int
from whitebox.errors import NotFiniteError, ShapeError


class Importance(NamedTuple):
    """How much worse a model does without what a column says.

    Attributes:
        mean: Over the repeats, shape (d,).
        deviation: Standard deviation over them, shape (d,).
        repeats: Shape (d, repeats).
    """

    mean: Array
    deviation: Array
    repeats: Array


def permutation_importance(
    predict: Callable[[Array], Any],
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    score: Callable[[Any, Any], float],
    *,
    rng: np.random.Generator,
    n_repeats: int = 5,
) -> Importance:
    r"""By how much a score falls when a column is shuffled, which keeps its values and breaks what they say.

    .. math:: I_j = s(y, f(X)) - \frac{1}{R} \sum_r s\bigl(y, f(X^{(j, r)})\bigr)

    (Breiman 2001, section 10.) O(d · n_repeats) predictions of all rows.

    Args:
        predict: The model, which maps rows of shape (n, d) to n predictions.
        X: Rows, best those that the model was not fitted to, shape (n, d).
        y: What is true of them, n long.
        score: Of truth and predictions, the higher the better.
        rng: Shuffles.
        n_repeats: R.

    Raises:
        ShapeError: if `X` and `y` differ in length.
        RangeError: for no repeats.
        NotFiniteError: if the score is NaN or infinite.
        DtypeError, EmptyInputError: for unusable input.

    >>> rows = np.arange(20.0).reshape(10, 2)
    >>> model, accuracy = lambda X: X[:, 0] > 9, lambda true, said: float((true == said).mean())
    >>> found = permutation_importance(model, rows, model(rows), accuracy, rng=np.random.default_rng(0))
    >>> found.mean[0] > 0, found.mean[1] == 0
    (np.True_, np.True_)
    """
    rows, truth, repeats = as_matrix(X, "X"), np.asarray(y), positive_int(n_repeats, "n_repeats")
    if truth.ndim == 0 or len(truth) != len(rows):
        raise ShapeError(f"y must be {len(rows)} long, as X is, got shape {truth.shape}")

    def scored(given: Array) -> float:
        value = float(score(truth, predict(given)))
        if not np.isfinite(value):
            raise NotFiniteError(f"score gave {value}")
        return value

    whole = scored(rows)
    falls = np.empty((rows.shape[1], repeats))
    shuffled = rows.copy()
    for j in range(rows.shape[1]):
        for r in range(repeats):
            shuffled[:, j] = rng.permutation(rows[:, j])
            falls[j, r] = whole - scored(shuffled)
        shuffled[:, j] = rows[:, j]
    return Importance(falls.mean(axis=1), falls.std(axis=1), falls)


def mean_absolute_shap(values: npt.ArrayLike) -> Array:
    r"""How much each column moves predictions on average, in either direction.

    .. math:: I_j = \frac{1}{n} \sum_i \lvert \phi_{ij} \rvert

    (Lundberg et al. 2020.)

    Args:
        values: Of an `Explanation` of several rows, shape (n, d) or (n, d, outputs).

    Returns:
        Shape (d,) or (d, outputs).

    Raises:
        ShapeError: if there are not two or three axes.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> mean_absolute_shap([[1.0, 0.0], [-3.0, 0.0]]).tolist()
    [2.0, 0.0]
    """
    phi = as_array(values, "values")
    if phi.ndim not in (2, 3):
        raise ShapeError(f"values must have shape (n, d) or (n, d, outputs), got {phi.shape}")
    mean: Array = np.abs(phi).mean(axis=0)
    return mean
