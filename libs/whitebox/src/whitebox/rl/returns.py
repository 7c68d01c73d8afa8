r"""From rewards to what is learned from: discounted returns and advantages."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_array, number_in
from whitebox.errors import DtypeError, ShapeError

AnyArray = npt.NDArray[Any]


def discounted_returns(rewards: npt.ArrayLike, *, discount: float, last_value: npt.ArrayLike = 0.0) -> AnyArray:
    r"""What was earned from each step on, :math:`G_t = r_t + \gamma G_{t + 1}`, with :math:`G_T` given. O(T · n).

    Args:
        rewards: Of an episode, or of several of the same length side by side; shape (T, ...).
        discount: :math:`\gamma`, from 0 to 1.
        last_value: :math:`G_T`: 0 behind an end by the rules, an estimate where the episode was cut off; shape (...).

    Returns:
        G, shape (T, ...), in the precision of the rewards.

    Raises:
        ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: An argument is unusable.

    >>> discounted_returns([1.0, 0.0, 4.0], discount=0.5).tolist()
    [2.0, 2.0, 4.0]
    """
    r = _over_time(rewards, "rewards")
    gamma = number_in(discount, "discount", 0, 1)
    running = np.broadcast_to(as_array(last_value, "last_value"), r.shape[1:])
    found = np.empty_like(r)
    for t in range(len(r) - 1, -1, -1):
        running = found[t] = r[t] + gamma * running
    return found


def generalized_advantages(
    rewards: npt.ArrayLike,
    values: npt.ArrayLike,
    next_values: npt.ArrayLike,
    terminated: npt.ArrayLike,
    truncated: npt.ArrayLike,
    *,
    discount: float,
    trace: float,
) -> AnyArray:
    r"""How much better each step went than its state's value, by generalised advantage estimation.

    .. math:: \delta_t = r_t + \gamma (1 - e_t) V(s'_t) - V(s_t), \qquad
              A_t = \delta_t + \gamma \lambda (1 - e_t) (1 - c_t) A_{t + 1}

    (Schulman et al. 2016: High-Dimensional Continuous Control, eq. 16), with e where the episode ended by its rules and
    c where it was cut off: nothing is earned after an end, but more would have been after a cut. With λ = 1 it is the
    return minus the value, with λ = 0 the error of one step. O(T · n).

    Args:
        rewards: r, shape (T, ...).
        values: :math:`V(s_t)`, of the states acted in; the same shape.
        next_values: :math:`V(s'_t)`, of the states arrived at, before any reset; the same shape.
        terminated: e, truth values of the same shape.
        truncated: c, truth values of the same shape. What is cut off by the end of the arrays needs no mark.
        discount: :math:`\gamma`, from 0 to 1.
        trace: :math:`\lambda`, from 0 to 1.

    Returns:
        A, in the shape and precision of the rewards.

    Raises:
        ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: An argument is unusable.

    >>> one = generalized_advantages([1.0, 1.0], [0.0, 2.0], [2.0, 6.0], [False, True], [False, False],
    ...                              discount=0.5, trace=1.0)
    >>> one.tolist()
    [1.5, -1.0]
    """
    r = _over_time(rewards, "rewards")
    v, after = (_like(given, name, r) for given, name in ((values, "values"), (next_values, "next_values")))
    ended, cut = (_marks(given, name, r) for given, name in ((terminated, "terminated"), (truncated, "truncated")))
    gamma, decay = number_in(discount, "discount", 0, 1), number_in(trace, "trace", 0, 1)
    delta = r + gamma * np.where(ended, 0, after) - v
    goes_on = ~(ended | cut)
    found = np.empty_like(r)
    running = np.zeros(r.shape[1:], r.dtype)
    for t in range(len(r) - 1, -1, -1):
        running = found[t] = delta[t] + gamma * decay * goes_on[t] * running
    return found


def _over_time(values: npt.ArrayLike, name: str) -> AnyArray:
    array = as_array(values, name)
    if array.ndim == 0:
        raise ShapeError(f"{name} must have an axis of time, got a single number")
    given = np.asarray(values).dtype
    return array.astype(given) if given.kind == "f" else array


def _like(values: npt.ArrayLike, name: str, rewards: AnyArray) -> AnyArray:
    array = as_array(values, name).astype(rewards.dtype)
    if array.shape != rewards.shape:
        raise ShapeError(f"{name} must have the rewards' shape {rewards.shape}, got {array.shape}")
    return array


def _marks(values: npt.ArrayLike, name: str, rewards: AnyArray) -> npt.NDArray[np.bool_]:
    marks = np.asarray(values)
    if marks.dtype != np.bool_:
        raise DtypeError(f"{name} must hold truth values, got dtype {marks.dtype}")
    if marks.shape != rewards.shape:
        raise ShapeError(f"{name} must have the rewards' shape {rewards.shape}, got {marks.shape}")
    return marks
