"""The embedding client: calls of bounded size, vectors in order."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from whitebox_contracts.embedding.v1 import embedding_pb2 as pb
from whitebox_contracts.embedding.v1 import embedding_pb2_grpc
from whitebox_retrieval.adapters.embedding_client import EmbeddingClient
from whitebox_runtime.errors import InvalidArgument, Unavailable
from whitebox_runtime.grpc_client import open_channel
from whitebox_runtime.testing import free_port


class Lengths(embedding_pb2_grpc.EmbeddingServiceServicer):
    """A server of the contract whose vectors are the lengths of the texts; it holds the limits of the real one."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    async def Embed(self, request, context):
        self.calls.append(len(request.texts))
        if len(request.texts) > 256:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "at most 256 texts")
        if len(request.texts[0]) > 65_536:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "text 0 is too long")
        vectors = np.array([[len(text), 1] for text in request.texts], dtype="<f4")
        return pb.EmbedResponse(vectors=vectors.tobytes(), dimensions=2)

    async def CountTokens(self, request, context):
        self.calls.append(len(request.texts))
        if len(request.texts) > 4096:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "at most 4096 texts")
        return pb.CountTokensResponse(counts=[len(text) for text in request.texts])

    async def GetModel(self, request, context):
        return pb.GetModelResponse(model="lengths", precision="fp32", dimensions=2)


@pytest.fixture
async def served():
    servicer = Lengths()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 32 * 2**20)])
    embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = open_channel(f"127.0.0.1:{port}")
    yield EmbeddingClient(channel), servicer
    await channel.close()
    await server.stop(None)


@pytest.mark.parametrize("count", [1, 64, 65, 300])
async def test_vectors_come_back_in_order(served, count):
    client, servicer = served
    vectors = await client.embed(["x" * n for n in range(count)])
    assert vectors.shape == (count, 2)
    assert vectors[:, 0].tolist() == list(range(count))
    assert max(servicer.calls) <= 64


async def test_counts_of_many_texts_are_asked_in_portions(served):
    client, servicer = served
    assert await client.count_tokens(["x" * (n % 7) for n in range(10_000)]) == [n % 7 for n in range(10_000)]
    assert max(servicer.calls) <= 4096


async def test_long_texts_do_not_exceed_a_message(served):
    client, _ = served
    texts = ["水" * 4000] * 4000
    assert await client.count_tokens(texts) == [4000] * 4000


async def test_nothing_to_count_is_no_call(served):
    client, servicer = served
    assert await client.count_tokens([]) == []
    assert servicer.calls == []


async def test_the_model_has_its_precision_in_its_name(served):
    client, _ = served
    assert await client.model() == ("lengths-fp32", 2)


async def test_an_absent_service_is_unavailable():
    channel = open_channel(f"127.0.0.1:{free_port()}", timeout_seconds=2)
    with pytest.raises(Unavailable, match="embedding"):
        await EmbeddingClient(channel).embed(["tide"])
    await channel.close()


async def test_a_refusal_keeps_its_kind_and_reason(served):
    client, _ = served
    with pytest.raises(InvalidArgument, match="text 0 is too long"):
        await client.embed(["x" * 65_537])
