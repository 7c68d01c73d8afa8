"""The service over real gRPC: what it answers, and how it refuses."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_contracts.retrieval.v1 import retrieval_pb2_grpc
from whitebox_retrieval.adapters.loaders import load
from whitebox_retrieval.adapters.object_store import Originals, open_store
from whitebox_retrieval.api import RetrievalApi
from whitebox_retrieval.indexing import Indexer
from whitebox_retrieval.loading import LoadLimits
from whitebox_retrieval.searching import Searcher
from whitebox_retrieval.settings import RetrievalSettings
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process

SERVICE = "whitebox.retrieval.v1.RetrievalService"
MOST = 3 * 2**20
TEXT = b"The tide rises by nine metres. The gate closes at nine in the evening. The river carries silt."
OK = pb.DocumentHeader(tenant="acme", filename="tide.txt", media_type="text/plain")


class Loader:
    async def load(self, content, filename, stated):
        return load(content, filename, stated, LoadLimits(max_pages=10, max_characters=1_000_000))


@pytest.fixture
def store(tmp_path):
    return Originals(open_store((tmp_path / "objects").as_uri()), MOST)


@pytest.fixture
async def stub(documents, store, encoder, index):
    settings = RetrievalSettings(port=0, metrics_port=-1, shutdown_grace_seconds=1)
    process = Process("retrieval-api", settings)
    api = RetrievalApi(documents, store, Searcher(encoder, index, documents), lambda: None)
    async with GrpcServer(process, service_names=[SERVICE]) as server:
        retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(api, server.server)
        port = await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield retrieval_pb2_grpc.RetrievalServiceStub(channel)


@pytest.fixture
def work(documents, store, encoder, index, announced):
    """Does what the indexer process would."""

    async def run() -> None:
        indexer = Indexer(documents, store, Loader(), encoder, index, chunk_tokens=16, chunk_overlap_tokens=4)
        for change in await announced():
            await indexer.apply(change)

    return run


async def put(stub, content=TEXT, *, part=2**16, **header):
    async def messages():
        made = pb.DocumentHeader()
        made.CopyFrom(OK)
        made.MergeFrom(pb.DocumentHeader(**header))
        yield pb.PutDocumentRequest(header=made)
        for start in range(0, len(content), part):
            yield pb.PutDocumentRequest(data=content[start : start + part])
        yield pb.PutDocumentRequest(end=pb.DocumentEnd(size_bytes=len(content)))

    return await stub.PutDocument(messages(), timeout=20)


async def refusal(call) -> tuple[grpc.StatusCode, str, str]:
    """Status, reason and message of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    reason = ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    reason = info.reason
    return error.code(), reason, error.details() or ""


async def invalid(call) -> str:
    code, reason, message = await refusal(call)
    assert code is grpc.StatusCode.INVALID_ARGUMENT, message
    assert message
    return reason


