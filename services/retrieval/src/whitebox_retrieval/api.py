"""The gRPC face of retrieval: checks what comes in and translates."""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_contracts.retrieval.v1 import retrieval_pb2_grpc
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from whitebox_runtime.telemetry import counter, histogram

from whitebox_retrieval.documents import Document, DocumentStatus, Job, JobState
from whitebox_retrieval.index import SearchFilter
from whitebox_retrieval.repository import Accepted, Documents, NewDocument
from whitebox_retrieval.searching import Passage, Searcher, SearchMode

logger = logging.getLogger(__name__)

_Context = grpc.aio.ServicerContext[Any, Any]

_STATUSES = {
    DocumentStatus.ACCEPTED: pb.DOCUMENT_STATUS_ACCEPTED,
    DocumentStatus.INDEXED: pb.DOCUMENT_STATUS_INDEXED,
    DocumentStatus.FAILED: pb.DOCUMENT_STATUS_FAILED,
    DocumentStatus.DELETING: pb.DOCUMENT_STATUS_DELETING,
    DocumentStatus.DELETED: pb.DOCUMENT_STATUS_DELETED,
}
_STATES = {
    JobState.QUEUED: pb.JOB_STATE_QUEUED,
    JobState.RUNNING: pb.JOB_STATE_RUNNING,
    JobState.SUCCEEDED: pb.JOB_STATE_SUCCEEDED,
    JobState.FAILED: pb.JOB_STATE_FAILED,
}
_MODES = {
    pb.SEARCH_MODE_UNSPECIFIED: SearchMode.HYBRID,
    pb.SEARCH_MODE_HYBRID: SearchMode.HYBRID,
    pb.SEARCH_MODE_DENSE: SearchMode.DENSE,
    pb.SEARCH_MODE_SPARSE: SearchMode.SPARSE,
}


