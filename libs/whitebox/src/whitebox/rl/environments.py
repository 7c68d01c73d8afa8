"""What an agent acts in, in the shape that Gymnasium gives it: `reset` and `step` with the same results.

The learners of this package ask for nothing else, so that environments of Gymnasium may be given to them too.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_vector, number_in, positive_int
from whitebox.errors import RangeError, ShapeError, StateError
from whitebox.rl.tabular import MarkovDecisionProcess

Observation = npt.NDArray[Any]
Info = dict[str, Any]
Step = tuple[Observation, float, bool, bool, Info]


class Environment(Protocol):
    """Something that is observed, acted upon, and pays."""

    def reset(self, *, seed: int | None = None) -> tuple[Observation, Info]:
        """Begins an episode, with randomness from a seed or, without one, going on as it is.

        Returns:
            The first observation, and whatever else is known.
        """
        ...

    def step(self, action: int) -> Step:
        """Acts once.

        Returns:
            The next observation, the reward, whether the episode ended by its own rules (nothing can be earned after),
            whether it was cut off for another reason (more could have been earned), and whatever else is known.
        """
        ...


class TabularEnvironment:
    r"""A Markov decision process to act in. Observations are unit vectors: state s is the s-th of them.

    Args:
        mdp: The process; the reward of a step is its expected one, :math:`R(s, a)`.
        start: Probabilities of the first state, shape (S,), or its number; by default 0.

    Raises:
        ShapeError, RangeError: `start` is no distribution over the states, or holds a terminal one.

    >>> mdp = MarkovDecisionProcess([[[0.0, 1.0]], [[0.0, 1.0]]], [[3.0], [0.0]], 0.9, terminal=[1])
    >>> environment = TabularEnvironment(mdp)
    >>> environment.reset(seed=0)[0].tolist()
    [1.0, 0.0]
    >>> observation, reward, terminated, truncated, info = environment.step(0)
    >>> observation.tolist(), reward, terminated, truncated, info
    ([0.0, 1.0], 3.0, True, False, {'state': 1})
    """

    def __init__(self, mdp: MarkovDecisionProcess, start: npt.ArrayLike | int = 0) -> None:
        self.mdp = mdp
        if isinstance(start, int | np.integer):
            if not 0 <= start < mdp.states:
                raise RangeError(f"start must be a state from 0 to {mdp.states - 1}, got {start}")
            first = np.zeros(mdp.states)
            first[start] = 1.0
        else:
            first = np.array(as_vector(start, "start"))
        if first.shape != (mdp.states,):
            raise ShapeError(f"start must have shape ({mdp.states},), got {first.shape}")
        if first.min() < 0 or abs(first.sum() - 1) > 1e-8:
            raise RangeError(f"start is no distribution: it sums to {first.sum():.8g}")
        if first[mdp.terminal].any():
            raise RangeError("start holds a terminal state: an episode cannot begin there")
        self.start = first
        self._rng = np.random.default_rng()
        self._state: int | None = None
        self._first, self._next = np.cumsum(first), np.cumsum(mdp.transitions, axis=2)
        # The last sum is exactly 1, which no draw reaches, so that no state of probability 0 is ever drawn.
        self._first /= self._first[-1]
        self._next[~mdp.terminal] /= self._next[~mdp.terminal, :, -1:]

    def reset(self, *, seed: int | None = None) -> tuple[Observation, Info]:
        """Draws the first state."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        state = self._state = self._drawn(self._first)
        return self._observed(state), {"state": state}

    def step(self, action: int) -> Step:
        """Draws the next state.

        Raises:
            StateError: No episode is under way.
            RangeError: The action is none.
        """
        if self._state is None:
            raise StateError("the episode is over, or has not begun: call reset first")
        _check_action(action, self.mdp.actions)
        reward = float(self.mdp.rewards[self._state, action])
        state = self._drawn(self._next[self._state, action])
        terminated = bool(self.mdp.terminal[state])
        self._state = None if terminated else state
        return self._observed(state), reward, terminated, False, {"state": state}

    def _drawn(self, cumulative: npt.NDArray[np.float64]) -> int:
        return int(np.searchsorted(cumulative, self._rng.random(), side="right"))

    def _observed(self, state: int) -> Observation:
        observation = np.zeros(self.mdp.states, np.float32)
        observation[state] = 1.0
        return observation


