"""Beliefs of several experts multiplied, and the loss that teaches an expert how sure it may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.autograd import Tensor, exp, log, log_softmax, primitive, where
from whitebox.autograd._tensor import AnyArray, Pullback
from whitebox.errors import EmptyInputError, RangeError, ShapeError


class Belief(NamedTuple):
    """A normal distribution with independent coordinates.

    Attributes:
        mean: Shape (n, d).
        log_variance: Shape (n, d).
    """

    mean: Tensor
    log_variance: Tensor


def product_of_experts(
    means: Sequence[Tensor],
    log_variances: Sequence[Tensor],
    *,
    present: npt.ArrayLike | None = None,
    prior_variance: float | None = None,
) -> Belief:
    r"""Normal densities multiplied: each counts by its precision.

    .. math:: \frac1{\sigma^2} = \frac1{\sigma_0^2} + \sum_m \frac1{\sigma_m^2}, \qquad
              \mu = \sigma^2 \sum_m \frac{\mu_m}{\sigma_m^2}

    (Hinton 2002; with a prior :math:`N(0, \sigma_0^2)` for one of the experts and missing ones left out, Wu, Goodman:
    Multimodal Generative Models for Scalable Weakly-Supervised Learning, NeurIPS 2018.) It is the posterior where each
    expert is the likelihood of its modality. The variance is at most that of each expert, and a missing one is one of
    infinite variance. O(M · n · d).

    Args:
        means: Of each of the M experts, shape (n, d); those that are not present may hold anything.
        log_variances: Likewise.
        present: Which experts see something of each row, shape (n, M); all by default.
        prior_variance: :math:`\sigma_0^2`, or no prior.

    Raises:
        EmptyInputError: There is no expert, or a row that none sees without a prior.
        ShapeError: The shapes differ.
        RangeError: The prior's variance is not positive.

    >>> two = product_of_experts([Tensor([[0.0]]), Tensor([[3.0]])], [Tensor([[0.0]]), Tensor([[np.log(0.5)]])])
    >>> two.mean.data.round(6).tolist(), np.exp(two.log_variance.data).round(6).tolist()
    ([[2.0]], [[0.333333]])
    """
    seen = _present(means, present)
    shapes = [one.shape for one in (*means, *log_variances)]
    if len(means) != len(log_variances) or len(set(shapes)) != 1 or len(shapes[0]) != 2:
        raise ShapeError(f"experts must have means and log_variances of one shape (n, d), got {shapes}")
    dtype = means[0].dtype
    prior = 0.0 if prior_variance is None else 1 / number_in(prior_variance, "prior_variance", 0, open_low=True)
    if prior == 0 and not seen.any(axis=1).all():
        raise EmptyInputError(f"row {int(np.argmin(seen.any(axis=1)))} is seen by no expert, and there is no prior")
    total, weighted = Tensor(np.full(shapes[0], prior, dtype)), Tensor(np.zeros(shapes[0], dtype))
    for place, (mean, log_variance) in enumerate(zip(means, log_variances, strict=True)):
        sees = np.broadcast_to(seen[:, place, None], shapes[0])
        precision = where(sees, exp(-where(sees, log_variance, np.zeros((), dtype))), np.zeros((), dtype))
        total = total + precision
        weighted = weighted + precision * where(sees, mean, np.zeros((), dtype))
    return Belief(weighted / total, -log(total))


def product_of_categoricals(
    log_probabilities: Sequence[Tensor],
    *,
    log_prior: npt.ArrayLike | None = None,
    present: npt.ArrayLike | None = None,
) -> Tensor:
    r"""Classes by several experts whose modalities are independent given the class.

    .. math:: p(c \mid x_1, \dots, x_M) \propto p(c) \prod_m \frac{p(c \mid x_m)}{p(c)}

    by Bayes' rule: the prior, which each expert has counted in, counts once. O(M · n · c).

    Args:
        log_probabilities: :math:`\log p(c \mid x_m)` by each expert, shape (n, c).
        log_prior: :math:`\log p(c)`, shape (c,); all classes alike by default.
        present: Which experts see something of each row, shape (n, M); all by default. What none sees has the prior.

    Returns:
        Logarithms of probabilities, shape (n, c).

    Raises:
        EmptyInputError: There is no expert.
        ShapeError: The shapes differ.

    >>> even, sure = Tensor(np.log([[0.5, 0.5]])), Tensor(np.log([[0.8, 0.2]]))
    >>> np.exp(product_of_categoricals([sure, even]).data).round(3).tolist()
    [[0.8, 0.2]]
    >>> np.exp(product_of_categoricals([sure, sure]).data).round(3).tolist()
    [[0.941, 0.059]]
    """
    seen = _present(log_probabilities, present)
    shape = log_probabilities[0].shape
    if any(one.shape != shape or one.ndim != 2 for one in log_probabilities):
        raise ShapeError(f"experts must have one shape (n, c), got {[one.shape for one in log_probabilities]}")
    dtype = log_probabilities[0].dtype
    prior = np.zeros(shape[1], dtype) if log_prior is None else np.asarray(log_prior, dtype)
    if prior.shape != shape[1:]:
        raise ShapeError(f"log_prior must have shape {shape[1:]}, got {prior.shape}")
    logits = Tensor(np.broadcast_to(prior, shape))
    for place, one in enumerate(log_probabilities):
        sees = np.broadcast_to(seen[:, place, None], shape)
        logits = logits + where(sees, one - prior, np.zeros((), dtype))
    return log_softmax(logits)


@primitive
def _heteroscedastic(mean: Any, log_variance: Any, target: AnyArray) -> tuple[AnyArray, Pullback]:
    precision, error = np.exp(-log_variance), mean - target
    scaled = error * error * precision
    count = mean.dtype.type(mean.size)
    value = 0.5 * (scaled + log_variance).mean()
    return value, lambda g: (g / count * error * precision, g / count * (0.5 * (1 - scaled)))


def heteroscedastic_loss(mean: Tensor, log_variance: Tensor, target: npt.ArrayLike) -> Tensor:
    r"""Teaches a network what it predicts, and how far off it is.

    .. math:: L = \frac1n \sum_i \tfrac12 e^{-s_i} (y_i - \mu_i)^2 + \tfrac12 s_i, \qquad s_i = \log \sigma_i^2

    (Kendall, Gal: What Uncertainties Do We Need in Bayesian Deep Learning for Computer Vision?, NIPS 2017, eq. 8): the
    negative log-likelihood of a normal distribution, less :math:`\tfrac12 \log 2\pi`. For a given error it is least
    where the variance is the squared error. O(n).

    Args:
        mean: Any shape.
        log_variance: The same shape.
        target: The same shape.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes differ.
        EmptyInputError: There is no number.

    >>> heteroscedastic_loss(Tensor([1.0]), Tensor([0.0]), [3.0]).item()
    2.0
    """
    wanted = np.asarray(target, mean.dtype)
    if not mean.shape == log_variance.shape == wanted.shape:
        raise ShapeError(f"heteroscedastic_loss: shapes {mean.shape}, {log_variance.shape} and {wanted.shape} differ")
    if mean.size == 0:
        raise EmptyInputError("heteroscedastic_loss has no number to take the mean of")
    return _heteroscedastic(mean, log_variance, wanted)


def _present(experts: Sequence[Tensor], present: npt.ArrayLike | None) -> npt.NDArray[np.bool_]:
    if not experts:
        raise EmptyInputError("there is no expert")
    shape = (len(experts[0]), len(experts))
    return np.ones(shape, bool) if present is None else as_mask(present, shape)


def as_mask(present: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Truth values of the given shape, rows by modalities.

    Raises:
        ShapeError: They have another shape.
        RangeError: They are no truth values.

    >>> as_mask([[1, 0]], (1, 2)).tolist()
    [[True, False]]
    """
    mask = np.asarray(present)
    if mask.shape != shape:
        raise ShapeError(f"present must have shape {shape}, rows by modalities, got {mask.shape}")
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise RangeError("present must hold truth values")
    return mask.astype(bool)
