"""Indexing: every change may come twice, late, or in the middle of another."""

from __future__ import annotations

import asyncio

import pytest
from whitebox_retrieval.adapters.loaders import load
from whitebox_retrieval.documents import DocumentStatus, JobState
from whitebox_retrieval.indexing import Indexer, chunk_id
from whitebox_retrieval.loading import LoadLimits
from whitebox_runtime.errors import InvalidArgument, Unavailable

TEXT = b" ".join(b"The tide of day %d rises in the bay and falls again." % n for n in range(200))


class Loader:
    async def load(self, content, filename, stated):
        return load(content, filename, stated, LoadLimits(max_pages=10, max_characters=1_000_000))


@pytest.fixture
def indexer(documents, originals, encoder, index):
    return Indexer(documents, originals, Loader(), encoder, index, chunk_tokens=40, chunk_overlap_tokens=8)


@pytest.fixture
def put(documents, originals, upload):
    async def accept(content=TEXT, **fields):
        new = upload(content, **fields)
        originals.contents[new.object_key] = content
        accepted = await documents.accept(new)
        await originals.delete(accepted.unused_object_key)
        return accepted.document

    return accept


async def status_of(documents, document):
    current = await documents.get("acme", document.document_id)
    return current.status if current else None


async def test_a_document_becomes_searchable_chunk_by_chunk(indexer, documents, index, put, announced):
    document = await put(metadata={"site": "Halden"})
    (change,) = await announced()
    await indexer.apply(change)
    current = await documents.get("acme", document.document_id)
    assert (current.status, current.chunk_count) == (DocumentStatus.INDEXED, len(index.points))
    chunks = sorted((chunk for chunk, *_ in index.points.values()), key=lambda chunk: chunk.chunk_index)
    assert [chunk.chunk_index for chunk in chunks] == list(range(len(chunks)))
    text = TEXT.decode()
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.chunk_id == chunk_id(document.document_id, document.content_sha256, chunk.chunk_index)
        assert (chunk.tenant, chunk.filename, chunk.metadata) == ("acme", "tide.txt", {"site": "Halden"})
    assert await announced() == []


async def test_a_change_that_comes_again_changes_nothing(indexer, documents, index, put, announced):
    document = await put()
    (change,) = await announced()
    await indexer.apply(change)
    before = dict(index.points)
    await indexer.apply(change)
    assert index.points == before
    assert (await documents.job("acme", document.job_id)).attempts == 1


async def test_an_attempt_that_was_cut_off_is_finished_by_the_next(indexer, documents, index, put, announced):
    document = await put()
    (change,) = await announced()
    upsert = index.upsert

    async def once(chunks, dense, sparse):
        index.upsert = upsert
        await upsert(chunks[:5], dense[:5], sparse[:5])
        raise Unavailable("the index is away")

    index.upsert = once
    with pytest.raises(Unavailable):
        await indexer.apply(change)
    assert await announced() == [change]
    assert await status_of(documents, document) == DocumentStatus.ACCEPTED
    await indexer.apply(change)
    current = await documents.get("acme", document.document_id)
    assert current.chunk_count == len(index.points) > 5
    assert (await documents.job("acme", document.job_id)).attempts == 2


async def test_chunks_of_an_earlier_attempt_with_other_settings_do_not_stay(
    indexer, documents, originals, encoder, index, put, announced
):
    await put()
    (change,) = await announced()
    finer = Indexer(documents, originals, Loader(), encoder, index, chunk_tokens=16, chunk_overlap_tokens=0)
    complete, documents.complete_index = documents.complete_index, away
    with pytest.raises(Unavailable):
        await finer.apply(change)
    many = len(index.points)
    documents.complete_index = complete
    await indexer.apply(change)
    assert len(index.points) < many
    (document,) = await documents.page("acme", size=5, after=None, status=None)
    assert document.chunk_count == len(index.points)


async def away(*_arguments, **_named):
    raise Unavailable("the database is away")


async def test_a_deletion_removes_exactly_its_documents_chunks_and_its_original(
    indexer, documents, originals, index, put, announced
):
    kept, gone = await put(), await put(filename="same-bytes.txt")
    for change in await announced():
        await indexer.apply(change)
    await documents.delete("acme", gone.document_id)
    (change,) = await announced()
    await indexer.apply(change)
    assert {chunk.document_id for chunk, *_ in index.points.values()} == {kept.document_id}
    assert set(originals.contents) == {kept.object_key}
    assert await status_of(documents, gone) is None
    await indexer.apply(change)
    assert await announced() == []


async def test_a_deletion_that_overtakes_the_indexing_leaves_nothing(indexer, documents, index, put, announced):
    document = await put()
    await documents.delete("acme", document.document_id)
    first, second = await announced()
    for change in (second, first):
        await indexer.apply(change)
    assert index.points == {}
    assert (await documents.job("acme", document.job_id)).error_code == "superseded"
    assert await announced() == []