class CartPoleState(NamedTuple):
    """Where a cart with a pole on it is.

    Attributes:
        position: Of the cart.
        velocity: Of the cart.
        angle: Of the pole, from upright, in radians.
        angular_velocity: Of the pole.
    """

    position: float
    velocity: float
    angle: float
    angular_velocity: float


# Barto, Sutton, Anderson 1983, without friction: m/s², kg, kg, m.
GRAVITY, CART_MASS, POLE_MASS, HALF_LENGTH = 9.8, 1.0, 0.1, 0.5
_FORCE, _SECONDS = 10.0, 0.02
_FARTHEST, _STEEPEST = 2.4, 12 * 2 * math.pi / 360


def cart_pole_accelerations(state: CartPoleState, force: float) -> tuple[float, float]:
    r"""Accelerations of a cart, and of the angle of the pole on it.

    .. math:: \ddot\theta = \frac{g \sin\theta - \cos\theta\,(F + m l \dot\theta^2 \sin\theta) / (M + m)}
              {l\,(4/3 - m \cos^2\theta / (M + m))}, \qquad
              \ddot x = \frac{F + m l (\dot\theta^2 \sin\theta - \ddot\theta \cos\theta)}{M + m}

    (Barto, Sutton, Anderson: Neuronlike adaptive elements, 1983, appendix; Florian 2007), with a uniform pole of mass m
    and half length l on a cart of mass M.

    Args:
        state: Position and speed.
        force: F on the cart, in newtons.

    Returns:
        :math:`\ddot x` and :math:`\ddot\theta`.

    >>> cart_pole_accelerations(CartPoleState(0.0, 0.0, 0.0, 0.0), 0.0)
    (0.0, 0.0)
    """
    cosine, sine = math.cos(state.angle), math.sin(state.angle)
    mass = CART_MASS + POLE_MASS
    pushed = (force + POLE_MASS * HALF_LENGTH * state.angular_velocity**2 * sine) / mass
    turning = (GRAVITY * sine - cosine * pushed) / (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cosine**2 / mass))
    return pushed - POLE_MASS * HALF_LENGTH * turning * cosine / mass, turning


