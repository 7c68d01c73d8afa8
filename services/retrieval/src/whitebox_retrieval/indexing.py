"""From an announced change to a searchable, or vanished, document. Every step may be repeated."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from whitebox_runtime.errors import (
    DeadlineExceeded,
    InvalidArgument,
    PayloadTooLarge,
    ResourceExhausted,
    Unavailable,
)
from whitebox_runtime.telemetry import counter, histogram

from whitebox_retrieval.chunking import Chunk, CleanPage, chunk_pages
from whitebox_retrieval.cleaning import clean
from whitebox_retrieval.documents import Document, DocumentStatus
from whitebox_retrieval.index import ChunkIndex, IndexedChunk
from whitebox_retrieval.loading import LoadedDocument, UnreadableDocumentError
from whitebox_retrieval.repository import Change, Documents
from whitebox_retrieval.sniffing import PDF
from whitebox_retrieval.sparse import document_vector

logger = logging.getLogger(__name__)

# Trouble of a dependency is waited out; anything else is tried this often before the document fails.
_AWAY = (Unavailable, DeadlineExceeded, ResourceExhausted)
_MOST_ATTEMPTS = 8
# Chunks that are embedded and written together: bounds memory, and lets queries in between.
_CHUNKS_A_STEP = 128


class Originals(Protocol):
    """Where the bytes are."""

    async def get(self, key: str) -> bytes:
        """The original, or FileNotFoundError."""

    async def delete(self, key: str) -> None:
        """Removes the original."""


class Loader(Protocol):
    """Bytes to pages of text."""

    async def load(self, content: bytes, filename: str, stated: str) -> LoadedDocument:
        """The document's text, or UnreadableDocumentError."""


class Encoder(Protocol):
    """Vectors and token counts."""

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (texts, dimensions)."""

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text."""


class Indexer:
    """Carries out changes.

    Args:
        chunk_tokens: Budget of a chunk.
        chunk_overlap_tokens: Repetition between neighbours.
    """

    def __init__(
        self,
        documents: Documents,
        originals: Originals,
        loader: Loader,
        encoder: Encoder,
        index: ChunkIndex,
        *,
        chunk_tokens: int,
        chunk_overlap_tokens: int,
    ) -> None:
        self._documents = documents
        self._originals = originals
        self._loader = loader
        self._encoder = encoder
        self._index = index
        self._chunk_tokens = chunk_tokens
        self._chunk_overlap_tokens = chunk_overlap_tokens

    async def apply(self, change: Change) -> None:
        """Carries out one change; a repetition or an overtaken change does no harm.

        Raises:
            Unavailable: if something does not answer; the change then stays announced.
        """
        document = await self._documents.begin_job(change)
        if document is None:
            await self._documents.skip(change)
        elif change.deleted:
            await self._index.delete_document(change.document_id)
            await self._originals.delete(document.object_key)
            await self._documents.complete_delete(change)
            counter("whitebox_documents_total").labels("deleted").inc()
        else:
            await self._index_document(change, document)

    async def _index_document(self, change: Change, document: Document) -> None:
        began = time.perf_counter()
        try:
            loaded, chunks = await self._read(document)
            written = await self._write(document, loaded, chunks)
        except UnreadableDocumentError as error:
            await self._fail(change, error.code, error.reason)
            return
        except FileNotFoundError:
            await self._fail(change, "missing", "The stored original is gone; upload it again.")
            return
        except (InvalidArgument, PayloadTooLarge) as error:
            # It would be refused for ever, and the change announced for ever.
            logger.exception("a document cannot be indexed", extra={"document_id": document.document_id})
            await self._fail(change, "rejected", f"The document cannot be indexed: {error.message}.")
            return
        except _AWAY:
            raise
        except Exception:
            job = await self._documents.job(change.tenant, change.job_id)
            if job is None or job.attempts < _MOST_ATTEMPTS:
                raise
            logger.exception("a document cannot be indexed", extra={"document_id": document.document_id})
            reason = f"The document could not be indexed in {job.attempts} attempts; the indexer's log says why."
            await self._fail(change, "internal", reason)
            return
        # What an earlier, interrupted attempt with other settings may have left.
        await self._index.delete_document(document.document_id, keep=written)
        status = await self._documents.complete_index(change, page_count=loaded.page_count, chunk_count=len(chunks))
        if status in (DocumentStatus.DELETING, DocumentStatus.DELETED):
            # Deleted while it was being indexed: the deletion may have run before the last write.
            await self._index.delete_document(document.document_id)
            return
        counter("whitebox_documents_total").labels("indexed").inc()
        counter("whitebox_chunks_indexed_total").inc(len(chunks))
        histogram("whitebox_document_index_duration_seconds").observe(time.perf_counter() - began)

    async def _fail(self, change: Change, code: str, reason: str) -> None:
        await self._documents.fail_index(change, code=code, reason=reason)
        counter("whitebox_documents_total").labels("failed").inc()

    async def _read(self, document: Document) -> tuple[LoadedDocument, Sequence[Chunk]]:
        content = await self._originals.get(document.object_key)
        loaded = await self._loader.load(content, document.filename, document.media_type)
        # In a thread: megabytes of text take seconds.
        pages = await asyncio.to_thread(_clean_pages, loaded)
        chunks = await chunk_pages(
            pages,
            self._encoder.count_tokens,
            max_tokens=self._chunk_tokens,
            overlap_tokens=self._chunk_overlap_tokens,
        )
        if not chunks:
            raise UnreadableDocumentError("no_text", "The document holds no text; scans need text recognition first.")
        return loaded, chunks

    async def _write(self, document: Document, loaded: LoadedDocument, chunks: Sequence[Chunk]) -> list[str]:
        written: list[str] = []
        for start in range(0, len(chunks), _CHUNKS_A_STEP):
            step = chunks[start : start + _CHUNKS_A_STEP]
            dense = await self._encoder.embed([chunk.text for chunk in step])
            points = [_indexed(document, loaded.media_type, chunk) for chunk in step]
            await self._index.upsert(points, dense, [document_vector(chunk.text) for chunk in step])
            written += [point.chunk_id for point in points]
        return written


def chunk_id(document_id: str, content_sha256: str, index: int) -> str:
    """The same chunk always gets the same id, so writing twice is writing once."""
    return str(uuid.uuid5(uuid.UUID(document_id), f"{content_sha256}/{index}"))


def _clean_pages(loaded: LoadedDocument) -> list[CleanPage]:
    return [CleanPage(page.number, clean(page.text, unwrap=loaded.media_type == PDF)) for page in loaded.pages]


def _indexed(document: Document, media_type: str, chunk: Chunk) -> IndexedChunk:
    return IndexedChunk(
        chunk_id=chunk_id(document.document_id, document.content_sha256, chunk.index),
        tenant=document.tenant,
        document_id=document.document_id,
        content_sha256=document.content_sha256,
        filename=document.filename,
        media_type=media_type,
        metadata=document.metadata,
        chunk_index=chunk.index,
        page=chunk.page,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
    )
