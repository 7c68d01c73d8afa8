"""How a server makes one set of parameters out of its clients' many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from whitebox._validation import Array, as_matrix, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.federated._client import Update
from whitebox.linalg import solve_positive_definite


class Estimate(NamedTuple):
    """Parameters and how sure they are, each on its own.

    Attributes:
        mean: Shape (p,).
        variance: Shape (p,).
    """

    mean: Array
    variance: Array


class Posterior(NamedTuple):
    """A normal distribution of parameters.

    Attributes:
        mean: Shape (p,).
        precision: Inverse covariance, shape (p, p).
    """

    mean: Array
    precision: Array


def average(updates: Sequence[Update]) -> Array:
    r"""Every client counts the same: :math:`\frac{1}{K} \sum_k w_k`, shape (p,).

    O(K · p).

    Args:
        updates: One a client.

    Raises:
        EmptyInputError: if there are none.
        ShapeError, NotFiniteError: if their parameters do not fit together, or are none.

    >>> average([Update(np.array([1.0]), 1), Update(np.array([4.0]), 2)]).tolist()
    [2.5]
    """
    mean: Array = _parameters(updates).mean(axis=0)
    return mean


def weighted_average(updates: Sequence[Update]) -> Array:
    r"""Every row counts the same: federated averaging.

    .. math:: w = \sum_k \frac{n_k}{\sum_j n_j} w_k

    (McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-Efficient Learning of Deep Networks from
    Decentralized Data, AISTATS 2017, algorithm 1.) After one local step this is a step of gradient descent on all rows
    together. O(K · p).

    Args:
        updates: One a client.

    Returns:
        Shape (p,).

    Raises:
        EmptyInputError: if there are none.
        RangeError: if a client has fewer than one row.
        ShapeError, NotFiniteError: if their parameters do not fit together, or are none.

    >>> weighted_average([Update(np.array([1.0]), 1), Update(np.array([4.0]), 2)]).tolist()
    [3.0]
    """
    parameters = _parameters(updates)
    weights = np.array([number_in(update.samples, "samples", 1) for update in updates])
    mean: Array = weights @ parameters / weights.sum()
    return mean


def inverse_variance_average(updates: Sequence[Update]) -> Estimate:
    r"""Every client counts by how sure it is, parameter by parameter.

    .. math:: w_j = \frac{\sum_k w_{kj} / v_{kj}}{\sum_k 1 / v_{kj}}, \qquad v_j = \frac{1}{\sum_k 1 / v_{kj}}

    (Cochran 1937.) Of all weighted means of independent unbiased estimates this has the least variance. O(K · p).

    Args:
        updates: One a client, with variances.

    Raises:
        EmptyInputError: if there are none.
        RangeError: if a client sends no variance, or one that is not positive.
        ShapeError, NotFiniteError: if their numbers do not fit together, or are none.

    >>> updates = [Update(np.array([0.0]), 1, np.array([1.0])), Update(np.array([4.0]), 1, np.array([3.0]))]
    >>> inverse_variance_average(updates)
    Estimate(mean=array([1.]), variance=array([0.75]))
    """
    parameters = _parameters(updates)
    sent = [update.variance for update in updates if update.variance is not None]
    if len(sent) < len(updates):
        raise RangeError("every client has to send a variance")
    variances = as_matrix(sent, "variances")
    if variances.shape != parameters.shape:
        raise ShapeError(f"variances have shape {variances.shape}, parameters have {parameters.shape}")
    if (variances <= 0).any():
        raise RangeError("variances must be positive")
    weights = 1 / variances
    total = weights.sum(axis=0)
    return Estimate((weights * parameters).sum(axis=0) / total, 1 / total)


def bayesian_average(updates: Sequence[Update], prior_precision: float) -> Posterior:
    r"""The posterior of all rows together, from the clients' posteriors: a product of normal distributions.

    .. math:: p(w \mid D) \propto p(w)^{1 - K} \prod_k p(w \mid D_k), \qquad
              \Lambda = \sum_k \Lambda_k - (K - 1) \lambda_0 I, \qquad
              w = \Lambda^{-1} \sum_k \Lambda_k w_k

    Each client's posterior has the prior in it, and it must count once (Bayesian committee machine: Tresp 2000;
    precisions add, not variances: Bishop 2006, section 2.3.3). Exact where the posteriors are normal, as for
    `LeastSquares`: one round, and no client's rows had to move. O(K · p² + p³).

    Args:
        updates: One a client, with precisions, as `Client.posterior` gives them.
        prior_precision: :math:`\lambda_0` with which the clients made them, not negative.

    Raises:
        EmptyInputError: if there are none.
        RangeError: if a client sends no precision, or the prior's is negative.
        NotPositiveDefiniteError: if the precisions are smaller than the prior's that they are said to include.
        ShapeError, NotFiniteError: if their numbers do not fit together, or are none.

    >>> updates = [Update(np.array([0.0]), 1, None, np.eye(1)), Update(np.array([4.0]), 1, None, 3 * np.eye(1))]
    >>> bayesian_average(updates, prior_precision=0.0)
    Posterior(mean=array([3.]), precision=array([[4.]]))
    """
    parameters = _parameters(updates)
    prior = number_in(prior_precision, "prior_precision", 0)
    width = parameters.shape[1]
    sent = []
    for number, update in enumerate(updates):
        if update.precision is None:
            raise RangeError("every client has to send a precision")
        sent.append(as_matrix(update.precision, f"the precision of update {number}"))
        if sent[-1].shape != (width, width):
            raise ShapeError(f"the precision of update {number} has shape {sent[-1].shape}, not {(width, width)}")
    precision = np.sum(sent, axis=0) - (len(sent) - 1) * prior * np.eye(width)
    pulled = np.sum([matrix @ mean for matrix, mean in zip(sent, parameters, strict=True)], axis=0)
    return Posterior(solve_positive_definite(precision, pulled), precision)


def _parameters(updates: Sequence[Update]) -> Array:
    """One row an update, shape (K, p)."""
    if len(updates) == 0:
        raise EmptyInputError("there are no updates to make one of")
    lengths = {np.shape(update.parameters) for update in updates}
    if len(lengths) > 1:
        raise ShapeError(f"the updates' parameters differ in shape: {', '.join(map(str, sorted(lengths)))}")
    return as_matrix([update.parameters for update in updates], "the updates' parameters")
