"""The extended Kalman filter: a system that is not linear, replaced by its tangent at the best guess."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array
from whitebox.calculus import jacobian
from whitebox.errors import NotFiniteError, NotPositiveDefiniteError, ShapeError
from whitebox.filtering import kalman
from whitebox.filtering._models import (
    Filtered,
    Gaussian,
    NonlinearGaussian,
    Update,
    all_observations,
    one_observation,
    vector_of,
)
from whitebox.filtering._steps import empty_results, symmetric


def init(model: NonlinearGaussian) -> Gaussian:
    """What is known before the first observation.

    >>> init(NonlinearGaussian(np.sin, np.square, [[0.1]], [[1.0]], [0.5], [[1.0]])).mean.tolist()
    [0.5]
    """
    return Gaussian(model.mean.copy(), model.covariance.copy())


def predict(model: NonlinearGaussian, state: Gaussian) -> Gaussian:
    r"""One step of time.

    .. math:: m^- = f(m), \qquad P^- = F P F^\top + Q, \qquad F = \frac{\partial f}{\partial x}(m)

    (Särkkä: Bayesian Filtering and Smoothing, 2013, equation 5.26.) O(n³) and a Jacobian.

    Raises:
        ShapeError, DtypeError, NotFiniteError: if f or its Jacobian give no finite numbers of the right shape.

    >>> swing = NonlinearGaussian(np.sin, np.square, [[0.1]], [[1.0]], [0.0], [[2.0]])
    >>> predict(swing, init(swing)).covariance.round(9).tolist()
    [[2.1]]
    """
    return _predict(model, state)[0]


def _predict(model: NonlinearGaussian, state: Gaussian) -> tuple[Gaussian, Array]:
    """The prediction, and the covariance of the state with the next one."""
    n = len(state.mean)
    mean = vector_of(model.transition(state.mean), "transition(x)", n)
    F = _jacobian(model, "transition", state.mean, (n, n))
    cross = state.covariance @ F.T
    return Gaussian(mean, symmetric(F @ cross + model.process_noise)), cross


def update(model: NonlinearGaussian, state: Gaussian, observation: npt.ArrayLike) -> tuple[Gaussian, Update]:
    r"""Takes an observation in.

    As `kalman.update`, with :math:`v = y - h(m^-)` and :math:`H = \frac{\partial h}{\partial x}(m^-)` (Särkkä 2013,
    equation 5.27). Missing entries are NaN. O(n³ + m³) and a Jacobian.

    Raises:
        ShapeError, DtypeError, NotFiniteError: for an unusable observation, or if h or its Jacobian give anything but
            finite numbers of the right shape.
        NotPositiveDefiniteError: if the covariance of the innovation is not.

    >>> model = NonlinearGaussian(np.sin, np.square, [[0.1]], [[4.0]], [1.0], [[1.0]])
    >>> update(model, init(model), [5.0])[0].mean.round(9).tolist()
    [2.0]
    """
    m = len(model.observation_noise)
    y = one_observation(observation, m)
    innovation = y - vector_of(model.observation(state.mean), "observation(x)", m)
    H = _jacobian(model, "observation", state.mean, (m, len(state.mean)))
    return kalman.linear_update(H, model.observation_noise, innovation, state)


def filter(model: NonlinearGaussian, observations: npt.ArrayLike) -> Filtered:  # noqa: A001  # as kalman.filter
    """Updates and predicts through a sequence. O(T (n³ + m³)) and 2 T Jacobians.

    Args:
        model: The system.
        observations: Shape (T, m), or (T,) where m is 1; NaN where missing.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotPositiveDefiniteError: as `predict` and `update`.

    >>> model = NonlinearGaussian(np.sin, np.exp, [[0.1]], [[1.0]], [0.0], [[1.0]])
    >>> filter(model, [1.0, 2.0]).means.round(3).tolist()
    [[0.0], [0.375]]
    """
    n, m = len(model.mean), len(model.observation_noise)
    rows = all_observations(observations, m)
    results = Filtered(*empty_results(len(rows), n, m))
    state = init(model)
    for t, y in enumerate(rows):
        if t:
            state, results.cross_covariances[t - 1] = _predict(model, state)
        try:
            updated, info = update(model, state, y)
        except (NotPositiveDefiniteError, NotFiniteError) as error:
            raise type(error)(f"at time {t}: {error}") from error
        results.record(t, state, updated, info)
        state = updated
    return results


def _jacobian(model: NonlinearGaussian, name: str, x: Array, shape: tuple[int, int]) -> Array:
    known = getattr(model, f"{name}_jacobian")
    matrix = as_array(jacobian(getattr(model, name), x) if known is None else known(x), f"Jacobian of {name}")
    if known is None and matrix.shape == shape[1:]:
        matrix = matrix[None]
    if matrix.shape != shape:
        raise ShapeError(f"the Jacobian of {name} must have shape {shape}, got {matrix.shape}")
    return np.ascontiguousarray(matrix)