class Upload(Protocol):
    """An upload that is complete."""

    @property
    def key(self) -> str:
        """Where it lies."""

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of its bytes."""

    @property
    def size_bytes(self) -> int:
        """Number of its bytes."""


class Uploads(Protocol):
    """Where uploaded bytes go."""

    async def put(self, tenant: str, data: AsyncIterator[bytes]) -> Upload:
        """Stores a stream."""

    async def delete(self, key: str) -> None:
        """Removes an upload."""


class RetrievalApi(retrieval_pb2_grpc.RetrievalServiceServicer):
    """whitebox.retrieval.v1.RetrievalService.

    Args:
        on_change: Called after a change was announced, to have it published at once.
    """

    def __init__(
        self, documents: Documents, uploads: Uploads, searcher: Searcher, on_change: Callable[[], None]
    ) -> None:
        self._documents = documents
        self._uploads = uploads
        self._searcher = searcher
        self._on_change = on_change
        self._search_seconds = histogram("whitebox_search_duration_seconds")

    async def PutDocument(
        self, request_iterator: AsyncIterator[pb.PutDocumentRequest], context: _Context
    ) -> pb.PutDocumentResponse:
        """Accepts one document; it is durable when this returns."""
        first = await anext(aiter(request_iterator), None)
        if first is None or first.WhichOneof("part") != "header":
            raise InvalidArgument("the first message must carry the header", reason="header_missing")
        header = first.header
        _check_tenant(header.tenant)
        _check_header(header)
        upload = await self._uploads.put(header.tenant, _data(request_iterator))
        accepted = await self._accept(
            NewDocument(
                tenant=header.tenant,
                filename=header.filename,
                media_type=header.media_type,
                size_bytes=upload.size_bytes,
                content_sha256=upload.sha256,
                object_key=upload.key,
                metadata=dict(header.metadata),
                idempotency_key=header.idempotency_key,
            )
        )
        if not accepted.duplicate:
            self._on_change()
        counter("whitebox_documents_total").labels("duplicate" if accepted.duplicate else "accepted").inc()
        return pb.PutDocumentResponse(document=_document(accepted.document), duplicate=accepted.duplicate)

    async def GetDocument(self, request: pb.GetDocumentRequest, context: _Context) -> pb.GetDocumentResponse:
        """One document."""
        _check_tenant(request.tenant)
        _check_length("document_id", request.document_id, 1, 64)
        document = await self._documents.get(request.tenant, request.document_id)
        if document is None:
            raise _no_document(request.document_id)
        return pb.GetDocumentResponse(document=_document(document))

    async def ListDocuments(self, request: pb.ListDocumentsRequest, context: _Context) -> pb.ListDocumentsResponse:
        """Documents, newest first."""
        _check_tenant(request.tenant)
        if request.page_size > 200:
            raise InvalidArgument("page_size must be 200 at most", reason="page_size_too_large")
        size = request.page_size or 50
        status = _status(request.status)
        after = _position(request.page_token) if request.page_token else None
        # One more than asked for tells whether there is another page.
        documents = await self._documents.page(request.tenant, size=size + 1, after=after, status=status)
        token = _page_token(documents[size - 1]) if len(documents) > size else ""
        return pb.ListDocumentsResponse(
            documents=[_document(document) for document in documents[:size]], next_page_token=token
        )

    async def DeleteDocument(self, request: pb.DeleteDocumentRequest, context: _Context) -> pb.DeleteDocumentResponse:
        """Hides a document at once; its chunks are removed afterwards."""
        _check_tenant(request.tenant)
        _check_length("document_id", request.document_id, 1, 64)
        document = await self._documents.delete(request.tenant, request.document_id)
        if document is None:
            raise _no_document(request.document_id)
        self._on_change()
        return pb.DeleteDocumentResponse(document=_document(document))

    async def GetJob(self, request: pb.GetJobRequest, context: _Context) -> pb.GetJobResponse:
        """One job."""
        _check_tenant(request.tenant)
        _check_length("job_id", request.job_id, 1, 64)
        job = await self._documents.job(request.tenant, request.job_id)
        if job is None:
            raise NotFound(f"there is no job {request.job_id!r}", reason="job_not_found")
        return pb.GetJobResponse(job=_job(job))

    async def Search(self, request: pb.SearchRequest, context: _Context) -> pb.SearchResponse:
        """Passages that fit a query best."""
        _check_tenant(request.tenant)
        _check_search(request)
        result = await self._searcher.search(
            request.tenant,
            request.query,
            top_k=request.top_k or 5,
            mode=_MODES[request.mode],
            search_filter=SearchFilter(
                document_ids=list(request.filter.document_ids),
                metadata=dict(request.filter.metadata),
                media_types=list(request.filter.media_types),
            ),
        )
        self._search_seconds.labels("embed").observe(result.embed_seconds)
        self._search_seconds.labels("index").observe(result.index_seconds)
        self._search_seconds.labels("check").observe(result.check_seconds)
        return pb.SearchResponse(
            passages=[_passage(passage) for passage in result.passages],
            embed_seconds=result.embed_seconds,
            index_seconds=result.index_seconds,
        )

    async def GetStats(self, request: pb.GetStatsRequest, context: _Context) -> pb.GetStatsResponse:
        """Totals of a tenant."""
        _check_tenant(request.tenant)
        stats = await self._documents.stats(request.tenant)
        return pb.GetStatsResponse(
            documents_accepted=stats.accepted,
            documents_indexed=stats.indexed,
            documents_failed=stats.failed,
            chunks=stats.chunks,
            bytes=stats.size_bytes,
        )

    async def _accept(self, new: NewDocument) -> Accepted:
        try:
            accepted = await self._documents.accept(new)
        except FailedPrecondition:
            await self._discard(new.object_key)
            raise
        # Any other error leaves the original: the document may have been stored all the same.
        await self._discard(accepted.unused_object_key)
        return accepted

    async def _discard(self, key: str) -> None:
        try:
            if key:
                await self._uploads.delete(key)
        except Unavailable as error:
            logger.warning("an original that no document needs stays in the store: %s", error.message)


async def _data(messages: AsyncIterator[pb.PutDocumentRequest]) -> AsyncIterator[bytes]:
    size = 0
    async for message in messages:
        part = message.WhichOneof("part")
        if part == "end":
            if message.end.size_bytes != size:
                raise InvalidArgument(
                    f"{size} bytes arrived and {message.end.size_bytes} were sent; upload again",
                    reason="upload_incomplete",
                )
            return
        if part != "data":
            raise InvalidArgument("after the header, every message must carry data", reason="data_missing")
        if len(message.data) > 2**20:
            raise InvalidArgument("a message must carry 1 MiB of data at most", reason="message_too_large")
        size += len(message.data)
        if message.data:
            yield message.data
    raise InvalidArgument("the upload broke off before its last message; upload again", reason="upload_incomplete")


def _check_tenant(tenant: str) -> None:
    _check_length("tenant", tenant, 1, 64)
    if not tenant.isprintable():
        raise InvalidArgument("tenant must be printable", reason="bad_tenant")


def _status(status: int) -> DocumentStatus | None:
    if status == pb.DOCUMENT_STATUS_UNSPECIFIED:
        return None
    for ours, theirs in _STATUSES.items():
        if theirs == status:
            return ours
    raise InvalidArgument(f"document status {status} is unknown", reason="bad_status")


def _check_header(header: pb.DocumentHeader) -> None:
    _check_length("filename", header.filename, 1, 255)
    if "/" in header.filename or "\\" in header.filename or not header.filename.isprintable():
        raise InvalidArgument("filename must be a printable name without a path", reason="bad_filename")
    _check_length("media_type", header.media_type, 0, 255)
    _check_length("idempotency_key", header.idempotency_key, 0, 128)
    _check_pairs(header.metadata, 32)


def _check_search(request: pb.SearchRequest) -> None:
    _check_length("query", request.query, 1, 4096)
    if not request.query.strip():
        raise InvalidArgument("query must hold more than white space", reason="query_empty")
    if request.top_k > 100:
        raise InvalidArgument("top_k must be 100 at most", reason="top_k_too_large")
    if request.mode not in _MODES:
        raise InvalidArgument(f"search mode {request.mode} is unknown", reason="bad_search_mode")
    if len(request.filter.document_ids) > 100:
        raise InvalidArgument("a filter may name 100 documents at most", reason="filter_too_large")
    for document_id in request.filter.document_ids:
        _check_length("filter.document_ids", document_id, 1, 64)
    if len(request.filter.media_types) > 16:
        raise InvalidArgument("a filter may name 16 media types at most", reason="filter_too_large")
    for media_type in request.filter.media_types:
        _check_length("filter.media_types", media_type, 1, 255)
    _check_pairs(request.filter.metadata, 16)


def _check_pairs(pairs: Mapping[str, str], most: int) -> None:
    if len(pairs) > most:
        raise InvalidArgument(f"metadata may have {most} entries at most, got {len(pairs)}", reason="too_much_metadata")
    for key, value in pairs.items():
        _check_length("a metadata key", key, 1, 64)
        if not key.isprintable():
            raise InvalidArgument("metadata keys must be printable", reason="bad_metadata_key")
        _check_length(f"metadata[{key!r}]", value, 0, 512)


def _check_length(name: str, value: str, least: int, most: int) -> None:
    if not least <= len(value) <= most:
        raise InvalidArgument(f"{name} must have {least} to {most} characters, got {len(value)}", reason="bad_length")
    if "\x00" in value:
        raise InvalidArgument(f"{name} must not hold NUL characters", reason="nul_character")


def _no_document(document_id: str) -> NotFound:
    return NotFound(f"there is no document {document_id!r}", reason="document_not_found")


def _page_token(last: Document) -> str:
    position = json.dumps([last.created_at.timestamp(), last.document_id])
    return base64.urlsafe_b64encode(position.encode()).decode()


def _position(token: str) -> tuple[float, str]:
    _check_length("page_token", token, 1, 200)
    try:
        created_at, document_id = json.loads(base64.urlsafe_b64decode(token.encode()))
        return float(created_at), uuid.UUID(document_id).hex
    except (UnicodeError, ValueError, TypeError, AttributeError, OverflowError):
        raise InvalidArgument(
            "page_token is none that was given out; start without it", reason="bad_page_token"
        ) from None


def _document(document: Document) -> pb.Document:
    created, updated = Timestamp(), Timestamp()
    created.FromDatetime(document.created_at)
    updated.FromDatetime(document.updated_at)
    return pb.Document(
        document_id=document.document_id,
        tenant=document.tenant,
        filename=document.filename,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        content_sha256=document.content_sha256,
        metadata=document.metadata,
        status=_STATUSES[document.status],
        failure_code=document.failure_code,
        failure_reason=document.failure_reason,
        page_count=document.page_count,
        chunk_count=document.chunk_count,
        created_at=created,
        updated_at=updated,
        job_id=document.job_id,
    )


def _job(job: Job) -> pb.Job:
    created, updated = Timestamp(), Timestamp()
    created.FromDatetime(job.created_at)
    updated.FromDatetime(job.updated_at)
    return pb.Job(
        job_id=job.job_id,
        kind=job.kind,
        document_id=job.document_id,
        state=_STATES[job.state],
        error_code=job.error_code,
        error_message=job.error_message,
        attempts=job.attempts,
        created_at=created,
        updated_at=updated,
    )


def _passage(passage: Passage) -> pb.Passage:
    chunk = passage.chunk
    return pb.Passage(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        filename=chunk.filename,
        media_type=chunk.media_type,
        page=chunk.page,
        # A chunk never crosses a page.
        last_page=chunk.page,
        chunk_index=chunk.chunk_index,
        start_offset=chunk.start,
        end_offset=chunk.end,
        text=chunk.text,
        score=passage.score,
        dense_score=passage.dense_score,
        dense_rank=passage.dense_rank,
        sparse_score=passage.sparse_score,
        sparse_rank=passage.sparse_rank,
        metadata=chunk.metadata,
    )
