"""What the domain needs of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from whitebox_retrieval.documents import Document, DocumentStatus, Job, Stats


@dataclass(frozen=True)
class NewDocument:
    """An upload whose bytes are stored already."""

    tenant: str
    filename: str
    media_type: str
    size_bytes: int
    content_sha256: str
    object_key: str
    metadata: Mapping[str, str]
    idempotency_key: str


@dataclass(frozen=True)
class Accepted:
    """What became of an upload.

    Attributes:
        duplicate: The document was there before, and no new work was made.
        unused_object_key: An original that no document needs any more; empty for none.
    """

    document: Document
    duplicate: bool
    unused_object_key: str


@dataclass(frozen=True)
class Change:
    """An announced change, as the indexer sees it."""

    event_id: str
    tenant: str
    document_id: str
    job_id: str
    deleted: bool


class Documents(Protocol):
    """Documents, jobs and announced changes; every method is one transaction."""

    async def accept(self, new: NewDocument) -> Accepted:
        """Stores document, job and announcement together.

        A document that failed is indexed anew: what was wrong may be mended, and its bytes are there again.

        Raises:
            FailedPrecondition: if the idempotency key belongs to other content.
        """

    async def get(self, tenant: str, document_id: str) -> Document | None:
        """One document; deleted ones are None."""

    async def page(
        self, tenant: str, *, size: int, after: tuple[float, str] | None, status: DocumentStatus | None
    ) -> Sequence[Document]:
        """Documents, newest first, after a (created_at, id) position."""

    async def delete(self, tenant: str, document_id: str) -> Document | None:
        """Hides a document and announces its deletion. None where there is none."""

    async def job(self, tenant: str, job_id: str) -> Job | None:
        """One job."""

    async def stats(self, tenant: str) -> Stats:
        """Totals."""

    async def live(self, tenant: str, document_ids: Collection[str]) -> Mapping[str, str]:
        """Content hash by id, of those documents that may be found in a search."""

    async def begin_job(self, change: Change) -> Document | None:
        """Notes the attempt. Returns the document if the change is still the newest on it, else None."""

    async def complete_index(self, change: Change, *, page_count: int, chunk_count: int) -> DocumentStatus:
        """Marks the change as done, and the document as indexed unless a newer change came. Returns its status then."""

    async def fail_index(self, change: Change, *, code: str, reason: str) -> None:
        """Marks the document as failed and the change as done."""

    async def complete_delete(self, change: Change) -> None:
        """Marks the document as deleted and the change as done."""

    async def skip(self, change: Change) -> None:
        """Marks a change as done that a newer one has overtaken."""
