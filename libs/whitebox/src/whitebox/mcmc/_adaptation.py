"""What is learnt before the sampling: step size and masses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.errors import RangeError
from whitebox.mcmc._hamiltonian import HMC, leapfrog
from whitebox.mcmc._kernel import HamiltonianState
from whitebox.mcmc._nuts import NUTS

Adaptable = TypeVar("Adaptable", bound=HMC | NUTS)


class DualAveragingState(NamedTuple):
    """State of `DualAveraging`.

    Attributes:
        updates: How many so far.
        error: Running mean of target minus acceptance.
        log_step: The step size to try next, logarithm.
        log_mean: Running mean of them, the result.
        centre: Where the iterates are drawn to.
    """

    updates: int
    error: float
    log_step: float
    log_mean: float
    centre: float


@dataclass(frozen=True)
class DualAveraging:
    r"""Finds the step size at which a share :math:`\delta` of proposals is accepted.

    .. math:: \bar H_t = \left(1 - \tfrac{1}{t + t_0}\right) \bar H_{t-1} + \tfrac{\delta - a_t}{t + t_0}, \quad
              \log \epsilon_t = \mu - \tfrac{\sqrt t}{\gamma} \bar H_t, \quad
              \log \bar\epsilon_t = t^{-\kappa} \log \epsilon_t + (1 - t^{-\kappa}) \log \bar\epsilon_{t-1}

    with :math:`\mu = \log 10 \epsilon_0` (Hoffman, Gelman 2014, equation 6, after Nesterov 2009).

    Args:
        target: :math:`\delta`, in (0, 1).
        gamma: :math:`\gamma`, how strongly the iterates are drawn to :math:`\mu`.
        t0: :math:`t_0`, dampens the first updates.
        kappa: :math:`\kappa`, how fast early iterates are forgotten.

    Raises:
        RangeError: for an argument out of its range.

    >>> averaging = DualAveraging()
    >>> state = averaging.update(averaging.init(0.1), acceptance=0.0)
    >>> round(math.exp(state.log_step), 3)
    0.234
    """

    target: float = 0.8
    gamma: float = 0.05
    t0: float = 10.0
    kappa: float = 0.75

    def __post_init__(self) -> None:
        if number_in(self.target, "target", 0, 1, open_low=True) == 1:
            raise RangeError("target must be below 1")
        number_in(self.gamma, "gamma", 0, open_low=True)
        number_in(self.t0, "t0", 0)
        number_in(self.kappa, "kappa", 0.5, 1, open_low=True)

    def init(self, step_size: float) -> DualAveragingState:
        """The state before the first update; a step size that is not positive raises RangeError."""
        log_step = math.log(number_in(step_size, "step_size", 0, open_low=True))
        return DualAveragingState(0, 0.0, log_step, 0.0, math.log(10) + log_step)

    def update(self, state: DualAveragingState, acceptance: float) -> DualAveragingState:
        """The state after a step that was accepted with this probability."""
        count = state.updates + 1
        share = 1 / (count + self.t0)
        error = (1 - share) * state.error + share * (self.target - acceptance)
        log_step = state.centre - math.sqrt(count) / self.gamma * error
        weight = count**-self.kappa
        return DualAveragingState(
            count, error, log_step, weight * log_step + (1 - weight) * state.log_mean, state.centre
        )


class WelfordState(NamedTuple):
    """State of `Welford`.

    Attributes:
        points: How many so far.
        mean: Shape (d,).
        squares: Sums of squared deviations, shape (d,).
    """

    points: int
    mean: Array
    squares: Array


class Welford:
    r"""Mean and variance of what comes by, without cancellation.

    .. math:: m_n = m_{n-1} + \frac{x_n - m_{n-1}}{n}, \qquad s_n = s_{n-1} + (x_n - m_{n-1}) (x_n - m_n)

    (Welford: Note on a Method for Calculating Corrected Sums of Squares and Products, 1962.) O(d) an update.

    >>> welford = Welford()
    >>> state = welford.init(1)
    >>> for x in (1e9 + 1, 1e9 + 2, 1e9 + 3):
    ...     state = welford.update(state, np.array([x]))
    >>> welford.variance(state).tolist()
    [1.0]
    """

    def init(self, size: int) -> WelfordState:
        """The state before the first point of d = `size` numbers."""
        return WelfordState(0, np.zeros(positive_int(size, "size")), np.zeros(size))

    def update(self, state: WelfordState, x: Array) -> WelfordState:
        """The state after one more point, shape (d,)."""
        count = state.points + 1
        deviation = x - state.mean
        mean = state.mean + deviation / count
        return WelfordState(count, mean, state.squares + deviation * (x - mean))

    def variance(self, state: WelfordState) -> Array:
        """With n - 1 in the denominator, shape (d,).

        Raises:
            RangeError: of fewer than two points.
        """
        if state.points < 2:
            raise RangeError(f"a variance takes two points, got {state.points}")
        return state.squares / (state.points - 1)


def warm_up(
    kernel: Adaptable, rng: np.random.Generator, position: npt.ArrayLike, steps: int, *, target: float = 0.8
) -> tuple[Adaptable, HamiltonianState]:
    r"""Runs a chain that learns its step size all along, and a diagonal mass in windows that double.

    The first steps walk to where the mass of the target is, each window estimates the variances of the coordinates anew
    (and the step size starts over with the new masses), the last steps settle the step size (Stan Reference Manual,
    "Automatic parameter tuning"). Variances are drawn towards a small one, as a few points know little:
    :math:`\frac{n}{n + 5} s^2 + 10^{-3} \frac{5}{n + 5}`.

    Args:
        kernel: To start with.
        rng: Source of chance.
        position: Where to start, shape (d,).
        steps: How many; with fewer than 20 the masses stay as they are.
        target: Acceptance to aim at, in (0, 1).

    Returns:
        The kernel with what was learnt, and the state of the chain.

    Raises:
        RangeError: for an argument out of its range, or a start outside the support.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: if `position` is unusable.

    >>> kernel = NUTS(lambda x: (-0.5 * float((x / [1, 10]) @ (x / [1, 10])), -x / [1, 100]))
    >>> warmed, state = warm_up(kernel, np.random.default_rng(0), [0.0, 0.0], 300)
    >>> scales = np.sqrt(np.asarray(warmed.inverse_mass))
    >>> bool(3 < scales[1] / scales[0] < 30)
    True
    """
    averaging, welford = DualAveraging(target), Welford()
    state = kernel.init(position)
    ends = _windows(positive_int(steps, "steps"))
    begin = ends[0] if ends else steps
    kernel = _with_reasonable_step(kernel, rng, state)
    steps_tried = averaging.init(kernel.step_size)
    seen = welford.init(len(state.position))
    for number in range(1, steps + 1):
        state, info = kernel.step(rng, state)
        steps_tried = averaging.update(steps_tried, info.acceptance)
        kernel = replace(kernel, step_size=math.exp(steps_tried.log_step))
        if ends and begin < number <= ends[-1]:
            seen = welford.update(seen, state.position)
            if number in ends:
                shrunk = seen.points / (seen.points + 5) * welford.variance(seen) + 1e-3 * 5 / (seen.points + 5)
                kernel = _with_reasonable_step(replace(kernel, inverse_mass=shrunk), rng, state)
                steps_tried = averaging.init(kernel.step_size)
                seen = welford.init(len(state.position))
    # A window that ends with the last step leaves no mean: the step size just found stands.
    settled = steps_tried.log_mean if steps_tried.updates else steps_tried.log_step
    return replace(kernel, step_size=math.exp(settled)), state


def _windows(steps: int) -> list[int]:
    """Where the first window begins, and where each one ends: windows double, the last takes what is left."""
    if steps < 20:
        return []
    first, base, final = (75, 25, 50) if steps >= 150 else (int(0.15 * steps), 0, int(0.1 * steps))
    last = steps - final
    ends, width = [first], base or last - first
    while ends[-1] < last:
        end = ends[-1] + width
        width *= 2
        ends.append(last if end + width > last else end)
    return ends


def _with_reasonable_step(kernel: Adaptable, rng: np.random.Generator, state: HamiltonianState) -> Adaptable:
    """Doubles or halves the step size until one step's acceptance crosses 0.8 (Hoffman, Gelman 2014, algorithm 4)."""
    size, direction = kernel.step_size, 0
    with np.errstate(all="ignore"):
        # Beyond 2^±60 a flat or broken density would go on for ever.
        for _ in range(60):
            start = kernel._launch(rng, state)
            end = leapfrog(kernel.log_density, start, size, kernel.metric)
            good = kernel.metric.energy(start) - kernel.metric.energy(end) > math.log(0.8)
            if direction == 0:
                direction = 1 if good else -1
            elif good != (direction > 0):
                break
            size *= 2.0**direction
    return replace(kernel, step_size=size)
