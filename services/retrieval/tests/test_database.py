"""Documents, jobs and announcements, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from whitebox_retrieval.adapters.database import DOCUMENTS, JOBS, OUTBOX, SqlDocuments
from whitebox_retrieval.documents import DocumentStatus, JobState
from whitebox_retrieval.repository import Change
from whitebox_runtime.database import open_engine
from whitebox_runtime.errors import FailedPrecondition, Unavailable


@pytest.fixture
async def engine(database_url):
    engine = open_engine(database_url)
    await SqlDocuments(engine).create_tables()
    async with engine.begin() as connection:
        for table in (DOCUMENTS, JOBS, OUTBOX):
            await connection.execute(table.delete())
    yield engine
    await engine.dispose()


async def test_a_document_is_stored_with_its_job_and_its_announcement(documents, announced, upload):
    accepted = await documents.accept(upload(metadata={"site": "Halden é"}))
    document = accepted.document
    assert not accepted.duplicate
    assert await documents.get("acme", document.document_id) == document
    assert document.status == DocumentStatus.ACCEPTED
    assert document.metadata == {"site": "Halden é"}
    job = await documents.job("acme", document.job_id)
    assert (job.state, job.attempts, job.kind) == (JobState.QUEUED, 0, "index")
    (change,) = await announced()
    assert (change.document_id, change.job_id, change.deleted) == (document.document_id, document.job_id, False)


async def test_the_same_content_and_name_is_the_same_document(documents, announced, upload):
    first = await documents.accept(upload())
    again = upload()
    second = await documents.accept(again)
    assert second.duplicate
    assert second.document == first.document
    assert second.unused_object_key == again.object_key
    assert len(await announced()) == 1


async def test_another_tenant_name_or_content_is_another_document(documents, upload):
    made = [upload(), upload(tenant="other"), upload(filename="b.txt"), upload(b"other")]
    assert len({(await documents.accept(new)).document.document_id for new in made}) == 4


async def test_an_idempotency_key_finds_its_document_under_any_name(documents, upload):
    first = await documents.accept(upload(idempotency_key="k"))
    other = await documents.accept(upload(filename="other.txt", idempotency_key="j"))
    again = await documents.accept(upload(filename="other.txt", idempotency_key="k"))
    assert again.duplicate
    assert again.document.document_id == first.document.document_id != other.document.document_id


async def test_an_idempotency_key_is_not_taken_for_other_content(documents, upload):
    await documents.accept(upload(idempotency_key="k"))
    with pytest.raises(FailedPrecondition, match="key of its own"):
        await documents.accept(upload(b"other", idempotency_key="k"))
    assert not (await documents.accept(upload(b"other", tenant="other", idempotency_key="k"))).duplicate


async def test_two_replicas_that_get_the_same_upload_at_once_store_one(database_url, documents, upload):
    engines = [open_engine(database_url) for _ in range(2)]
    try:
        replicas = [SqlDocuments(engine) for engine in engines] * 5
        accepted = await asyncio.gather(*(replica.accept(upload()) for replica in replicas))
    finally:
        for engine in engines:
            await engine.dispose()
    assert len({one.document.document_id for one in accepted}) == 1
    assert sum(not one.duplicate for one in accepted) == 1


async def test_two_replicas_create_the_tables_at_once(database_url):
    engines = [open_engine(database_url) for _ in range(2)]
    try:
        async with engines[0].begin() as connection:
            for table in (DOCUMENTS, JOBS, OUTBOX):
                await connection.run_sync(table.drop, checkfirst=True)
        await asyncio.gather(*(SqlDocuments(engine).create_tables() for engine in engines))
        await SqlDocuments(engines[1]).check()
    finally:
        for engine in engines:
            await engine.dispose()


async def test_pages_hold_every_document_once_newest_first(documents, upload):
    ids = [(await documents.accept(upload(f"{n}".encode()))).document.document_id for n in range(23)]
    await documents.accept(upload(tenant="other"))
    seen, after = [], None
    while page := await documents.page("acme", size=5, after=after, status=None):
        seen += [document.document_id for document in page]
        after = (page[-1].created_at.timestamp(), page[-1].document_id)
    assert seen == ids[::-1]


async def test_pages_can_be_of_one_status(documents, announced, upload):
    await documents.accept(upload(b"a"))
    await documents.accept(upload(b"b"))
    first, _ = await announced()
    await documents.begin_job(first)
    await documents.fail_index(first, code="corrupt", reason="Damaged.")
    (failed,) = await documents.page("acme", size=5, after=None, status=DocumentStatus.FAILED)
    assert (failed.failure_code, failed.failure_reason) == ("corrupt", "Damaged.")


async def test_indexing_makes_a_document_live_and_takes_the_announcement_back(documents, announced, upload):
    document = (await documents.accept(upload())).document
    (change,) = await announced()
    assert await documents.live("acme", [document.document_id]) == {}
    assert await documents.begin_job(change) == document
    assert (await documents.job("acme", document.job_id)).state == JobState.RUNNING
    assert await documents.complete_index(change, page_count=2, chunk_count=7) == DocumentStatus.INDEXED
    assert await documents.live("acme", [document.document_id]) == {document.document_id: document.content_sha256}
    assert await documents.live("other", [document.document_id]) == {}
    assert (await documents.get("acme", document.document_id)).chunk_count == 7
    assert (await documents.job("acme", document.job_id)).state == JobState.SUCCEEDED
    assert await announced() == []


async def test_a_job_that_is_begun_again_counts_its_attempts(documents, announced, upload):
    document = (await documents.accept(upload())).document
    (change,) = await announced()
    for _ in range(3):
        await documents.begin_job(change)
    assert (await documents.job("acme", document.job_id)).attempts == 3


async def test_a_change_that_is_done_is_not_begun_again(documents, announced, upload):
    document = (await documents.accept(upload())).document
    (change,) = await announced()
    await documents.complete_index(change, page_count=0, chunk_count=1)
    assert await documents.begin_job(change) is None
    await documents.skip(change)
    assert (await documents.job("acme", document.job_id)).state == JobState.SUCCEEDED


async def test_a_deleted_document_is_hidden_at_once_and_gone_afterwards(documents, announced, upload):
    document = (await documents.accept(upload())).document
    (put,) = await announced()
    await documents.complete_index(put, page_count=0, chunk_count=1)
    deleting = await documents.delete("acme", document.document_id)
    assert deleting.status == DocumentStatus.DELETING
    assert await documents.live("acme", [document.document_id]) == {}
    assert (await documents.delete("acme", document.document_id)).job_id == deleting.job_id
    (change,) = await announced()
    assert change.deleted
    await documents.complete_delete(change)
    assert await documents.get("acme", document.document_id) is None
    assert await documents.delete("acme", document.document_id) is None
    assert (await documents.job("acme", deleting.job_id)).state == JobState.SUCCEEDED


async def test_the_same_content_may_come_again_after_a_deletion(documents, upload):
    first = await documents.accept(upload(idempotency_key="k"))
    await documents.delete("acme", first.document.document_id)
    second = await documents.accept(upload(idempotency_key="k"))
    assert not second.duplicate
    assert second.document.document_id != first.document.document_id


async def test_a_deletion_overtakes_an_indexing_that_has_not_begun(documents, announced, upload):
    document = (await documents.accept(upload())).document
    await documents.delete("acme", document.document_id)
    put, delete = await announced()
    assert await documents.begin_job(put) is None
    await documents.skip(put)
    job = await documents.job("acme", document.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "superseded")
    assert await documents.begin_job(delete) is not None


async def test_a_deletion_overtakes_an_indexing_that_runs(documents, announced, upload):
    document = (await documents.accept(upload())).document
    (put,) = await announced()
    await documents.begin_job(put)
    await documents.delete("acme", document.document_id)
    assert await documents.complete_index(put, page_count=0, chunk_count=1) == DocumentStatus.DELETING
    assert (await documents.get("acme", document.document_id)).status == DocumentStatus.DELETING
    assert (await documents.job("acme", document.job_id)).error_code == "superseded"


async def test_a_failed_document_that_is_sent_again_is_indexed_anew(documents, announced, upload):
    first = (await documents.accept(upload())).document
    (change,) = await announced()
    await documents.fail_index(change, code="timeout", reason="Too slow.")
    again = upload()
    accepted = await documents.accept(again)
    assert not accepted.duplicate
    assert accepted.unused_object_key == first.object_key
    document = accepted.document
    assert (document.document_id, document.status, document.failure_code) == (
        first.document_id,
        DocumentStatus.ACCEPTED,
        "",
    )
    assert document.object_key == again.object_key
    (change,) = await announced()
    assert change.job_id == document.job_id != first.job_id


async def test_a_stale_attempt_does_not_undo_a_newer_one(documents, announced, upload):
    await documents.accept(upload())
    (stale,) = await announced()
    await documents.fail_index(stale, code="timeout", reason="Too slow.")
    document = (await documents.accept(upload())).document
    (newer,) = await announced()
    await documents.complete_index(newer, page_count=0, chunk_count=1)
    await documents.fail_index(stale, code="timeout", reason="Too slow.")
    assert await documents.complete_index(stale, page_count=0, chunk_count=9) == DocumentStatus.INDEXED
    assert (await documents.get("acme", document.document_id)).chunk_count == 1


async def test_no_tenant_sees_anothers(documents, upload):
    document = (await documents.accept(upload())).document
    assert await documents.get("other", document.document_id) is None
    assert await documents.delete("other", document.document_id) is None
    assert await documents.job("other", document.job_id) is None
    assert await documents.page("other", size=5, after=None, status=None) == []
    assert (await documents.stats("other")).accepted == 0


async def test_totals_count_what_is_there(documents, announced, upload):
    for content in (b"aa", b"bbb", b"cccc", b"ddddd"):
        await documents.accept(upload(content))
    one, two, three, _ = await announced()
    await documents.complete_index(one, page_count=0, chunk_count=5)
    await documents.fail_index(two, code="empty", reason="Empty.")
    await documents.delete("acme", three.document_id)
    stats = await documents.stats("acme")
    assert (stats.accepted, stats.indexed, stats.failed, stats.chunks, stats.size_bytes) == (1, 1, 1, 5, 10)


async def test_what_is_not_there_is_none(documents):
    assert await documents.get("acme", uuid.uuid4().hex) is None
    assert await documents.job("acme", "no job") is None
    change = Change("e", "acme", "no document", "no job", deleted=False)
    assert await documents.begin_job(change) is None
    await documents.skip(change)
    assert await documents.complete_index(change, page_count=0, chunk_count=0) == DocumentStatus.DELETED
    assert await documents.live("acme", ["x"]) == {}


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite:////no/such/folder/a.sqlite", "postgresql+asyncpg://whitebox@127.0.0.1:1/postgres"]
)
async def test_a_database_that_is_away_is_unavailable(url, upload):
    try:
        engine = open_engine(url)
    except OSError:
        pytest.skip("this database's folder cannot even be opened")
    try:
        with pytest.raises(Unavailable):
            await SqlDocuments(engine).accept(upload())
    finally:
        await engine.dispose()
