"""An index in memory, real databases, and documents to put into them."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from whitebox_retrieval.adapters.change_events import change_of
from whitebox_retrieval.adapters.database import OUTBOX, SqlDocuments
from whitebox_retrieval.index import Hit, IndexedChunk, SearchFilter
from whitebox_retrieval.repository import Change, NewDocument
from whitebox_retrieval.sparse import SparseVector
from whitebox_runtime.database import open_engine
from whitebox_runtime.events import Event
from whitebox_runtime.testing import MissingProgramError, postgres_server


class MemoryIndex:
    """A `ChunkIndex` that looks at every chunk; its BM25 has the IDF that Qdrant has."""

    def __init__(self) -> None:
        self.points: dict[str, tuple[IndexedChunk, npt.NDArray[np.float32], Mapping[int, float]]] = {}

    async def upsert(
        self, chunks: Sequence[IndexedChunk], dense: npt.NDArray[np.float32], sparse: Sequence[SparseVector]
    ) -> None:
        for chunk, vector, terms in zip(chunks, dense, sparse, strict=True):
            self.points[chunk.chunk_id] = (chunk, vector, dict(zip(terms.indices, terms.values, strict=True)))

    async def delete_document(self, document_id: str, *, keep: Sequence[str] = ()) -> None:
        for chunk_id in [key for key, (chunk, *_) in self.points.items() if chunk.document_id == document_id]:
            if chunk_id not in keep:
                del self.points[chunk_id]

    async def search(
        self,
        tenant: str,
        dense: npt.NDArray[np.float32] | None,
        sparse: SparseVector | None,
        search_filter: SearchFilter,
        limit: int,
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        found = [point for point in self.points.values() if _matches(point[0], tenant, search_filter)]
        by_dense = [Hit(chunk, float(vector @ dense)) for chunk, vector, _ in found] if dense is not None else []
        by_sparse: list[Hit] = []
        if sparse is not None:
            weights = {term: value * self._idf(term) for term, value in zip(sparse.indices, sparse.values, strict=True)}
            by_sparse = [
                Hit(chunk, sum(weights[term] * terms[term] for term in weights.keys() & terms.keys()))
                for chunk, _, terms in found
                if weights.keys() & terms.keys()
            ]
        return _best(by_dense, limit), _best(by_sparse, limit)

    async def vectors(
        self, tenant: str, search_filter: SearchFilter, page: int
    ) -> AsyncIterator[tuple[Sequence[str], npt.NDArray[np.float32]]]:
        found = [point for point in self.points.values() if _matches(point[0], tenant, search_filter)]
        for start in range(0, len(found), page):
            part = found[start : start + page]
            yield [chunk.chunk_id for chunk, *_ in part], np.stack([vector for _, vector, _ in part])

    def _idf(self, term: int) -> float:
        with_term = sum(term in terms for _, _, terms in self.points.values())
        return math.log((len(self.points) - with_term + 0.5) / (with_term + 0.5) + 1)


def _matches(chunk: IndexedChunk, tenant: str, wanted: SearchFilter) -> bool:
    return (
        chunk.tenant == tenant
        and (not wanted.document_ids or chunk.document_id in wanted.document_ids)
        and (not wanted.media_types or chunk.media_type in wanted.media_types)
        and wanted.metadata.items() <= chunk.metadata.items()
    )


def _best(hits: Sequence[Hit], limit: int) -> list[Hit]:
    return sorted(hits, key=lambda hit: -hit.score)[:limit]


class WordEncoder:
    """Unit vectors of hashed words: texts that share words are near each other. Four characters are a token."""

    dimensions = 64

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.lower().replace(".", " ").split():
                vector[hashlib.sha256(word.encode()).digest()[0] % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        return [sum(-(-len(word) // 4) for word in text.split()) for text in texts]


@dataclass
class MemoryOriginals:
    """Originals by key."""

    contents: dict[str, bytes] = field(default_factory=dict)

    async def get(self, key: str) -> bytes:
        if key not in self.contents:
            raise FileNotFoundError(key)
        return self.contents[key]

    async def delete(self, key: str) -> None:
        self.contents.pop(key, None)


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex()


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def originals() -> MemoryOriginals:
    return MemoryOriginals()


@pytest.fixture
def upload() -> Callable[..., NewDocument]:
    def make(content: bytes = b"The tide.", tenant: str = "acme", **fields: object) -> NewDocument:
        new = NewDocument(
            tenant=tenant,
            filename="tide.txt",
            media_type="text/plain",
            size_bytes=len(content),
            content_sha256=hashlib.sha256(content).hexdigest(),
            object_key=f"originals/{uuid.uuid4().hex}",
            metadata={},
            idempotency_key="",
        )
        return replace(new, **fields)

    return make


@pytest.fixture
def chunk() -> Callable[..., IndexedChunk]:
    def make(text: str, document_id: str = "d" * 32, index: int = 0, **fields: object) -> IndexedChunk:
        made = IndexedChunk(
            chunk_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{document_id}/{index}")),
            tenant="acme",
            document_id=document_id,
            content_sha256="0" * 64,
            filename="tide.txt",
            media_type="text/plain",
            metadata={},
            chunk_index=index,
            page=0,
            start=0,
            end=len(text),
            text=text,
        )
        return replace(made, **fields)

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    try:
        with postgres_server() as url:
            yield url
    except MissingProgramError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/retrieval.sqlite"
    url: str = request.getfixturevalue("postgres")
    return url


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path}/documents.sqlite")
    await SqlDocuments(engine).create_tables()
    yield engine
    await engine.dispose()


@pytest.fixture
def documents(engine: AsyncEngine) -> SqlDocuments:
    return SqlDocuments(engine)


@pytest.fixture
def announced(engine: AsyncEngine) -> Callable[[], Awaitable[list[Change]]]:
    """What the outbox holds, as the indexer gets it."""

    async def changes() -> list[Change]:
        async with engine.connect() as connection:
            rows = (await connection.execute(OUTBOX.select().order_by(OUTBOX.c.sequence))).all()
        return [
            change_of(Event(row.event_id, row.type, row.source, row.topic, row.key, datetime.now(UTC), row.data, None))
            for row in rows
        ]

    return changes
