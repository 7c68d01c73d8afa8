"""Hybrid search: dense and sparse lists, fused by reciprocal rank, held against what is live."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt
from whitebox.search.fusion import reciprocal_rank_fusion

from whitebox_retrieval.index import ChunkIndex, Hit, IndexedChunk, SearchFilter
from whitebox_retrieval.sparse import query_vector

# Candidates of each list: enough that fusion finds what both lists rank in the middle.
_CANDIDATES = 30
_FACTOR = 3
# With the paper's 60, a chunk in the middle of both lists beats the first of one. Near 0, the first of each list
# is among the first four: an identifier that only the keyword list finds must come out near the top.
_FUSION_K = 0.1


class SearchMode(StrEnum):
    """Which lists count."""

    HYBRID = "hybrid"
    DENSE = "dense"
    SPARSE = "sparse"


class QueryEncoder(Protocol):
    """Text to unit vectors."""

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Shape (texts, dimensions)."""


class LiveDocuments(Protocol):
    """Who may be found."""

    async def live(self, tenant: str, document_ids: Collection[str]) -> Mapping[str, str]:
        """Content hash by id of the documents that may."""


@dataclass(frozen=True)
class Passage:
    """A chunk that was found, and how: rank 0 means that it was not in that list."""

    chunk: IndexedChunk
    score: float
    dense_score: float
    dense_rank: int
    sparse_score: float
    sparse_rank: int


@dataclass(frozen=True)
class SearchResult:
    """Passages, best first, and where the time went, in seconds."""

    passages: Sequence[Passage]
    embed_seconds: float
    index_seconds: float
    check_seconds: float


class SearchAudit(Protocol):
    """Looks over the shoulder of dense searches."""

    def offer(
        self,
        tenant: str,
        query: npt.NDArray[np.float32],
        search_filter: SearchFilter,
        limit: int,
        hits: Sequence[Hit],
    ) -> None:
        """Is told of every dense search; returns at once."""


class Searcher:
    """Finds the passages of a tenant that fit a query best.

    Args:
        encoder: Text to vectors.
        index: What is searched.
        documents: What is live.
        audit: Is told of every dense search.
    """

    def __init__(
        self,
        encoder: QueryEncoder,
        index: ChunkIndex,
        documents: LiveDocuments,
        audit: SearchAudit | None = None,
    ) -> None:
        self._encoder = encoder
        self._index = index
        self._documents = documents
        self._audit = audit

    async def search(
        self, tenant: str, query: str, *, top_k: int, mode: SearchMode, search_filter: SearchFilter
    ) -> SearchResult:
        """Searches.

        The index may lag behind deletions and new versions; the database decides what is returned, so a deleted
        document is never found, not even a moment later.

        Raises:
            Unavailable: if the encoder, the index or the database does not answer.
        """
        began = time.perf_counter()
        dense = (await self._encoder.embed([query]))[0] if mode != SearchMode.SPARSE else None
        embedded = time.perf_counter()
        sparse = query_vector(query) if mode != SearchMode.DENSE else None
        limit = max(_CANDIDATES, _FACTOR * top_k)
        dense_hits, sparse_hits = await self._index.search(tenant, dense, sparse, search_filter, limit)
        searched = time.perf_counter()
        if self._audit is not None and dense is not None:
            self._audit.offer(tenant, dense, search_filter, limit, dense_hits)
        passages = _fuse(dense_hits, sparse_hits, mode)
        live = (
            await self._documents.live(tenant, {passage.chunk.document_id for passage in passages}) if passages else {}
        )
        kept = [p for p in passages if live.get(p.chunk.document_id) == p.chunk.content_sha256]
        checked = time.perf_counter()
        return SearchResult(kept[:top_k], embedded - began, searched - embedded, checked - searched)


def _fuse(dense: Sequence[Hit], sparse: Sequence[Hit], mode: SearchMode) -> list[Passage]:
    chunks = {hit.chunk.chunk_id: hit.chunk for hit in (*dense, *sparse)}
    dense_at = {hit.chunk.chunk_id: (rank, hit.score) for rank, hit in enumerate(dense, start=1)}
    sparse_at = {hit.chunk.chunk_id: (rank, hit.score) for rank, hit in enumerate(sparse, start=1)}
    if mode == SearchMode.HYBRID:
        ranked = reciprocal_rank_fusion([list(dense_at), list(sparse_at)], k=_FUSION_K)
    else:
        ranked = [(hit.chunk.chunk_id, hit.score) for hit in (dense if mode == SearchMode.DENSE else sparse)]
    return [
        Passage(
            chunk=chunks[chunk_id],
            score=score,
            dense_score=dense_at.get(chunk_id, (0, 0.0))[1],
            dense_rank=dense_at.get(chunk_id, (0, 0.0))[0],
            sparse_score=sparse_at.get(chunk_id, (0, 0.0))[1],
            sparse_rank=sparse_at.get(chunk_id, (0, 0.0))[0],
        )
        for chunk_id, score in ranked
    ]
