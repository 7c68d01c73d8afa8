"""By what search in trees chooses the next move to look at."""

from __future__ import annotations

import math


def ucb1(value: float, visits: int, parent_visits: int, exploration: float) -> float:
    """The mean, and more the less often the move was tried.

    >>> ucb1(0.5, 1, 1, 2.0)
    0.5
    """
    if visits == 0:
        return math.inf
    return value + exploration * math.sqrt(math.log(parent_visits) / visits)


def puct(value: float, prior: float, visits: int, parent_visits: int, exploration: float) -> float:
    """The mean, and more the likelier the move was said to be and the less often it was tried.

    >>> puct(0.5, 0.25, 1, 16, 1.0)
    1.0
    """
    return value + exploration * prior * math.sqrt(parent_visits) / (visits + 1)
