"""Documents and jobs: what retrieval owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DocumentStatus(StrEnum):
    """Where a document stands."""

    ACCEPTED = "accepted"
    INDEXED = "indexed"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class JobKind(StrEnum):
    """What a job does to its document."""

    INDEX = "index"
    DELETE = "delete"


@dataclass(frozen=True)
class Document:
    """One document of one tenant.

    Attributes:
        media_type: As the client stated it; loaders trust the content over it.
        object_key: Where the original lies. No other document lies there, so deleting one harms no other.
        page_count: 0 where the format has no pages.
        job_id: The newest job on this document.
    """

    document_id: str
    tenant: str
    filename: str
    media_type: str
    size_bytes: int
    content_sha256: str
    object_key: str
    status: DocumentStatus
    created_at: datetime
    updated_at: datetime
    job_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    failure_code: str = ""
    failure_reason: str = ""
    page_count: int = 0
    chunk_count: int = 0


@dataclass(frozen=True)
class Job:
    """Work on one document."""

    job_id: str
    tenant: str
    kind: JobKind
    document_id: str
    state: JobState
    attempts: int
    created_at: datetime
    updated_at: datetime
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True)
class Stats:
    """Totals of one tenant."""

    accepted: int
    indexed: int
    failed: int
    chunks: int
    size_bytes: int
