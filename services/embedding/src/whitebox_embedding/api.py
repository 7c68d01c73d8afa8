"""The gRPC face of the service: checks what comes in and translates."""

from collections.abc import Sequence

import grpc
from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_runtime.errors import InvalidArgument, NotFound
from whitebox_runtime.telemetry import counter

from whitebox_embedding.bundle import Manifest
from whitebox_embedding.caching import CachingEmbedder
from whitebox_embedding.embedder import Embedder
from whitebox_embedding.recomputation import SelfCheck

MAX_EMBED_TEXTS = 256
MAX_COUNT_TEXTS = 4096
MAX_CHECKED_TEXTS = 16
MAX_TEXT_CHARACTERS = 65_536
_MAX_MODEL_CHARACTERS = 256


class EmbeddingApi(embedding_pb2_grpc.EmbeddingServiceServicer):
    """whitebox.embedding.v1.EmbeddingService.

    Args:
        embedder: The model.
        cache: The same, with a memory for queries.
        self_check: Recomputes what it gives.
        manifest: Its description.
        runtime: Engine and version.
    """

    def __init__(
        self, embedder: Embedder, cache: CachingEmbedder, self_check: SelfCheck, manifest: Manifest, runtime: str
    ) -> None:
        self._embedder = embedder
        self._cache = cache
        self._self_check = self_check
        self._manifest = manifest
        self._runtime = runtime
        self._texts = counter("whitebox_embedding_texts_total")
        self._tokens = counter("whitebox_embedding_tokens_total")
        self._truncated = counter("whitebox_embedding_truncated_total")

    async def Embed(
        self, request: embedding_pb2.EmbedRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.EmbedResponse:
        """Embeds up to 256 texts of up to 65536 characters each."""
        self._check_model(request.model)
        _check_texts(request.texts, MAX_EMBED_TEXTS)
        result = await self._cache.embed(request.texts)
        self._texts.inc(len(result.token_counts))
        self._tokens.inc(sum(result.token_counts))
        self._truncated.inc(sum(result.truncated))
        return embedding_pb2.EmbedResponse(
            model=self._manifest.model,
            dimensions=self._manifest.dimensions,
            vectors=result.vectors.astype("<f4", copy=False).tobytes(),
            token_counts=result.token_counts,
            truncated=result.truncated,
        )

    async def CountTokens(
        self, request: embedding_pb2.CountTokensRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.CountTokensResponse:
        """Counts the tokens of up to 4096 texts of up to 65536 characters each."""
        _check_texts(request.texts, MAX_COUNT_TEXTS)
        return embedding_pb2.CountTokensResponse(counts=await self._embedder.count_tokens(request.texts))

    async def SelfCheck(
        self, request: embedding_pb2.SelfCheckRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.SelfCheckResponse:
        """Recomputes up to 16 texts with libs/whitebox and compares."""
        self._check_model(request.model)
        _check_texts(request.texts, MAX_CHECKED_TEXTS)
        report = await self._self_check.run(request.texts)
        return embedding_pb2.SelfCheckResponse(
            model=self._manifest.model,
            precision=self._manifest.precision,
            weights_sha256=self._manifest.weights_sha256,
            texts=[
                embedding_pb2.TextCheck(
                    cosine_distance=one.cosine_distance,
                    largest_difference=one.largest_difference,
                    token_count=one.token_count,
                    recomputed_token_count=one.recomputed_token_count,
                )
                for one in report.comparisons
            ],
            tolerance=report.tolerance,
            agrees=report.agrees,
            served_seconds=report.served_seconds,
            recomputed_seconds=report.recomputed_seconds,
        )

    async def GetModel(
        self, request: embedding_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> embedding_pb2.GetModelResponse:
        """Describes the model in service."""
        return embedding_pb2.GetModelResponse(
            model=self._manifest.model,
            dimensions=self._manifest.dimensions,
            max_tokens=self._manifest.max_tokens,
            precision=self._manifest.precision,
            runtime=self._runtime,
            weights_sha256=self._manifest.weights_sha256,
        )

    def _check_model(self, name: str) -> None:
        if len(name) > _MAX_MODEL_CHARACTERS:
            raise InvalidArgument(
                f"model has {len(name)} characters, at most {_MAX_MODEL_CHARACTERS} are allowed",
                reason="model_too_long",
            )
        if name not in ("", self._manifest.model):
            raise NotFound(
                f"model {name!r} is not served here, only {self._manifest.model!r}; leave model empty to use it",
                reason="model_not_found",
            )


def _check_texts(texts: Sequence[str], limit: int) -> None:
    if not texts:
        raise InvalidArgument("texts is empty, send at least one", reason="texts_empty")
    if len(texts) > limit:
        raise InvalidArgument(
            f"texts has {len(texts)} entries, at most {limit} are allowed; send several requests",
            reason="too_many_texts",
        )
    for index, text in enumerate(texts):
        if len(text) > MAX_TEXT_CHARACTERS:
            raise InvalidArgument(
                f"texts[{index}] has {len(text)} characters, at most {MAX_TEXT_CHARACTERS} are allowed; split it",
                reason="text_too_long",
            )
