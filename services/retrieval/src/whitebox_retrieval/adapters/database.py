"""Documents, jobs and outbox in SQLite or PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from whitebox_runtime.errors import FailedPrecondition, Unavailable
from whitebox_runtime.outbox import acknowledge, enqueue, outbox_table

from whitebox_retrieval.adapters.change_events import change_event
from whitebox_retrieval.documents import Document, DocumentStatus, Job, JobKind, JobState, Stats
from whitebox_retrieval.repository import Accepted, Change, NewDocument

_METADATA = sa.MetaData()
_VISIBLE = (DocumentStatus.ACCEPTED, DocumentStatus.INDEXED, DocumentStatus.FAILED)
_SUPERSEDED = ("superseded", "A newer change to the document came first.")

DOCUMENTS = sa.Table(
    "documents",
    _METADATA,
    sa.Column("document_id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(128), nullable=False),
    sa.Column("filename", sa.String(255), nullable=False),
    sa.Column("media_type", sa.String(255), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("content_sha256", sa.String(64), nullable=False),
    sa.Column("object_key", sa.String(300), nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("failure_code", sa.String(64), nullable=False, server_default=""),
    sa.Column("failure_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("page_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("chunk_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("updated_at", sa.Float(53), nullable=False),
    sa.Column("job_id", sa.String(32), nullable=False),
    # Null once the document is deleted, so that the same bytes and the same key may come again.
    sa.Column("identity", sa.String(600), unique=True),
    sa.Column("idempotency_key", sa.String(300), unique=True),
    sa.Index("documents_by_time", "tenant", "created_at", "document_id"),
)
JOBS = sa.Table(
    "jobs",
    _METADATA,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("tenant", sa.String(128), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("document_id", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error_code", sa.String(64), nullable=False, server_default=""),
    sa.Column("error_message", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", sa.Float(53), nullable=False),
    sa.Column("updated_at", sa.Float(53), nullable=False),
)
OUTBOX = outbox_table(_METADATA, "retrieval_outbox")


class SqlDocuments:
    """`repository.Documents` on a database.

    Every method raises Unavailable where the database does not answer; nothing is half done then.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def create_tables(self) -> None:
        """Creates what is missing. Two processes may do so at once."""
        try:
            async with self._writing() as connection:
                if self._engine.dialect.name == "postgresql":
                    await connection.execute(sa.text("SELECT pg_advisory_xact_lock(7264183)"))
                await connection.run_sync(_METADATA.create_all)
        except IntegrityError as error:
            raise Unavailable("the tables are being created by another process") from error

    async def check(self) -> None:
        """Raises Unavailable where the database or its tables are not there."""
        async with self._reading() as connection:
            await connection.execute(sa.select(JOBS.c.job_id).limit(1))

    async def accept(self, new: NewDocument) -> Accepted:
        """See `repository.Documents.accept`."""
        for _ in range(3):
            existing = await self._existing(new)
            try:
                if existing is None:
                    return Accepted(await self._insert(new), duplicate=False, unused_object_key="")
                if existing.status != DocumentStatus.FAILED:
                    return Accepted(existing, duplicate=True, unused_object_key=new.object_key)
                again = await self._index_again(existing.document_id, new.object_key)
                if again is not None:
                    return Accepted(again, duplicate=False, unused_object_key=existing.object_key)
            except IntegrityError:
                # The same upload came in twice at once, and the other one won.
                continue
        raise Unavailable("the document is being stored by another request; send it again", retry_after=1.0)

    async def get(self, tenant: str, document_id: str) -> Document | None:
        """See `repository.Documents.get`."""
        async with self._reading() as connection:
            query = sa.select(DOCUMENTS).where(
                DOCUMENTS.c.document_id == document_id,
                DOCUMENTS.c.tenant == tenant,
                DOCUMENTS.c.status != DocumentStatus.DELETED,
            )
            row = (await connection.execute(query)).first()
        return _document(row) if row else None

    async def page(
        self, tenant: str, *, size: int, after: tuple[float, str] | None, status: DocumentStatus | None
    ) -> Sequence[Document]:
        """See `repository.Documents.page`."""
        place = sa.tuple_(DOCUMENTS.c.created_at, DOCUMENTS.c.document_id)
        query = sa.select(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant)
        if status is None:
            query = query.where(DOCUMENTS.c.status.in_([*_VISIBLE, DocumentStatus.DELETING]))
        else:
            query = query.where(DOCUMENTS.c.status == status)
        if after is not None:
            query = query.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
        query = query.order_by(DOCUMENTS.c.created_at.desc(), DOCUMENTS.c.document_id.desc()).limit(size)
        async with self._reading() as connection:
            return [_document(row) for row in await connection.execute(query)]

    async def delete(self, tenant: str, document_id: str) -> Document | None:
        """See `repository.Documents.delete`. Deleting again returns the same job."""
        async with self._writing() as connection:
            document = await self._locked(connection, document_id)
            if document is None or document.tenant != tenant or document.status == DocumentStatus.DELETED:
                return None
            if document.status == DocumentStatus.DELETING:
                return document
            job_id = await self._announce(connection, tenant, document_id, document.content_sha256, deleted=True)
            free = {"identity": None, "idempotency_key": None}
            await self._update(connection, document_id, status=DocumentStatus.DELETING, job_id=job_id, **free)
            return await self._locked(connection, document_id)

    async def job(self, tenant: str, job_id: str) -> Job | None:
        """See `repository.Documents.job`."""
        query = sa.select(JOBS).where(JOBS.c.job_id == job_id, JOBS.c.tenant == tenant)
        async with self._reading() as connection:
            row = (await connection.execute(query)).first()
        return _job(row) if row else None

    async def stats(self, tenant: str) -> Stats:
        """See `repository.Documents.stats`."""
        query = (
            sa.select(
                DOCUMENTS.c.status,
                sa.func.count(),
                sa.func.coalesce(sa.func.sum(DOCUMENTS.c.chunk_count), 0),
                sa.func.coalesce(sa.func.sum(DOCUMENTS.c.size_bytes), 0),
            )
            .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.status.in_(_VISIBLE))
            .group_by(DOCUMENTS.c.status)
        )
        async with self._reading() as connection:
            rows = {
                status: (int(n), int(chunks), int(size)) for status, n, chunks, size in await connection.execute(query)
            }

        def count(status: DocumentStatus) -> int:
            return rows.get(status, (0, 0, 0))[0]

        return Stats(
            accepted=count(DocumentStatus.ACCEPTED),
            indexed=count(DocumentStatus.INDEXED),
            failed=count(DocumentStatus.FAILED),
            chunks=sum(chunks for _, chunks, _ in rows.values()),
            size_bytes=sum(size for _, _, size in rows.values()),
        )

    async def live(self, tenant: str, document_ids: Collection[str]) -> Mapping[str, str]:
        """See `repository.Documents.live`."""
        query = sa.select(DOCUMENTS.c.document_id, DOCUMENTS.c.content_sha256).where(
            DOCUMENTS.c.document_id.in_(document_ids),
            DOCUMENTS.c.tenant == tenant,
            DOCUMENTS.c.status == DocumentStatus.INDEXED,
        )
        async with self._reading() as connection:
            return {row.document_id: row.content_sha256 for row in await connection.execute(query)}

    async def begin_job(self, change: Change) -> Document | None:
        """See `repository.Documents.begin_job`."""
        async with self._writing() as connection:
            document = await self._locked(connection, change.document_id)
            if document is None or document.job_id != change.job_id or await self._ended(connection, change.job_id):
                return None
            await connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.job_id == change.job_id)
                .values(state=JobState.RUNNING, attempts=JOBS.c.attempts + 1, updated_at=_now())
            )
            return document

    async def complete_index(self, change: Change, *, page_count: int, chunk_count: int) -> DocumentStatus:
        """See `repository.Documents.complete_index`."""
        async with self._writing() as connection:
            document = await self._locked(connection, change.document_id)
            if document is not None and document.job_id == change.job_id:
                counts = {"page_count": page_count, "chunk_count": chunk_count}
                await self._update(connection, change.document_id, status=DocumentStatus.INDEXED, **counts)
                await self._end_job(connection, change, JobState.SUCCEEDED)
                return DocumentStatus.INDEXED
            await self._end_job(connection, change, JobState.FAILED, *_SUPERSEDED)
            return document.status if document is not None else DocumentStatus.DELETED

    async def fail_index(self, change: Change, *, code: str, reason: str) -> None:
        """See `repository.Documents.fail_index`."""
        async with self._writing() as connection:
            document = await self._locked(connection, change.document_id)
            if document is not None and document.job_id == change.job_id:
                failure = {"failure_code": code, "failure_reason": reason}
                await self._update(connection, change.document_id, status=DocumentStatus.FAILED, **failure)
            await self._end_job(connection, change, JobState.FAILED, code, reason)

    async def complete_delete(self, change: Change) -> None:
        """See `repository.Documents.complete_delete`."""
        async with self._writing() as connection:
            await self._update(connection, change.document_id, status=DocumentStatus.DELETED, chunk_count=0)
            await self._end_job(connection, change, JobState.SUCCEEDED)

    async def skip(self, change: Change) -> None:
        """See `repository.Documents.skip`."""
        async with self._writing() as connection:
            if await self._ended(connection, change.job_id):
                await acknowledge(connection, OUTBOX, [change.event_id])
            else:
                await self._end_job(connection, change, JobState.FAILED, *_SUPERSEDED)

    async def _existing(self, new: NewDocument) -> Document | None:
        same = [DOCUMENTS.c.identity == _identity(new)]
        if new.idempotency_key:
            # The key counts first: the client said that these two are one.
            same.insert(0, DOCUMENTS.c.idempotency_key == _scoped_key(new))
        async with self._reading() as connection:
            for condition in same:
                row = (await connection.execute(sa.select(DOCUMENTS).where(condition))).first()
                if row is not None:
                    break
            else:
                return None
        if row.content_sha256 != new.content_sha256:
            raise FailedPrecondition(
                "the idempotency key belongs to a document with other content; send this one with a key of its own",
                reason="idempotency_key_reused",
            )
        return _document(row)

    async def _index_again(self, document_id: str, object_key: str) -> Document | None:
        """Starts over with a document that failed, from the new upload. None if it changed since."""
        async with self._writing() as connection:
            document = await self._locked(connection, document_id)
            if document is None or document.status != DocumentStatus.FAILED:
                return None
            await self._update(
                connection,
                document_id,
                status=DocumentStatus.ACCEPTED,
                job_id=await self._announce(connection, document.tenant, document_id, document.content_sha256),
                object_key=object_key,
                failure_code="",
                failure_reason="",
            )
            return await self._locked(connection, document_id)

    async def _insert(self, new: NewDocument) -> Document:
        document_id, now = uuid.uuid4().hex, _now()
        async with self._writing() as connection:
            job_id = await self._announce(connection, new.tenant, document_id, new.content_sha256)
            await connection.execute(
                sa.insert(DOCUMENTS).values(
                    document_id=document_id,
                    tenant=new.tenant,
                    filename=new.filename,
                    media_type=new.media_type,
                    size_bytes=new.size_bytes,
                    content_sha256=new.content_sha256,
                    object_key=new.object_key,
                    metadata=dict(new.metadata),
                    status=DocumentStatus.ACCEPTED,
                    created_at=now,
                    updated_at=now,
                    job_id=job_id,
                    identity=_identity(new),
                    idempotency_key=_scoped_key(new) if new.idempotency_key else None,
                )
            )
            document = await self._locked(connection, document_id)
        if document is None:
            raise Unavailable("the document was not stored; send it again")
        return document

    async def _announce(
        self, connection: AsyncConnection, tenant: str, document_id: str, content_sha256: str, *, deleted: bool = False
    ) -> str:
        """A new job on a document, and the event that has it carried out. Returns the job's id."""
        job_id, now = uuid.uuid4().hex, _now()
        await connection.execute(
            sa.insert(JOBS).values(
                job_id=job_id,
                tenant=tenant,
                kind=JobKind.DELETE if deleted else JobKind.INDEX,
                document_id=document_id,
                state=JobState.QUEUED,
                attempts=0,
                created_at=now,
                updated_at=now,
            )
        )
        change = Change("", tenant, document_id, job_id, deleted=deleted)
        await enqueue(connection, OUTBOX, [change_event(change, content_sha256)])
        return job_id

    async def _locked(self, connection: AsyncConnection, document_id: str) -> Document | None:
        query = sa.select(DOCUMENTS).where(DOCUMENTS.c.document_id == document_id).with_for_update()
        row = (await connection.execute(query)).first()
        return _document(row) if row else None

    async def _update(self, connection: AsyncConnection, document_id: str, **values: Any) -> None:
        where = DOCUMENTS.c.document_id == document_id
        await connection.execute(sa.update(DOCUMENTS).where(where).values(updated_at=_now(), **values))

    async def _ended(self, connection: AsyncConnection, job_id: str) -> bool:
        state = (await connection.execute(sa.select(JOBS.c.state).where(JOBS.c.job_id == job_id))).scalar()
        return state in (JobState.SUCCEEDED, JobState.FAILED)

    async def _end_job(
        self, connection: AsyncConnection, change: Change, state: JobState, code: str = "", message: str = ""
    ) -> None:
        await connection.execute(
            sa.update(JOBS)
            .where(JOBS.c.job_id == change.job_id)
            .values(state=state, error_code=code, error_message=message, updated_at=_now())
        )
        await acknowledge(connection, OUTBOX, [change.event_id])

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        with _translated():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        with _translated():
            async with self._engine.begin() as connection:
                yield connection


