"""From the rewards of a sequence of steps to what is learned from."""

from __future__ import annotations

from collections.abc import Sequence


def discounted_returns(rewards: Sequence[float], discount: float, last_value: float = 0.0) -> list[float]:
    """The sum of the rewards from each step on, each discounted by its distance.

    >>> discounted_returns([1.0, 0.0, 4.0], 0.5)
    [2.0, 2.0, 4.0]
    """
    count = len(rewards)
    return [
        sum(discount ** (k - t) * rewards[k] for k in range(t, count)) + discount ** (count - t) * last_value
        for t in range(count)
    ]


def generalized_advantages(
    rewards: Sequence[float],
    values: Sequence[float],
    next_values: Sequence[float],
    terminated: Sequence[bool],
    truncated: Sequence[bool],
    *,
    discount: float,
    trace: float,
) -> list[float]:
    """For each step the errors of one step from there to the end of the episode, discounted by both.

    >>> ended, cut = [False, True], [False, False]
    >>> generalized_advantages([1.0, 1.0], [0.0, 2.0], [2.0, 6.0], ended, cut, discount=0.5, trace=1.0)
    [1.5, -1.0]
    """
    found = []
    for start in range(len(rewards)):
        total = 0.0
        for t in range(start, len(rewards)):
            after = 0.0 if terminated[t] else next_values[t]
            total += (discount * trace) ** (t - start) * (rewards[t] + discount * after - values[t])
            if terminated[t] or truncated[t]:
                break
        found.append(total)
    return found
