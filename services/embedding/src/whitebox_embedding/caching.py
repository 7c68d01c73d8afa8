"""Remembers the vectors of recent queries: people ask the same things, and retries ask them again."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from whitebox_runtime.telemetry import counter

from whitebox_embedding.embedder import QUERY_TEXTS, Embedder, Embeddings

_Remembered = tuple[NDArray[np.float32], int, bool]


class CachingEmbedder:
    """Puts a bounded least-recently-used cache before an embedder.

    Only requests as small as queries are looked up and remembered: a corpus passing through would push every query out,
    and its texts seldom come twice.

    Args:
        embedder: What computes the vectors.
        capacity: Texts to remember, about 2 KB each at 384 dimensions; 0 remembers none.
    """

    def __init__(self, embedder: Embedder, capacity: int) -> None:
        self._embedder = embedder
        self._capacity = capacity
        # Keyed by a hash, so that a long text takes no more room than a short one.
        self._entries: OrderedDict[bytes, _Remembered] = OrderedDict()
        lookups = counter("whitebox_embedding_cache_lookups_total")
        self._hits, self._misses = lookups.labels("hit"), lookups.labels("miss")

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Embeds texts in their order; raises what the embedder raises."""
        if not self._capacity or len(texts) > QUERY_TEXTS:
            return await self._embedder.embed(texts)
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        found = {key: entry for key in keys if (entry := self._entries.get(key)) is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        self._hits.inc(len(texts) - len(missing))
        self._misses.inc(len(missing))
        if missing:
            fresh = await self._embedder.embed(list(missing.values()))
            if len(missing) == len(texts):
                self._remember(keys, fresh)
                return fresh
            found |= dict(zip(missing, _rows(fresh), strict=True))
            self._remember(list(missing), fresh)
        for key in keys:
            if key in self._entries:
                self._entries.move_to_end(key)
        vectors, counts, truncated = zip(*(found[key] for key in keys), strict=True)
        return Embeddings(np.stack(vectors), list(counts), list(truncated))

    def _remember(self, keys: Sequence[bytes], fresh: Embeddings) -> None:
        self._entries.update(zip(keys, _rows(fresh), strict=True))
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)


def _rows(embeddings: Embeddings) -> list[_Remembered]:
    """One entry per text, each with a vector of its own instead of a view that keeps its neighbours alive."""
    vectors = (vector.copy() for vector in embeddings.vectors)
    return list(zip(vectors, embeddings.token_counts, embeddings.truncated, strict=True))
