"""The service as a process: starts, serves, drains, and says why it cannot start."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from whitebox_contracts.embedding.v1 import embedding_pb2 as pb
from whitebox_contracts.embedding.v1 import embedding_pb2_grpc

pytestmark = pytest.mark.slow

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(data_dir: Path, free_port: int) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(module: str = "whitebox_embedding.main", **settings: str) -> subprocess.Popen[str]:
        settings = {"PORT": str(free_port), "METRICS_PORT": "-1", "DATA_DIR": str(data_dir)} | settings
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=os.environ | {f"WHITEBOX_EMBEDDING_{key}": value for key, value in settings.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_for(channel: grpc.Channel) -> None:
    grpc.channel_ready_future(channel).result(timeout=30)


def test_sigterm_lets_running_calls_finish_and_exits_with_zero(bundle, start, free_port):
    process = start()
    with grpc.insecure_channel(f"127.0.0.1:{free_port}") as channel:
        wait_for(channel)
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        # Some seconds of work, begun for certain once a query sent after it is answered.
        running = stub.Embed.future(pb.EmbedRequest(texts=["word " * 200] * 40), timeout=60)
        stub.Embed(pb.EmbedRequest(texts=["query"]), timeout=20)
        process.send_signal(signal.SIGTERM)
        assert len(running.result(timeout=60).token_counts) == 40
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output


def test_readiness_and_metrics_follow_the_service(bundle, start, free_port):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        metrics_port = server.getsockname()[1]
    start(METRICS_PORT=str(metrics_port))
    with grpc.insecure_channel(f"127.0.0.1:{free_port}") as channel:
        wait_for(channel)
        texts = ["one", "two", "word " * 400]
        embedding_pb2_grpc.EmbeddingServiceStub(channel).Embed(pb.EmbedRequest(texts=texts), timeout=20)
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/ready", timeout=5) as response:
                assert json.load(response)["ready"]
                break
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as response:
        metrics = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines() if line[0] != "#")
    assert float(metrics["whitebox_embedding_texts_total"]) == 3
    assert float(metrics["whitebox_embedding_tokens_total"]) == 3 + 3 + 256
    assert float(metrics["whitebox_embedding_truncated_total"]) == 1
    assert float(metrics['whitebox_embedding_cache_lookups_total{outcome="miss"}']) == 3
    assert float(metrics["whitebox_embedding_batch_texts_count"]) >= 2
    assert float(metrics["whitebox_embedding_queue_seconds_count"]) >= 1


@pytest.mark.parametrize("module", ["whitebox_embedding.main", "whitebox_embedding.build"])
def test_a_model_that_is_not_there_ends_the_process_with_the_reason(start, tmp_path, module):
    process = start(module, MODEL_PATH=str(tmp_path))
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "is not a model folder: config.json, model.safetensors, tokenizer.json missing" in output
    assert "Traceback" not in output


def test_bad_settings_end_the_process_with_one_line_each(start):
    process = start(PRECISION="fp8", MAX_WAITING_TEXTS="10", MODEL_SHA256="abc")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    lines = output.strip().splitlines()
    assert len(lines) == 3
    for name in ("PRECISION", "MAX_WAITING_TEXTS", "MODEL_SHA256"):
        assert any(f"WHITEBOX_EMBEDDING_{name}" in line for line in lines)


def test_building_ahead_prints_where_the_model_is(bundle, start):
    output, _ = start("whitebox_embedding.build").communicate(timeout=30)
    assert output.strip() == str(bundle.path)
