"""Pairs of what shares out memory and time in `whitebox.transformers`."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import reference
from whitebox.transformers import paged_cache


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[list[int]], list[int], int]:
    """Blocks whose slots all hold different numbers, a table that may name one twice, and how much is filled."""
    blocks, size = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    table = draw(st.lists(st.integers(0, blocks - 1), max_size=5))
    data = np.arange(blocks * size).reshape(blocks, size).tolist()
    return data, table, draw(st.integers(0, len(table) * size))


def _gathered(data: list[list[int]], table: list[int], length: int) -> list[int]:
    # Two heads of three numbers each, of which the first is the slot's: nothing is mixed up between them.
    slots = np.array(data)[None, None, :, :, None] + np.zeros((2, 2, 1, 1, 3), int)
    slots[1] += 1000
    slots[:, 1] += 2000
    found = paged_cache.gather_blocks(slots, table, length)
    assert found.shape == (2, 2, length, 3)
    np.testing.assert_array_equal(found[1], found[0] + 1000)
    np.testing.assert_array_equal(found[:, 1], found[:, 0] + 2000)
    return found[0, 0, :, 0].tolist()


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[int], int]:
    """Tokens that sequences have to read, and a step that has at least one for each."""
    pending = draw(st.lists(st.one_of(st.just(1), st.integers(1, 9)), max_size=6))
    return pending, len(pending) + draw(st.integers(0, 20))


PAIRS = [
    Pair(
        "transformers.paged_cache.gather_blocks", reference.transformers.paged_cache.gather_blocks, _gathered, pools()
    ),
    Pair(
        "transformers.scheduling.allot_tokens",
        *both("transformers.scheduling.allot_tokens"),
        steps(),
    ),
]
