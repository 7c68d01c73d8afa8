"""The embedding service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from grpc.aio import Channel
from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_runtime.grpc_client import calling

_TEXTS_A_CALL = 64
_COUNTS_A_CALL = 4096
# UTF-8 takes four bytes a character at most, and a message may have 32 MiB.
_CHARACTERS_A_CALL = 4 * 2**20


class EmbeddingClient:
    """Vectors and token counts, in calls of bounded size."""

    def __init__(self, channel: Channel) -> None:
        self._stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)

    async def model(self) -> tuple[str, int]:
        """Name of the model in service and its dimensions."""
        with calling("embedding"):
            model = await self._stub.GetModel(embedding_pb2.GetModelRequest())
        return f"{model.model}-{model.precision}", model.dimensions

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors of shape (texts, dimensions)."""
        parts = []
        for some in _portions(texts, _TEXTS_A_CALL):
            request = embedding_pb2.EmbedRequest(texts=some)
            with calling("embedding"):
                response = await self._stub.Embed(request, timeout=60.0 if len(texts) > 1 else None)
            parts.append(np.frombuffer(response.vectors, dtype="<f4").reshape(-1, response.dimensions))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    async def count_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Tokens of each text, without special tokens."""
        counts: list[int] = []
        for some in _portions(texts, _COUNTS_A_CALL):
            request = embedding_pb2.CountTokensRequest(texts=some)
            with calling("embedding"):
                counts += (await self._stub.CountTokens(request, timeout=60.0)).counts
        return counts


def _portions(texts: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    first, characters = 0, 0
    for at, text in enumerate(texts):
        if at > first and (at - first == most or characters + len(text) > _CHARACTERS_A_CALL):
            yield texts[first:at]
            first, characters = at, 0
        characters += len(text)
    if first < len(texts):
        yield texts[first:]
