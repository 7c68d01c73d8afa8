"""What deep Q-networks are trained towards, and by what loss."""

from __future__ import annotations

from collections.abc import Sequence


def dqn_targets(
    rewards: Sequence[float],
    next_values: Sequence[Sequence[float]],
    terminated: Sequence[bool],
    discount: float,
    choosing_values: Sequence[Sequence[float]] | None = None,
) -> list[float]:
    """The reward and, unless the episode ended there, the discounted value of the action that looks best after it.

    >>> dqn_targets([1.0, 1.0], [[2.0, 4.0], [2.0, 4.0]], [False, True], 0.5)
    [3.0, 1.0]
    """
    found = []
    for place, reward in enumerate(rewards):
        values = next_values[place]
        choosing = values if choosing_values is None else choosing_values[place]
        best = values[choosing.index(max(choosing))]
        found.append(reward if terminated[place] else reward + discount * best)
    return found


def huber_loss(predictions: Sequence[float], targets: Sequence[float], delta: float) -> float:
    """The mean of half the squared errors, and of lines where they are larger than delta.

    >>> huber_loss([0.5, 3.0], [0.0, 0.0], 1.0)
    1.3125
    """
    total = 0.0
    for prediction, target in zip(predictions, targets, strict=True):
        error = abs(prediction - target)
        total += 0.5 * error**2 if error <= delta else delta * (error - 0.5 * delta)
    return total / len(targets)
