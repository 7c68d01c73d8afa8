"""Metropolis and Hastings: propose, then accept or stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, number_in
from whitebox.errors import RangeError, ShapeError
from whitebox.mcmc._kernel import LogDensity, LogDensityAndGradient, as_log_density, finite_start


class Proposal(Protocol):
    """Where a chain might go next."""

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """A point proposed from x, shape (d,)."""
        ...

    def log_density(self, y: Array, x: Array) -> float:
        """The logarithm of q(y | x), up to a constant; 0 where q(y | x) = q(x | y)."""
        ...


class MetropolisState(NamedTuple):
    """State of `MetropolisHastings`.

    Attributes:
        position: Shape (d,).
        log_density: There.
    """

    position: Array
    log_density: float


class MetropolisInfo(NamedTuple):
    """What happened in a step.

    Attributes:
        acceptance: The probability of accepting the proposal.
        accepted: Whether it was.
    """

    acceptance: float
    accepted: bool


@dataclass(frozen=True)
class MetropolisHastings:
    r"""Proposes y from x, and moves there or stays.

    The probability to move,

    .. math:: a(x, y) = \min\left(1, \frac{\pi(y)\, q(x \mid y)}{\pi(x)\, q(y \mid x)}\right)

    makes the flow from x to y as large as that from y to x (Hastings: Monte Carlo Sampling Methods Using Markov
    Chains and Their Applications, 1970). One evaluation of the log-density a step.

    Args:
        log_density: :math:`\log \pi`, up to a constant; minus infinity outside the support.
        proposal: q.

    >>> kernel = MetropolisHastings(lambda x: -0.5 * float(x @ x), RandomWalk(2.0))
    >>> state, info = kernel.step(np.random.default_rng(0), kernel.init(np.zeros(1)))
    >>> state.position.round(3).tolist(), info.accepted
    ([0.251], True)
    """

    log_density: LogDensity
    proposal: Proposal

    def init(self, position: npt.ArrayLike) -> MetropolisState:
        """The state of a chain that starts here.

        Raises:
            RangeError: where the density is zero or infinite.
            NotFiniteError: where it is NaN.
            ShapeError, DtypeError, EmptyInputError: if `position` is no vector of numbers.
        """
        x = as_vector(position, "position")
        return MetropolisState(x, finite_start(self.log_density(x)))

    def step(self, rng: np.random.Generator, state: MetropolisState) -> tuple[MetropolisState, MetropolisInfo]:
        """The next state, and what happened on the way."""
        proposed = self.proposal.draw(rng, state.position)
        then = MetropolisState(proposed, as_log_density(self.log_density(proposed)))
        acceptance = self.acceptance(state, then)
        accepted = bool(rng.random() < acceptance)
        return (then if accepted else state), MetropolisInfo(acceptance, accepted)

    def acceptance(self, state: MetropolisState, then: MetropolisState) -> float:
        """The probability a(x, y) of moving on, once y is proposed."""
        if then.log_density == -math.inf:
            return 0.0
        x, y = state.position, then.position
        correction = self.proposal.log_density(x, y) - self.proposal.log_density(y, x)
        return math.exp(min(0.0, then.log_density - state.log_density + correction))


@dataclass(frozen=True)
class RandomWalk:
    r"""Proposes :math:`y = x + S z` with :math:`z \sim N(0, I)`; symmetric (Metropolis et al. 1953).

    Args:
        scale: S: a positive number, one for each coordinate, shape (d,), or a matrix such as a Cholesky factor of the
            covariance, shape (d, d).

    Raises:
        RangeError: if a number is not positive.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> RandomWalk([1.0, 100.0]).draw(np.random.default_rng(0), np.zeros(2)).round(3).tolist()
    [0.126, -13.21]
    """

    scale: npt.ArrayLike = 1.0

    def __post_init__(self) -> None:
        scale = as_array(self.scale, "scale")
        if scale.ndim > 2 or (scale.ndim == 2 and scale.shape[0] != scale.shape[1]):
            raise ShapeError(f"scale must be a number, a vector or a square matrix, got shape {scale.shape}")
        if scale.ndim < 2 and not (scale > 0).all():
            raise RangeError(f"scale must be positive, got {scale.min():g}")
        object.__setattr__(self, "scale", scale)

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """A point proposed from x, shape (d,)."""
        z, scale = rng.standard_normal(len(x)), np.asarray(self.scale)
        return x + (scale @ z if scale.ndim == 2 else scale * z)

    def log_density(self, y: Array, x: Array) -> float:  # noqa: ARG002  # as every proposal has it
        """The logarithm of q(y | x), up to a constant: q is symmetric."""
        return 0.0


@dataclass(frozen=True)
class MultiplicativeWalk:
    r"""Proposes :math:`y_i = x_i e^{s z_i}`, which keeps signs: for scales, rates and other positive unknowns.

    .. math:: q(y \mid x) \propto \prod_i \frac{1}{|y_i|} \exp\left(-\frac{(\log y_i / x_i)^2}{2 s^2}\right)

    is not symmetric: a step up is less dense than the step back down.

    Args:
        scale: s, positive.

    Raises:
        RangeError: if `scale` is not positive.

    >>> MultiplicativeWalk(0.5).draw(np.random.default_rng(0), np.ones(1)).round(3).tolist()
    [1.065]
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        number_in(self.scale, "scale", 0, open_low=True)

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """A point proposed from x, shape (d,)."""
        return x * np.exp(self.scale * rng.standard_normal(len(x)))

    def log_density(self, y: Array, x: Array) -> float:  # noqa: ARG002  # the normal factor cancels: only 1 / y is left
        """The logarithm of q(y | x), without the factor that is the same for q(x | y)."""
        return -float(np.log(np.abs(y)).sum())


@dataclass(frozen=True)
class Langevin:
    r"""Proposes a noisy step uphill, :math:`y = x + \tfrac{\epsilon^2}{2} \nabla \log \pi(x) + \epsilon z`.

    With the correction of `MetropolisHastings` this is MALA (Roberts, Tweedie: Exponential Convergence of Langevin
    Distributions, 1996). Three evaluations of the gradient a step.

    Args:
        target: :math:`\log \pi` and its gradient.
        step_size: :math:`\epsilon`, positive.

    Raises:
        RangeError: if `step_size` is not positive.

    >>> Langevin(lambda x: (-0.5 * float(x @ x), -x), 0.5).draw(np.random.default_rng(0), np.ones(1)).round(3).tolist()
    [0.938]
    """

    target: LogDensityAndGradient
    step_size: float = 0.5

    def __post_init__(self) -> None:
        number_in(self.step_size, "step_size", 0, open_low=True)

    def draw(self, rng: np.random.Generator, x: Array) -> Array:
        """A point proposed from x, shape (d,)."""
        return self._mean(x) + self.step_size * rng.standard_normal(len(x))

    def log_density(self, y: Array, x: Array) -> float:
        """The logarithm of q(y | x), up to a constant."""
        away = (y - self._mean(x)) / self.step_size
        return -0.5 * float(away @ away)

    def _mean(self, x: Array) -> Array:
        return x + 0.5 * self.step_size**2 * np.asarray(self.target(x)[1])
