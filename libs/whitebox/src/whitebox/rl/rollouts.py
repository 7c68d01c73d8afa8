"""Acting in environments, and the record of it that learners learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.rl.categorical import sample_actions
from whitebox.rl.environments import Environment

AnyArray = npt.NDArray[Any]
# From observations, shape (n, ...), to logits or values of actions, shape (n, A): a module, or any function.
Network = Callable[[Tensor], Tensor]


class Episode(NamedTuple):
    """One episode, of T steps.

    Attributes:
        observations: What was seen before each action, shape (T, ...).
        actions: Shape (T,).
        rewards: Shape (T,).
        next_observations: What was seen after each action, shape (T, ...).
        terminated: Whether it ended by the rules; if not it was cut off.
    """

    observations: AnyArray
    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float32]
    next_observations: AnyArray
    terminated: bool


class Rollout(NamedTuple):
    """T steps in N environments side by side; where an episode ends, the next one begins.

    Attributes:
        observations: Shape (T, N, ...).
        actions: Shape (T, N).
        rewards: Shape (T, N).
        next_observations: What each action led to, before any reset; shape (T, N, ...).
        terminated: Where an episode ended by its rules, shape (T, N).
        truncated: Where one was cut off, shape (T, N).
    """

    observations: AnyArray
    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float32]
    next_observations: AnyArray
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]


class LearningCurve(NamedTuple):
    """What was earned while learning.

    Attributes:
        steps: How many steps had been taken, over all environments, when each episode ended; shape (episodes,).
        returns: The sum of its rewards, not discounted; shape (episodes,).
    """

    steps: npt.NDArray[np.int64]
    returns: npt.NDArray[np.float64]


def seed_from(rng: np.random.Generator) -> int:
    """A seed for an environment, so that all randomness comes from one generator.

    >>> seed_from(np.random.default_rng(0)) == seed_from(np.random.default_rng(0))
    True
    """
    return int(rng.integers(2**31))


def best_action(values: npt.ArrayLike) -> int:
    """The number of the largest value, of equals the first.

    Args:
        values: Logits or values of actions, shape (A,).

    Raises:
        ShapeError: The values are no vector.
        NotFiniteError: One is NaN or plus infinity, as those of a network are that diverged.

    >>> best_action([1.0, 3.0, 3.0])
    1
    """
    array = np.asarray(values)
    if array.ndim != 1 or not array.size:
        raise ShapeError(f"values of actions must be a vector, got shape {array.shape}")
    # The largest is NaN if any is.
    if not array.max() < np.inf:
        raise NotFiniteError(f"the largest value of an action is {array.max()}: has learning diverged?")
    return int(array.argmax())


def play_episode(
    network: Network,
    environment: Environment,
    rng: np.random.Generator,
    *,
    greedy: bool = False,
    seed: int | None = None,
    max_steps: int = 100_000,
) -> Episode:
    """One episode with actions drawn from a policy.

    Args:
        network: From observations, shape (1, ...), to logits, shape (1, A).
        environment: Where to act.
        rng: Draws the actions.
        greedy: Takes the action of the largest output instead, as suits values of actions too.
        seed: Of the environment; without one, its randomness goes on as it is.
        max_steps: Cuts the episode off.

    Raises:
        RangeError: `max_steps` is no whole number of at least 1.
        NotFiniteError: The network gives NaN.

    >>> from whitebox.rl.environments import CartPole
    >>> upright = lambda seen: Tensor(np.where(seen.data[:, 2:3] > 0, [0.0, 1.0], [1.0, 0.0]))
    >>> len(play_episode(upright, CartPole(), np.random.default_rng(0), greedy=True, seed=0).rewards)
    41
    """
    observation, _ = environment.reset(seed=seed)
    # Copies: an environment may write its next observation into the same array.
    seen: list[AnyArray] = [np.array(observation)]
    chosen: list[int] = []
    earned: list[float] = []
    terminated = truncated = False
    while not (terminated or truncated) and len(earned) < positive_int(max_steps, "max_steps"):
        with no_grad():
            outputs = network(Tensor(seen[-1][None])).data
        action = best_action(outputs[0]) if greedy else int(sample_actions(outputs, rng)[0])
        observation, reward, terminated, truncated, _ = environment.step(action)
        seen.append(np.array(observation))
        chosen.append(action)
        earned.append(reward)
    every = np.stack(seen)
    return Episode(every[:-1], np.array(chosen), np.array(earned, np.float32), every[1:], terminated)


def evaluate(
    network: Network,
    environment: Environment,
    *,
    episodes: int,
    rng: np.random.Generator,
    greedy: bool = True,
    max_steps: int = 100_000,
) -> npt.NDArray[np.float64]:
    """Returns of some episodes, not discounted, without learning.

    Args:
        network: As for `play_episode`.
        environment: Where to act.
        episodes: How many.
        rng: Seeds the environment and draws the actions.
        greedy: Whether the best action is taken rather than one drawn.
        max_steps: Cuts an episode off.

    Returns:
        Shape (episodes,).

    Raises:
        RangeError: A count is no whole number of at least 1.

    >>> from whitebox.rl.environments import CartPole, TimeLimit
    >>> left = lambda seen: Tensor(np.array([[1.0, 0.0]]))
    >>> evaluate(left, TimeLimit(CartPole(), 5), episodes=2, rng=np.random.default_rng(0)).tolist()
    [5.0, 5.0]
    """
    seed: int | None = seed_from(rng)
    found = []
    for _ in range(positive_int(episodes, "episodes")):
        episode = play_episode(network, environment, rng, greedy=greedy, seed=seed, max_steps=max_steps)
        found.append(float(episode.rewards.sum(dtype=np.float64)))
        seed = None
    return np.array(found)


class Actors:
    """Environments side by side, whose episodes go on from one rollout to the next.

    Args:
        environments: Each of its own; one network answers for all of them at once.
        rng: Seeds them, and draws the actions.

    Raises:
        EmptyInputError: There is none.
        RangeError: One stands there twice.

    >>> from whitebox.rl.environments import CartPole
    >>> actors = Actors([CartPole(), CartPole()], np.random.default_rng(0))
    >>> rollout = actors.collect(lambda seen: Tensor(np.zeros((len(seen), 2))), 30)
    >>> rollout.observations.shape, int(rollout.terminated.sum()) == len(actors.curve().returns)
    ((30, 2, 4), True)
    """

    def __init__(self, environments: Sequence[Environment], rng: np.random.Generator) -> None:
        if not environments:
            raise EmptyInputError("there is no environment to act in")
        if len({id(one) for one in environments}) < len(environments):
            raise RangeError("an environment stands twice among the environments: each needs a state of its own")
        self.environments = list(environments)
        self._rng = rng
        self._seen = np.stack([one.reset(seed=seed_from(rng))[0] for one in environments])
        self._earned = [0.0] * len(environments)
        self._ends: list[tuple[int, float]] = []
        self.steps = 0

    def collect(self, network: Network, steps: int) -> Rollout:
        """Acts some steps in each environment.

        Args:
            network: From observations, shape (N, ...), to logits, shape (N, A).
            steps: T.

        Raises:
            RangeError: `steps` is no whole number of at least 1.
            NotFiniteError: The network gives NaN.
        """
        count = len(self.environments)
        shape = (positive_int(steps, "steps"), count)
        before, after = (np.empty((*shape, *self._seen.shape[1:]), self._seen.dtype) for _ in range(2))
        actions, rewards = np.empty(shape, np.int64), np.empty(shape, np.float32)
        terminated, truncated = np.empty(shape, bool), np.empty(shape, bool)
        for t in range(steps):
            before[t] = self._seen
            with no_grad():
                # A copy: what is seen next is written in its place.
                outputs = network(Tensor(before[t])).data
            actions[t] = sample_actions(outputs, self._rng)
            for n, environment in enumerate(self.environments):
                observation, reward, terminated[t, n], truncated[t, n], _ = environment.step(int(actions[t, n]))
                rewards[t, n], after[t, n] = reward, observation
                self._earned[n] += float(reward)
                if terminated[t, n] or truncated[t, n]:
                    self._ends.append((self.steps + t * count + n + 1, self._earned[n]))
                    self._earned[n] = 0.0
                    observation, _ = environment.reset()
                self._seen[n] = observation
        self.steps += steps * count
        return Rollout(before, actions, rewards, after, terminated, truncated)

    def curve(self) -> LearningCurve:
        """Returns of the episodes that have ended."""
        return LearningCurve(
            np.array([step for step, _ in self._ends], np.int64), np.array([earned for _, earned in self._ends], float)
        )