class TestDocuments:
    async def test_an_upload_is_durable_and_described_when_it_is_answered(self, stub, store, documents):
        answer = await put(stub, TEXT, part=7, metadata={"site": "Halden"}, idempotency_key="k")
        document = answer.document
        assert not answer.duplicate
        assert document.content_sha256 == hashlib.sha256(TEXT).hexdigest()
        assert (document.size_bytes, document.status) == (len(TEXT), pb.DOCUMENT_STATUS_ACCEPTED)
        assert dict(document.metadata) == {"site": "Halden"}
        stored = await documents.get("acme", document.document_id)
        assert await store.get(stored.object_key) == TEXT
        got = await stub.GetDocument(pb.GetDocumentRequest(tenant="acme", document_id=document.document_id))
        assert got.document == document
        job = (await stub.GetJob(pb.GetJobRequest(tenant="acme", job_id=document.job_id))).job
        assert (job.kind, job.state) == ("index", pb.JOB_STATE_QUEUED)

    async def test_the_same_again_is_a_duplicate_and_leaves_no_second_original(self, stub, tmp_path):
        first, second = await put(stub), await put(stub)
        assert second.duplicate
        assert second.document == first.document
        assert sum(path.is_file() for path in (tmp_path / "objects").rglob("*")) == 1

    async def test_an_indexed_document_is_found_and_a_deleted_one_is_not(self, stub, work):
        document = (await put(stub, metadata={"site": "Halden"})).document
        await work()
        request = pb.SearchRequest(tenant="acme", query="when does the gate close", top_k=2)
        answer = await stub.Search(request)
        best = answer.passages[0]
        assert "gate" in best.text
        assert TEXT.decode()[best.start_offset : best.end_offset] == best.text
        assert (best.document_id, best.filename, best.media_type) == (document.document_id, "tide.txt", "text/plain")
        assert (best.page, best.last_page, best.dense_rank, best.sparse_rank) == (0, 0, 1, 1)
        assert len(answer.passages) == 2
        stats = await stub.GetStats(pb.GetStatsRequest(tenant="acme"))
        assert (stats.documents_indexed, stats.bytes, stats.chunks > 2) == (1, len(TEXT), True)
        deleted = await stub.DeleteDocument(pb.DeleteDocumentRequest(tenant="acme", document_id=document.document_id))
        assert deleted.document.status == pb.DOCUMENT_STATUS_DELETING
        assert not (await stub.Search(request)).passages
        await work()
        code, reason, _ = await refusal(
            stub.GetDocument(pb.GetDocumentRequest(tenant="acme", document_id=document.document_id))
        )
        assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "document_not_found")

    async def test_an_empty_document_is_taken_and_fails_with_its_reason(self, stub, work):
        document = (await put(stub, b"")).document
        await work()
        got = (await stub.GetDocument(pb.GetDocumentRequest(tenant="acme", document_id=document.document_id))).document
        assert (got.status, got.failure_code) == (pb.DOCUMENT_STATUS_FAILED, "empty")
        assert got.failure_reason == "The file is empty."

    async def test_lists_hold_every_document_once_newest_first(self, stub):
        ids = [(await put(stub, b"%d" % n)).document.document_id for n in range(7)]
        seen, token = [], ""
        while True:
            page = await stub.ListDocuments(pb.ListDocumentsRequest(tenant="acme", page_size=3, page_token=token))
            seen += [document.document_id for document in page.documents]
            token = page.next_page_token
            if not token:
                break
        assert seen == ids[::-1]

    async def test_a_list_can_be_of_one_status(self, stub, work):
        await put(stub, b"")
        await work()
        await put(stub)
        for status, count in ((pb.DOCUMENT_STATUS_FAILED, 1), (pb.DOCUMENT_STATUS_INDEXED, 0), (0, 2)):
            page = await stub.ListDocuments(pb.ListDocumentsRequest(tenant="acme", status=status))
            assert len(page.documents) == count

    async def test_no_tenant_reaches_anothers(self, stub, work):
        document = (await put(stub)).document
        await work()
        for call in (
            stub.GetDocument(pb.GetDocumentRequest(tenant="other", document_id=document.document_id)),
            stub.DeleteDocument(pb.DeleteDocumentRequest(tenant="other", document_id=document.document_id)),
            stub.GetJob(pb.GetJobRequest(tenant="other", job_id=document.job_id)),
        ):
            code, _, _ = await refusal(call)
            assert code is grpc.StatusCode.NOT_FOUND
        assert not (await stub.Search(pb.SearchRequest(tenant="other", query="gate"))).passages
        assert not (await stub.ListDocuments(pb.ListDocumentsRequest(tenant="other"))).documents


