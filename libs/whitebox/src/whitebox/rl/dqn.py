r"""Deep Q-networks: Q-learning with a network, from a buffer of past steps, towards targets of a network that lags.

(Mnih et al. 2015: Human-level control through deep reinforcement learning; van Hasselt, Guez, Silver 2016 for two
networks in the target.)
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_array, as_matrix, as_vector, number_in, positive_int
from whitebox.autograd import Tensor, no_grad, primitive
from whitebox.autograd._tensor import Pullback
from whitebox.errors import DtypeError, RangeError, ShapeError
from whitebox.nn import Module, Optimizer
from whitebox.optimize.first_order import Adam
from whitebox.rl.environments import Environment
from whitebox.rl.replay import AnyArray, ReplayBuffer, Transitions
from whitebox.rl.rollouts import LearningCurve, best_action, seed_from

if TYPE_CHECKING:
    from whitebox.optimize.first_order import Optimizer as Method


def dqn_targets(
    rewards: npt.ArrayLike,
    next_values: npt.ArrayLike,
    terminated: npt.ArrayLike,
    *,
    discount: float,
    choosing_values: npt.ArrayLike | None = None,
) -> AnyArray:
    r"""What the value of each action taken is to become: :math:`y = r + \gamma (1 - e) \max_a q^-(s', a)`.

    With values to choose by, :math:`q^-(s', \arg\max_a q(s', a))` instead: the largest of noisy estimates is too large,
    but not in the eyes of other estimates (double Q-learning: van Hasselt et al. 2016, eq. 4). O(n · A).

    Args:
        rewards: r, shape (n,).
        next_values: :math:`q^-(s', a)` of the lagging network, shape (n, A).
        terminated: e, truth values, shape (n,): nothing is earned after an end by the rules.
        discount: :math:`\gamma`, from 0 to 1.
        choosing_values: q(s', a) of the network that learns, shape (n, A).

    Returns:
        y, shape (n,), in the precision of `next_values`.

    Raises:
        ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: An argument is unusable.

    >>> dqn_targets([1.0, 1.0], [[2.0, 4.0], [2.0, 4.0]], [False, True], discount=0.5).tolist()
    [3.0, 1.0]
    """
    q = as_matrix(next_values, "next_values")
    r, ended = as_vector(rewards, "rewards"), np.asarray(terminated)
    if ended.dtype != np.bool_:
        raise DtypeError(f"terminated must hold truth values, got dtype {ended.dtype}")
    if not len(r) == len(q) or ended.shape != r.shape:
        raise ShapeError(
            f"rewards {r.shape}, terminated {ended.shape} and next_values {q.shape} have different lengths"
        )
    choosing = q if choosing_values is None else as_matrix(choosing_values, "choosing_values")
    if choosing.shape != q.shape:
        raise ShapeError(f"choosing_values must have shape {q.shape}, got {choosing.shape}")
    best = np.take_along_axis(q, choosing.argmax(axis=1)[:, None], axis=1)[:, 0]
    found = r + number_in(discount, "discount", 0, 1) * np.where(ended, 0.0, best)
    given = np.asarray(next_values).dtype
    return found.astype(given) if given.kind == "f" else found


def huber_loss(predictions: Tensor, targets: npt.ArrayLike, *, delta: float = 1.0) -> Tensor:
    r"""Squares of errors near 0, lines beyond, and their mean.

    .. math:: \ell(e) = \tfrac12 e^2 \text{ for } |e| \le \delta, \qquad \delta\,(|e| - \tfrac12 \delta) \text{ beyond}

    (Huber 1964.) The derivative is the error clipped to :math:`\pm\delta`. O(n).

    Args:
        predictions: Any shape.
        targets: Constants of the same shape.
        delta: Positive.

    Returns:
        A single number.

    Raises:
        ShapeError: The shapes differ.
        RangeError: `delta` is not positive.

    >>> predictions = Tensor(np.array([0.5, 3.0]), requires_grad=True)
    >>> loss = huber_loss(predictions, [0.0, 0.0])
    >>> loss.backward()
    >>> loss.item(), predictions.grad.tolist()
    (1.3125, [0.25, 0.5])
    """
    wanted = as_array(targets, "targets").astype(predictions.dtype)
    if wanted.shape != predictions.shape:
        raise ShapeError(f"targets must have shape {predictions.shape}, got {wanted.shape}")
    return _huber(predictions, wanted, number_in(delta, "delta", 0, open_low=True))


@primitive
def _huber(predictions: Any, targets: Any, delta: float) -> tuple[AnyArray, Pullback]:
    error = predictions - targets
    cut = np.clip(error, -delta, delta)
    # With the error cut at delta, both branches are cut · (error - cut / 2).
    return (cut * (error - 0.5 * cut)).mean(), lambda g: (g * cut / error.size,)


@dataclass(frozen=True)
class LinearExploration:
    r"""A share of random actions that moves along a line, and then stays.

    .. math:: \epsilon_t = \epsilon_0 + \min(t / T, 1)\, (\epsilon_T - \epsilon_0)

    Args:
        steps: T.
        initial: :math:`\epsilon_0`, from 0 to 1.
        final: :math:`\epsilon_T`, from 0 to 1.

    Raises:
        RangeError: An argument lies outside its range.

    >>> [LinearExploration(2, initial=1.0, final=0.0)(step) for step in range(4)]
    [1.0, 0.5, 0.0, 0.0]
    """

    steps: int
    initial: float = 1.0
    final: float = 0.05

    def __post_init__(self) -> None:
        positive_int(self.steps, "steps")
        number_in(self.initial, "initial", 0, 1)
        number_in(self.final, "final", 0, 1)

    def __call__(self, step: int) -> float:
        """The share at a step, counted from 0."""
        return self.initial + min(step / self.steps, 1.0) * (self.final - self.initial)


class DQN:
    r"""Learns the values of actions, by steps towards `dqn_targets` under `huber_loss`.

    Args:
        network: From observations, shape (n, ...), to values of actions, shape (n, A).
        method: How to step, from `whitebox.optimize.first_order`.
        discount: :math:`\gamma`, from 0 to 1.
        exploration: From the step to the share of random actions.
        capacity: Steps kept.
        batch: Steps drawn for each step of descent.
        warm_up: Steps taken before the first of them.
        update_every: Steps between them.
        target_every: Steps of descent after which the lagging network catches up.
        double: Whether the network that learns chooses the action in the target, and the lagging one values it.
        delta: Of the loss.
        max_norm: To which the gradients are clipped, or none.
        rng: Draws actions and batches, seeds the environment.

    Attributes:
        network: The network that learns.
        target: The one that lags: a copy.
        buffer: Past steps.

    Raises:
        RangeError: A number lies outside its range.

    >>> from whitebox.nn import Linear
    >>> from whitebox.rl.environments import TabularEnvironment, grid_world
    >>> rng = np.random.default_rng(0)
    >>> explore = LinearExploration(300)
    >>> learner = DQN(
    ...     Linear(4, 4, rng=rng), method=Adam(0.05), exploration=explore, warm_up=50, target_every=20, rng=rng
    ... )
    >>> curve = learner.learn(TabularEnvironment(grid_world(2, 2)), steps=400)
    >>> learner.network(Tensor(np.eye(4, dtype=np.float32)[:1])).data.argmax() in (1, 2)
    True
    """

    def __init__(
        self,
        network: Module,
        *,
        method: Method[Any] = Adam(0.001),  # noqa: B008  # immutable
        discount: float = 0.99,
        exploration: Callable[[int], float] = LinearExploration(10_000),
        capacity: int = 50_000,
        batch: int = 64,
        warm_up: int = 1000,
        update_every: int = 1,
        target_every: int = 250,
        double: bool = True,
        delta: float = 1.0,
        max_norm: float | None = 10.0,
        rng: np.random.Generator,
    ) -> None:
        self.network = network
        self.target = deepcopy(network).requires_grad(False)
        self.buffer = ReplayBuffer(capacity)
        self.discount = number_in(discount, "discount", 0, 1)
        if not callable(exploration):
            raise RangeError(f"exploration must map a step to a share of random actions, got {exploration!r}")
        self.exploration = exploration
        self.batch = positive_int(batch, "batch")
        self.warm_up = positive_int(warm_up, "warm_up")
        self.update_every = positive_int(update_every, "update_every")
        self.target_every = positive_int(target_every, "target_every")
        self.double = double
        self.delta = number_in(delta, "delta", 0, open_low=True)
        self._rng = rng
        self._optimizer = Optimizer(network, method, max_norm=max_norm)
        self._steps = self._updates = 0

    def act(self, observation: npt.ArrayLike) -> int:
        """The best action in the network's eyes, or sometimes a random one, for the steps taken so far.

        Args:
            observation: A single one.

        Raises:
            NotFiniteError: The network gives NaN.
        """
        with no_grad():
            values = self.network(Tensor(np.asarray(observation)[None])).data[0]
        best = best_action(values)
        if self._rng.random() < self.exploration(self._steps):
            return int(self._rng.integers(len(values)))
        return best

    def targets(self, transitions: Transitions) -> AnyArray:
        """What the values of the actions taken are to become, shape (n,)."""
        after = Tensor(transitions.next_observations)
        with no_grad():
            next_values = self.target(after).data
            choosing = self.network(after).data if self.double else None
        return dqn_targets(
            transitions.rewards,
            next_values,
            transitions.terminated,
            discount=self.discount,
            choosing_values=choosing,
        )

    def loss(self, transitions: Transitions) -> Tensor:
        """Of the values of the actions taken, a mean; the targets are constants.

        Raises:
            RangeError: An action has no value.
        """
        values = self.network(Tensor(transitions.observations))
        if not 0 <= transitions.actions.min() <= transitions.actions.max() < values.shape[-1]:
            raise RangeError(f"actions must be 0 to {values.shape[-1] - 1}, got {transitions.actions.max()}")
        taken = values[np.arange(len(values)), transitions.actions]
        return huber_loss(taken, self.targets(transitions), delta=self.delta)

    def update(self) -> float:
        """One step of descent on steps drawn from the buffer; the lagging network catches up when it is due.

        Returns:
            The loss before it.

        Raises:
            EmptyInputError: The buffer is empty.
            NotFiniteError: A gradient is not finite.
        """
        loss = self.loss(self.buffer.sample(self.batch, self._rng))
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._updates += 1
        if self._updates % self.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())
        return loss.item()

    def learn(self, environment: Environment, *, steps: int) -> LearningCurve:
        """Acts and learns; called again, it goes on with what it has.

        Args:
            environment: Where to act.
            steps: How many to take.

        Returns:
            What the episodes that ended have earned.

        Raises:
            RangeError: `steps` is no whole number of at least 1.
            NotFiniteError: Learning diverged.
        """
        observation = np.array(environment.reset(seed=seed_from(self._rng))[0])
        earned, ends, returns = 0.0, [], []
        for step in range(1, positive_int(steps, "steps") + 1):
            action = self.act(observation)
            following, reward, terminated, truncated, _ = environment.step(action)
            self.buffer.add(observation, action, float(reward), following, terminated)
            self._steps += 1
            earned += float(reward)
            # A copy: an environment may write its next observation into the same array.
            observation = np.array(following)
            if terminated or truncated:
                ends.append(step)
                returns.append(earned)
                observation = np.array(environment.reset()[0])
                earned = 0.0
            if len(self.buffer) >= min(self.warm_up, self.buffer.capacity) and self._steps % self.update_every == 0:
                self.update()
        return LearningCurve(np.array(ends, np.int64), np.array(returns, float))
