"""The channels to the other services: one each, for the whole process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from whitebox_contracts.embedding.v1 import embedding_pb2_grpc
from whitebox_contracts.features.v1 import features_pb2_grpc
from whitebox_contracts.llm.v1 import llm_pb2_grpc
from whitebox_contracts.retrieval.v1 import retrieval_pb2_grpc
from whitebox_contracts.serving.v1 import serving_pb2_grpc
from whitebox_runtime.grpc_client import open_channel, peer_ready
from whitebox_runtime.health import Check

from whitebox_gateway.settings import GatewaySettings


class Services:
    """Stubs of every service; connects when first used.

    Args:
        settings: Addresses and deadlines.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        seconds = settings.call_timeout_seconds
        self._channels = {
            "embedding": open_channel(settings.embedding_target, timeout_seconds=seconds),
            "retrieval": open_channel(settings.retrieval_target, timeout_seconds=seconds),
            # A generation takes as long as it takes, up to the end of the request.
            "llm": open_channel(settings.llm_target, timeout_seconds=settings.request_timeout_seconds),
            "serving": open_channel(settings.serving_target, timeout_seconds=seconds),
            "features": open_channel(settings.features_target, timeout_seconds=seconds),
        }
        self.embedding = embedding_pb2_grpc.EmbeddingServiceStub(self._channels["embedding"])
        self.retrieval = retrieval_pb2_grpc.RetrievalServiceStub(self._channels["retrieval"])
        self.llm = llm_pb2_grpc.LanguageModelServiceStub(self._channels["llm"])
        self.serving = serving_pb2_grpc.ServingServiceStub(self._channels["serving"])
        self.features = features_pb2_grpc.FeatureServiceStub(self._channels["features"])

    def checks(self) -> Iterator[tuple[str, Check]]:
        """Yields the name of every service with its health check."""
        for name, channel in self._channels.items():
            yield name, peer_ready(channel, name)

    async def close(self) -> None:
        """Closes every channel."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
