r"""REINFORCE: whole episodes, and the gradient of the logarithm of what was done, weighed by how well it went.

With :math:`J = E[\sum_t \gamma^t r_t]`,

.. math:: \nabla J = E\Bigl[\sum_t \gamma^t \nabla \log \pi(a_t \mid s_t)\, (G_t - b(s_t))\Bigr]

(Williams 1992: Simple Statistical Gradient-Following Algorithms; Sutton et al. 2000), whatever the baseline b, which
does not depend on the action: it changes the variance alone. Here it is learned, and estimates the value of a state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_array, number_in, positive_int
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import EmptyInputError, ShapeError
from whitebox.nn import Module, Optimizer
from whitebox.optimize.first_order import Adam
from whitebox.rl.categorical import log_probability
from whitebox.rl.environments import Environment
from whitebox.rl.returns import generalized_advantages
from whitebox.rl.rollouts import AnyArray, Episode, LearningCurve, play_episode, seed_from

if TYPE_CHECKING:
    from whitebox.optimize.first_order import Optimizer as Method


def policy_gradient_loss(logits: Tensor, actions: npt.ArrayLike, weights: npt.ArrayLike, *, count: int = 1) -> Tensor:
    r"""A number whose gradient is minus the estimated policy gradient: :math:`-\sum_t w_t \log \pi(a_t \mid s_t) / m`.

    Args:
        logits: Of the policy, shape (T, A).
        actions: What was done, shape (T,).
        weights: w, such as :math:`\gamma^t (G_t - b(s_t))`; constants; shape (T,).
        count: m, how many episodes the steps are from.

    Returns:
        A single number.

    Raises:
        ShapeError, RangeError, DtypeError, NotFiniteError: The arguments do not fit together, or are unusable.

    >>> logits = Tensor(np.zeros((1, 2)), requires_grad=True)
    >>> policy_gradient_loss(logits, [1], [3.0]).backward()
    >>> logits.grad.tolist()
    [[1.5, -1.5]]
    """
    chosen = log_probability(logits, np.asarray(actions))
    w = as_array(weights, "weights").astype(chosen.dtype)
    if w.shape != chosen.shape:
        raise ShapeError(f"weights must have the shape of the actions {chosen.shape}, got {w.shape}")
    return (chosen * Tensor(w)).sum() * (-1.0 / positive_int(count, "count"))


class ReinforceUpdate(NamedTuple):
    """What one step of descent did.

    Attributes:
        policy_loss: Before it.
        critic_loss: Mean squared error of the values before it; 0 without a critic.
        gradient_norm: Of the policy's parameters, before clipping.
    """

    policy_loss: float
    critic_loss: float
    gradient_norm: float


class Reinforce:
    r"""Learns a policy, and a critic as its baseline, from whole episodes.

    Args:
        policy: From observations, shape (n, ...), to logits, shape (n, A).
        critic: From observations to values, shape (n, 1); none for a baseline of 0.
        method: How to step the policy, from `whitebox.optimize.first_order`.
        critic_method: How to step the critic.
        discount: :math:`\gamma`, from 0 to 1.
        trace: :math:`\lambda` of generalised advantage estimation; with 1, advantages are returns minus the baseline.
        discount_states: Whether steps count by :math:`\gamma^t`, as the gradient of the discounted return demands.
            Without, later steps count as much as the first, which is biased for that return (Thomas 2014) and usual.
        max_norm: To which the gradients of each network are clipped, or none.
        rng: Draws actions and seeds environments.

    Raises:
        RangeError: A number lies outside its range.

    >>> from whitebox.nn import Linear
    >>> from whitebox.rl.environments import TabularEnvironment, grid_world
    >>> world, rng = TabularEnvironment(grid_world(2, 2)), np.random.default_rng(0)
    >>> learner = Reinforce(Linear(4, 4, rng=rng), Linear(4, 1, rng=rng), method=Adam(0.1), rng=rng)
    >>> curve = learner.learn(world, episodes=60)
    >>> bool(curve.returns[-10:].mean() > curve.returns[:10].mean())
    True
    """

    def __init__(
        self,
        policy: Module,
        critic: Module | None = None,
        *,
        method: Method[Any] = Adam(0.001),  # noqa: B008  # immutable
        critic_method: Method[Any] = Adam(0.001),  # noqa: B008
        discount: float = 0.99,
        trace: float = 1.0,
        discount_states: bool = False,
        max_norm: float | None = None,
        rng: np.random.Generator,
    ) -> None:
        self.policy = policy
        self.critic = critic
        self.discount = number_in(discount, "discount", 0, 1)
        self.trace = number_in(trace, "trace", 0, 1)
        self.discount_states = discount_states
        self._rng = rng
        self._policy_optimizer = Optimizer(policy, method, max_norm=max_norm)
        self._critic_optimizer = None if critic is None else Optimizer(critic, critic_method, max_norm=max_norm)

    def advantages(self, episode: Episode) -> AnyArray:
        """How much better each step went than the baseline; behind a cut, the critic's value stands for the rest.

        Args:
            episode: Of T steps.

        Returns:
            Shape (T,).
        """
        count = len(episode.rewards)
        values = self._values(np.concatenate([episode.observations, episode.next_observations[-1:]]))
        ends, cuts = np.zeros(count, bool), np.zeros(count, bool)
        ends[-1], cuts[-1] = episode.terminated, not episode.terminated
        return generalized_advantages(
            episode.rewards, values[:-1], values[1:], ends, cuts, discount=self.discount, trace=self.trace
        )

    def loss(self, episodes: Sequence[Episode]) -> Tensor:
        """Of the policy, a mean over the episodes; its gradient is minus an unbiased estimate of the policy gradient.

        Unbiased as long as `trace` is 1, `discount_states` is set, and no episode is cut off.

        Raises:
            EmptyInputError: There is no episode.
        """
        return self._losses(episodes)[0]

    def update(self, episodes: Sequence[Episode]) -> ReinforceUpdate:
        """One step of the policy and one of the critic.

        Args:
            episodes: That the policy, as it is now, has played.

        Raises:
            EmptyInputError: There is no episode.
            NotFiniteError: A gradient is not finite.
        """
        policy_loss, critic_loss = self._losses(episodes)
        self._policy_optimizer.zero_grad()
        policy_loss.backward()
        norm = self._policy_optimizer.step()
        if self._critic_optimizer is None or critic_loss is None:
            return ReinforceUpdate(policy_loss.item(), 0.0, norm)
        self._critic_optimizer.zero_grad()
        critic_loss.backward()
        self._critic_optimizer.step()
        return ReinforceUpdate(policy_loss.item(), critic_loss.item(), norm)

    def learn(self, environment: Environment, *, episodes: int, batch: int = 1) -> LearningCurve:
        """Plays and learns.

        Args:
            environment: Where to act.
            episodes: How many to play.
            batch: How many to play before each step of descent.

        Returns:
            What the episodes earned.

        Raises:
            RangeError: A count is no whole number of at least 1.
            NotFiniteError: Learning diverged.
        """
        positive_int(batch, "batch")
        seed: int | None = seed_from(self._rng)
        played: list[Episode] = []
        steps, returns = [], []
        for number in range(1, positive_int(episodes, "episodes") + 1):
            played.append(play_episode(self.policy, environment, self._rng, seed=seed))
            seed = None
            steps.append(len(played[-1].rewards))
            returns.append(float(played[-1].rewards.sum(dtype=np.float64)))
            if number % batch == 0 or number == episodes:
                self.update(played)
                played.clear()
        return LearningCurve(np.cumsum(steps), np.array(returns))

    def _values(self, observations: AnyArray) -> AnyArray:
        if self.critic is None:
            return np.zeros(len(observations), np.float32)
        with no_grad():
            values: AnyArray = self.critic(Tensor(observations)).data[:, 0]
        return values

    def _losses(self, episodes: Sequence[Episode]) -> tuple[Tensor, Tensor | None]:
        if not episodes:
            raise EmptyInputError("there is no episode to learn from")
        observations = np.concatenate([episode.observations for episode in episodes])
        advantages = [self.advantages(episode) for episode in episodes]
        weights = np.concatenate(
            [found * self.discount ** np.arange(len(found)) if self.discount_states else found for found in advantages]
        )
        actions = np.concatenate([episode.actions for episode in episodes])
        policy_loss = policy_gradient_loss(self.policy(Tensor(observations)), actions, weights, count=len(episodes))
        if self.critic is None:
            return policy_loss, None
        values = self.critic(Tensor(observations))
        # What is hoped for is the value plus how much better it went: with a trace of 1, the return.
        wanted = values.data[:, 0] + np.concatenate(advantages)
        return policy_loss, ((values.reshape(-1) - Tensor(wanted.astype(values.dtype))) ** 2).mean()
