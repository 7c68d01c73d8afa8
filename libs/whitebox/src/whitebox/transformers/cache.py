"""Keys and values of tokens that were read already, so that each further token costs one position and not all."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import CacheFullError

AnyArray = npt.NDArray[Any]


class KeyValueCache(Protocol):
    """What a decoder needs of a cache: it writes each layer's new keys and values, and reads all so far."""

    @property
    def length(self) -> int:
        """Positions that are held by all layers."""

    def extend(self, layer: int, keys: AnyArray, values: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Adds keys and values, shape (b, g, new, d), of a layer; gives all of that layer, shape (b, g, m, d)."""


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
        """Forgets everything behind the first `length` positions, as when drafted tokens are rejected."""
        self._lengths = [min(length, held) for held in self._lengths]
