"""Hamiltonian dynamics: leapfrog steps, kinetic energy, and the Monte Carlo kernel of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.linalg import cholesky, solve_triangular
from whitebox.mcmc._kernel import HamiltonianState, LogDensityAndGradient, finite_start

# A trajectory whose energy has grown by this much has left the region where the integrator is stable (Stan's limit).
MAX_ENERGY_ERROR = 1000.0


class PhasePoint(NamedTuple):
    """A position with a momentum.

    Attributes:
        position: Shape (d,).
        momentum: Shape (d,).
        log_density: At the position.
        gradient: Of the log-density, shape (d,).
    """

    position: Array
    momentum: Array
    log_density: float
    gradient: Array


class Metric:
    r"""Kinetic energy :math:`K(p) = \tfrac12 p^\top M^{-1} p` of a mass matrix M; :math:`p \sim N(0, M)`.

    The best inverse mass is the covariance of the target: it makes all directions equally wide (Neal: MCMC Using
    Hamiltonian Dynamics, 2011, section 4.1).

    Args:
        inverse_mass: :math:`M^{-1}`: a positive number, a diagonal, shape (d,), or a positive definite matrix (d, d).

    Raises:
        RangeError: if a number is not positive.
        NotPositiveDefiniteError, NotSymmetricError: if a matrix is not positive definite.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> Metric([4.0, 1.0]).kinetic(np.array([1.0, 2.0]))
    4.0
    """

    def __init__(self, inverse_mass: npt.ArrayLike = 1.0) -> None:
        inverse = as_array(inverse_mass, "inverse_mass")
        if inverse.ndim > 2:
            raise ShapeError(f"inverse_mass must be a number, a vector or a matrix, got shape {inverse.shape}")
        if inverse.ndim == 2:
            # With M⁻¹ = L Lᵀ, L⁻ᵀ z has the covariance L⁻ᵀ L⁻¹ = M.
            self._spread = solve_triangular(cholesky(inverse).T, np.eye(len(inverse)), lower=False)
        elif (inverse > 0).all():
            self._spread = 1 / np.sqrt(inverse)
        else:
            raise RangeError(f"inverse_mass must be positive, got {inverse.min():g}")
        self._inverse = inverse

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        """A momentum, shape (size,)."""
        z = rng.standard_normal(size)
        momentum: Array = self._spread @ z if self._spread.ndim == 2 else self._spread * z
        return momentum

    def velocity(self, momentum: Array) -> Array:
        r""":math:`M^{-1} p`, shape (d,)."""
        velocity: Array = self._inverse @ momentum if self._inverse.ndim == 2 else self._inverse * momentum
        return velocity

    def kinetic(self, momentum: Array) -> float:
        """K(p)."""
        return 0.5 * float(momentum @ self.velocity(momentum))

    def energy(self, point: PhasePoint) -> float:
        r"""The Hamiltonian :math:`H = K(p) - \log \pi(x)`; infinite where it is not a number."""
        energy = self.kinetic(point.momentum) - point.log_density
        return math.inf if math.isnan(energy) else energy


def leapfrog(
    log_density: LogDensityAndGradient, point: PhasePoint, step_size: float, metric: Metric, steps: int = 1
) -> PhasePoint:
    r"""Moves along the dynamics: half a kick, a drift, half a kick.

    .. math:: p \leftarrow p + \tfrac{\epsilon}{2} \nabla \log \pi(x), \quad x \leftarrow x + \epsilon M^{-1} p, \quad
              p \leftarrow p + \tfrac{\epsilon}{2} \nabla \log \pi(x)

    (Neal 2011, equations 5.18 to 5.20.) Each part is a shear, so that volume is preserved; the order is the same
    backwards, so that a negative step size undoes it; the energy is wrong by O(ε²), however long it goes on. One
    evaluation of the gradient a step.

    Args:
        log_density: :math:`\log \pi` and its gradient.
        point: Where to start.
        step_size: :math:`\epsilon`; negative to go back in time.
        metric: Of the kinetic energy.
        steps: How many, at least 1.

    Raises:
        RangeError: if `steps` is less than 1 or the step size is not finite.

    >>> start = PhasePoint(np.zeros(1), np.ones(1), 0.0, np.zeros(1))
    >>> leapfrog(lambda x: (-0.5 * float(x @ x), -x), start, 0.5, Metric()).position.tolist()
    [0.5]
    """
    number_in(step_size, "step_size")
    for _ in range(positive_int(steps, "steps")):
        point = leap(log_density, point, step_size, metric)
    return point


def leap(log_density: LogDensityAndGradient, point: PhasePoint, step_size: float, metric: Metric) -> PhasePoint:
    """One step of `leapfrog`, with arguments that are checked already."""
    half = point.momentum + 0.5 * step_size * point.gradient
    x = point.position + step_size * metric.velocity(half)
    value, gradient = log_density(x)
    return PhasePoint(x, half + 0.5 * step_size * gradient, float(value), gradient)


class HMCInfo(NamedTuple):
    """What happened in a step.

    Attributes:
        acceptance: The probability of accepting the end of the trajectory.
        accepted: Whether it was.
        energy: The Hamiltonian where the step started, with the momentum drawn.
        energy_error: How much it grew along the trajectory.
        divergent: Whether it grew beyond all measure: the step size is too large for some narrow region.
    """

    acceptance: float
    accepted: bool
    energy: float
    energy_error: float
    divergent: bool


@dataclass(frozen=True)
class HamiltonianKernel:
    """What `HMC` and `NUTS` have in common."""

    log_density: LogDensityAndGradient
    step_size: float = 0.1
    inverse_mass: npt.ArrayLike = 1.0

    @cached_property
    def metric(self) -> Metric:
        """Of the kinetic energy."""
        return Metric(self.inverse_mass)

    def __post_init__(self) -> None:
        number_in(self.step_size, "step_size", 0, open_low=True)
        _ = self.metric  # refuses an unusable mass at once

    def init(self, position: npt.ArrayLike) -> HamiltonianState:
        """The state of a chain that starts here.

        Raises:
            RangeError: where the density is zero or infinite.
            NotFiniteError: where it or its gradient is NaN.
            ShapeError, DtypeError, EmptyInputError: if `position` is no vector of numbers, or the gradient has another
                shape.
        """
        x = as_vector(position, "position")
        value, slope = self.log_density(x)
        gradient = as_vector(slope, "the gradient")
        if gradient.shape != x.shape:
            raise ShapeError(f"the gradient has shape {gradient.shape}, the position has {x.shape}")
        return HamiltonianState(x, finite_start(value), gradient)

    def _launch(self, rng: np.random.Generator, state: HamiltonianState) -> PhasePoint:
        """Gives the position a fresh momentum."""
        momentum = self.metric.draw(rng, len(state.position))
        return PhasePoint(state.position, momentum, state.log_density, state.gradient)


@dataclass(frozen=True)
class HMC(HamiltonianKernel):
    r"""Hamiltonian Monte Carlo: kick the position off with a random momentum, follow the dynamics, accept or stay.

    .. math:: a = \min(1, e^{H(x, p) - H(x', p')})

    corrects for the energy that `leapfrog` gains or loses (Duane, Kennedy, Pendleton, Roweth: Hybrid Monte Carlo, 1987;
    Neal 2011). `steps` evaluations of the gradient a step.

    Args:
        log_density: :math:`\log \pi` up to a constant, and its gradient of shape (d,).
        step_size: :math:`\epsilon`, positive.
        inverse_mass: As in `Metric`.
        steps: Leapfrog steps of a trajectory.

    Raises:
        RangeError: if a number is out of its range.
        DtypeError, ShapeError, NotFiniteError, NotPositiveDefiniteError: for an unusable mass.

    >>> kernel = HMC(lambda x: (-0.5 * float(x @ x), -x), step_size=0.3, steps=5)
    >>> state, info = kernel.step(np.random.default_rng(0), kernel.init(np.zeros(2)))
    >>> state.position.round(3).tolist(), info.accepted
    ([0.127, -0.133], True)
    """

    steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_int(self.steps, "steps")

    def step(self, rng: np.random.Generator, state: HamiltonianState) -> tuple[HamiltonianState, HMCInfo]:
        """The next state, and what happened on the way."""
        start = self._launch(rng, state)
        energy = self.metric.energy(start)
        # A trajectory that flies off overflows; its energy tells.
        with np.errstate(all="ignore"):
            end = leapfrog(self.log_density, start, self.step_size, self.metric, self.steps)
            error = self.metric.energy(end) - energy
        acceptance = math.exp(min(0.0, -error))
        accepted = bool(rng.random() < acceptance)
        # The momentum is dropped, so that there is no need to turn it round for the reversal.
        then = HamiltonianState(end.position, end.log_density, end.gradient) if accepted else state
        return then, HMCInfo(acceptance, accepted, energy, error, error > MAX_ENERGY_ERROR)
