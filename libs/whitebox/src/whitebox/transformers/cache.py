"""Keys and values of tokens that were read already, so that each further token costs one position and not all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import CacheFullError, EmptyInputError, RangeError, ShapeError

AnyArray = npt.NDArray[Any]


class KeyValueCache(Protocol):
    """What a decoder needs of a cache: it writes each layer's new keys and values, and reads all so far."""

    @property
    def length(self) -> int:
        """Positions that are held by all layers."""

    def extend(self, layer: int, keys: AnyArray, values: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Adds keys and values, shape (b, g, new, d), of a layer; gives all of that layer, shape (b, g, m, d)."""

    def truncate(self, length: int) -> None:
        """Forgets everything behind the first `length` positions."""


class ContiguousCache:
    """One array for each layer, allocated once.

    Args:
        layers: Of the model.
        batch: Sequences that are read side by side.
        heads: Heads of keys and values.
        width: Of a head.
        capacity: Positions at most.
        dtype: Precision.

    >>> cache = ContiguousCache(layers=1, batch=1, heads=2, width=4, capacity=8)
    >>> keys, values = cache.extend(0, np.ones((1, 2, 3, 4)), np.ones((1, 2, 3, 4)))
    >>> keys.shape, cache.length
    ((1, 2, 3, 4), 3)
    """

    def __init__(
        self, *, layers: int, batch: int, heads: int, width: int, capacity: int, dtype: npt.DTypeLike = np.float32
    ) -> None:
        shape = (positive_int(batch, "batch"), heads, positive_int(capacity, "capacity"), width)
        self._keys = [np.zeros(shape, dtype) for _ in range(layers)]
        self._values = [np.zeros(shape, dtype) for _ in range(layers)]
        self._lengths = [0] * layers

    @property
    def length(self) -> int:
        """Positions that are held by all layers."""
        return min(self._lengths)

    def extend(self, layer: int, keys: AnyArray, values: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Adds keys and values of a layer; gives all of that layer, as views.

        Raises:
            CacheFullError: There is no room for them.
        """
        start = self._lengths[layer]
        end, capacity = start + keys.shape[2], self._keys[layer].shape[2]
        if end > capacity:
            raise CacheFullError(f"the cache holds {capacity} positions, {end} are needed")
        self._keys[layer][:, :, start:end] = keys
        self._values[layer][:, :, start:end] = values
        self._lengths[layer] = end
        return self._keys[layer][:, :, :end], self._values[layer][:, :, :end]

    def truncate(self, length: int) -> None:
        """Forgets everything behind the first `length` positions, as when drafted tokens are rejected.

        Raises:
            RangeError: The length is negative.
        """
        if length < 0:
            raise RangeError(f"a cache keeps 0 positions or more, got {length}")
        self._lengths = [min(length, held) for held in self._lengths]


class PackedCaches:
    """Caches of several sequences whose new tokens stand one behind the other in a single row.

    A decoder then runs its linear layers once over the whole row, however many tokens each sequence brings, and only
    attention looks at each sequence alone (selective batching: Yu et al. 2022, sec. 3.2). Nothing is padded.

    Args:
        caches: One for each sequence.
        counts: New tokens of each, at least one.

    Raises:
        EmptyInputError: There is no sequence.
        ShapeError: There are not as many counts as caches.
        RangeError: A count is not positive, or a cache stands there twice: its positions would be counted once only.

    >>> long, short = (ContiguousCache(layers=1, batch=1, heads=1, width=1, capacity=9) for _ in range(2))
    >>> _ = long.extend(0, np.ones((1, 1, 5, 1)), np.ones((1, 1, 5, 1)))
    >>> PackedCaches([long, short], [1, 3]).positions().tolist()
    [5, 0, 1, 2]
    """

    def __init__(self, caches: Sequence[KeyValueCache], counts: Sequence[int]) -> None:
        if not len(caches):
            raise EmptyInputError("there is no sequence to pack")
        if len(caches) != len(counts):
            raise ShapeError(f"{len(caches)} caches need as many counts, got {len(counts)}")
        if len({id(cache) for cache in caches}) < len(caches):
            raise RangeError("a cache stands in the pack twice")
        ends = np.cumsum([positive_int(count, "a count of new tokens") for count in counts])
        self.caches = tuple(caches)
        #: Where each sequence stands in the row.
        self.parts = tuple(slice(int(end) - count, int(end)) for end, count in zip(ends, counts, strict=True))

    def positions(self) -> npt.NDArray[np.intp]:
        """Position of each new token in its own sequence, shape (sum of the counts,)."""
        starts = [cache.length for cache in self.caches]
        pairs = zip(starts, self.parts, strict=True)
        return np.concatenate([np.arange(start, start + part.stop - part.start) for start, part in pairs])

    def last(self) -> npt.NDArray[np.intp]:
        """Where the last token of each sequence stands in the row, shape (sequences,)."""
        return np.array([part.stop - 1 for part in self.parts])
