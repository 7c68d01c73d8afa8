"""The particle filter: a cloud of guesses, moved as the system moves and weighed by what is observed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import DegenerateWeightsError, DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError

Indices = npt.NDArray[np.intp]
Scheme = Literal["systematic", "stratified", "multinomial"]


@dataclass(frozen=True)
class StateSpace:
    """A system of any kind, known by what it can be asked.

    Args:
        initial: From a generator and a number N to states at the first observation, shape (N, n).
        transition: From a generator and states, shape (N, n), to states one step later, shape (N, n).
        log_likelihood: From an observation and states, shape (N, n), to the logarithm of the observation's density
            given each, shape (N,); minus infinity where it is impossible.

    Raises:
        DtypeError: if one of them is no function.

    >>> walk = StateSpace(
    ...     lambda rng, count: rng.normal(size=(count, 1)),
    ...     lambda rng, states: states + rng.normal(size=states.shape),
    ...     lambda y, states: -((y - states[:, 0]) ** 2) / 2,
    ... )
    """

    initial: Callable[[np.random.Generator, int], Array]
    transition: Callable[[np.random.Generator, Array], Array]
    log_likelihood: Callable[[Any, Array], Array]

    def __post_init__(self) -> None:
        for name in ("initial", "transition", "log_likelihood"):
            if not callable(getattr(self, name)):
                raise DtypeError(f"{name} must be a function, got {type(getattr(self, name)).__name__}")


class Particles(NamedTuple):
    """Weighted guesses at the state.

    Attributes:
        states: Shape (N, n).
        log_weights: Logarithms of weights that sum to 1, shape (N,).
    """

    states: Array
    log_weights: Array

    @property
    def weights(self) -> Array:
        """Shape (N,)."""
        return np.exp(self.log_weights)

    @property
    def mean(self) -> Array:
        """Shape (n,)."""
        return self.weights @ self.states

    @property
    def covariance(self) -> Array:
        """Shape (n, n)."""
        centred = self.states - self.mean
        return (centred.T * self.weights) @ centred


class Weighing(NamedTuple):
    """What an observation did to the weights.

    Attributes:
        effective_sample_size: As `effective_sample_size`.
        log_likelihood: Estimate of the logarithm of the observation's predicted density.
    """

    effective_sample_size: float
    log_likelihood: float


class ParticleFiltered(NamedTuple):
    """A whole sequence of T observations, filtered.

    Attributes:
        means: After each observation, shape (T, n).
        covariances: Shape (T, n, n).
        effective_sample_sizes: After each observation, shape (T,).
        resampled: Whether particles were drawn anew after the observation, shape (T,).
        log_likelihoods: Estimates, of each observation given the ones before, shape (T,).
        last: The particles after the last observation.
    """

    means: Array
    covariances: Array
    effective_sample_sizes: Array
    resampled: npt.NDArray[np.bool_]
    log_likelihoods: Array
    last: Particles

    @property
    def log_likelihood(self) -> float:
        """Of the whole sequence; the exponential of this estimate is unbiased."""
        return float(self.log_likelihoods.sum())


def effective_sample_size(weights: npt.ArrayLike) -> float:
    r"""How many equal weights would be worth as much: :math:`1 / \sum_i w_i^2`, from 1 to N (Kong, Liu, Wong 1994).

    O(N).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: if `weights` are no weights.

    >>> effective_sample_size([0.5, 0.5, 0.0])
    2.0
    """
    normalised = _normalised(weights)
    return 1 / float(normalised @ normalised)


def multinomial(weights: npt.ArrayLike, uniforms: npt.ArrayLike) -> Indices:
    r"""Draws independently: index i wherever a uniform number falls into the i-th interval of the cumulated weights.

    (Gordon, Salmond, Smith 1993.) O(N log N).

    Args:
        weights: Not negative, shape (N,).
        uniforms: In [0, 1), shape (K,).

    Returns:
        Indices, shape (K,).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> multinomial([0.5, 0.25, 0.25], [0.8, 0.1]).tolist()
    [2, 0]
    """
    return _at(_normalised(weights), _uniforms(uniforms))


def stratified(weights: npt.ArrayLike, uniforms: npt.ArrayLike) -> Indices:
    r"""One draw from each of K equal strata: the points :math:`(k + u_k) / K`.

    (Kitagawa 1996; Douc, Cappé, Moulines: Comparison of Resampling Schemes for Particle Filtering, 2005, section 2.3.)
    O(N log N).

    Args:
        weights: Not negative, shape (N,).
        uniforms: One for each stratum, in [0, 1), shape (K,).

    Returns:
        Indices in rising order, shape (K,).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> stratified([0.5, 0.25, 0.25], [0.0, 0.9, 0.1, 0.5]).tolist()
    [0, 0, 1, 2]
    """
    drawn = _uniforms(uniforms)
    return _at(_normalised(weights), (np.arange(len(drawn)) + drawn) / len(drawn))


def systematic(weights: npt.ArrayLike, uniform: float, count: int | None = None) -> Indices:
    r"""A comb of K teeth, shifted by one uniform number: the points :math:`(k + u) / K`.

    Index i appears :math:`K w_i` times, rounded up or down (Carpenter, Clifford, Fearnhead 1999; Douc, Cappé, Moulines
    2005, section 2.4). O(N log N).

    Args:
        weights: Not negative, shape (N,).
        uniform: The one u for all teeth, in [0, 1).
        count: K, by default N.

    Returns:
        Indices in rising order, shape (K,).

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> systematic([0.5, 0.25, 0.25], 0.5, 4).tolist()
    [0, 0, 1, 2]
    """
    shares = _normalised(weights)
    teeth = positive_int(len(shares) if count is None else count, "count")
    shift = _uniforms([uniform])
    return _at(shares, (np.arange(teeth) + shift) / teeth)


def init(rng: np.random.Generator, model: StateSpace, count: int) -> Particles:
    """Draws `count` particles of equal weight. O(count).

    Raises:
        RangeError: if `count` is not a positive whole number.
        ShapeError, DtypeError, NotFiniteError: if the model gives anything but `count` finite states.

    >>> model = StateSpace(lambda rng, count: np.zeros((count, 2)), lambda rng, states: states, lambda y, states: y)
    >>> init(np.random.default_rng(0), model, 4).weights.round(9).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    states = _states(model.initial(rng, positive_int(count, "count")), "initial(rng, N)", count)
    return Particles(states, np.full(count, -math.log(count)))


