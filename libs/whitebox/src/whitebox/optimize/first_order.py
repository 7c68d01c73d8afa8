"""Descent by gradients, one pure step at a time: `init` makes a state, `step` gives the next point and state.

Parameters are arrays of any shape, updates are elementwise and O(size). Nothing is changed in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, number_in, positive_int
from whitebox.errors import RangeError, ShapeError
from whitebox.optimize.schedules import Schedule

State = TypeVar("State")


class Optimizer(Protocol[State]):
    """What all have in common."""

    def init(self, x: Array) -> State:
        """The state before the first step."""
        ...

    def step(self, x: Array, gradient: Array, state: State) -> tuple[Array, State]:
        """The next point and state."""
        ...


class Steps(NamedTuple):
    """State of plain descent: how many steps were taken."""

    step: int


class Velocity(NamedTuple):
    """State with a running sum of gradients, in the shape of the parameters."""

    step: int
    velocity: Array


class Squares(NamedTuple):
    """State with a running sum or mean of squared gradients, in the shape of the parameters."""

    step: int
    squares: Array


class Moments(NamedTuple):
    """State with running means of gradients and their squares, in the shape of the parameters."""

    step: int
    mean: Array
    squares: Array


class NesterovMoments(NamedTuple):
    """State of NAdam: as `Moments`, and the product of the momenta so far."""

    step: int
    mean: Array
    squares: Array
    product: float


def descend(
    gradient: Callable[[Array], npt.ArrayLike], x: npt.ArrayLike, optimizer: Optimizer[Any], steps: int
) -> Array:
    """Takes so many steps from `x`, and gives the last point.

    Args:
        gradient: From a point to the gradient there, of the same shape.
        x: Where to start; any shape.
        optimizer: How to step.
        steps: How often, at least 1.

    Raises:
        DtypeError, NotFiniteError, ShapeError: for an unusable start, or a gradient that has become so.
        RangeError: if `steps` is less than 1.

    >>> descend(lambda x: 2 * x, [1.0, -1.0], GradientDescent(0.25), steps=3).tolist()
    [0.125, -0.125]
    """
    point = as_array(x, "x")
    state = optimizer.init(point)
    for number in range(positive_int(steps, "steps")):
        slope = as_array(gradient(point), f"the gradient at step {number}")
        if slope.shape != point.shape:
            raise ShapeError(f"the gradient has shape {slope.shape}, x has {point.shape}")
        point, state = optimizer.step(point, slope, state)
    return point


@dataclass(frozen=True)
class _Rated:
    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        if not callable(self.learning_rate):
            number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        for name in ("momentum", "decay", "beta1", "beta2"):
            if hasattr(self, name) and number_in(getattr(self, name), name, 0, 1) == 1:
                raise RangeError(f"{name} must be below 1")
        for name in ("epsilon", "weight_decay", "momentum_decay"):
            if hasattr(self, name):
                number_in(getattr(self, name), name, 0)

    def _rate(self, step: int) -> float:
        return self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate


@dataclass(frozen=True)
class GradientDescent(_Rated):
    r"""Steepest descent: :math:`x \leftarrow x - \eta g` (Cauchy 1847).

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.

    Raises:
        RangeError: for an argument out of its range.

    >>> descent = GradientDescent(0.5)
    >>> x, state = descent.step(np.array([1.0]), np.array([1.0]), descent.init(np.array([1.0])))
    >>> x.tolist(), state
    ([0.5], Steps(step=1))
    """

    def init(self, x: Array) -> Steps:  # noqa: ARG002  # as every optimiser has it
        """The state before the first step."""
        return Steps(0)

    def step(self, x: Array, gradient: Array, state: Steps) -> tuple[Array, Steps]:
        """The next point and state."""
        return x - self._rate(state.step) * gradient, Steps(state.step + 1)


@dataclass(frozen=True)
class Momentum(_Rated):
    r"""Heavy ball: :math:`v \leftarrow \mu v + g,\; x \leftarrow x - \eta v` (Polyak 1964).

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        momentum: :math:`\mu`, from 0 to below 1.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0], Momentum(0.25, momentum=0.5), steps=2).tolist()
    [0.0]
    """

    momentum: float = 0.9

    def init(self, x: Array) -> Velocity:
        """The state before the first step."""
        return Velocity(0, np.zeros_like(x))

    def step(self, x: Array, gradient: Array, state: Velocity) -> tuple[Array, Velocity]:
        """The next point and state."""
        velocity = self.momentum * state.velocity + gradient
        return x - self._rate(state.step) * velocity, Velocity(state.step + 1, velocity)


@dataclass(frozen=True)
class Nesterov(_Rated):
    r"""Momentum that looks ahead: :math:`v \leftarrow \mu v + g,\; x \leftarrow x - \eta (g + \mu v)`.

    (Nesterov 1983, in the form of Sutskever et al.: On the importance of initialization and momentum in deep learning,
    2013, with x at the point looked ahead to.)

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        momentum: :math:`\mu`, from 0 to below 1.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0], Nesterov(0.25, momentum=0.5), steps=2).tolist()
    [-0.0625]
    """

    momentum: float = 0.9

    def init(self, x: Array) -> Velocity:
        """The state before the first step."""
        return Velocity(0, np.zeros_like(x))

    def step(self, x: Array, gradient: Array, state: Velocity) -> tuple[Array, Velocity]:
        """The next point and state."""
        velocity = self.momentum * state.velocity + gradient
        ahead = gradient + self.momentum * velocity
        return x - self._rate(state.step) * ahead, Velocity(state.step + 1, velocity)


@dataclass(frozen=True)
class AdaGrad(_Rated):
    r"""A rate of its own for each parameter.

    .. math:: s \leftarrow s + g^2, \qquad x \leftarrow x - \eta \frac{g}{\sqrt s + \epsilon}

    (Duchi, Hazan, Singer: Adaptive Subgradient Methods, 2011.)

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        epsilon: :math:`\epsilon`, not negative.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0, -100.0], AdaGrad(0.5), steps=1).round(6).tolist()
    [0.5, -99.5]
    """

    epsilon: float = 1e-10

    def init(self, x: Array) -> Squares:
        """The state before the first step."""
        return Squares(0, np.zeros_like(x))

    def step(self, x: Array, gradient: Array, state: Squares) -> tuple[Array, Squares]:
        """The next point and state."""
        squares = state.squares + gradient**2
        change = _quotient(gradient, np.sqrt(squares) + self.epsilon)
        return x - self._rate(state.step) * change, Squares(state.step + 1, squares)


@dataclass(frozen=True)
class RMSprop(_Rated):
    r"""As `AdaGrad` with a running mean: :math:`s \leftarrow \rho s + (1 - \rho) g^2` (Tieleman, Hinton 2012).

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        decay: :math:`\rho`, from 0 to below 1.
        epsilon: Added to :math:`\sqrt s`, not negative.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0, -100.0], RMSprop(0.1, decay=0.75), steps=1).round(6).tolist()
    [0.8, -99.8]
    """

    learning_rate: float | Schedule = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8

    def init(self, x: Array) -> Squares:
        """The state before the first step."""
        return Squares(0, np.zeros_like(x))

    def step(self, x: Array, gradient: Array, state: Squares) -> tuple[Array, Squares]:
        """The next point and state."""
        squares = self.decay * state.squares + (1 - self.decay) * gradient**2
        change = _quotient(gradient, np.sqrt(squares) + self.epsilon)
        return x - self._rate(state.step) * change, Squares(state.step + 1, squares)


@dataclass(frozen=True)
class Adam(_Rated):
    r"""Running means of gradient and square, corrected for having started at zero.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2, \quad
              x \leftarrow x - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    (Kingma, Ba: Adam: A Method for Stochastic Optimization, 2015.)

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        beta1: :math:`\beta_1`, from 0 to below 1.
        beta2: :math:`\beta_2`, from 0 to below 1.
        epsilon: :math:`\epsilon`, not negative.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0, -100.0], Adam(0.5), steps=1).round(6).tolist()
    [0.5, -99.5]
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, x: Array) -> Moments:
        """The state before the first step."""
        return Moments(0, np.zeros_like(x), np.zeros_like(x))

    def step(self, x: Array, gradient: Array, state: Moments) -> tuple[Array, Moments]:
        """The next point and state."""
        count = state.step + 1
        mean = self.beta1 * state.mean + (1 - self.beta1) * gradient
        squares = self.beta2 * state.squares + (1 - self.beta2) * gradient**2
        spread = np.sqrt(squares / (1 - self.beta2**count)) + self.epsilon
        change = _quotient(mean / (1 - self.beta1**count), spread)
        return x - self._rate(state.step) * change, Moments(count, mean, squares)


