"""The Kalman filter: what a linear system with Gaussian noise is doing, given what was observed of it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox import _compiled
from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import NotFiniteError, NotPositiveDefiniteError, ShapeError
from whitebox.filtering import _loops
from whitebox.filtering._models import Filtered, Gaussian, LinearGaussian, Update, all_observations, one_observation
from whitebox.filtering._steps import backward, empty_results, factor, forward, symmetric

_LOG_2PI = math.log(2 * math.pi)


def init(model: LinearGaussian) -> Gaussian:
    """What is known before the first observation.

    >>> init(LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [3.0], [[10.0]])).mean.tolist()
    [3.0]
    """
    return Gaussian(model.mean.copy(), model.covariance.copy())


def predict(model: LinearGaussian, state: Gaussian, shift: npt.ArrayLike | None = None) -> Gaussian:
    r"""One step of time.

    .. math:: m^- = F m + u, \qquad P^- = F P F^\top + Q

    (Kalman 1960; Särkkä: Bayesian Filtering and Smoothing, 2013, equation 4.20.) O(n³).

    Args:
        model: The system.
        state: After the last observation.
        shift: u, what a known input adds to the state, shape (n,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: if `shift` is unusable.

    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [3.0], [[10.0]])
    >>> predict(walk, init(walk), [1.0])
    Gaussian(mean=array([4.]), covariance=array([[10.5]]))
    """
    mean = model.transition @ state.mean
    if shift is not None:
        added = as_vector(shift, "shift")
        if added.shape != mean.shape:
            raise ShapeError(f"shift must have shape {mean.shape}, got {added.shape}")
        mean = mean + added
    cross = state.covariance @ model.transition.T
    return Gaussian(mean, symmetric(model.transition @ cross + model.process_noise))


def update(model: LinearGaussian, state: Gaussian, observation: npt.ArrayLike) -> tuple[Gaussian, Update]:
    r"""Takes an observation in.

    .. math:: v = y - H m^-, \quad S = H P^- H^\top + R, \quad K = P^- H^\top S^{-1}, \quad m = m^- + K v,
    .. math:: P = (I - K H) P^- (I - K H)^\top + K R K^\top

    The last line is Joseph's form: a sum of two positive semidefinite matrices, which rounding cannot make indefinite
    (Bucy, Joseph 1968; Särkkä 2013, equation 4.21). Missing entries, NaN, are left out of y, H and R. O(n³ + m³).

    Args:
        model: The system.
        state: Predicted.
        observation: y, shape (m,), NaN where missing.

    Raises:
        ShapeError: if `observation` has another shape.
        NotFiniteError: if it is infinite.
        NotPositiveDefiniteError: if S is not: something is observed without noise that is known already.

    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[2.0]])
    >>> state, info = update(walk, init(walk), [4.0])
    >>> state.mean.round(9).tolist(), state.covariance.round(9).tolist(), round(info.nis, 9)
    ([2.0], [[1.0]], 4.0)
    """
    y = one_observation(observation, len(model.observation))
    innovation = y - model.observation @ state.mean
    return linear_update(model.observation, model.observation_noise, innovation, state)


def linear_update(H: Array, R: Array, innovation: Array, state: Gaussian) -> tuple[Gaussian, Update]:
    """`update` with the innovation known: what the extended filter has in common with this one.

    Raises:
        NotPositiveDefiniteError: if the innovation's covariance is not.

    >>> state, info = linear_update(np.eye(1), np.eye(1), np.array([4.0]), Gaussian(np.zeros(1), np.eye(1)))
    >>> state.mean.round(9).tolist()
    [2.0]
    """
    m, n = H.shape
    across = H @ state.covariance
    S = symmetric(across @ H.T + R)
    gain = np.zeros((n, m))
    seen = ~np.isnan(innovation)
    count = int(np.count_nonzero(seen))
    if count == 0:
        return state, Update(innovation, S, gain, 0.0, 0.0)
    L = factor(S if count == m else S[np.ix_(seen, seen)], -1.0)
    if L is None:
        raise _indefinite(S)
    # With H P and the innovation beside each other, one triangular system whitens both.
    table = np.empty((count, n + 1))
    table[:, :n], table[:, n] = across[seen], innovation[seen]
    forward(L, table)
    nis = float(table[:, n] @ table[:, n])
    log_likelihood = -(count * _LOG_2PI + nis) / 2 - float(np.log(L.diagonal()).sum())
    backward(L, table)
    gain[:, seen] = table[:, :n].T
    mean = state.mean + gain[:, seen] @ innovation[seen]
    kept = -(gain @ H)
    kept.flat[:: n + 1] += 1.0
    covariance = symmetric(kept @ state.covariance @ kept.T + gain @ R @ gain.T)
    return Gaussian(mean, covariance), Update(innovation, S, gain, nis, log_likelihood)


def filter(  # noqa: A001  # the field's name, in a module of its own
    model: LinearGaussian, observations: npt.ArrayLike, *, inputs: npt.ArrayLike | None = None
) -> Filtered:
    """Updates and predicts through a sequence, in a compiled loop. O(T (n³ + m³)).

    Args:
        model: The system.
        observations: Shape (T, m), or (T,) where m is 1; NaN where missing.
        inputs: What is added to the state on the way to the next time, shape (T, n) or (T - 1, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError: for unusable input.
        NotFiniteError: for infinity, or where the numbers overflow.
        NotPositiveDefiniteError: if the covariance of an innovation is not, with its time.

    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[10.0]])
    >>> filtered = filter(walk, [1.0, np.nan, 2.0])
    >>> filtered.means.round(3).ravel().tolist(), round(filtered.log_likelihood, 3)
    ([0.833, 0.833, 1.5], -4.038)
    """
    m, n = model.observation.shape
    rows = all_observations(observations, m)
    steps = len(rows)
    shifts = None if inputs is None else as_matrix(inputs, "inputs")
    if shifts is not None and shifts.shape not in ((steps, n), (steps - 1, n)):
        raise ShapeError(f"inputs must have shape ({steps}, {n}) or ({steps - 1}, {n}), got {shifts.shape}")
    filtered = Filtered(*empty_results(steps, n, m))
    (_filter_compiled if _compiled.numba_is_used() else _filter_stepwise)(model, rows, shifts, filtered)
    finite = np.isfinite(filtered.predicted_covariances).all(axis=(1, 2)) & np.isfinite(filtered.means).all(axis=1)
    if not finite.all():
        raise NotFiniteError(f"at time {finite.argmin()}: the filter overflows")
    return filtered


def _filter_compiled(model: LinearGaussian, rows: Array, shifts: Array | None, filtered: Filtered) -> None:
    failed = _loops.filter_all(
        model.transition,
        model.observation,
        model.process_noise,
        model.observation_noise,
        model.mean,
        model.covariance,
        rows,
        np.zeros((len(rows), len(model.mean))) if shifts is None else np.ascontiguousarray(shifts),
        *filtered,
    )
    if failed >= 0:
        error = _indefinite(filtered.innovation_covariances[failed])
        raise type(error)(f"at time {failed}: {error}")


def _filter_stepwise(model: LinearGaussian, rows: Array, shifts: Array | None, filtered: Filtered) -> None:
    state, H = init(model), model.observation
    for t, y in enumerate(rows):
        if t:
            filtered.cross_covariances[t - 1] = state.covariance @ model.transition.T
            state = predict(model, state, None if shifts is None else shifts[t - 1])
        try:
            updated, info = linear_update(H, model.observation_noise, y - H @ state.mean, state)
        except (NotPositiveDefiniteError, NotFiniteError) as error:
            raise type(error)(f"at time {t}: {error}") from error
        filtered.record(t, state, updated, info)
        state = updated


def _indefinite(S: Array) -> NotFiniteError | NotPositiveDefiniteError:
    if not np.isfinite(S).all():
        return NotFiniteError("the filter overflows: the system grows too fast for what is observed of it")
    return NotPositiveDefiniteError(
        "the covariance of the innovation is not positive definite: something known already is observed without noise"
    )
