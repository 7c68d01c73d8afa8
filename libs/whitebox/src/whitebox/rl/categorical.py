r"""Policies over finitely many actions: :math:`\pi(a \mid s) \propto e^{z_a}`, with logits z that a network gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.autograd import primitive
from whitebox.autograd._tensor import AnyArray, Pullback
from whitebox.errors import DtypeError, NotFiniteError, RangeError, ShapeError


@primitive
def log_probability(logits: Any, actions: Any) -> tuple[AnyArray, Pullback]:
    r""":math:`\log \pi(a \mid s) = z_a - \log \sum_j e^{z_j}`; its gradient is :math:`1_{j = a} - \pi_j`. O(n · A).

    Args:
        logits: Shape (..., A).
        actions: Whole numbers below A, shape (...).

    Returns:
        Shape (...).

    Raises:
        ShapeError, RangeError, DtypeError: The actions do not fit the logits.

    >>> from whitebox.autograd import tensor
    >>> log_probability(tensor([[0.0, 0.0]]), np.array([1])).data.round(4).tolist()
    [-0.6931]
    """
    chosen = np.asarray(actions)
    if chosen.dtype.kind not in "iu":
        raise DtypeError(f"actions must be whole numbers, got dtype {chosen.dtype}")
    if logits.ndim == 0 or chosen.shape != logits.shape[:-1]:
        raise ShapeError(
            f"actions must have the shape of the logits but the last axis, {logits.shape[:-1]}, got {chosen.shape}"
        )
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < logits.shape[-1]:
        raise RangeError(f"actions must be 0 to {logits.shape[-1] - 1}, got {chosen.min()} to {chosen.max()}")
    places = chosen[..., None].astype(np.int64)
    log_all = _log_softmax(logits)
    value = np.take_along_axis(log_all, places, axis=-1)[..., 0]

    def pullback(g: AnyArray) -> tuple[AnyArray]:
        back = -np.exp(log_all)
        np.put_along_axis(back, places, np.take_along_axis(back, places, axis=-1) + 1, axis=-1)
        back *= g[..., None]
        return (back,)

    return value, pullback


@primitive
def entropy(logits: Any) -> tuple[AnyArray, Pullback]:
    r""":math:`H = -\sum_a \pi_a \log \pi_a`, in nats; its gradient is :math:`-\pi_a (\log \pi_a + H)`. O(n · A).

    Args:
        logits: Shape (..., A).

    Returns:
        Shape (...).

    >>> from whitebox.autograd import tensor
    >>> entropy(tensor([[0.0, 0.0], [0.0, 900.0]])).data.round(4).tolist()
    [0.6931, 0.0]
    """
    log_all = _log_softmax(logits)
    p = np.exp(log_all)
    # Actions that a logit of minus infinity excludes add 0, the limit, and not 0 · infinity.
    log_all = np.maximum(log_all, np.finfo(log_all.dtype).min)
    value = (p * -log_all).sum(axis=-1)
    return value, lambda g: (-g[..., None] * p * (log_all + value[..., None]),)


def sample_actions(logits: npt.ArrayLike, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """An action for each row of logits, by inversion: one uniform number a row. O(n · A).

    Args:
        logits: Shape (n, A).
        rng: Draws the uniform numbers.

    Returns:
        Shape (n,).

    Raises:
        ShapeError: The logits are no matrix.
        NotFiniteError: Logits hold NaN or plus infinity, as those of a policy do that diverged.

    >>> sample_actions([[0.0, -np.inf], [-900.0, 0.0]], np.random.default_rng(0)).tolist()
    [0, 1]
    """
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim != 2 or not z.size:
        raise ShapeError(f"logits must be a matrix with a row an observation, got shape {z.shape}")
    largest = z.max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        raise NotFiniteError("logits hold NaN or plus infinity, or none is finite: has the policy diverged?")
    total = np.cumsum(np.exp(z - largest), axis=1)
    # The last sum is exactly 1, which no draw reaches, so that no action of probability 0 is ever drawn.
    total /= total[:, -1:]
    actions: npt.NDArray[np.int64] = (total <= rng.random((len(z), 1))).sum(axis=1)
    return actions


def _log_softmax(logits: AnyArray) -> AnyArray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_all: AnyArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_all
