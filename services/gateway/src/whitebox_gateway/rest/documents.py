"""Documents: upload, list, read, delete; jobs and totals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.rest.upload import UPLOAD_BODY, receive_document
from whitebox_gateway.rest.wire import Answer, Name, enum_word, iso_time, json_response, principal, services

router = APIRouter(route_class=JsonRoute, tags=["documents"])

_STATUS = pb.DocumentStatus.DESCRIPTOR
_STATE = pb.JobState.DESCRIPTOR

DocumentStatus = Literal["accepted", "indexed", "failed", "deleting", "deleted"]


class Document(Answer):
    """One document."""

    document_id: str
    filename: str
    media_type: str
    size_bytes: int
    content_sha256: str
    metadata: dict[str, str]
    status: DocumentStatus
    failure_code: str | None = Field(description="Stable code such as encrypted, empty, corrupt; null unless failed")
    failure_reason: str | None = Field(description="One sentence for people; null unless failed")
    page_count: int
    chunk_count: int
    created_at: str | None
    updated_at: str | None
    job_id: str


class JobReference(Answer):
    """The job that does the work of a request."""

    job_id: str
    url: str = Field(description="Path to ask for its state")


class Accepted(Answer):
    """A request whose work is done afterwards."""

    document: Document
    job: JobReference


class Uploaded(Accepted):
    """An accepted upload."""

    duplicate: bool = Field(description="The tenant had this content, or this idempotency key, already; no new work")


class DocumentPage(Answer):
    """Documents, newest first."""

    documents: list[Document]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last page")


class Job(Answer):
    """One job."""

    job_id: str
    kind: str = Field(description="index or delete")
    document_id: str
    state: Literal["queued", "running", "succeeded", "failed"]
    error_code: str | None
    error_message: str | None
    attempts: int
    created_at: str | None
    updated_at: str | None


class Stats(Answer):
    """Totals of the tenant."""

    documents_accepted: int
    documents_indexed: int
    documents_failed: int
    chunks: int
    bytes: int


@router.post(
    "/v1/documents",
    status_code=202,
    response_model=Uploaded,
    openapi_extra={"requestBody": UPLOAD_BODY},
    summary="Upload a document",
)
async def upload(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$", description="Repeat it to repeat the upload"),
    ] = None,
) -> Response:
    """Takes a PDF, DOCX, TXT, MD or HTML file. It is durable when this answers; indexing follows, see the job."""
    async with receive_document(request, principal(request).tenant, idempotency_key or "") as parts:
        with calling("retrieval"):
            timeout = request.app.state.settings.request_timeout_seconds
            stored = await parts.relay(services(request).retrieval.PutDocument, timeout)
    body = {"document": _document(stored.document), "job": _job_of(stored.document), "duplicate": stored.duplicate}
    return json_response(body, 202, {"Location": f"/v1/documents/{stored.document.document_id}"})


@router.get("/v1/documents", response_model=DocumentPage, summary="List documents")
async def list_documents(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, StringConstraints(max_length=512, pattern=r"^[\x20-\x7e]*$"), Query()] = "",
    status: Annotated[DocumentStatus | None, Query(description="Default: all that are not deleted")] = None,
) -> Response:
    """Lists the tenant's documents, newest first."""
    wanted = (
        pb.DOCUMENT_STATUS_UNSPECIFIED
        if status is None
        else pb.DocumentStatus.Value(f"DOCUMENT_STATUS_{status.upper()}")
    )
    query = pb.ListDocumentsRequest(tenant=principal(request).tenant, page_size=limit, page_token=cursor, status=wanted)
    with calling("retrieval"):
        page = await services(request).retrieval.ListDocuments(query)
    documents = [_document(document) for document in page.documents]
    return json_response({"documents": documents, "next_cursor": page.next_page_token or None})


@router.get("/v1/documents/{document_id}", response_model=Document, summary="Read a document's state")
async def get_document(request: Request, document_id: Annotated[Name, Path()]) -> Response:
    """Returns one document's state and facts, not its content."""
    query = pb.GetDocumentRequest(tenant=principal(request).tenant, document_id=document_id)
    with calling("retrieval"):
        found = await services(request).retrieval.GetDocument(query)
    return json_response(_document(found.document))


@router.delete("/v1/documents/{document_id}", status_code=202, response_model=Accepted, summary="Delete a document")
async def delete_document(request: Request, document_id: Annotated[Name, Path()]) -> Response:
    """Hides a document from search at once; its chunks are removed afterwards, see the job."""
    query = pb.DeleteDocumentRequest(tenant=principal(request).tenant, document_id=document_id)
    with calling("retrieval"):
        deleted = await services(request).retrieval.DeleteDocument(query)
    return json_response({"document": _document(deleted.document), "job": _job_of(deleted.document)}, 202)


@router.get("/v1/jobs/{job_id}", response_model=Job, summary="Read a job's state")
async def get_job(request: Request, job_id: Annotated[Name, Path()]) -> Response:
    """Returns one job."""
    with calling("retrieval"):
        found = await services(request).retrieval.GetJob(
            pb.GetJobRequest(tenant=principal(request).tenant, job_id=job_id)
        )
    job = found.job
    body = {
        "job_id": job.job_id,
        "kind": job.kind,
        "document_id": job.document_id,
        "state": enum_word(_STATE, job.state),
        "error_code": job.error_code or None,
        "error_message": job.error_message or None,
        "attempts": job.attempts,
        "created_at": iso_time(job.created_at),
        "updated_at": iso_time(job.updated_at),
    }
    return json_response(body)


@router.get("/v1/stats", response_model=Stats, summary="Totals of the tenant")
async def stats(request: Request) -> Response:
    """Counts documents and chunks."""
    with calling("retrieval"):
        totals = await services(request).retrieval.GetStats(pb.GetStatsRequest(tenant=principal(request).tenant))
    return json_response({name: getattr(totals, name) for name in Stats.model_fields})


def _document(document: pb.Document) -> dict[str, Any]:
    return {
        "document_id": document.document_id,
        "filename": document.filename,
        "media_type": document.media_type,
        "size_bytes": document.size_bytes,
        "content_sha256": document.content_sha256,
        "metadata": dict(document.metadata),
        "status": enum_word(_STATUS, document.status),
        "failure_code": document.failure_code or None,
        "failure_reason": document.failure_reason or None,
        "page_count": document.page_count,
        "chunk_count": document.chunk_count,
        "created_at": iso_time(document.created_at),
        "updated_at": iso_time(document.updated_at),
        "job_id": document.job_id,
    }


def _job_of(document: pb.Document) -> dict[str, str]:
    return {"job_id": document.job_id, "url": f"/v1/jobs/{document.job_id}"}