def predict(rng: np.random.Generator, model: StateSpace, state: Particles) -> Particles:
    """One step of time: every particle moves by itself. O(N).

    Raises:
        ShapeError, DtypeError, NotFiniteError: if the model gives anything but N finite states.

    >>> model = StateSpace(lambda rng, count: np.zeros((count, 1)), lambda rng, states: states + 1, lambda y, states: y)
    >>> rng = np.random.default_rng(0)
    >>> predict(rng, model, init(rng, model, 2)).states.tolist()
    [[1.0], [1.0]]
    """
    moved = _states(model.transition(rng, state.states), "transition(rng, states)", len(state.states))
    return Particles(moved, state.log_weights)


def update(model: StateSpace, state: Particles, observation: Any) -> tuple[Particles, Weighing]:
    r"""Takes an observation in: weights by Bayes' rule, and the normaliser as estimate of the likelihood.

    .. math:: \hat p(y_t \mid y_{<t}) = \sum_i w_i\, p(y_t \mid x_i), \qquad
              w_i \leftarrow w_i\, p(y_t \mid x_i) / \hat p(y_t \mid y_{<t})

    (Doucet, Johansen: A Tutorial on Particle Filtering and Smoothing, 2009, section 3.2.) Done in logarithms. An
    observation that is NaN throughout changes nothing. O(N).

    Raises:
        ShapeError, NotFiniteError: if the model gives anything but N log-likelihoods below infinity.
        DegenerateWeightsError: if the observation is impossible for every particle.

    >>> model = StateSpace(None.__eq__, None.__eq__, lambda y, states: np.log([0.1, 0.3]))
    >>> state, info = update(model, Particles(np.zeros((2, 1)), np.log([0.5, 0.5])), 0.0)
    >>> state.weights.round(9).tolist(), round(math.exp(info.log_likelihood), 9)
    ([0.25, 0.75], 0.2)
    """
    y = np.asarray(observation)
    if y.dtype.kind == "f" and y.size and np.isnan(y).all():
        return state, Weighing(_size_of(state.log_weights), 0.0)
    told = np.asarray(model.log_likelihood(observation, state.states), dtype=np.float64)
    if told.shape != state.log_weights.shape:
        raise ShapeError(f"log_likelihood(y, states) must have shape {state.log_weights.shape}, got {told.shape}")
    if np.isnan(told).any() or (told == math.inf).any():
        raise NotFiniteError(
            f"log_likelihood(y, states)[{np.argmax(np.isnan(told) | (told == math.inf))}] is NaN or infinite"
        )
    unnormalised = state.log_weights + told
    highest = float(unnormalised.max())
    if highest == -math.inf:
        raise DegenerateWeightsError("the observation is impossible for every particle: use more, or heavier tails")
    total = highest + math.log(float(np.exp(unnormalised - highest).sum()))
    log_weights = unnormalised - total
    return Particles(state.states, log_weights), Weighing(_size_of(log_weights), total)


