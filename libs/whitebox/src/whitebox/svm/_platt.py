"""From decision values to probabilities."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector
from whitebox.errors import RangeError, ShapeError, SingleClassError

_MAX_STEPS = 100
# Keeps the Hessian invertible where all decision values are equal, and a slope from being learned from their rounding.
_DAMPING = 1e-12


class PlattSigmoid(NamedTuple):
    r"""The map :math:`f \mapsto 1 / (1 + e^{A f + B})` from decision values to probabilities of the positive class.

    Attributes:
        A: Slope; negative where larger decision values speak for the positive class.
        B: Shift.
    """

    A: float
    B: float

    def __call__(self, decisions: Array) -> Array:
        """Probabilities in the shape of the decision values, without overflow."""
        exponent = self.A * np.asarray(decisions) + self.B
        small = np.exp(-np.abs(exponent))
        probability: Array = np.where(exponent >= 0, small, 1.0) / (1 + small)
        return probability


def fit_platt(decisions: npt.ArrayLike, positive: npt.ArrayLike) -> PlattSigmoid:
    r"""The sigmoid that makes decision values the best probabilities.

    .. math:: \min_{A, B} -\sum_i \left[ t_i \log p_i + (1 - t_i) \log (1 - p_i) \right], \quad
              p_i = \frac{1}{1 + e^{A f_i + B}}, \quad
              t_i = \frac{N_+ + 1}{N_+ + 2} \text{ or } \frac{1}{N_- + 2}

    (Platt 1999; the targets stand off 1 and 0 as a uniform prior would have them, so that separable data give no step.)
    Newton's method with backtracking, and logarithms that neither cancel nor overflow (Lin, Lin, Weng: A Note on
    Platt's Probabilistic Outputs, 2007, algorithm 1). The decision values must come from models that have not seen
    their rows, or they are too sure. O(n) a step.

    Args:
        decisions: f, shape (n,).
        positive: Whether each belongs to the positive class, shape (n,).

    Raises:
        ShapeError: if the two differ in length.
        SingleClassError: if all are of one class.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> sigmoid = fit_platt([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    >>> sigmoid(np.array([-2.0, 0.0, 2.0])).round(3).tolist()
    [0.206, 0.5, 0.794]
    """
    values, labels = as_vector(decisions, "decisions"), as_vector(positive, "positive") > 0
    if len(values) != len(labels):
        raise ShapeError(f"{len(values)} decisions for {len(labels)} labels")
    n_positive = int(labels.sum())
    n_negative = len(labels) - n_positive
    if not n_positive or not n_negative:
        raise SingleClassError("all decisions are of one class; a sigmoid needs both")
    target = np.where(labels, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.column_stack([values, np.ones(len(values))])
    enough = 1e-10 * np.abs(design).sum(axis=0)
    weights = np.array([0.0, math.log((n_negative + 1) / (n_positive + 1))])
    loss = _cross_entropy(design @ weights, target)
    for _ in range(_MAX_STEPS):
        probability = PlattSigmoid(1.0, 0.0)(design @ weights)
        gradient = design.T @ (target - probability)
        if (np.abs(gradient) <= enough).all():
            break
        hessian = (design.T * (probability * (1 - probability))) @ design + _DAMPING * np.eye(2)
        determinant = hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2
        adjugate = np.array([[hessian[1, 1], -hessian[0, 1]], [-hessian[0, 1], hessian[0, 0]]])
        direction = -(adjugate @ gradient) / determinant
        size = 1.0
        while (reached := _cross_entropy(design @ (weights + size * direction), target)) >= (
            loss + 1e-4 * size * float(gradient @ direction)
        ) and size > 1e-10:
            size /= 2
        if reached >= loss:
            break  # rounding leaves nothing to gain
        weights, loss = weights + size * direction, reached
    return PlattSigmoid(float(weights[0]), float(weights[1]))


def couple_probabilities(pairwise: npt.ArrayLike) -> Array:
    r"""Probabilities of k classes from those of all pairs of classes.

    .. math:: \min_p \sum_i \sum_{j \ne i} (r_{ji} p_i - r_{ij} p_j)^2 \quad \text{with} \quad \sum_i p_i = 1

    (Wu, Lin, Weng: Probability Estimates for Multi-class Classification by Pairwise Coupling, 2004, second approach.)
    The minimum solves :math:`Q p = (p^\top Q p)\, \mathbf 1` with :math:`Q_{ii} = \sum_{j \ne i} r_{ji}^2` and
    :math:`Q_{ij} = -r_{ji} r_{ij}`; since only its direction is unknown, p is proportional to the solution of
    :math:`Q x = \mathbf 1`, found by Gauss's elimination of all samples at once. O(n · k³).

    Args:
        pairwise: :math:`r_{ij} = p(i \mid i \text{ or } j)`, shape (n, k, k), within (0, 1) off the diagonal.

    Returns:
        Shape (n, k); rows sum to 1.

    Raises:
        ShapeError: if the shape is another.
        RangeError: if a probability is not between 0 and 1.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> couple_probabilities([[[0.0, 0.8, 0.8], [0.2, 0.0, 0.5], [0.2, 0.5, 0.0]]]).round(3).tolist()
    [[0.667, 0.167, 0.167]]
    """
    r = as_array(pairwise, "pairwise")
    if r.ndim != 3 or r.shape[1] != r.shape[2]:
        raise ShapeError(f"pairwise must have shape (n, k, k), got {r.shape}")
    k = r.shape[1]
    off = ~np.eye(k, dtype=bool)
    if not ((r[:, off] > 0) & (r[:, off] < 1)).all():
        raise RangeError("pairwise must hold probabilities between 0 and 1 off the diagonal")
    r = np.where(off, r, 0.0)
    other = r.transpose(0, 2, 1)
    Q = -r * other
    Q[:, np.arange(k), np.arange(k)] = (other**2).sum(axis=2)
    # Perfectly consistent r make Q singular, with p its null vector: a little more on the diagonal finds that too.
    Q[:, np.arange(k), np.arange(k)] *= 1 + 1e-10
    x = np.ones(r.shape[:2])
    for c in range(k):  # Q is positive definite, and needs no pivots
        factors = Q[:, c + 1 :, c] / Q[:, c, c, None]
        Q[:, c + 1 :] -= factors[:, :, None] * Q[:, c, None]
        x[:, c + 1 :] -= factors * x[:, c, None]
    for c in range(k - 1, -1, -1):
        x[:, c] = (x[:, c] - np.einsum("nj,nj->n", Q[:, c, c + 1 :], x[:, c + 1 :])) / Q[:, c, c]
    x = np.maximum(x, 0.0)
    probabilities: Array = x / x.sum(axis=1, keepdims=True)
    return probabilities


def _cross_entropy(exponent: Array, target: Array) -> float:
    """−Σ t log p + (1 − t) log(1 − p) for p = 1 / (1 + e^exponent) (Lin, Lin, Weng 2007, equations 10 and 11)."""
    return float((target * exponent + np.maximum(-exponent, 0) + np.log1p(np.exp(-np.abs(exponent)))).sum())