@pytest.mark.parametrize("deleted_first", [False, True])
async def test_a_deletion_in_the_middle_of_the_indexing_leaves_nothing(
    indexer, documents, index, encoder, put, announced, deleted_first
):
    document = await put()
    (change,) = await announced()
    reached, go_on = asyncio.Event(), asyncio.Event()
    embed = encoder.embed

    async def pausing(texts):
        reached.set()
        await go_on.wait()
        return await embed(texts)

    encoder.embed = pausing
    indexing = asyncio.create_task(indexer.apply(change))
    await reached.wait()
    await documents.delete("acme", document.document_id)
    deletion = next(change for change in await announced() if change.deleted)
    if deleted_first:
        await indexer.apply(deletion)
    go_on.set()
    await indexing
    if not deleted_first:
        await indexer.apply(deletion)
    assert index.points == {}
    assert await status_of(documents, document) is None
    assert await announced() == []


async def test_a_stale_attempt_leaves_the_chunks_of_the_newer_one(indexer, documents, index, encoder, put, announced):
    await put()
    (stale,) = await announced()
    reached, go_on = asyncio.Event(), asyncio.Event()
    embed = encoder.embed

    async def pausing(texts):
        encoder.embed = embed
        reached.set()
        await go_on.wait()
        return await embed(texts)

    encoder.embed = pausing
    slow = asyncio.create_task(indexer.apply(stale))
    await reached.wait()
    await documents.fail_index(stale, code="timeout", reason="Another process gave up.")
    document = await put()
    (newer,) = await announced()
    await indexer.apply(newer)
    go_on.set()
    await slow
    assert await status_of(documents, document) == DocumentStatus.INDEXED
    assert len(index.points) == (await documents.get("acme", document.document_id)).chunk_count > 0


@pytest.mark.parametrize(
    ("content", "filename", "code"),
    [
        (b"", "a.txt", "empty"),
        (b"%PDF-1.7 broken", "a.pdf", "corrupt"),
        (b"\x89PNG\r\n", "a.png", "unsupported"),
        (b"\xef\xbb\xbf \xe2\x80\x8b", "a.txt", "no_text"),
    ],
)
async def test_a_document_that_cannot_be_read_fails_with_a_reason(
    indexer, documents, index, put, announced, content, filename, code
):
    document = await put(content, filename=filename)
    (change,) = await announced()
    await indexer.apply(change)
    current = await documents.get("acme", document.document_id)
    assert (current.status, current.failure_code) == (DocumentStatus.FAILED, code)
    assert current.failure_reason
    job = await documents.job("acme", document.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, code)
    assert index.points == {}
    assert await announced() == []


async def test_a_document_that_the_encoder_refuses_fails_instead_of_coming_back_for_ever(
    indexer, documents, encoder, put, announced
):
    async def refuse(texts):
        raise InvalidArgument("text 3 is too long")

    encoder.embed = refuse
    document = await put()
    (change,) = await announced()
    await indexer.apply(change)
    current = await documents.get("acme", document.document_id)
    assert (current.status, current.failure_code) == (DocumentStatus.FAILED, "rejected")
    assert "text 3 is too long" in current.failure_reason
    assert await announced() == []


async def test_a_missing_original_fails_and_can_be_sent_again(indexer, documents, originals, put, announced):
    document = await put()
    originals.contents.clear()
    (change,) = await announced()
    await indexer.apply(change)
    current = await documents.get("acme", document.document_id)
    assert (current.failure_code, "again" in current.failure_reason) == ("missing", True)
    again = await put()
    assert again.document_id == document.document_id
    (change,) = await announced()
    await indexer.apply(change)
    assert await status_of(documents, document) == DocumentStatus.INDEXED


@pytest.mark.parametrize("part", ["originals", "encoder", "index"])
async def test_while_something_is_away_the_change_stays_announced(
    indexer, documents, originals, encoder, index, put, announced, part
):
    document = await put()
    if part == "originals":
        originals.get = away
    elif part == "encoder":
        encoder.embed = away
    else:
        index.delete_document = away
    (change,) = await announced()
    with pytest.raises(Unavailable):
        await indexer.apply(change)
    assert await announced() == [change]
    assert await status_of(documents, document) == DocumentStatus.ACCEPTED


async def test_a_document_whose_indexing_keeps_breaking_fails_after_a_bounded_number_of_attempts(
    indexer, documents, encoder, put, announced
):
    async def break_down(texts):
        raise RuntimeError("a fault nobody foresaw")

    encoder.embed = break_down
    document = await put()
    (change,) = await announced()
    attempts = 0
    while await status_of(documents, document) == DocumentStatus.ACCEPTED:
        attempts += 1
        assert attempts <= 20
        try:
            await indexer.apply(change)
        except RuntimeError:
            assert await announced() == [change]
    assert attempts > 1
    assert (await documents.get("acme", document.document_id)).failure_code == "internal"
    assert await announced() == []
