"""What answering needs from other services: passages, vectors and drafts."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from whitebox_contracts.embedding.v1 import embedding_pb2
from whitebox_contracts.llm.v1 import llm_pb2
from whitebox_contracts.retrieval.v1 import retrieval_pb2
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.answering import Asked, Found, Passage, Piece, Usage
from whitebox_gateway.prompting import Prompt

if TYPE_CHECKING:
    # These names exist for type checkers only.
    from whitebox_contracts.embedding.v1.embedding_pb2_grpc import EmbeddingServiceAsyncStub
    from whitebox_contracts.llm.v1.llm_pb2_grpc import LanguageModelServiceAsyncStub
    from whitebox_contracts.retrieval.v1.retrieval_pb2_grpc import RetrievalServiceAsyncStub

_MODES = {
    "hybrid": retrieval_pb2.SEARCH_MODE_HYBRID,
    "dense": retrieval_pb2.SEARCH_MODE_DENSE,
    "sparse": retrieval_pb2.SEARCH_MODE_SPARSE,
}
_WINDOWS_SECONDS = 60.0


class RetrievalClient:
    """Passages by the retrieval service."""

    def __init__(self, stub: RetrievalServiceAsyncStub) -> None:
        self._stub = stub

    async def search(self, asked: Asked) -> Found:
        """Returns passages, the best first.

        Raises:
            ServiceError: The service cannot be reached, or refuses the search.
        """
        request = retrieval_pb2.SearchRequest(
            tenant=asked.tenant,
            query=asked.question,
            top_k=asked.top_k,
            mode=_MODES[asked.mode],
            filter=retrieval_pb2.SearchFilter(
                document_ids=asked.filters.document_ids,
                metadata=asked.filters.metadata,
                media_types=asked.filters.media_types,
            ),
        )
        with calling("retrieval"):
            answer = await self._stub.Search(request)
        passages = [
            Passage(
                chunk_id=one.chunk_id,
                document_id=one.document_id,
                filename=one.filename,
                media_type=one.media_type,
                page=one.page,
                last_page=one.last_page,
                chunk_index=one.chunk_index,
                text=one.text,
                score=one.score,
                dense_score=one.dense_score,
                dense_rank=one.dense_rank,
                sparse_score=one.sparse_score,
                sparse_rank=one.sparse_rank,
                metadata=dict(one.metadata),
            )
            for one in answer.passages
        ]
        return Found(passages, answer.embed_seconds, answer.index_seconds)


class EmbeddingClient:
    """Vectors by the embedding service."""

    def __init__(self, stub: EmbeddingServiceAsyncStub) -> None:
        self._stub = stub

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns (texts, dimensions) unit vectors.

        Raises:
            ServiceError: The service cannot be reached, or is full.
        """
        with calling("embedding"):
            answer = await self._stub.Embed(embedding_pb2.EmbedRequest(texts=texts))
        return np.frombuffer(answer.vectors, "<f4").reshape(len(texts), answer.dimensions)


class LanguageModel:
    """Drafts by the language model service.

    Args:
        stub: The service.
        timeout_seconds: Longest time for one draft.
    """

    def __init__(self, stub: LanguageModelServiceAsyncStub, *, timeout_seconds: float) -> None:
        self._stub = stub
        self._timeout_seconds = timeout_seconds
        self._windows: dict[str, int] = {}
        self._windows_until = 0.0

    async def context_tokens(self, model: str) -> int:
        """Returns a model's window; 0 where the service does not say.

        Raises:
            ServiceError: The service cannot be reached.
        """
        if time.monotonic() >= self._windows_until:
            with calling("llm"):
                listed = await self._stub.ListModels(llm_pb2.ListModelsRequest(), timeout=5.0)
            self._windows = {one.name: one.context_tokens for one in listed.models}
            self._windows[""] = next((one.context_tokens for one in listed.models if one.is_default), 0)
            self._windows_until = time.monotonic() + _WINDOWS_SECONDS
        return self._windows.get(model, 0)

    async def draft(self, prompt: Prompt, *, model: str, max_tokens: int, seed: int | None) -> AsyncGenerator[Piece]:
        """Yields a draft as it is made; leaving early stops the model.

        Raises:
            ServiceError: The service cannot be reached, does not know the model, or is too slow.
        """
        request = llm_pb2.GenerateRequest(
            model=model,
            chat=llm_pb2.Messages(
                messages=[
                    llm_pb2.Message(role="system", content=prompt.system),
                    llm_pb2.Message(role="user", content=prompt.user),
                ]
            ),
            max_tokens=max_tokens,
            # The same question gets the same answer.
            temperature=0.0,
            seed=seed,
        )
        call = self._stub.Generate(request, timeout=self._timeout_seconds)
        try:
            with calling("llm"):
                async for piece in call:
                    usage = None
                    if piece.HasField("usage"):
                        counted = piece.usage
                        usage = Usage(counted.prompt_tokens, counted.completion_tokens, counted.cached_tokens)
                    yield Piece(piece.text, piece.model, usage)
        finally:
            call.cancel()
