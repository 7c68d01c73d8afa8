"""What two discrete quantities say about each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import EmptyInputError, ShapeError
from whitebox.information._divergence import Unit, distribution, in_unit, times_log


def contingency(x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """How often each pair of labels occurs. O(n log n).

    Args:
        x: Labels, shape (n,): numbers or strings.
        y: Labels, shape (n,).

    Returns:
        Counts, shape (labels of x, labels of y), both sorted.

    Raises:
        ShapeError: if the labels are no vectors of one length.
        EmptyInputError: if there are none.

    >>> contingency(["a", "b", "a"], [0, 1, 1]).tolist()
    [[1, 1], [0, 1]]
    """
    left, right = np.asarray(x), np.asarray(y)
    if left.ndim != 1 or left.shape != right.shape:
        raise ShapeError(f"x and y must be vectors of one length, got shapes {left.shape} and {right.shape}")
    if left.size == 0:
        raise EmptyInputError("x and y are empty")
    rows, i = np.unique(left, return_inverse=True)
    columns, j = np.unique(right, return_inverse=True)
    counts: npt.NDArray[np.int64] = np.bincount(i * len(columns) + j, minlength=len(rows) * len(columns))
    return counts.reshape(len(rows), len(columns))


def joint_entropy(table: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""The entropy of both quantities together: :math:`H(X, Y) = -\sum_{ij} p_{ij} \log p_{ij}`. O(rc).

    Args:
        table: Joint probabilities or counts, which are divided by their sum, shape (…, r, c).
        unit: "nats" or "bits".

    Returns:
        Shape (…).

    Raises:
        RangeError: for negative numbers, numbers that are all 0, or an unknown unit.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for anything but a table of numbers.

    >>> float(joint_entropy([[0.25, 0.25], [0.25, 0.25]], unit="bits"))
    2.0
    """
    return in_unit(-times_log(distribution(table, "table", 2)).sum(axis=(-2, -1)), unit)


def conditional_entropy(table: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""What is left of the entropy of the columns once the row is known.

    .. math:: H(Y \mid X) = -\sum_{ij} p_{ij} \log \frac{p_{ij}}{p_{i\cdot}} = H(X, Y) - H(X)

    (Cover, Thomas: Elements of Information Theory, 2nd ed., 2006, section 2.2.) O(rc).

    Args:
        table: Joint probabilities or counts, shape (…, r, c).
        unit: "nats" or "bits".

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError, DtypeError: as `joint_entropy`.

    >>> float(conditional_entropy([[0.5, 0.0], [0.0, 0.5]]))  # the row says which column
    0.0
    """
    joint = distribution(table, "table", 2)
    rows = joint.sum(axis=-1, keepdims=True)
    share = joint / np.where(rows > 0, rows, 1.0)
    # Rows are weighted averages of entropies, none of which is negative: no cancellation.
    return in_unit(-(rows * times_log(share)).sum(axis=(-2, -1)) + 0.0, unit)


def mutual_information(table: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""What rows and columns say about each other, at least 0.

    .. math:: I(X; Y) = \sum_{ij} p_{ij} \log \frac{p_{ij}}{p_{i\cdot} p_{\cdot j}} = D(p_{XY} \| p_X p_Y)

    (Cover, Thomas 2006, section 2.3.) For labels instead of a table use `contingency` first. O(rc).

    Args:
        table: Joint probabilities or counts, shape (…, r, c).
        unit: "nats" or "bits".

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError, DtypeError: as `joint_entropy`.

    >>> float(mutual_information([[0.5, 0.0], [0.0, 0.5]], unit="bits").round(12))
    1.0
    """
    joint = distribution(table, "table", 2)
    independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / independent), 0.0) - joint + independent
    return in_unit(np.maximum(terms, 0.0).sum(axis=(-2, -1)), unit)