class _translated:  # noqa: N801  # reads as a statement
    """Errors of the database become Unavailable; a broken constraint stays what it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, IntegrityError):
            return
        if isinstance(error, DBAPIError | PoolTimeoutError | OSError | TimeoutError):
            raise Unavailable("the document database does not answer; try again", retry_after=1.0) from error


def _now() -> float:
    """Seconds since 1970 in whole microseconds: what a page token holds, and no more."""
    return datetime.now(UTC).timestamp()


def _identity(new: NewDocument) -> str:
    return f"{new.tenant}\x1f{new.content_sha256}\x1f{new.filename}"


def _scoped_key(new: NewDocument) -> str:
    return f"{new.tenant}\x1f{new.idempotency_key}"


def _document(row: sa.Row[Any]) -> Document:
    return Document(
        document_id=row.document_id,
        tenant=row.tenant,
        filename=row.filename,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        content_sha256=row.content_sha256,
        object_key=row.object_key,
        status=DocumentStatus(row.status),
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        updated_at=datetime.fromtimestamp(row.updated_at, UTC),
        job_id=row.job_id,
        # `Row.metadata` is a column here; the attribute of that name belongs to SQLAlchemy.
        metadata=row._mapping["metadata"],
        failure_code=row.failure_code,
        failure_reason=row.failure_reason,
        page_count=row.page_count,
        chunk_count=row.chunk_count,
    )


def _job(row: sa.Row[Any]) -> Job:
    return Job(
        job_id=row.job_id,
        tenant=row.tenant,
        kind=JobKind(row.kind),
        document_id=row.document_id,
        state=JobState(row.state),
        attempts=row.attempts,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        updated_at=datetime.fromtimestamp(row.updated_at, UTC),
        error_code=row.error_code,
        error_message=row.error_message,
    )
