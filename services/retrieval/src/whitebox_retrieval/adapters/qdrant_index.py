"""The index on Qdrant, over gRPC: a server, or the local engine that speaks the same API."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlparse

import grpc
import numpy as np
import numpy.typing as npt
from grpc.aio import AioRpcError
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, Unavailable

from whitebox_retrieval.index import Hit, IndexedChunk, SearchFilter
from whitebox_retrieval.sparse import SparseVector

logger = logging.getLogger(__name__)

_DENSE, _SPARSE = "text-dense", "text-bm25"
_POINTS_A_CALL = 128
_PAYLOAD_INDEXES: dict[str, models.KeywordIndexParams] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "document_id": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    "media_type": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    "tags": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
}


def open_client(url: str) -> AsyncQdrantClient:
    """A client of Qdrant's gRPC API at `http(s)://host:port`.

    Raises:
        InvalidArgument: if the address is none.
    """
    parsed = urlparse(url)
    if parsed.scheme not in ("http", "https") or not parsed.hostname or not parsed.port:
        raise InvalidArgument(f"Qdrant's address {url!r} must be http(s)://host:port", reason="bad_qdrant_url")
    return AsyncQdrantClient(
        host=parsed.hostname,
        grpc_port=parsed.port,
        port=parsed.port,
        https=parsed.scheme == "https",
        prefer_grpc=True,
        check_compatibility=False,
        timeout=10,
        grpc_options={"grpc.max_reconnect_backoff_ms": 1000},
    )


class QdrantIndex:
    """`index.ChunkIndex` on one collection, named after the model whose vectors it holds.

    Vectors of two models never meet: a new model gets a new collection, and the old one stays as it is.
    """

    def __init__(self, client: AsyncQdrantClient) -> None:
        self._client = client
        self._collection = ""

    async def prepare(self, model: str, dimensions: int) -> None:
        """Creates the collection of this model with its payload indexes, or checks the one that is there.

        Raises:
            FailedPrecondition: if the collection holds vectors of another size.
            Unavailable: if Qdrant does not answer.
        """
        name = f"chunks-{re.sub(r'[^A-Za-z0-9._-]', '-', model)}"
        with _answering():
            if not await self._client.collection_exists(name):
                await self._create(name, dimensions)
            info = await self._client.get_collection(name)
            vectors = info.config.params.vectors
            size = vectors[_DENSE].size if isinstance(vectors, dict) and _DENSE in vectors else None
            if size != dimensions:
                raise FailedPrecondition(
                    f"collection {name!r} holds vectors of {size} dimensions, the model gives {dimensions}; "
                    "index into another collection or restore the former model"
                )
            # Before the first points: filters on fields that are indexed later lose recall.
            for field, schema in _PAYLOAD_INDEXES.items():
                if field not in info.payload_schema:
                    await self._client.create_payload_index(name, field, schema, wait=True)
        self._collection = name

    async def _create(self, name: str, dimensions: int) -> None:
        try:
            await self._client.create_collection(
                name,
                vectors_config={_DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)},
                sparse_vectors_config={_SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            )
        except AioRpcError as error:
            # The other process was faster.
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise

    async def check(self) -> None:
        """Raises Unavailable where the index is not ready."""
        if not self._collection:
            raise Unavailable("the index is not prepared yet")
        with _answering():
            await self._client.collection_exists(self._collection)

    async def upsert(
        self, chunks: Sequence[IndexedChunk], dense: npt.NDArray[np.float32], sparse: Sequence[SparseVector]
    ) -> None:
        """See `index.ChunkIndex.upsert`."""
        for start in range(0, len(chunks), _POINTS_A_CALL):
            part = slice(start, start + _POINTS_A_CALL)
            points = [
                models.PointStruct(
                    id=chunk.chunk_id,
                    vector={
                        _DENSE: vector.tolist(),
                        _SPARSE: models.SparseVector(indices=list(terms.indices), values=list(terms.values)),
                    },
                    payload=_payload(chunk),
                )
                for chunk, vector, terms in zip(chunks[part], dense[part], sparse[part], strict=True)
            ]
            with _answering():
                await self._client.upsert(self._ready(), points, wait=True)

    async def delete_document(self, document_id: str, *, keep: Sequence[str] = ()) -> None:
        """See `index.ChunkIndex.delete_document`."""
        selector = models.Filter(
            must=[_equals("document_id", document_id)],
            must_not=[models.HasIdCondition(has_id=list(keep))] if keep else None,
        )
        with _answering():
            await self._client.delete(self._ready(), points_selector=models.FilterSelector(filter=selector), wait=True)

    async def search(
        self,
        tenant: str,
        dense: npt.NDArray[np.float32] | None,
        sparse: SparseVector | None,
        search_filter: SearchFilter,
        limit: int,
    ) -> tuple[Sequence[Hit], Sequence[Hit]]:
        """See `index.ChunkIndex.search`."""
        conditions = _conditions(tenant, search_filter)
        queries: list[tuple[str, list[float] | models.SparseVector]] = []
        if dense is not None:
            queries.append((_DENSE, dense.tolist()))
        if sparse is not None and sparse.indices:
            terms = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
            queries.append((_SPARSE, terms))
        if not queries:
            return [], []
        requests = [
            models.QueryRequest(query=query, using=using, filter=conditions, limit=limit, with_payload=True)
            for using, query in queries
        ]
        with _answering():
            responses = await self._client.query_batch_points(self._ready(), requests)
        found = {
            using: [Hit(_chunk(str(point.id), point.payload or {}), point.score) for point in response.points]
            for (using, _), response in zip(queries, responses, strict=True)
        }
        return found.get(_DENSE, []), found.get(_SPARSE, [])

    async def vectors(
        self, tenant: str, search_filter: SearchFilter, page: int
    ) -> AsyncIterator[tuple[Sequence[str], npt.NDArray[np.float32]]]:
        """See `index.ChunkIndex.vectors`."""
        conditions, offset = _conditions(tenant, search_filter), None
        while True:
            with _answering():
                points, offset = await self._client.scroll(
                    self._ready(),
                    scroll_filter=conditions,
                    limit=page,
                    offset=offset,
                    with_payload=False,
                    with_vectors=[_DENSE],
                )
            if points:
                # Asked for by name, vectors come in a dictionary.
                dense = np.array([point.vector[_DENSE] for point in points], np.float32)  # type: ignore[index,call-overload]
                yield [str(point.id) for point in points], dense
            if offset is None:
                return

    def _ready(self) -> str:
        if not self._collection:
            raise Unavailable("the index is not prepared yet", retry_after=1.0)
        return self._collection


def _payload(chunk: IndexedChunk) -> dict[str, object]:
    return {
        "tenant": chunk.tenant,
        "document_id": chunk.document_id,
        "content_sha256": chunk.content_sha256,
        "filename": chunk.filename,
        "media_type": chunk.media_type,
        "metadata": dict(chunk.metadata),
        # Pairs in one indexed field: metadata keys are free, and an index for each of them is not.
        "tags": [_tag(key, value) for key, value in chunk.metadata.items()],
        "chunk_index": chunk.chunk_index,
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
    }


def _chunk(chunk_id: str, payload: dict[str, object]) -> IndexedChunk:
    fields = {key: value for key, value in payload.items() if key != "tags"}
    return IndexedChunk(chunk_id=chunk_id, **fields)  # type: ignore[arg-type]  # what _payload wrote


def _tag(key: str, value: str) -> str:
    return f"{key}\x1f{value}"


def _equals(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _any(key: str, values: Sequence[str]) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))


def _conditions(tenant: str, search_filter: SearchFilter) -> models.Filter:
    must = [_equals("tenant", tenant)]
    if search_filter.document_ids:
        must.append(_any("document_id", search_filter.document_ids))
    if search_filter.media_types:
        must.append(_any("media_type", search_filter.media_types))
    must += [_equals("tags", _tag(key, value)) for key, value in search_filter.metadata.items()]
    return models.Filter(must=list(must))


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except AioRpcError as error:
        if error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED):
            raise
        raise Unavailable(f"the vector index does not answer ({error.code().name})", retry_after=1.0) from error
    except (ResponseHandlingException, UnexpectedResponse, ApiException, OSError) as error:
        raise Unavailable(f"the vector index does not answer ({type(error).__name__})", retry_after=1.0) from error
