"""The index on Qdrant: in the client's own memory mode, and on the local engine in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import uuid

import grpc
import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient
from whitebox_retrieval.adapters.qdrant_index import QdrantIndex, open_client
from whitebox_retrieval.index import SearchFilter
from whitebox_retrieval.sparse import document_vector, query_vector
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, Unavailable
from whitebox_runtime.testing import free_port

pytestmark = [
    # The memory mode has no payload indexes, and says so.
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
    pytest.mark.slow,
]
ALL = SearchFilter()
TEXTS = [
    "The tide rises by nine metres twice a day.",
    "The gate closes at nine in the evening.",
    "The river carries silt from the mountains.",
    "Error code KX-7731 means that the gate is blocked.",
]


@pytest.fixture(scope="module")
def engine_url(tmp_path_factory):
    pytest.importorskip("whitebox_local", reason="the local stack is not installed")
    port = free_port()
    folder = str(tmp_path_factory.mktemp("collections"))
    command = [sys.executable, "-m", "whitebox_local.qdrant_edge", "--path", folder, "--port", str(port)]
    process = subprocess.Popen(command)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


@pytest.fixture(params=["memory", "engine"])
async def client(request):
    if request.param == "memory":
        client = AsyncQdrantClient(":memory:")
    else:
        client = open_client(request.getfixturevalue("engine_url"))
    yield client
    await client.close()


@pytest.fixture
async def index(client):
    index = QdrantIndex(client)
    await index.prepare(f"model-{uuid.uuid4().hex}", 64)
    return index


@pytest.fixture
async def filled(index, encoder, chunk):
    chunks = [
        chunk(text, f"{n // 2}" * 32, n % 2, metadata={"site": f"s{n}", "kind": "note"}, page=n + 1)
        for n, text in enumerate(TEXTS)
    ]
    await index.upsert(chunks, await encoder.embed(TEXTS), [document_vector(text) for text in TEXTS])
    return chunks


async def found(index, encoder, query, search_filter=ALL, *, tenant="acme", limit=10):
    vector = (await encoder.embed([query]))[0]
    return await index.search(tenant, vector, query_vector(query), search_filter, limit)


async def test_both_lists_come_back_with_whole_chunks_best_first(index, filled, encoder):
    dense, sparse = await found(index, encoder, "when is the gate closed at nine")
    assert dense[0].chunk == sparse[0].chunk == filled[1]
    for hits in (dense, sparse):
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
    expected = await encoder.embed([TEXTS[1], "when is the gate closed at nine"])
    assert dense[0].score == pytest.approx(float(expected[0] @ expected[1]), abs=1e-5)


async def test_rare_words_weigh_more_than_common_ones(index, filled, encoder):
    _, sparse = await found(index, encoder, "gate KX-7731")
    assert sparse[0].chunk == filled[3]
    _, (only,) = await found(index, encoder, "silt")
    assert only.chunk == filled[2]


async def test_it_finds_what_a_search_of_every_chunk_finds(index, encoder, chunk):
    random = np.random.default_rng(5)
    words = "tide moon silt river delta gate turbine storm mud crane".split()
    texts = [" ".join(random.choice(words, size=30)) for _ in range(300)]
    chunks = [chunk(text, f"{n:032x}") for n, text in enumerate(texts)]
    vectors = random.standard_normal((300, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    await index.upsert(chunks, vectors, [document_vector(text) for text in texts])
    query = vectors[7] + 0.1 * vectors[8]
    dense, _ = await index.search("acme", query, None, ALL, 10)
    expected = np.argsort(-(vectors @ query))[:10]
    assert [hit.chunk.document_id for hit in dense] == [f"{n:032x}" for n in expected]


async def test_vectors_come_in_pages_each_once_and_by_filter(index, filled, encoder):
    expected = dict(zip(filled_ids(filled), await encoder.embed(TEXTS), strict=True))
    pages = [page async for page in index.vectors("acme", ALL, 3)]
    assert [len(ids) for ids, _ in pages] == [3, 1]
    found = {one: vector for ids, vectors in pages for one, vector in zip(ids, vectors, strict=True)}
    assert found.keys() == expected.keys()
    for one, vector in found.items():
        np.testing.assert_allclose(vector, expected[one], atol=1e-6)
    some = [ids async for ids, _ in index.vectors("acme", SearchFilter(metadata={"site": "s2"}), 10)]
    assert some == [[filled[2].chunk_id]]
    assert [page async for page in index.vectors("nobody", ALL, 10)] == []


async def test_a_tenant_sees_its_own_chunks_alone(index, filled, encoder, chunk):
    other = chunk(TEXTS[1], "f" * 32, tenant="other")
    await index.upsert([other], await encoder.embed([other.text]), [document_vector(other.text)])
    for tenant, chunks in (("acme", set(filled_ids(filled))), ("other", {other.chunk_id}), ("", set())):
        dense, sparse = await found(index, encoder, "the gate closes", tenant=tenant)
        assert {hit.chunk.chunk_id for hit in dense} == chunks
        assert {hit.chunk.chunk_id for hit in sparse} <= chunks


def filled_ids(chunks):
    return [chunk.chunk_id for chunk in chunks]


@pytest.mark.parametrize(
    ("search_filter", "expected"),
    [
        (SearchFilter(document_ids=["1" * 32]), {2, 3}),
        (SearchFilter(document_ids=["1" * 32, "0" * 32]), {0, 1, 2, 3}),
        (SearchFilter(metadata={"site": "s2"}), {2}),
        (SearchFilter(metadata={"kind": "note", "site": "s1"}), {1}),
        (SearchFilter(metadata={"kind": "note", "site": "none"}), set()),
        (SearchFilter(media_types=["text/plain", "text/html"]), {0, 1, 2, 3}),
        (SearchFilter(media_types=["text/html"]), set()),
        (SearchFilter(document_ids=["none"]), set()),
    ],
)
async def test_filters_hold_in_both_lists(index, filled, encoder, search_filter, expected):
    dense, sparse = await found(index, encoder, "the tide gate silt code", search_filter)
    assert {hit.chunk.chunk_id for hit in dense} == {filled[n].chunk_id for n in expected}
    assert {hit.chunk.chunk_id for hit in sparse} == {filled[n].chunk_id for n in expected}


async def test_writing_twice_is_writing_once(index, filled, encoder):
    await index.upsert(filled, await encoder.embed(TEXTS), [document_vector(text) for text in TEXTS])
    dense, _ = await found(index, encoder, "tide", limit=50)
    assert len(dense) == len(TEXTS)


async def test_a_document_goes_with_all_its_chunks_and_no_others(index, filled, encoder):
    await index.delete_document("0" * 32)
    dense, _ = await found(index, encoder, "tide")
    assert {hit.chunk.chunk_id for hit in dense} == {filled[2].chunk_id, filled[3].chunk_id}
    await index.delete_document("0" * 32)
    await index.delete_document("never there")


async def test_chunks_to_keep_stay(index, filled, encoder):
    await index.delete_document("0" * 32, keep=[filled[1].chunk_id])
    dense, _ = await found(index, encoder, "tide")
    assert {hit.chunk.chunk_id for hit in dense} == set(filled_ids(filled[1:]))


async def test_more_chunks_than_fit_in_a_call_are_written(index, encoder, chunk):
    texts = [f"Tide {n}" for n in range(300)]
    chunks = [chunk(text, "a" * 32, n) for n, text in enumerate(texts)]
    await index.upsert(chunks, await encoder.embed(texts), [document_vector(text) for text in texts])
    dense, _ = await found(index, encoder, "tide", limit=500)
    assert len(dense) == 300


async def test_a_query_for_nothing_finds_nothing(index, filled):
    assert await index.search("acme", None, None, ALL, 5) == ([], [])
    assert await index.search("acme", None, query_vector("?!"), ALL, 5) == ([], [])


async def test_an_empty_index_finds_nothing(index, encoder):
    assert await found(index, encoder, "tide") == ([], [])


async def test_preparing_again_keeps_what_is_there(client, encoder, chunk):
    first, second = QdrantIndex(client), QdrantIndex(client)
    name = f"model/{uuid.uuid4().hex}"
    await first.prepare(name, 64)
    await first.upsert([chunk("Tide.")], await encoder.embed(["Tide."]), [document_vector("Tide.")])
    await second.prepare(name, 64)
    await second.check()
    dense, _ = await found(second, encoder, "tide")
    assert len(dense) == 1


async def test_another_model_has_an_index_of_its_own(client, index, filled, encoder):
    other = QdrantIndex(client)
    await other.prepare(f"other-{uuid.uuid4().hex}", 64)
    assert await found(other, encoder, "tide") == ([], [])


async def test_vectors_of_another_size_are_refused(client):
    name = f"model-{uuid.uuid4().hex}"
    await QdrantIndex(client).prepare(name, 64)
    with pytest.raises(FailedPrecondition, match="64 dimensions, the model gives 32"):
        await QdrantIndex(client).prepare(name, 32)


async def test_before_it_is_prepared_it_is_unavailable(client, encoder):
    index = QdrantIndex(client)
    for call in (index.check(), index.delete_document("d"), found(index, encoder, "tide")):
        with pytest.raises(Unavailable, match="not prepared"):
            await call


async def test_an_engine_that_is_away_is_unavailable():
    client = open_client(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable, match="does not answer"):
        await QdrantIndex(client).prepare("model", 4)
    await client.close()


@pytest.mark.parametrize("url", ["", "127.0.0.1:6334", "http://host", "ftp://host:1", "http://:6334"])
def test_other_addresses_are_refused_with_what_to_write(url):
    with pytest.raises(InvalidArgument, match="http"):
        open_client(url)
