"""Changes as CloudEvents, and back."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from whitebox_contracts.retrieval.v1 import events_pb2
from whitebox_runtime.events import Event, PermanentEventError

from whitebox_retrieval.repository import Change

TOPIC = "documents.changed.v1"
_TYPE = "whitebox.retrieval.v1.DocumentChanged"


def change_event(change: Change, content_sha256: str) -> Event:
    """The announcement of a change, keyed by document so that one document's changes stay in order."""
    kinds = events_pb2.DocumentChanged
    payload = events_pb2.DocumentChanged(
        tenant=change.tenant,
        document_id=change.document_id,
        change=kinds.CHANGE_DELETED if change.deleted else kinds.CHANGE_PUT,
        job_id=change.job_id,
        content_sha256=content_sha256,
    )
    return Event.create(
        type=_TYPE,
        source="/whitebox/retrieval",
        topic=TOPIC,
        key=change.document_id,
        data=payload.SerializeToString(),
    )


def change_of(event: Event) -> Change:
    """The change that an event announces.

    Raises:
        PermanentEventError: if it is none.
    """
    if event.type != _TYPE:
        raise PermanentEventError(f"unexpected event type {event.type!r}")
    try:
        payload = events_pb2.DocumentChanged.FromString(event.data)
    except DecodeError as error:
        raise PermanentEventError(f"the payload is no DocumentChanged: {error}") from error
    if not payload.document_id or not payload.job_id:
        raise PermanentEventError("the payload names no document or no job")
    deleted = payload.change == events_pb2.DocumentChanged.CHANGE_DELETED
    return Change(event.id, payload.tenant, payload.document_id, payload.job_id, deleted)