@dataclass(frozen=True)
class AdamW(Adam):
    r"""`Adam` with weight decay apart from the gradient: :math:`x \leftarrow x - \eta \lambda x` before each step.

    (Loshchilov, Hutter: Decoupled Weight Decay Regularization, 2019.)

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        beta1: As in `Adam`.
        beta2: As in `Adam`.
        epsilon: As in `Adam`.
        weight_decay: :math:`\lambda`, not negative.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 0 * x, [1.0], AdamW(0.5, weight_decay=0.5), steps=1).tolist()
    [0.75]
    """

    weight_decay: float = 0.01

    def step(self, x: Array, gradient: Array, state: Moments) -> tuple[Array, Moments]:
        """The next point and state."""
        return super().step(x * (1 - self._rate(state.step) * self.weight_decay), gradient, state)


@dataclass(frozen=True)
class NAdam(_Rated):
    r"""`Adam` with Nesterov's look ahead and a momentum that grows towards :math:`\beta_1`.

    .. math:: \mu_t = \beta_1 (1 - \tfrac12 0.96^{t \psi}), \quad
              x \leftarrow x - \frac{\eta}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}
              \left(\frac{(1 - \mu_t)\, g}{1 - \prod_{i \le t} \mu_i}
              + \frac{\mu_{t+1}\, m}{1 - \prod_{i \le t + 1} \mu_i}\right)

    with m and s as in `Adam` (Dozat: Incorporating Nesterov Momentum into Adam, 2016).

    Args:
        learning_rate: :math:`\eta`, a number or a schedule.
        beta1: :math:`\beta_1`, from 0 to below 1.
        beta2: :math:`\beta_2`, from 0 to below 1.
        epsilon: :math:`\epsilon`, not negative.
        momentum_decay: :math:`\psi`, not negative.

    Raises:
        RangeError: for an argument out of its range.

    >>> descend(lambda x: 2 * x, [1.0, -100.0], NAdam(0.5), steps=1).round(3).tolist()
    [0.472, -99.472]
    """

    learning_rate: float | Schedule = 0.002
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004

    def init(self, x: Array) -> NesterovMoments:
        """The state before the first step."""
        return NesterovMoments(0, np.zeros_like(x), np.zeros_like(x), 1.0)

    def step(self, x: Array, gradient: Array, state: NesterovMoments) -> tuple[Array, NesterovMoments]:
        """The next point and state."""
        count = state.step + 1
        now, ahead = self._momentum(count), self._momentum(count + 1)
        product = state.product * now
        mean = self.beta1 * state.mean + (1 - self.beta1) * gradient
        squares = self.beta2 * state.squares + (1 - self.beta2) * gradient**2
        spread = np.sqrt(squares / (1 - self.beta2**count)) + self.epsilon
        change = _quotient((1 - now) / (1 - product) * gradient + ahead / (1 - product * ahead) * mean, spread)
        return x - self._rate(state.step) * change, NesterovMoments(count, mean, squares, product)

    def _momentum(self, count: int) -> float:
        return self.beta1 * (1 - 0.5 * math.pow(0.96, count * self.momentum_decay))


def _quotient(numerator: Array, denominator: Array) -> Array:
    """Zero where both are: a parameter that never had a gradient stays where it is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
