"""What the filters share: the models of a system and the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, NotPositiveDefiniteError, ShapeError
from whitebox.linalg import eigh

_EPS = float(np.finfo(np.float64).eps)


class Gaussian(NamedTuple):
    """What a filter knows of the state.

    Attributes:
        mean: Shape (n,).
        covariance: Shape (n, n).
    """

    mean: Array
    covariance: Array


class Update(NamedTuple):
    """What an observation told.

    Attributes:
        innovation: Observation less its prediction, shape (m,); NaN where nothing was observed.
        covariance: Of the innovation, S, shape (m, m); as if everything had been observed.
        gain: What a unit of innovation adds to the mean, shape (n, m); zero where nothing was observed.
        nis: Normalised innovation squared, chi-square distributed with as many degrees of freedom as were observed.
        log_likelihood: Logarithm of the observation's predicted density; 0 if nothing was observed.
    """

    innovation: Array
    covariance: Array
    gain: Array
    nis: float
    log_likelihood: float


class Filtered(NamedTuple):
    """A whole sequence of T observations, filtered.

    Attributes:
        means: After each observation, shape (T, n).
        covariances: Shape (T, n, n).
        predicted_means: Before each observation, shape (T, n).
        predicted_covariances: Shape (T, n, n).
        cross_covariances: Of each state with the next one, given the observations so far, shape (T - 1, n, n).
        innovations: Shape (T, m); NaN where nothing was observed.
        innovation_covariances: Shape (T, m, m).
        nis: Normalised innovations squared, shape (T,).
        log_likelihoods: Of each observation given the ones before, shape (T,).
    """

    means: Array
    covariances: Array
    predicted_means: Array
    predicted_covariances: Array
    cross_covariances: Array
    innovations: Array
    innovation_covariances: Array
    nis: Array
    log_likelihoods: Array

    @property
    def log_likelihood(self) -> float:
        """Of the whole sequence."""
        return float(self.log_likelihoods.sum())

    def record(self, t: int, predicted: Any, updated: Any, info: Update) -> None:
        """Writes down what a filter knew before and after the observation at time t."""
        self.predicted_means[t], self.predicted_covariances[t] = predicted.mean, predicted.covariance
        self.means[t], self.covariances[t] = updated.mean, updated.covariance
        self.innovations[t], self.innovation_covariances[t] = info.innovation, info.covariance
        self.nis[t], self.log_likelihoods[t] = info.nis, info.log_likelihood


@dataclass(frozen=True)
class LinearGaussian:
    r"""A linear system with Gaussian noise.

    .. math:: x_1 \sim N(m, P), \qquad x_{t+1} = F x_t + N(0, Q), \qquad y_t = H x_t + N(0, R)

    Args:
        transition: F, shape (n, n).
        observation: H, shape (m, n).
        process_noise: Q, positive semidefinite, shape (n, n).
        observation_noise: R, positive semidefinite, shape (m, m).
        mean: m, of the state at the first observation and before it, shape (n,).
        covariance: P, positive semidefinite, shape (n, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        NotPositiveDefiniteError: if a covariance is not symmetric or not positive semidefinite.

    >>> walk = LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[10.0]])
    >>> walk.transition.shape
    (1, 1)
    """

    transition: Array
    observation: Array
    process_noise: Array
    observation_noise: Array
    mean: Array
    covariance: Array

    def __init__(  # noqa: PLR0917  # F, H, Q, R, m, P: the field's order
        self,
        transition: npt.ArrayLike,
        observation: npt.ArrayLike,
        process_noise: npt.ArrayLike,
        observation_noise: npt.ArrayLike,
        mean: npt.ArrayLike,
        covariance: npt.ArrayLike,
    ) -> None:
        n, m = _set_noise(self, process_noise, observation_noise, mean, covariance)
        object.__setattr__(self, "transition", _shaped(transition, "transition", (n, n)))
        object.__setattr__(self, "observation", _shaped(observation, "observation", (m, n)))


@dataclass(frozen=True)
class NonlinearGaussian:
    r"""A system that moves and is observed by any functions, with Gaussian noise on top.

    .. math:: x_1 \sim N(m, P), \qquad x_{t+1} = f(x_t) + N(0, Q), \qquad y_t = h(x_t) + N(0, R)

    Args:
        transition: f, from shape (n,) to shape (n,).
        observation: h, from shape (n,) to shape (m,).
        process_noise: Q, positive semidefinite, shape (n, n).
        observation_noise: R, positive semidefinite, shape (m, m).
        mean: m, of the state at the first observation and before it, shape (n,).
        covariance: P, positive semidefinite, shape (n, n).
        transition_jacobian: From shape (n,) to the Jacobian of f, shape (n, n). By default it comes from dual numbers,
            for which f has to be made of arithmetic and NumPy functions; the unscented filter needs none.
        observation_jacobian: The same for h, shape (m, n).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        NotPositiveDefiniteError: if a covariance is not symmetric or not positive semidefinite.

    >>> swing = NonlinearGaussian(np.sin, np.square, [[0.1]], [[1.0]], [0.5], [[1.0]])
    >>> swing.mean.tolist()
    [0.5]
    """

    transition: Callable[[Any], Any]
    observation: Callable[[Any], Any]
    process_noise: Array
    observation_noise: Array
    mean: Array
    covariance: Array
    transition_jacobian: Callable[[Array], Any] | None
    observation_jacobian: Callable[[Array], Any] | None

    def __init__(  # noqa: PLR0917  # as above
        self,
        transition: Callable[[Any], Any],
        observation: Callable[[Any], Any],
        process_noise: npt.ArrayLike,
        observation_noise: npt.ArrayLike,
        mean: npt.ArrayLike,
        covariance: npt.ArrayLike,
        transition_jacobian: Callable[[Array], Any] | None = None,
        observation_jacobian: Callable[[Array], Any] | None = None,
    ) -> None:
        functions = {
            "transition": transition,
            "observation": observation,
            "transition_jacobian": transition_jacobian,
            "observation_jacobian": observation_jacobian,
        }
        for name, function in functions.items():
            if not callable(function) and (function is not None or not name.endswith("jacobian")):
                raise DtypeError(f"{name} must be a function, got {type(function).__name__}")
            object.__setattr__(self, name, function)
        _set_noise(self, process_noise, observation_noise, mean, covariance)


def vector_of(value: Any, name: str, length: int) -> Array:
    """What a model's function returned, as a finite vector of the length it must have."""
    vector = as_vector(value, name)
    if len(vector) != length:
        raise ShapeError(f"{name} must have shape ({length},), got {vector.shape}")
    return vector


