"""The service over real gRPC, called by a stub as any client would."""

import asyncio

import grpc
import grpc.aio
import numpy as np
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from whitebox_contracts.embedding.v1 import embedding_pb2 as pb
from whitebox_contracts.embedding.v1 import embedding_pb2_grpc
from whitebox_embedding.main import serve
from whitebox_embedding.settings import EmbeddingSettings
from whitebox_runtime.process import Process

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(data_dir, bundle, free_port):
    """Address of a running service."""
    settings = EmbeddingSettings(port=free_port, metrics_port=-1, data_dir=data_dir, shutdown_grace_seconds=1)
    process = Process("embedding", settings)
    serving = asyncio.create_task(serve(process))
    yield f"127.0.0.1:{free_port}"
    process.stopping.set()
    await serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channel(target):
    async with grpc.aio.insecure_channel(target) as channel:
        await asyncio.wait_for(channel.channel_ready(), 20)
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return embedding_pb2_grpc.EmbeddingServiceStub(channel)


async def test_vectors_counts_and_truncation_come_back_in_order(stub, golden):
    answer = await stub.Embed(pb.EmbedRequest(texts=golden.texts), timeout=20)
    vectors = np.frombuffer(answer.vectors, "<f4").reshape(len(golden.texts), answer.dimensions)
    np.testing.assert_allclose(vectors, golden.vectors, atol=1e-5)
    assert answer.model == "all-MiniLM-L6-v2"
    assert list(answer.token_counts) == golden.token_counts.tolist()
    assert len(answer.truncated) == len(golden.texts)
    assert not answer.truncated[0]
    assert answer.truncated[40]


async def test_concurrent_callers_get_their_own_vectors(stub, golden):
    order = list(range(len(golden.texts))) * 3
    calls = [stub.Embed(pb.EmbedRequest(texts=[golden.texts[n]], model="all-MiniLM-L6-v2"), timeout=30) for n in order]
    answers = await asyncio.gather(*calls)
    got = np.stack([np.frombuffer(answer.vectors, "<f4") for answer in answers])
    np.testing.assert_allclose(got, golden.vectors[order], atol=1e-5)


async def test_texts_are_recomputed_on_demand(stub, bundle):
    texts = ["Tides rise.", "", "naïve 日本 " * 200]
    answer = await stub.SelfCheck(pb.SelfCheckRequest(texts=texts), timeout=30)
    assert answer.agrees
    assert answer.weights_sha256 == bundle.manifest.weights_sha256
    assert answer.precision == "fp32"
    assert [text.token_count for text in answer.texts] == [text.recomputed_token_count for text in answer.texts]
    assert answer.texts[2].token_count == bundle.manifest.max_tokens
    assert max(text.cosine_distance for text in answer.texts) < 1e-6 < answer.tolerance


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.SelfCheckRequest(), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.SelfCheckRequest(texts=["a"] * 17), grpc.StatusCode.INVALID_ARGUMENT),
        (pb.SelfCheckRequest(texts=["a"], model="other"), grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_a_check_of_nothing_or_too_much_is_refused(stub, request_, code):
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.SelfCheck(request_, timeout=10)
    assert refusal.value.code() is code


async def test_the_model_describes_itself(stub, bundle):
    model = await stub.GetModel(pb.GetModelRequest(), timeout=5)
    assert (model.model, model.dimensions, model.max_tokens, model.precision) == ("all-MiniLM-L6-v2", 384, 256, "fp32")
    assert model.runtime.startswith("onnxruntime ")
    assert model.weights_sha256 == bundle.manifest.weights_sha256


async def test_tokens_are_counted_for_as_many_texts_as_promised(stub):
    answer = await stub.CountTokens(pb.CountTokensRequest(texts=["two words"] * 4096), timeout=20)
    assert list(answer.counts) == [2] * 4096


async def test_the_health_service_follows_the_self_test(channel):
    request = health_pb2.HealthCheckRequest(service="whitebox.embedding.v1.EmbeddingService")
    async for answer in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=10):
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            break


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (pb.EmbedRequest(), grpc.StatusCode.INVALID_ARGUMENT, "texts is empty"),
        (pb.EmbedRequest(texts=["x"] * 257), grpc.StatusCode.INVALID_ARGUMENT, "257 entries, at most 256"),
        (
            pb.EmbedRequest(texts=["x", "y" * 65_537]),
            grpc.StatusCode.INVALID_ARGUMENT,
            r"texts\[1\] has 65537 characters, at most 65536",
        ),
        (pb.EmbedRequest(texts=["x"], model="gpt-2"), grpc.StatusCode.NOT_FOUND, "only 'all-MiniLM-L6-v2'"),
        (pb.EmbedRequest(texts=["x"], model="m" * 257), grpc.StatusCode.INVALID_ARGUMENT, "model has 257 characters"),
        (pb.CountTokensRequest(), grpc.StatusCode.INVALID_ARGUMENT, "texts is empty"),
        (pb.CountTokensRequest(texts=["x"] * 4097), grpc.StatusCode.INVALID_ARGUMENT, "4097 entries, at most 4096"),
        (pb.CountTokensRequest(texts=["y" * 65_537]), grpc.StatusCode.INVALID_ARGUMENT, "65537 characters"),
    ],
)
async def test_bad_requests_say_what_is_wrong(stub, request_, code, message):
    method = stub.Embed if isinstance(request_, pb.EmbedRequest) else stub.CountTokens
    with pytest.raises(grpc.aio.AioRpcError, match=message) as refusal:
        await method(request_, timeout=10)
    assert refusal.value.code() is code


async def test_the_longest_text_allowed_is_embedded(stub):
    answer = await stub.Embed(pb.EmbedRequest(texts=["汉" * 65_536]), timeout=20)
    assert list(answer.truncated) == [True]


async def test_more_texts_than_can_wait_are_refused_with_a_time_to_come_back(stub):
    request = pb.EmbedRequest(texts=["word " * 300] * 256)
    # Six requests of 256 texts fill the three quarters of 2048 that bulk may take.
    bulk = [asyncio.ensure_future(stub.Embed(request, timeout=60)) for _ in range(7)]
    done, waiting = await asyncio.wait(bulk, return_when=asyncio.FIRST_COMPLETED)
    query = await stub.Embed(pb.EmbedRequest(texts=["a query is answered all the same"]), timeout=20)
    for call in waiting:
        call.cancel()
    await asyncio.wait(waiting)
    (refused,) = done
    with pytest.raises(grpc.aio.AioRpcError, match="try again later") as refusal:
        refused.result()
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = status_pb2.Status.FromString(dict(refusal.value.trailing_metadata())["grpc-status-details-bin"])
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.ToTimedelta().total_seconds() > 0
    assert list(query.truncated) == [False]
