"""Past experience, to be learned from again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import EmptyInputError, NotFiniteError, ShapeError

AnyArray = npt.NDArray[Any]


class Transitions(NamedTuple):
    """Steps, in no order.

    Attributes:
        observations: Shape (n, ...).
        actions: Shape (n,).
        rewards: Shape (n,).
        next_observations: Shape (n, ...).
        terminated: Whether the episode ended by its rules there, shape (n,). One that was cut off did not.
    """

    observations: AnyArray
    actions: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float32]
    next_observations: AnyArray
    terminated: npt.NDArray[np.bool_]


class ReplayBuffer:
    """The last steps, in a ring (Lin 1992). O(1) to add one, O(n) to draw n.

    Args:
        capacity: How many are kept; a new one then takes the place of the oldest.

    Raises:
        RangeError: The capacity is no whole number of at least 1.

    >>> buffer = ReplayBuffer(2)
    >>> for reward in (1.0, 2.0, 3.0):
    ...     buffer.add([0.0], 0, reward, [0.0], False)
    >>> sorted(set(buffer.sample(50, np.random.default_rng(0)).rewards.tolist()))
    [2.0, 3.0]
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = positive_int(capacity, "capacity")
        self._kept: Transitions | None = None
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self.capacity)

    def add(
        self,
        observation: npt.ArrayLike,
        action: int,
        reward: float,
        next_observation: npt.ArrayLike,
        terminated: bool,
    ) -> None:
        """Keeps one step.

        Args:
            observation: Of the shape of the first one that was kept; the buffer has its precision.
            action: What was done.
            reward: What it paid.
            next_observation: What was seen after, before any reset.
            terminated: Whether the episode ended by its rules.

        Raises:
            ShapeError: Observations have another shape than those kept.
            NotFiniteError: The reward is not finite.
        """
        before, after = np.asarray(observation), np.asarray(next_observation)
        if self._kept is None:
            n, shape = self.capacity, before.shape
            self._kept = Transitions(
                np.empty((n, *shape), before.dtype),
                np.empty(n, np.int64),
                np.empty(n, np.float32),
                np.empty((n, *shape), before.dtype),
                np.empty(n, bool),
            )
        shape = self._kept.observations.shape[1:]
        if before.shape != shape or after.shape != shape:
            raise ShapeError(f"observations must have shape {shape}, got {before.shape} and {after.shape}")
        if not np.isfinite(reward):
            raise NotFiniteError(f"reward is {reward}")
        place = self._count % self.capacity
        kept = self._kept
        kept.observations[place], kept.actions[place], kept.rewards[place] = before, action, reward
        kept.next_observations[place], kept.terminated[place] = after, terminated
        self._count += 1

    def sample(self, size: int, rng: np.random.Generator) -> Transitions:
        """Steps drawn uniformly, with replacement.

        Args:
            size: n.
            rng: Draws them.

        Raises:
            EmptyInputError: Nothing is kept.
            RangeError: `size` is no whole number of at least 1.
        """
        if self._kept is None:
            raise EmptyInputError("the replay buffer is empty")
        rows = rng.integers(len(self), size=positive_int(size, "size"))
        return Transitions._make(array[rows] for array in self._kept)
