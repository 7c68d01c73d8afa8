"""What the domain needs of the vector index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from whitebox_retrieval.sparse import SparseVector


@dataclass(frozen=True)
class IndexedChunk:
    """A chunk with all that a search returns of it."""

    chunk_id: str
    tenant: str
    document_id: str
    content_sha256: str
    filename: str
    media_type: str
    metadata: Mapping[str, str]
    chunk_index: int
    page: int
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Hit:
    """A chunk and its score in one list."""

    chunk: IndexedChunk
    score: float


@dataclass(frozen=True)
class SearchFilter:
    """Restricts a search within the tenant; empty fields do not."""

    document_ids: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    media_types: Sequence[str] = ()


class ChunkIndex(Protocol):
    """The index. Every method raises Unavailable where it does not answer."""

    async def upsert(
        self, chunks: Sequence[IndexedChunk], dense: npt.NDArray[np.float32], sparse: Sequence[SparseVector]
    ) -> None:
        """Writes chunks; those of the same id are replaced."""

    async def delete_document(self, document_id: str, *, keep: Sequence[str] = ()) -> None:
        """Removes the chunks of a document, except those to keep."""

    async def search(
        self,
        tenant: str,
        dense: npt.NDArray[np.float32] | None,
        sparse: SparseVector | None,
        search_filter: SearchFilter,
        limit: int,
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        """The best chunks by dense and by sparse vector, in one round trip; nothing for a vector that is None."""

    def vectors(
        self, tenant: str, search_filter: SearchFilter, page: int
    ) -> AsyncIterator[tuple[Sequence[str], npt.NDArray[np.float32]]]:
        """Chunk ids and dense vectors (chunks, dimensions) of all that a search may find, at most `page` at a time."""
