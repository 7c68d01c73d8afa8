"""Scores live searches: what share of the exact nearest chunks the index found, by scanning all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from whitebox.metrics.pairwise import cosine_similarity
from whitebox.search.exact import search
from whitebox_runtime.auditing import LiveAudit
from whitebox_runtime.telemetry import counter, histogram

from whitebox_retrieval.index import ChunkIndex, Hit, SearchFilter

# Vectors held at a time: a scan of any size needs the memory of one page.
_PAGE = 1024
# Scores that differ by less are a tie: the index computes in single precision too, but in another order.
_TIE = 1e-5
# A scan reads every vector of a tenant: few may wait.
_WAITING = 4
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Sample:
    tenant: str
    search_filter: SearchFilter
    query: Array
    limit: int
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Recall:
    """How a search compares with an exact one.

    Attributes:
        recall: Share of the k nearest chunks that were found, ties counting as found.
        difference: Largest difference between the index's cosine of a hit and its recomputation.
        scanned: Chunks that the exact search looked at.
    """

    recall: float
    difference: float
    scanned: int


class RecallAudit:
    """Holds a share of the live dense searches against exact search by `whitebox`.

    Args:
        index: Where the vectors are.
        share: Of the searches, 0 to 1.
        max_vectors: Searches over more chunks than this are not scanned, only counted.
        draw: Gives uniform numbers in [0, 1).
    """

    def __init__(self, index: ChunkIndex, *, share: float, max_vectors: int, draw: Callable[[], float]) -> None:
        self._index = index
        self._max_vectors = max_vectors
        self._live = LiveAudit(share, draw, self._recompute, waiting=_WAITING)

    def offer(self, tenant: str, query: Array, search_filter: SearchFilter, limit: int, hits: Sequence[Hit]) -> None:
        """Takes a search into the sample, or not."""
        self._live.offer(
            lambda: _Sample(tenant, search_filter, query, limit, {hit.chunk.chunk_id: hit.score for hit in hits})
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Scans for what was sampled until told to stop."""
        await self._live.run(stopping)

    async def measure(
        self, tenant: str, query: Array, search_filter: SearchFilter, limit: int, scores: Mapping[str, float]
    ) -> Recall | None:
        """Compares a search with an exact one; None where there is no chunk, or more than may be scanned.

        Args:
            tenant: Whose chunks.
            query: Unit vector, shape (dimensions,).
            search_filter: As it was searched with.
            limit: How many were wanted.
            scores: The index's cosine by chunk id of what it found.
        """
        scan = _Scan(query, limit, scores)
        async for ids, vectors in self._index.vectors(tenant, search_filter, _PAGE):
            if scan.scanned + len(ids) > self._max_vectors:
                return None
            await asyncio.to_thread(scan.add, ids, vectors)
        return scan.recall() if scan.scanned else None

    async def _recompute(self, sample: _Sample) -> None:
        measured = await self.measure(sample.tenant, sample.query, sample.search_filter, sample.limit, sample.scores)
        counter("whitebox_recall_audits_total").labels("skipped" if measured is None else "measured").inc()
        if measured is not None:
            histogram("whitebox_audit_recall").observe(measured.recall)
            histogram("whitebox_audit_difference").labels("retrieval", "cosine").observe(measured.difference)


class _Scan:
    """Exact search over pages, of which the best cosines and those of the hits are kept."""

    def __init__(self, query: Array, limit: int, scores: Mapping[str, float]) -> None:
        self.scanned = 0
        self._query = query[None, :]
        self._limit = limit
        self._scores = scores
        self._best = np.empty(0, np.float32)
        self._recomputed: dict[str, float] = {}

    def add(self, ids: Sequence[str], vectors: Array) -> None:
        self.scanned += len(ids)
        _, here = search(self._query, vectors, self._limit)
        self._best = np.sort(np.concatenate([self._best, here[0].astype(np.float32)]))[::-1][: self._limit]
        places = [place for place, one in enumerate(ids) if one in self._scores]
        if places:
            cosines = cosine_similarity(self._query, vectors[places])[0]
            self._recomputed |= {ids[place]: float(cosine) for place, cosine in zip(places, cosines, strict=True)}

    def recall(self) -> Recall:
        least = self._best[-1] - _TIE
        found = sum(cosine >= least for cosine in self._recomputed.values())
        # What was deleted since the search is neither found again nor a difference.
        differences = [abs(cosine - self._scores[one]) for one, cosine in self._recomputed.items()]
        return Recall(found / len(self._best), max(differences, default=0.0), self.scanned)
