"""The audit of live searches: exact search by whitebox says what an index missed; NumPy is the judge of both."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from prometheus_client import REGISTRY
from whitebox_retrieval import recall_audit
from whitebox_retrieval.index import Hit, SearchFilter
from whitebox_retrieval.recall_audit import RecallAudit
from whitebox_retrieval.searching import Searcher, SearchMode
from whitebox_retrieval.sparse import document_vector

ALL = SearchFilter()
COUNT = 300


@pytest.fixture
async def filled(index, chunk):
    vectors = np.random.default_rng(3).standard_normal((COUNT, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chunks = [chunk(f"text {n}", f"{n:032x}", metadata={"half": str(n % 2)}) for n in range(COUNT)]
    await index.upsert(chunks, vectors, [document_vector(one.text) for one in chunks])
    return vectors


def audit(index, **changed) -> RecallAudit:
    return RecallAudit(index, **({"share": 1.0, "max_vectors": COUNT, "draw": lambda: 0.0} | changed))


async def scores(index, query, limit, search_filter=ALL) -> dict[str, float]:
    hits, _ = await index.search("acme", query, None, search_filter, limit)
    return {hit.chunk.chunk_id: hit.score for hit in hits}


@pytest.mark.parametrize("page", [7, COUNT, 1024])
async def test_an_exact_index_has_a_recall_of_one_whatever_the_pages(index, filled, monkeypatch, page):
    monkeypatch.setattr(recall_audit, "_PAGE", page)
    query = filled[5]
    measured = await audit(index).measure("acme", query, ALL, 10, await scores(index, query, 10))
    assert measured.recall == 1
    assert measured.difference < 1e-6
    assert measured.scanned == COUNT


async def test_what_an_index_missed_is_the_share_that_numpy_finds_missing(index, filled, monkeypatch):
    monkeypatch.setattr(recall_audit, "_PAGE", 64)
    query = filled[5]
    found = await scores(index, query, 40)
    kept = dict(list(found.items())[::3])
    best = np.sort(filled @ query)[::-1][: len(kept)]
    expected = np.mean([score >= best[-1] - 1e-6 for score in kept.values()])
    measured = await audit(index).measure("acme", query, ALL, len(kept), kept)
    assert measured.recall == pytest.approx(expected)
    assert 0 < measured.recall < 1


async def test_an_index_that_finds_too_few_is_measured_by_what_was_wanted(index, filled):
    query = filled[0]
    found = dict(list((await scores(index, query, 10)).items())[:4])
    assert (await audit(index).measure("acme", query, ALL, 10, found)).recall == pytest.approx(0.4)
    assert (await audit(index).measure("acme", query, ALL, 10, {})).recall == 0


async def test_equally_near_chunks_may_stand_for_each_other(index, chunk):
    vector = np.full((4, 4), 0.5, np.float32)
    chunks = [chunk("same", f"{n:032x}") for n in range(4)]
    await index.upsert(chunks, vector, [document_vector("same")] * 4)
    for one in chunks:
        measured = await audit(index).measure("acme", vector[0], ALL, 1, {one.chunk_id: 1.0})
        assert measured.recall == 1


async def test_a_wrong_cosine_shows_as_a_difference(index, filled):
    query = filled[2]
    found = await scores(index, query, 5)
    first = next(iter(found))
    measured = await audit(index).measure("acme", query, ALL, 5, found | {first: found[first] - 0.25})
    assert measured.recall == 1
    assert measured.difference == pytest.approx(0.25, abs=1e-5)


async def test_the_scan_sees_the_tenant_and_the_filter_that_the_search_saw(index, filled):
    half = SearchFilter(metadata={"half": "1"})
    found = await scores(index, filled[4], 10, half)
    measured = await audit(index).measure("acme", filled[4], half, 10, found)
    assert (measured.recall, measured.scanned) == (1, COUNT // 2)
    assert await audit(index).measure("nobody", filled[4], ALL, 10, {}) is None


async def test_more_chunks_than_allowed_are_not_scanned(index, filled):
    assert await audit(index, max_vectors=COUNT - 1).measure("acme", filled[0], ALL, 5, {}) is None


class Live:
    async def live(self, tenant, document_ids):
        return dict.fromkeys(document_ids, "0" * 64)


async def test_live_searches_are_sampled_measured_and_exported(index, filled, encoder):
    class Encoder:
        async def embed(self, texts):
            return filled[: len(texts)]

    before = REGISTRY.get_sample_value("whitebox_audit_recall_count") or 0
    watching, stopping = audit(index), asyncio.Event()
    searcher = Searcher(Encoder(), index, Live(), watching)
    for mode in (SearchMode.DENSE, SearchMode.HYBRID, SearchMode.SPARSE):
        await searcher.search("acme", "text", top_k=3, mode=mode, search_filter=ALL)
    running = asyncio.create_task(watching.run(stopping))
    async with asyncio.timeout(10):
        while (REGISTRY.get_sample_value("whitebox_audit_recall_count") or 0) < before + 2:
            await asyncio.sleep(0.01)
    stopping.set()
    await running
    # A search by words alone has no vector to hold against anything.
    assert REGISTRY.get_sample_value("whitebox_audit_recall_count") == before + 2
    assert REGISTRY.get_sample_value("whitebox_audit_recall_bucket", {"le": "0.999"}) == 0


async def test_an_index_that_is_away_costs_a_sample_and_not_the_process(index, filled, caplog):
    class Away:
        async def vectors(self, *_):
            raise OSError("gone")
            yield

    watching, stopping = audit(Away()), asyncio.Event()
    watching.offer("acme", filled[0], ALL, 1, [Hit(None, 1.0)] * 0)
    running = asyncio.create_task(watching.run(stopping))
    async with asyncio.timeout(10):
        while not caplog.records:
            await asyncio.sleep(0.01)
    stopping.set()
    await running
    assert caplog.records[0].message == "a live answer could not be recomputed"