def one_observation(observation: npt.ArrayLike, size: int) -> Array:
    """A vector whose missing entries are NaN."""
    array = np.asarray(observation, dtype=np.float64)
    if array.shape != (size,):
        raise ShapeError(f"observation must have shape ({size},), got {array.shape}")
    _refuse_infinity(array, "observation")
    return array


def all_observations(observations: npt.ArrayLike, size: int) -> Array:
    """A matrix with a row for each time, whose missing entries are NaN; a vector will do where `size` is 1."""
    try:
        array = np.asarray(observations, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"observations must hold real numbers: {error}") from error
    if array.ndim == 1 and size == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != size:
        raise ShapeError(f"observations must have shape (T, {size}), got {array.shape}")
    if len(array) == 0:
        raise EmptyInputError("observations hold no time")
    _refuse_infinity(array, "observations")
    return np.ascontiguousarray(array)


def _refuse_infinity(array: Array, name: str) -> None:
    infinite = np.isinf(array)
    if infinite.any():
        place = np.argwhere(infinite)[0]
        raise NotFiniteError(f"{name}[{', '.join(map(str, place))}] is {array[tuple(place)]}; NaN is missing")


def _set_noise(
    model: Any,
    process_noise: npt.ArrayLike,
    observation_noise: npt.ArrayLike,
    mean: npt.ArrayLike,
    covariance: npt.ArrayLike,
) -> tuple[int, int]:
    """Checks and keeps what both models have; the sizes of state and observation."""
    start = as_vector(mean, "mean")
    R = as_matrix(observation_noise, "observation_noise")
    n, m = len(start), len(R)
    object.__setattr__(model, "mean", start)
    object.__setattr__(model, "covariance", _covariance(covariance, "covariance", n))
    object.__setattr__(model, "process_noise", _covariance(process_noise, "process_noise", n))
    object.__setattr__(model, "observation_noise", _covariance(R, "observation_noise", m))
    return n, m


def _shaped(values: npt.ArrayLike, name: str, shape: tuple[int, int]) -> Array:
    matrix = as_matrix(values, name)
    if matrix.shape != shape:
        raise ShapeError(f"{name} must have shape {shape}, got {matrix.shape}")
    return np.ascontiguousarray(matrix)


def _covariance(values: npt.ArrayLike, name: str, size: int) -> Array:
    matrix = _shaped(values, name, (size, size))
    scale = float(np.abs(matrix).max())
    if float(np.abs(matrix - matrix.T).max()) > 100 * size * _EPS * scale:
        raise NotPositiveDefiniteError(f"{name} is not symmetric, which a covariance is")
    halves: Array = matrix / 2 + matrix.T / 2
    lowest = float(eigh(halves).values[0])
    if lowest < -100 * size * _EPS * scale:
        raise NotPositiveDefiniteError(f"{name} is not positive semidefinite: an eigenvalue is {lowest:.3g}")
    return halves
