"""The local vector engine answers the unmodified qdrant-client as Qdrant's own in-memory mode does."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc.aio import AioRpcError
from qdrant_client import AsyncQdrantClient, models

NAME = "chunks"
DIMENSIONS = 16


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Engine:
    """The engine as its own process, as the local stack runs it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "whitebox_local.qdrant_edge",
            "--path",
            str(self.path),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            await asyncio.wait_for(channel.channel_ready(), 30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def client(self) -> AsyncQdrantClient:
        return AsyncQdrantClient(
            host="127.0.0.1", grpc_port=self.port, port=self.port, prefer_grpc=True, check_compatibility=False
        )


@pytest.fixture
async def engine(tmp_path: Path):
    engine = Engine(tmp_path / "collections")
    await engine.start()
    yield engine
    if engine.process is not None and engine.process.poll() is None:
        engine.stop()


async def create(client: AsyncQdrantClient) -> None:
    await client.create_collection(
        NAME,
        vectors_config={"dense": models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)},
        sparse_vectors_config={"sparse": models.SparseVectorParams(modifier=models.Modifier.IDF)},
    )


def points(count: int, seed: int = 7) -> list[models.PointStruct]:
    rng = np.random.default_rng(seed)
    return [
        models.PointStruct(
            id=str(uuid.UUID(int=i + 1)),
            vector={
                "dense": rng.standard_normal(DIMENSIONS).tolist(),
                "sparse": models.SparseVector(indices=[1 + i % 5, 10 + i % 3], values=[1.0, 0.5 + i % 2]),
            },
            payload={"tenant": "a" if i % 2 else "b", "page": i, "tags": {"x": [1, 2.5, None, True, "y"]}},
        )
        for i in range(count)
    ]


def tenant(name: str) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key="tenant", match=models.MatchValue(value=name))])


@pytest.mark.slow
async def test_answers_dense_sparse_and_filtered_queries_like_qdrants_local_mode(engine: Engine) -> None:
    ours, peer = engine.client(), AsyncQdrantClient(":memory:")
    query = np.random.default_rng(1).standard_normal(DIMENSIONS).tolist()
    answers = []
    for client in (ours, peer):
        await create(client)
        await client.upsert(NAME, points(60))
        requests = [
            models.QueryRequest(query=query, using="dense", limit=7, filter=tenant("a"), with_payload=True),
            models.QueryRequest(
                query=models.SparseVector(indices=[2, 11], values=[1.0, 1.0]),
                using="sparse",
                limit=7,
                with_payload=["page"],
            ),
        ]
        batch = await client.query_batch_points(NAME, requests)
        answers.append([[(p.id, round(p.score, 4), p.payload) for p in response.points] for response in batch])
        assert (await client.count(NAME, count_filter=tenant("b"))).count == 30
    dense, sparse = zip(*answers, strict=True)
    assert dense[0] == dense[1]
    # The sparse scores tie often, and ties have no order: compare what is unique.
    assert [score for _, score, _ in sparse[0]] == [score for _, score, _ in sparse[1]]
    await ours.close()
    await peer.close()


@pytest.mark.slow
async def test_a_killed_engine_keeps_every_acknowledged_point(engine: Engine) -> None:
    client = engine.client()
    await create(client)
    await client.create_payload_index(NAME, "tenant", models.KeywordIndexParams(type="keyword", is_tenant=True))
    for start in range(0, 200, 20):
        await client.upsert(NAME, points(200)[start : start + 20])
    await client.delete(NAME, points_selector=models.FilterSelector(filter=tenant("b")))
    engine.kill()
    await engine.start()
    after = engine.client()
    assert (await after.count(NAME)).count == 100
    assert "tenant" in (await after.get_collection(NAME)).payload_schema
    records, offset = await after.scroll(NAME, limit=64, with_payload=True, with_vectors=True)
    rest, end = await after.scroll(NAME, limit=64, offset=offset)
    assert len({record.id for record in [*records, *rest]}) == 100
    assert end is None
    assert records[0].payload is not None
    assert records[0].payload["tags"] == {"x": [1, 2.5, None, True, "y"]}
    await client.close()
    await after.close()


@pytest.mark.slow
async def test_bad_requests_are_refused_by_name_and_leave_the_engine_serving(engine: Engine) -> None:
    client = engine.client()
    await create(client)

    async def refused(call, code: grpc.StatusCode, text: str) -> None:
        with pytest.raises(AioRpcError) as caught:
            await call
        assert caught.value.code() is code
        assert text in (caught.value.details() or "")

    invalid = grpc.StatusCode.INVALID_ARGUMENT
    await refused(client.count("nothing"), grpc.StatusCode.NOT_FOUND, "nothing")
    await refused(create(client), grpc.StatusCode.ALREADY_EXISTS, NAME)
    await refused(
        client.create_collection("../escape", vectors_config=models.VectorParams(size=4, distance="Dot")),
        invalid,
        "name",
    )
    await refused(client.query_points(NAME, query=[0.5] * 3, using="dense"), invalid, "imension")
    await refused(
        client.upsert(NAME, [models.PointStruct(id="not-a-uuid", vector={"dense": [0.1] * DIMENSIONS})]),
        invalid,
        "not-a-uuid",
    )
    geo = models.FieldCondition(
        key="place", geo_radius=models.GeoRadius(center=models.GeoPoint(lon=0, lat=0), radius=10)
    )
    await refused(
        client.count(NAME, count_filter=models.Filter(must=[geo])), grpc.StatusCode.UNIMPLEMENTED, "geo_radius"
    )
    assert (await client.count(NAME)).count == 0
    await client.delete_collection(NAME)
    assert not await client.collection_exists(NAME)
    await client.close()


@pytest.mark.slow
async def test_a_taken_port_is_one_clear_line_and_a_failing_exit_code(engine: Engine, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "whitebox_local.qdrant_edge",
        "--path",
        str(tmp_path / "x"),
        "--port",
        str(engine.port),
    ]
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, env=dict(os.environ))
    _, stderr = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{engine.port}" in stderr.decode()
    assert engine.stop() == 0