class TestBadUploads:
    @pytest.mark.parametrize(
        ("header", "reason"),
        [
            ({"tenant": "x" * 65}, "bad_length"),
            ({"tenant": "a\x1fb"}, "bad_tenant"),
            ({"filename": "x" * 256}, "bad_length"),
            ({"filename": "../etc/passwd"}, "bad_filename"),
            ({"filename": "a\\b"}, "bad_filename"),
            ({"filename": "a\nb"}, "bad_filename"),
            ({"filename": "a\x00b"}, "nul_character"),
            ({"media_type": "x" * 256}, "bad_length"),
            ({"media_type": "a\x00"}, "nul_character"),
            ({"idempotency_key": "x" * 129}, "bad_length"),
            ({"metadata": {f"k{n}": "v" for n in range(33)}}, "too_much_metadata"),
            ({"metadata": {"": "v"}}, "bad_length"),
            ({"metadata": {"k" * 65: "v"}}, "bad_length"),
            ({"metadata": {"k\n": "v"}}, "bad_metadata_key"),
            ({"metadata": {"k": "v" * 513}}, "bad_length"),
            ({"metadata": {"k": "\x00"}}, "nul_character"),
        ],
    )
    async def test_a_header_over_a_limit_is_refused_by_name(self, stub, header, reason):
        assert await invalid(put(stub, **header)) == reason

    @pytest.mark.parametrize("missing", ["tenant", "filename"])
    async def test_a_header_must_be_complete(self, stub, missing):
        header = pb.DocumentHeader()
        header.CopyFrom(OK)
        header.ClearField(missing)
        assert await invalid(stub.PutDocument(iter([pb.PutDocumentRequest(header=header)]))) == "bad_length"

    async def test_limits_themselves_are_allowed(self, stub):
        answer = await put(
            stub,
            tenant="t" * 64,
            filename="f" * 251 + ".txt",
            media_type="m" * 255,
            idempotency_key="i" * 128,
            metadata={f"{n:064}": "v" * 512 for n in range(32)},
        )
        assert len(answer.document.metadata) == 32

    async def test_names_and_metadata_may_be_in_any_script(self, stub):
        answer = await put(stub, filename="潮汐 – Žluťoučký (1).txt", metadata={"ville": "Saint-Malo é", "city": ""})
        assert answer.document.filename == "潮汐 – Žluťoučký (1).txt"

    @pytest.mark.parametrize(
        ("messages", "reason"),
        [
            ([], "header_missing"),
            ([pb.PutDocumentRequest(data=b"x")], "header_missing"),
            ([pb.PutDocumentRequest()], "header_missing"),
            ([pb.PutDocumentRequest(header=OK), pb.PutDocumentRequest(header=OK)], "data_missing"),
            ([pb.PutDocumentRequest(header=OK), pb.PutDocumentRequest()], "data_missing"),
            ([pb.PutDocumentRequest(header=OK)], "upload_incomplete"),
            ([pb.PutDocumentRequest(header=OK), pb.PutDocumentRequest(data=b"half")], "upload_incomplete"),
            (
                [pb.PutDocumentRequest(header=OK), pb.PutDocumentRequest(end=pb.DocumentEnd(size_bytes=1))],
                "upload_incomplete",
            ),
            ([pb.PutDocumentRequest(header=OK), pb.PutDocumentRequest(data=bytes(2**20 + 1))], "message_too_large"),
        ],
    )
    async def test_messages_out_of_order_are_refused(self, stub, messages, reason, documents):
        assert await invalid(stub.PutDocument(iter(messages))) == reason
        assert await documents.page("acme", size=1, after=None, status=None) == []

    async def test_a_document_over_the_limit_is_refused_and_leaves_nothing(self, stub, tmp_path):
        code, reason, message = await refusal(put(stub, bytes(MOST + 1)))
        assert (code, reason) == (grpc.StatusCode.OUT_OF_RANGE, "document_too_large")
        assert str(MOST) in message
        assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]

    async def test_a_document_at_the_limit_is_taken(self, stub):
        assert (await put(stub, b"x" * MOST, part=2**20)).document.size_bytes == MOST

    async def test_a_key_that_was_used_for_other_content_is_refused_and_leaves_nothing(self, stub, tmp_path):
        await put(stub, idempotency_key="k")
        code, reason, _ = await refusal(put(stub, b"other", idempotency_key="k"))
        assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "idempotency_key_reused")
        assert sum(path.is_file() for path in (tmp_path / "objects").rglob("*")) == 1

    async def test_an_upload_that_the_client_gives_up_is_no_document(self, stub, documents):
        sent = asyncio.Event()

        async def messages():
            yield pb.PutDocumentRequest(header=OK)
            yield pb.PutDocumentRequest(data=b"half")
            sent.set()
            await asyncio.Event().wait()

        call = stub.PutDocument(messages())
        await sent.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await put(stub, b"whole")).document.size_bytes == 5
        assert len(await documents.page("acme", size=9, after=None, status=None)) == 1