class CartPole:
    """A pole to be balanced on a cart that is pushed to the left (action 0) or to the right (action 1).

    Each step lasts 20 ms, by Euler's method, and pays 1. The episode ends when the pole leans by more than 12 degrees
    or the cart is more than 2.4 m from the middle. Observations are the four numbers of the state in single precision.
    As Gymnasium's CartPole-v1, which cuts off after 500 steps: `TimeLimit(CartPole(), 500)`.

    >>> environment = CartPole()
    >>> observation, info = environment.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = environment.step(1)
    >>> observation.astype(float).round(3).tolist(), reward, terminated
    ([0.013, 0.173, -0.047, -0.355], 1.0, False)
    """

    def __init__(self) -> None:
        self._rng = np.random.default_rng()
        self._state: CartPoleState | None = None

    @property
    def state(self) -> CartPoleState:
        """In double precision.

        Raises:
            StateError: No episode is under way.
        """
        if self._state is None:
            raise StateError("the episode is over, or has not begun: call reset first")
        return self._state

    def reset(self, *, seed: int | None = None) -> tuple[Observation, Info]:
        """Near upright at rest: each number is drawn from -0.05 to 0.05."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._state = CartPoleState(*self._rng.uniform(-0.05, 0.05, 4).tolist())
        return np.array(self._state, np.float32), {}

    def step(self, action: int) -> Step:
        """Pushes once.

        Raises:
            StateError: No episode is under way.
            RangeError: The action is neither 0 nor 1.
        """
        before = self.state
        _check_action(action, 2)
        acceleration, turning = cart_pole_accelerations(before, _FORCE if action == 1 else -_FORCE)
        after = CartPoleState(
            before.position + _SECONDS * before.velocity,
            before.velocity + _SECONDS * acceleration,
            before.angle + _SECONDS * before.angular_velocity,
            before.angular_velocity + _SECONDS * turning,
        )
        terminated = abs(after.position) > _FARTHEST or abs(after.angle) > _STEEPEST
        self._state = None if terminated else after
        return np.array(after, np.float32), 1.0, terminated, False, {}


class TimeLimit:
    """Cuts episodes off after some steps, which is no end by the rules: `truncated`, not `terminated`.

    Args:
        environment: What is cut off.
        steps: After how many.

    Raises:
        RangeError: `steps` is no whole number of at least 1.

    >>> environment = TimeLimit(CartPole(), 2)
    >>> _ = environment.reset(seed=0)
    >>> [environment.step(action)[3] for action in (0, 1)]
    [False, True]
    """

    def __init__(self, environment: Environment, steps: int) -> None:
        self.environment = environment
        self.steps = positive_int(steps, "steps")
        self._taken = self.steps

    def reset(self, *, seed: int | None = None) -> tuple[Observation, Info]:
        """Begins an episode, and counts anew."""
        self._taken = 0
        return self.environment.reset(seed=seed)

    def step(self, action: int) -> Step:
        """Acts once.

        Raises:
            StateError: The episode was cut off.
        """
        if self._taken == self.steps:
            raise StateError(f"the episode was cut off after {self.steps} steps, or has not begun: call reset first")
        observation, reward, terminated, truncated, info = self.environment.step(action)
        self._taken += 1
        return observation, reward, terminated, truncated or self._taken == self.steps, info


def grid_world(rows: int, columns: int, *, slip: float = 0.0, discount: float = 0.95) -> MarkovDecisionProcess:
    """A grid to be crossed from the first cell to the last, at a cost of 1 a step.

    Actions are up, right, down, left; with probability `slip` the move goes to one of the two sides instead. At an edge
    one stays where one is.

    Args:
        rows: Of the grid.
        columns: Of the grid.
        slip: From 0 to 1.
        discount: Of the process.

    Returns:
        A process of rows · columns states, numbered line by line; the last one is terminal.

    Raises:
        RangeError: An argument lies outside its range, or the grid is a single cell.

    >>> from whitebox.rl.tabular import policy_iteration
    >>> policy_iteration(grid_world(2, 2, discount=0.5)).values.tolist()
    [-1.5, -1.0, -1.0, 0.0]
    """
    positive_int(rows, "rows")
    if rows * positive_int(columns, "columns") == 1:
        raise RangeError("a grid of a single cell has nowhere to go")
    number_in(slip, "slip", 0, 1)
    moves = ((-1, 0), (0, 1), (1, 0), (0, -1))
    P = np.zeros((rows * columns, 4, rows * columns))
    for row in range(rows):
        for column in range(columns):
            for action in range(4):
                for turn, share in ((0, 1 - slip), (1, slip / 2), (3, slip / 2)):
                    down, right = moves[(action + turn) % 4]
                    below, beside = row + down, column + right
                    if not (0 <= below < rows and 0 <= beside < columns):
                        below, beside = row, column
                    P[row * columns + column, action, below * columns + beside] += share
    return MarkovDecisionProcess(P, np.full(P.shape[:2], -1.0), discount, terminal=[rows * columns - 1])


def _check_action(action: int, count: int) -> None:
    if not isinstance(action, int | np.integer) or not 0 <= action < count:
        raise RangeError(f"action must be a whole number from 0 to {count - 1}, got {action!r}")
