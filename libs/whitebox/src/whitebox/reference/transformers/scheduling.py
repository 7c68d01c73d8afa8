"""How a step is shared, token by token."""

from __future__ import annotations

from collections.abc import Sequence


def allot_tokens(pending: Sequence[int], budget: int) -> list[int]:
    """How many tokens each sequence reads in a step: first who has one left, then the others, the oldest first.

    >>> allot_tokens([1, 7, 1, 5], 10)
    [1, 7, 1, 1]
    """
    given = [0] * len(pending)
    writing_first = sorted(range(len(pending)), key=lambda place: pending[place] != 1)
    for place in writing_first:
        while given[place] < pending[place] and sum(given) < budget:
            given[place] += 1
    return given