def resample(rng: np.random.Generator, state: Particles, scheme: Scheme = "systematic") -> Particles:
    """Draws N particles by their weights; each then has the weight 1 / N. O(N log N).

    Raises:
        RangeError: for an unknown scheme.

    >>> state = Particles(np.array([[1.0], [2.0]]), np.array([0.0, -np.inf]))
    >>> again = resample(np.random.default_rng(0), state)
    >>> again.states.tolist(), again.weights.round(9).tolist()
    ([[1.0], [1.0]], [0.5, 0.5])
    """
    count, weights = len(state.log_weights), state.weights
    if scheme == "systematic":
        chosen = systematic(weights, rng.random())
    elif scheme in ("stratified", "multinomial"):
        chosen = (stratified if scheme == "stratified" else multinomial)(weights, rng.random(count))
    else:
        raise RangeError(f"scheme must be 'systematic', 'stratified' or 'multinomial', got {scheme!r}")
    return Particles(state.states[chosen], np.full(count, -math.log(count)))


def filter(  # noqa: A001  # as kalman.filter
    rng: np.random.Generator,
    model: StateSpace,
    observations: npt.ArrayLike,
    count: int = 1000,
    *,
    threshold: float = 0.5,
    scheme: Scheme = "systematic",
) -> ParticleFiltered:
    """The bootstrap filter: updates, resamples where weights have become too unequal, predicts. O(T · count log count).

    Args:
        rng: Source of everything random.
        model: The system.
        observations: A row for each time, shape (T, ...), each given to the model as it is; NaN where missing.
        count: N, how many particles.
        threshold: Resamples when the effective sample size is below this share of N: 0 never, 1 practically always.
        scheme: "systematic", "stratified" or "multinomial".

    Raises:
        EmptyInputError: without observations.
        RangeError, ShapeError, DtypeError, NotFiniteError, DegenerateWeightsError: as `init`, `predict`, `update` and
            `resample`, with the time.

    >>> walk = StateSpace(
    ...     lambda rng, count: rng.normal(size=(count, 1)),
    ...     lambda rng, states: states + rng.normal(size=states.shape),
    ...     lambda y, states: -((y - states[:, 0]) ** 2) / 2,
    ... )
    >>> filtered = filter(np.random.default_rng(0), walk, [0.0, 1.0, 2.0], 500)
    >>> filtered.means.shape, bool(filtered.means[2, 0] > filtered.means[0, 0])
    ((3, 1), True)
    """
    rows = np.asarray(observations)
    if rows.ndim == 0 or len(rows) == 0:
        raise EmptyInputError("observations hold no time")
    low = number_in(threshold, "threshold", 0, 1) * positive_int(count, "count")
    if scheme not in ("systematic", "stratified", "multinomial"):
        raise RangeError(f"scheme must be 'systematic', 'stratified' or 'multinomial', got {scheme!r}")
    state = init(rng, model, count)
    n = state.states.shape[1]
    means, covariances = np.empty((len(rows), n)), np.empty((len(rows), n, n))
    sizes, log_likelihoods = np.empty((2, len(rows)))
    resampled = np.zeros(len(rows), dtype=bool)
    for t, y in enumerate(rows):
        try:
            if t:
                state = predict(rng, model, state)
            state, info = update(model, state, y)
        except (DegenerateWeightsError, NotFiniteError) as error:
            raise type(error)(f"at time {t}: {error}") from error
        means[t], covariances[t] = state.mean, state.covariance
        sizes[t], log_likelihoods[t] = info
        if info.effective_sample_size < low and t < len(rows) - 1:
            state, resampled[t] = resample(rng, state, scheme), True
    return ParticleFiltered(means, covariances, sizes, resampled, log_likelihoods, state)


def _at(shares: Array, points: Array) -> Indices:
    """The index whose interval of the cumulated shares holds each point; never one without a share."""
    cumulated = np.cumsum(shares)
    # A point or a sum may be rounded up to 1, beyond the last interval.
    last = np.flatnonzero(shares)[-1]
    found: Indices = np.minimum(np.searchsorted(cumulated, points, side="right"), last)
    return found


def _normalised(weights: npt.ArrayLike) -> Array:
    vector = as_vector(weights, "weights")
    total = float(vector.sum())
    if (vector < 0).any() or not total > 0:
        raise RangeError("weights must not be negative, and one of them has to be positive")
    return vector / total


def _uniforms(values: Any) -> Array:
    vector = as_vector(values, "uniforms")
    if vector.min() < 0 or vector.max() >= 1:
        raise RangeError("uniforms must lie in [0, 1)")
    return vector


def _size_of(log_weights: Array) -> float:
    weights = np.exp(log_weights)
    return 1 / float(weights @ weights)


def _states(values: Any, name: str, count: int) -> Array:
    states = as_matrix(as_array(values, name), name)
    if len(states) != count:
        raise ShapeError(f"{name} must have {count} rows, got shape {states.shape}")
    return states