class TestBadSearches:
    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"query": ""}, "bad_length"),
            ({"query": " \n "}, "query_empty"),
            ({"query": "x" * 4097}, "bad_length"),
            ({"query": "a\x00"}, "nul_character"),
            ({"tenant": ""}, "bad_length"),
            ({"tenant": "a\x00"}, "nul_character"),
            ({"top_k": 101}, "top_k_too_large"),
            ({"mode": 9}, "bad_search_mode"),
            ({"filter": pb.SearchFilter(document_ids=["d"] * 101)}, "filter_too_large"),
            ({"filter": pb.SearchFilter(document_ids=[""])}, "bad_length"),
            ({"filter": pb.SearchFilter(document_ids=["d" * 65])}, "bad_length"),
            ({"filter": pb.SearchFilter(media_types=["m"] * 17)}, "filter_too_large"),
            ({"filter": pb.SearchFilter(media_types=[""])}, "bad_length"),
            ({"filter": pb.SearchFilter(metadata={f"k{n}": "" for n in range(17)})}, "too_much_metadata"),
            ({"filter": pb.SearchFilter(metadata={"k": "v" * 513})}, "bad_length"),
        ],
    )
    async def test_a_search_over_a_limit_is_refused_by_name(self, stub, fields, reason):
        assert await invalid(stub.Search(pb.SearchRequest(**({"tenant": "acme", "query": "tide"} | fields)))) == reason

    async def test_limits_themselves_are_allowed(self, stub):
        wanted = pb.SearchFilter(
            document_ids=["d" * 64] * 100, media_types=["m"] * 16, metadata={f"k{n}": "v" for n in range(16)}
        )
        request = pb.SearchRequest(tenant="acme", query="x" * 4096, top_k=100, filter=wanted)
        assert not (await stub.Search(request)).passages


class TestBadRequests:
    @pytest.mark.parametrize(
        "token",
        [
            "x",
            "é",
            "!!!!",
            base64.urlsafe_b64encode(b"[1]").decode(),
            base64.urlsafe_b64encode(b'{"a": 1}').decode(),
            base64.urlsafe_b64encode(b'["x", "y"]').decode(),
            base64.urlsafe_b64encode(json.dumps([1, "a\x00"]).encode()).decode(),
            base64.urlsafe_b64encode(b"[1, 2]").decode(),
        ],
    )
    async def test_a_page_token_that_was_never_given_out_is_refused(self, stub, token):
        assert (
            await invalid(stub.ListDocuments(pb.ListDocumentsRequest(tenant="acme", page_token=token)))
            == "bad_page_token"
        )

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"page_size": 201}, "page_size_too_large"),
            ({"status": 17}, "bad_status"),
            ({"page_token": "W" * 100_000}, "bad_length"),
            ({"tenant": ""}, "bad_length"),
        ],
    )
    async def test_a_list_over_a_limit_is_refused(self, stub, fields, reason):
        assert await invalid(stub.ListDocuments(pb.ListDocumentsRequest(**({"tenant": "acme"} | fields)))) == reason

    @pytest.mark.parametrize("wrong", ["", "x" * 65, "a\x00"])
    async def test_ids_of_impossible_length_are_refused(self, stub, wrong):
        for call in (
            stub.GetDocument(pb.GetDocumentRequest(tenant="acme", document_id=wrong)),
            stub.DeleteDocument(pb.DeleteDocumentRequest(tenant="acme", document_id=wrong)),
            stub.GetJob(pb.GetJobRequest(tenant="acme", job_id=wrong)),
        ):
            assert await invalid(call) in ("bad_length", "nul_character")

    async def test_what_is_not_there_is_not_found(self, stub):
        missing = uuid.uuid4().hex
        for call, expected in (
            (stub.GetDocument(pb.GetDocumentRequest(tenant="acme", document_id=missing)), "document_not_found"),
            (stub.DeleteDocument(pb.DeleteDocumentRequest(tenant="acme", document_id=missing)), "document_not_found"),
            (stub.GetJob(pb.GetJobRequest(tenant="acme", job_id=missing)), "job_not_found"),
        ):
            code, reason, message = await refusal(call)
            assert (code, reason) == (grpc.StatusCode.NOT_FOUND, expected)
            assert missing in message

    async def test_totals_need_a_tenant(self, stub):
        assert await invalid(stub.GetStats(pb.GetStatsRequest())) == "bad_length"
        assert (await stub.GetStats(pb.GetStatsRequest(tenant="new"))).chunks == 0
