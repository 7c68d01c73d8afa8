"""Block tables, position by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def gather_blocks(data: Sequence[Sequence[T]], table: Sequence[int], length: int) -> list[T]:
    """What a sequence's positions hold, through its block table (Kwon et al. 2023, fig. 6).

    Args:
        data: What each slot of each block holds.
        table: The sequence's blocks in their order.
        length: Its positions.

    >>> gather_blocks([["a", "b"], ["c", "d"], ["e", "f"]], [2, 0], 3)
    ['e', 'f', 'a']
    """
    size = len(data[0])
    return [data[table[position // size]][position % size] for position in range(length)]
