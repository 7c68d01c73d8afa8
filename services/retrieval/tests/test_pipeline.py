"""The real processes together, killed in the middle: every accepted document becomes searchable, exactly once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_contracts.retrieval.v1 import retrieval_pb2_grpc
from whitebox_runtime.testing import MissingProgramError, free_port, tansu_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
pytest.importorskip("whitebox_local", reason="the local stack's vector engine is not installed")
pytest.importorskip("whitebox_embedding", reason="the embedding service is not installed")

A_THIRD = 20


class Platform:
    """Broker, vector engine, embedding service, api and indexer, each in its own process."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.broker = stack.enter_context(tansu_broker())
        self._qdrant, self._embedding, self.port, self._metrics = (free_port() for _ in range(4))
        self.indexer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._run("whitebox_local.qdrant_edge", "--path", str(self._folder / "index"), "--port", str(self._qdrant))
        self._run(
            "whitebox_embedding.main",
            WHITEBOX_EMBEDDING_PORT=str(self._embedding),
            WHITEBOX_EMBEDDING_METRICS_PORT="-1",
            WHITEBOX_EMBEDDING_DATA_DIR=str(self._folder / "embedding"),
        )
        self._retrieval("api", PORT=str(self.port), METRICS_PORT=str(self._metrics))
        self.start_indexer()

    def start_indexer(self) -> None:
        self.indexer = self._retrieval("indexer", METRICS_PORT="-1")

    def kill_indexer(self) -> None:
        assert self.indexer is not None
        os.kill(self.indexer.pid, signal.SIGKILL)
        self.indexer.wait()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def _retrieval(self, role: str, **settings: str) -> subprocess.Popen[bytes]:
        settings |= {
            "DATABASE_URL": f"sqlite+aiosqlite:///{self._folder}/retrieval.sqlite",
            "OBJECT_STORE_URL": (self._folder / "objects").as_uri(),
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.address,
            "QDRANT_URL": f"http://127.0.0.1:{self._qdrant}",
            "EMBEDDING_TARGET": f"127.0.0.1:{self._embedding}",
            "REPUBLISH_AFTER_SECONDS": "3",
        }
        return self._run(
            "whitebox_retrieval.main", role, **{f"WHITEBOX_RETRIEVAL_{key}": value for key, value in settings.items()}
        )

    def _run(self, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._folder / f"{module}-{'-'.join(arguments[:1])}.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self._stack.callback(end, process)
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture
def platform(tmp_path):
    with ExitStack() as stack:
        try:
            platform = Platform(tmp_path, stack)
        except MissingProgramError as error:
            pytest.skip(str(error))
        platform.start()
        yield platform


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def content(number: int) -> bytes:
    sentences = [f"Station log marker{number} entry {n}: the tide rose and the gate held firm." for n in range(30)]
    return "\n".join(sentences).encode()


async def test_every_accepted_document_is_searchable_exactly_once_though_indexer_and_broker_are_killed(platform):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{platform.port}") as channel:
        stub = retrieval_pb2_grpc.RetrievalServiceStub(channel)

        async def put(number: int) -> pb.Document:
            header = pb.DocumentHeader(tenant="acme", filename=f"{number}.txt", media_type="text/plain")
            messages = [
                pb.PutDocumentRequest(header=header),
                pb.PutDocumentRequest(data=content(number)),
                pb.PutDocumentRequest(end=pb.DocumentEnd(size_bytes=len(content(number)))),
            ]
            return (await stub.PutDocument(iter(messages), timeout=30)).document

        async def put_a_third(first: int) -> list[pb.Document]:
            return [await put(number) for number in range(first, first + A_THIRD)]

        async def indexed() -> int:
            stats = await stub.GetStats(pb.GetStatsRequest(tenant="acme"), timeout=30)
            return stats.documents_indexed

        def at_least(count: int) -> Callable[[], Awaitable[bool]]:
            async def check() -> bool:
                return await indexed() >= count

            return check

        async def ready() -> bool:
            return await asyncio.to_thread(platform.is_ready)

        await until(ready, 90)
        documents = await put_a_third(0)
        await until(at_least(3), 60)
        platform.kill_indexer()
        assert await indexed() < A_THIRD, "the indexer was killed too late to prove anything"
        documents += await put_a_third(A_THIRD)
        platform.start_indexer()
        await until(at_least(A_THIRD + 3), 90)
        platform.broker.kill()
        assert await indexed() < 2 * A_THIRD, "the broker was killed too late to prove anything"
        documents += await put_a_third(2 * A_THIRD)
        platform.broker.start()
        await until(at_least(3 * A_THIRD), 120)

        for number, document in enumerate(documents):
            request = pb.GetDocumentRequest(tenant="acme", document_id=document.document_id)
            current = (await stub.GetDocument(request, timeout=30)).document
            assert (current.status, current.failure_reason) == (pb.DOCUMENT_STATUS_INDEXED, "")
            # The word is in every chunk of its document, and in no other.
            query = pb.SearchRequest(tenant="acme", query=f"marker{number}", top_k=100, mode=pb.SEARCH_MODE_SPARSE)
            passages = (await stub.Search(query, timeout=30)).passages
            assert {passage.document_id for passage in passages} == {document.document_id}
            assert sorted(passage.chunk_index for passage in passages) == list(range(current.chunk_count))
            job = (await stub.GetJob(pb.GetJobRequest(tenant="acme", job_id=current.job_id), timeout=30)).job
            assert (job.state, job.attempts >= 1) == (pb.JOB_STATE_SUCCEEDED, True)
        # The same uploads again are duplicates, and nothing is indexed twice.
        assert [(await put(number)).document_id for number in range(3)] == [d.document_id for d in documents[:3]]
