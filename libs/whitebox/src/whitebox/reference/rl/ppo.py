"""The objective of proximal policy optimisation."""

from __future__ import annotations

import math
from collections.abc import Sequence


def clipped_surrogate(
    log_probabilities: Sequence[float],
    old_log_probabilities: Sequence[float],
    advantages: Sequence[float],
    clip: float,
) -> float:
    """The mean of what each step promises, or of what it does with its ratio held in the interval if that is less.

    >>> clipped_surrogate([math.log(1.5), math.log(0.5)], [0.0, 0.0], [1.0, 1.0], 0.2)
    0.85
    """
    total = 0.0
    for new, old, advantage in zip(log_probabilities, old_log_probabilities, advantages, strict=True):
        ratio = math.exp(new - old)
        held = min(max(ratio, 1 - clip), 1 + clip)
        total += min(ratio * advantage, held * advantage)
    return total / len(advantages)
