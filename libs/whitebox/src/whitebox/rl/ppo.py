r"""Proximal policy optimisation: several epochs on the same steps, held near the policy that took them by clipping.

(Schulman, Wolski, Dhariwal, Radford, Klimov 2017: Proximal Policy Optimization Algorithms.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import as_vector, number_in, positive_int
from whitebox.autograd import Tensor, no_grad, primitive
from whitebox.autograd._tensor import Pullback
from whitebox.errors import ShapeError
from whitebox.nn import Module, Optimizer
from whitebox.optimize.first_order import Adam
from whitebox.rl.categorical import entropy, log_probability
from whitebox.rl.environments import Environment
from whitebox.rl.returns import generalized_advantages
from whitebox.rl.rollouts import Actors, AnyArray, LearningCurve, Rollout

if TYPE_CHECKING:
    from whitebox.optimize.first_order import Optimizer as Method

# Against division by 0 where all advantages of a minibatch are the same.
_EPSILON = 1e-8


def clipped_surrogate(
    log_probabilities: Tensor, old_log_probabilities: npt.ArrayLike, advantages: npt.ArrayLike, *, clip: float = 0.2
) -> Tensor:
    r"""The objective that PPO climbs, a mean over steps.

    .. math:: L = \operatorname{mean}_t \min\bigl(\rho_t A_t,\;
              \operatorname{clip}(\rho_t, 1 - \epsilon, 1 + \epsilon)\, A_t\bigr), \qquad
              \rho_t = \frac{\pi(a_t \mid s_t)}{\pi_{\text{old}}(a_t \mid s_t)}

    (Schulman et al. 2017, eq. 7). Nothing flows from a step whose ratio has left the interval in the direction that its
    advantage calls for; from one that left it in the other, everything does. O(T).

    Args:
        log_probabilities: :math:`\log \pi(a_t \mid s_t)`, shape (T,).
        old_log_probabilities: Those of the policy that acted, constants, shape (T,).
        advantages: A, constants, shape (T,).
        clip: :math:`\epsilon`, positive.

    Returns:
        A single number.

    Raises:
        ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: An argument is unusable.

    >>> new = Tensor(np.log([1.5, 0.5]), requires_grad=True)
    >>> objective = clipped_surrogate(new, [0.0, 0.0], [1.0, 1.0])
    >>> objective.backward()
    >>> round(objective.item(), 4), new.grad.round(4).tolist()
    (0.85, [0.0, 0.25])
    """
    old = as_vector(old_log_probabilities, "old_log_probabilities").astype(log_probabilities.dtype)
    A = as_vector(advantages, "advantages").astype(log_probabilities.dtype)
    if not log_probabilities.shape == old.shape == A.shape:
        raise ShapeError(
            f"log_probabilities {log_probabilities.shape}, old_log_probabilities {old.shape} and advantages {A.shape} "
            "must be vectors of the same length"
        )
    return _clipped_surrogate(log_probabilities, old, A, number_in(clip, "clip", 0, open_low=True))


@primitive
def _clipped_surrogate(log_probabilities: Any, old: Any, A: Any, clip: float) -> tuple[AnyArray, Pullback]:
    ratio = np.exp(log_probabilities - old)
    free, held = ratio * A, np.clip(ratio, 1 - clip, 1 + clip) * A
    # Inside the interval both are the same, and the gradient is that of the ratio.
    flows = free <= held
    return np.minimum(free, held).mean(), lambda g: (g * free * flows / len(A),)


class PPOUpdate(NamedTuple):
    """What the epochs on one rollout did; means over their minibatches.

    Attributes:
        objective: The clipped surrogate.
        critic_loss: Mean squared error of the values.
        entropy: Of the policy, in nats.
        divergence: From the policy that acted to the last one, in nats, as estimated in the last minibatch.
        clipped: Share of steps whose ratio lay outside the interval.
        epochs: How many were begun; fewer than asked for where the divergence grew too large.
    """

    objective: float
    critic_loss: float
    entropy: float
    divergence: float
    clipped: float
    epochs: int


class PPO:
    r"""Learns a policy and a critic from steps in several environments.

    Minimises :math:`-L + c_v \operatorname{mean}(V - \hat G)^2 - c_e H` over both networks at once, with advantages by
    `generalized_advantages`, brought to mean 0 and deviation 1 in each minibatch, and :math:`\hat G = A + V`.

    Args:
        policy: From observations, shape (n, ...), to logits, shape (n, A).
        critic: From observations to values, shape (n, 1).
        method: How to step, from `whitebox.optimize.first_order`.
        discount: :math:`\gamma`, from 0 to 1.
        trace: :math:`\lambda` of the advantages, from 0 to 1.
        clip: :math:`\epsilon`, positive.
        horizon: Steps in each environment between updates.
        epochs: Passes over them.
        minibatch: Steps in each step of descent.
        value_weight: :math:`c_v`.
        entropy_weight: :math:`c_e`.
        normalize: Whether advantages are brought to mean 0 and deviation 1.
        max_divergence: Ends the epochs early where the estimated divergence is larger; none for never.
        max_norm: To which all gradients together are clipped, or none.
        rng: Draws actions and minibatches, seeds environments.

    Raises:
        RangeError: A number lies outside its range.

    >>> from whitebox.nn import Linear
    >>> from whitebox.rl.environments import TabularEnvironment, grid_world
    >>> worlds, rng = [TabularEnvironment(grid_world(2, 2)) for _ in range(4)], np.random.default_rng(0)
    >>> learner = PPO(Linear(4, 4, rng=rng), Linear(4, 1, rng=rng), method=Adam(0.05), horizon=16, rng=rng)
    >>> curve = learner.learn(worlds, steps=1000)
    >>> bool(curve.returns[-10:].mean() > curve.returns[:10].mean())
    True
    """

    def __init__(
        self,
        policy: Module,
        critic: Module,
        *,
        method: Method[Any] = Adam(0.00025),  # noqa: B008  # immutable
        discount: float = 0.99,
        trace: float = 0.95,
        clip: float = 0.2,
        horizon: int = 128,
        epochs: int = 4,
        minibatch: int = 64,
        value_weight: float = 0.5,
        entropy_weight: float = 0.0,
        normalize: bool = True,
        max_divergence: float | None = None,
        max_norm: float | None = 0.5,
        rng: np.random.Generator,
    ) -> None:
        self.policy = policy
        self.critic = critic
        self.discount = number_in(discount, "discount", 0, 1)
        self.trace = number_in(trace, "trace", 0, 1)
        self.clip = number_in(clip, "clip", 0, open_low=True)
        self.horizon = positive_int(horizon, "horizon")
        self.epochs = positive_int(epochs, "epochs")
        self.minibatch = positive_int(minibatch, "minibatch")
        self.value_weight = number_in(value_weight, "value_weight", 0)
        self.entropy_weight = number_in(entropy_weight, "entropy_weight", 0)
        self.normalize = normalize
        self.max_divergence = (
            None if max_divergence is None else number_in(max_divergence, "max_divergence", 0, open_low=True)
        )
        self._rng = rng
        # A trunk that both networks share is stepped once.
        self._optimizer = Optimizer(
            list({id(one): one for one in (*policy.parameters(), *critic.parameters())}.values()),
            method,
            max_norm=max_norm,
        )

    def advantages(self, rollout: Rollout) -> tuple[AnyArray, AnyArray]:
        """Advantages of the steps of a rollout, and the returns that the critic is to learn.

        Returns:
            Both of shape (T, N).
        """
        shape = rollout.rewards.shape
        values, after = (
            self._values(seen.reshape(-1, *seen.shape[2:])).reshape(shape)
            for seen in (rollout.observations, rollout.next_observations)
        )
        found = generalized_advantages(
            rollout.rewards,
            values,
            after,
            rollout.terminated,
            rollout.truncated,
            discount=self.discount,
            trace=self.trace,
        )
        return found, found + values

    def loss(
        self,
        observations: npt.ArrayLike,
        actions: npt.ArrayLike,
        old_log_probabilities: npt.ArrayLike,
        advantages: npt.ArrayLike,
        returns: npt.ArrayLike,
    ) -> tuple[Tensor, PPOUpdate]:
        """What a step of descent on a minibatch makes smaller, and of what it consists.

        Args:
            observations: Shape (n, ...).
            actions: Shape (n,).
            old_log_probabilities: Of the actions, by the policy that acted; shape (n,).
            advantages: Shape (n,); brought to mean 0 and deviation 1 here, if that is asked for.
            returns: What the values are to become, shape (n,).

        Raises:
            ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: The arguments do not fit.
        """
        seen = Tensor(np.asarray(observations))
        old, A = as_vector(old_log_probabilities, "old_log_probabilities"), as_vector(advantages, "advantages")
        if self.normalize:
            A = (A - A.mean()) / (A.std() + _EPSILON)
        logits = self.policy(seen)
        taken = log_probability(logits, np.asarray(actions))
        objective = clipped_surrogate(taken, old, A, clip=self.clip)
        values = self.critic(seen).reshape(-1)
        wanted = as_vector(returns, "returns").astype(values.dtype)
        if wanted.shape != values.shape:
            raise ShapeError(f"returns must have shape {values.shape}, got {wanted.shape}")
        critic_loss = ((values - Tensor(wanted)) ** 2).mean()
        spread = entropy(logits).mean()
        total = critic_loss * self.value_weight - objective - spread * self.entropy_weight
        change = taken.data - old
        ratio = np.exp(change)
        return total, PPOUpdate(
            objective.item(),
            critic_loss.item(),
            spread.item(),
            # Never negative, and of less variance than the mean of -change (Schulman 2020).
            float((ratio - 1 - change).mean()),
            float((np.abs(ratio - 1) > self.clip).mean()),
            1,
        )

    def update(self, rollout: Rollout) -> PPOUpdate:
        """Learns from the steps of a rollout.

        Args:
            rollout: By the policy as it is now.

        Raises:
            NotFiniteError: A gradient is not finite.
        """
        advantages, returns = (part.reshape(-1) for part in self.advantages(rollout))
        observations = rollout.observations.reshape(-1, *rollout.observations.shape[2:])
        actions = rollout.actions.reshape(-1)
        with no_grad():
            old = log_probability(self.policy(Tensor(observations)), actions).data
        parts: list[PPOUpdate] = []
        for epoch in range(1, self.epochs + 1):
            order = self._rng.permutation(len(actions))
            for start in range(0, len(order), self.minibatch):
                rows = order[start : start + self.minibatch]
                total, part = self.loss(observations[rows], actions[rows], old[rows], advantages[rows], returns[rows])
                parts.append(part)
                if self.max_divergence is not None and part.divergence > self.max_divergence:
                    return _summary(parts, epoch)
                self._optimizer.zero_grad()
                total.backward()
                self._optimizer.step()
        return _summary(parts, self.epochs)

    def learn(self, environments: Sequence[Environment], *, steps: int) -> LearningCurve:
        """Acts and learns.

        Args:
            environments: Each of its own.
            steps: How many to take in all environments together, rounded up to whole rollouts.

        Returns:
            What the episodes that ended have earned.

        Raises:
            EmptyInputError, RangeError: There is no environment, or `steps` is no whole number of at least 1.
            NotFiniteError: Learning diverged.
        """
        positive_int(steps, "steps")
        actors = Actors(environments, self._rng)
        while actors.steps < steps:
            self.update(actors.collect(self.policy, self.horizon))
        return actors.curve()

    def _values(self, observations: AnyArray) -> AnyArray:
        with no_grad():
            values: AnyArray = self.critic(Tensor(observations)).data
        return values.reshape(-1)


def _summary(parts: Sequence[PPOUpdate], epochs: int) -> PPOUpdate:
    objective, critic_loss, spread, _, clipped, _ = (float(number) for number in np.mean(parts, axis=0))
    return PPOUpdate(objective, critic_loss, spread, parts[-1].divergence, clipped, epochs)
