"""What all samplers have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from whitebox._validation import Array
from whitebox.errors import NotFiniteError, RangeError, ShapeError

# From a point of shape (d,) to the logarithm of the density there, up to a constant.
LogDensity = Callable[[Array], float]
# The same with its gradient, shape (d,).
LogDensityAndGradient = Callable[[Array], tuple[float, Array]]

State = TypeVar("State", bound="HasPosition")
Info_co = TypeVar("Info_co", covariant=True)


class HasPosition(Protocol):
    """What a driver asks of a state."""

    @property
    def position(self) -> Array:
        """Where the chain stands, shape (d,)."""
        ...


class Kernel(Protocol[State, Info_co]):
    """A Markov transition that leaves the target as it is; pure, all chance comes from the generator."""

    def init(self, position: Array) -> State:
        """The state of a chain that starts here."""
        ...

    def step(self, rng: np.random.Generator, state: State) -> tuple[State, Info_co]:
        """The next state, and what happened on the way."""
        ...


class HamiltonianState(NamedTuple):
    """State of the samplers that use gradients.

    Attributes:
        position: Shape (d,).
        log_density: There.
        gradient: Of the log-density, shape (d,).
    """

    position: Array
    log_density: float
    gradient: Array


def finite_start(log_density: float) -> float:
    """The log-density where a chain starts. Raises RangeError where there is none."""
    value = as_log_density(log_density)
    if math.isinf(value):
        raise RangeError(f"a chain cannot start where the log-density is {value:g}")
    return value


def as_log_density(value: Any) -> float:
    """A log-density, minus infinity outside the support. Raises NotFiniteError for NaN, ShapeError for arrays."""
    if np.ndim(value) != 0:
        raise ShapeError(f"the log-density must be a number, got shape {np.shape(value)}")
    number = float(value)
    if math.isnan(number):
        raise NotFiniteError("the log-density is NaN")
    return number
