"""A cache in blocks of fixed size that sequences draw from one pool, and share where they begin alike."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import CacheFullError, RangeError, ShapeError, StateError

AnyArray = npt.NDArray[Any]


class PoolUsage(NamedTuple):
    """Where the blocks of a pool are.

    Attributes:
        used: Blocks that at least one sequence holds.
        cached: Blocks that none holds, kept for sequences that begin alike until they are needed for others.
        free: Blocks with nothing in them.
        shared: Of those used, held by several sequences.
        waste: Positions in used blocks that hold nothing: less than a block for each sequence.
    """

    used: int
    cached: int
    free: int
    shared: int
    waste: int


class BlockPool:
    """Blocks of keys and values that many sequences share (PagedAttention: Kwon et al. 2023, sec. 4).

    A sequence's positions lie in blocks anywhere in the pool; its block table says where. Memory is lost only in the
    last block of each sequence, and sequences with a common beginning hold the same blocks, which are counted by
    reference. A full block may be found again by the tokens it was computed from and all before them: under a hash of
    its tokens and the hash of the block before it. Where the last holder is gone it stays until blocks run out; then
    the one goes that has been unused for longest.

    Args:
        layers: Of the model.
        heads: Heads of keys and values.
        width: Of a head.
        blocks: How many there are.
        block_size: Positions in a block.
        dtype: Precision.
        prefix_caching: Whether blocks are found again by their tokens.

    Raises:
        RangeError: A number is not positive.

    >>> pool = BlockPool(layers=1, heads=1, width=1, blocks=8, block_size=4)
    >>> first = pool.new_sequence()
    >>> keys, values = first.extend(0, np.ones((1, 1, 6, 1)), np.ones((1, 1, 6, 1)))
    >>> second = first.fork()
    >>> pool.usage()
    PoolUsage(used=2, cached=0, free=6, shared=2, waste=2)
    >>> keys, values = second.extend(0, np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)))
    >>> pool.usage()
    PoolUsage(used=3, cached=0, free=5, shared=1, waste=3)
    """

    def __init__(
        self,
        *,
        layers: int,
        heads: int,
        width: int,
        blocks: int,
        block_size: int = 16,
        dtype: npt.DTypeLike = np.float32,
        prefix_caching: bool = True,
    ) -> None:
        self.blocks, self.block_size = positive_int(blocks, "blocks"), positive_int(block_size, "block_size")
        self.layers, self.prefix_caching = positive_int(layers, "layers"), prefix_caching
        shape = positive_int(heads, "heads"), blocks, block_size, positive_int(width, "width")
        # Keys and values beside each other: reading a layer is one look-up.
        self._data = np.zeros((layers, 2, *shape), dtype)
        self._references = [0] * blocks
        self._digests: list[bytes | None] = [None] * blocks
        self._by_digest: dict[bytes, int] = {}
        # Taken from the end: the first sequence gets the first blocks.
        self._free = list(range(blocks))[::-1]
        # Held by none but found by their tokens; those unused for longest come first.
        self._cached: OrderedDict[int, None] = OrderedDict()
        self._sequences: set[PagedCache] = set()

    @property
    def available(self) -> int:
        """Blocks that can be given out: the free ones, and those only kept in case."""
        return len(self._free) + len(self._cached)

    def usage(self) -> PoolUsage:
        """Where the blocks are; O(blocks held by sequences)."""
        filled: dict[int, int] = {}
        for sequence in self._sequences:
            for place, block in enumerate(sequence.block_table):
                held = min(self.block_size, sequence.length - place * self.block_size)
                filled[block] = max(held, filled.get(block, 0))
        shared = sum(count > 1 for count in self._references)
        waste = len(filled) * self.block_size - sum(filled.values())
        return PoolUsage(self.blocks - self.available, len(self._cached), len(self._free), shared, waste)

    def new_sequence(self, tokens: Sequence[int] = ()) -> PagedCache:
        """An empty sequence, or one that begins with blocks that are still there.

        Args:
            tokens: What it will read. Of the blocks that these fill, the first ones that are found are taken over, but
                never all positions: the last token has to be read for its logits. The sequence's `length` says how many
                are there already.
        """
        table: list[int] = []
        digests: list[bytes] = []
        for place in range(max(0, len(tokens) - 1) // self.block_size):
            digest = _digest(digests[-1] if digests else b"", tokens, place, self.block_size)
            block = self._by_digest.get(digest)
            if block is None:
                break
            self._hold(block)
            table.append(block)
            digests.append(digest)
        return PagedCache(self, table, [len(table) * self.block_size] * self.layers, digests)

    def _hold(self, block: int) -> None:
        self._cached.pop(block, None)
        self._references[block] += 1

    def _take(self) -> int:
        """A block without content, for one holder."""
        if self._free:
            block = self._free.pop()
        else:
            block, _ = self._cached.popitem(last=False)
            self._forget(block)
        self._references[block] = 1
        return block

    def _release(self, block: int) -> None:
        self._references[block] -= 1
        if self._references[block]:
            return
        if self._digests[block] is None:
            self._free.append(block)
        else:
            self._cached[block] = None

    def _forget(self, block: int) -> None:
        """The block is no longer found by its tokens."""
        digest = self._digests[block]
        if digest is not None:
            del self._by_digest[digest]
            self._digests[block] = None

    def _publish(self, block: int, digest: bytes) -> None:
        # Where two sequences computed the same, the first block stays the one that is found.
        if digest not in self._by_digest and self._digests[block] is None:
            self._by_digest[digest] = block
            self._digests[block] = digest


class PagedCache:
    """The keys and values of one sequence in the blocks of a pool; made by `BlockPool.new_sequence` and `fork`.

    It reads the same, bit for bit, as a `ContiguousCache`: what lies in blocks is put together for each layer by one
    look-up, O(length).

    Args:
        pool: Holds the blocks.
        table: Blocks that it holds already.
        lengths: Positions filled in each layer.
        digests: Hashes of its first blocks, as far as they have been published.

    >>> pool = BlockPool(layers=1, heads=1, width=1, blocks=8, block_size=2)
    >>> with pool.new_sequence() as sequence:
    ...     _ = sequence.extend(0, np.ones((1, 1, 5, 1)), np.ones((1, 1, 5, 1)))
    ...     sequence.truncate(3)
    ...     sequence.length, sequence.block_table, sequence.waste
    (3, [0, 1], 1)
    """

    def __init__(self, pool: BlockPool, table: Sequence[int], lengths: Sequence[int], digests: Sequence[bytes]) -> None:
        self._pool = pool
        self._table = np.array(table, np.intp)
        self._lengths = list(lengths)
        self._chain = list(digests)
        pool._sequences.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    @property
    def length(self) -> int:
        """Positions that are held by all layers."""
        return min(self._lengths)

    @property
    def block_table(self) -> list[int]:
        """Where in the pool its blocks are, in their order."""
        return [int(block) for block in self._table]

    @property
    def waste(self) -> int:
        """Positions in its blocks that hold nothing: less than a block."""
        return len(self._table) * self._pool.block_size - self.length

    def needed(self, count: int) -> int:
        """Blocks of the pool that `count` further positions will take, a copy of a shared last block among them."""
        start = max(self._lengths)
        return self._missing(start, start + count)

    def extend(self, layer: int, keys: AnyArray, values: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Adds keys and values, shape (1, g, new, d), of a layer; gives all of that layer, shape (1, g, m, d).

        A block that others hold too is copied before it is written into (copy on write).

        Raises:
            CacheFullError: The pool has not enough blocks left; nothing has been changed.
            ShapeError: There is not one sequence.
            StateError: It has been freed.
        """
        self._check_held()
        if len(keys) != 1:
            raise ShapeError(f"a paged cache holds one sequence, got {len(keys)} side by side")
        pool = self._pool
        start, size = self._lengths[layer], pool.block_size
        end = start + keys.shape[2]
        if end > start:
            self._reserve(start, end)
        places = np.arange(start, end)
        data = pool._data[layer]
        data[0][:, self._table[places // size], places % size] = keys[0]
        data[1][:, self._table[places // size], places % size] = values[0]
        self._lengths[layer] = end
        held = gather_blocks(data, self._table[: -(-end // size)], end)
        return held[0][None], held[1][None]

    def publish(self, tokens: Sequence[int]) -> None:
        """Lets other sequences that begin with these tokens find the blocks that are full.

        Args:
            tokens: What was read so far, `length` of them.

        Raises:
            ShapeError: There are not as many tokens as positions.
            StateError: It has been freed.
        """
        self._check_held()
        if len(tokens) != self.length:
            raise ShapeError(f"{self.length} positions were computed from as many tokens, got {len(tokens)}")
        if not self._pool.prefix_caching:
            return
        size = self._pool.block_size
        for place in range(len(self._chain), self.length // size):
            digest = _digest(self._chain[-1] if self._chain else b"", tokens, place, size)
            self._chain.append(digest)
            self._pool._publish(int(self._table[place]), digest)

    def fork(self) -> PagedCache:
        """A second sequence with the same past, in the same blocks; they part where they are extended.

        Raises:
            StateError: It has been freed.
        """
        self._check_held()
        for block in self.block_table:
            self._pool._hold(block)
        return PagedCache(self._pool, self.block_table, self._lengths, self._chain)

    def truncate(self, length: int) -> None:
        """Forgets everything behind the first `length` positions, and gives back blocks that only they needed.

        Raises:
            RangeError: The length is negative.
            StateError: It has been freed.
        """
        self._check_held()
        if length < 0:
            raise RangeError(f"a cache keeps 0 positions or more, got {length}")
        self._lengths = [min(length, held) for held in self._lengths]
        size = self._pool.block_size
        kept = -(-max(self._lengths) // size)
        # From the end: of a sequence that nobody uses, the end is given up first, as its beginning fits more others.
        for block in self.block_table[kept:][::-1]:
            self._pool._release(block)
        self._table = self._table[:kept]
        del self._chain[self.length // size :]

    def free(self) -> None:
        """Gives back all blocks; once is enough, more does no harm."""
        if self in self._pool._sequences:
            self.truncate(0)
            self._pool._sequences.remove(self)

    def _reserve(self, start: int, end: int) -> None:
        """Blocks up to a position, of which those that are written into belong to this sequence alone."""
        pool, needed = self._pool, self._missing(start, end)
        if needed > pool.available:
            raise CacheFullError(f"the pool has {pool.available} of {pool.blocks} blocks left, {needed} are needed")
        for place in self._written(start, end):
            block = int(self._table[place])
            if pool._references[block] > 1:
                own = pool._take()
                pool._data[:, :, :, own] = pool._data[:, :, :, block]
                pool._release(block)
                self._table[place] = own
            else:
                # It was full once and has been shortened: its tokens are about to become others.
                pool._forget(block)
        further = -(-end // pool.block_size) - len(self._table)
        if further > 0:
            self._table = np.append(self._table, [pool._take() for _ in range(further)]).astype(np.intp)

    def _written(self, start: int, end: int) -> range:
        """Which of the table's blocks hold positions from `start` to before `end`."""
        size = self._pool.block_size
        return range(start // size, min(-(-end // size), len(self._table)))

    def _missing(self, start: int, end: int) -> int:
        """Blocks to be taken before positions can be written."""
        references = self._pool._references
        shared = sum(1 for place in self._written(start, end) if references[int(self._table[place])] > 1)
        return shared + max(0, -(-end // self._pool.block_size) - len(self._table))

    def _check_held(self) -> None:
        if self not in self._pool._sequences:
            raise StateError("this sequence has been freed: its blocks belong to others")


def gather_blocks(data: AnyArray, table: npt.ArrayLike, length: int) -> AnyArray:
    """Puts together what lies in blocks: position p in slot p mod s of the block that the table has at ⌊p / s⌋.

    Args:
        data: Shape (2, g, blocks, s, d).
        table: Numbers of blocks in their order.
        length: Positions that are filled.

    Returns:
        Shape (2, g, length, d).

    Raises:
        RangeError: The table is too short for the length.

    >>> gather_blocks(np.arange(6.0).reshape(1, 1, 3, 2, 1), [2, 0], 3).ravel().tolist()
    [4.0, 5.0, 0.0]
    """
    numbers = np.asarray(table, np.intp)
    if not 0 <= length <= len(numbers) * data.shape[3]:
        raise RangeError(f"{len(numbers)} blocks of {data.shape[3]} hold no {length} positions")
    taken = np.take(data, numbers, axis=2)
    return taken.reshape(*data.shape[:2], -1, data.shape[4])[:, :, :length]


def _digest(before: bytes, tokens: Sequence[int], place: int, size: int) -> bytes:
    """Hash of a block's tokens and of all before them: of `place` blocks, through the hash of the last one."""
    own = np.asarray(tokens[place * size : (place + 1) * size], np.int64)
    # A hash that cannot be made to collide: a wrong block would be another text's memory.
    return hashlib.sha256(before + own.tobytes()).digest()
