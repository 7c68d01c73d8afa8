"""The process as its supervisor meets it."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_contracts.serving.v1 import serving_pb2_grpc
from whitebox_runtime.testing import free_port

pytestmark = pytest.mark.slow


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def _until(condition, seconds=60):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.parametrize("backend", ["batcher", "ray"])
def test_it_waits_for_a_model_finds_it_when_it_is_trained_and_ends_on_sigterm(tmp_path, backend):
    port, metrics = free_port(), free_port()
    # ONNX Runtime keeps quiet of its own accord where CI is set; the service must do so everywhere.
    inherited = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = inherited | {
        "WHITEBOX_SERVING_PORT": str(port),
        "WHITEBOX_SERVING_METRICS_PORT": str(metrics),
        "WHITEBOX_SERVING_MODEL_STORE": str(tmp_path / "models"),
        "WHITEBOX_SERVING_POLL_SECONDS": "0.1",
        "WHITEBOX_SERVING_BACKEND": backend,
        "WHITEBOX_SERVING_AUDIT_SHARE": "1",
        "HOME": str(tmp_path),
    }
    ready = f"http://127.0.0.1:{metrics}/ready"
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "whitebox_serving.main"], env=environment, stdout=output)
    try:
        _until(lambda: _get(ready)[0] == 503 and "cannot be read" in _get(ready)[1])
        command = [sys.executable, "-m", "whitebox_serving.train", "--store", str(tmp_path / "models"), "--folds", "2"]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        _until(lambda: _get(ready)[0] == 200)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = serving_pb2_grpc.ServingServiceStub(channel)
            model = stub.GetModel(pb.GetModelRequest(model="breast-cancer"), timeout=5).model
            assert model.backend == backend
            typical = np.array([feature.mean for feature in model.features], "<f4")
            answer = stub.Infer(pb.InferRequest(model=model.name, rows=1, features=typical.tobytes()), timeout=5)
            assert answer.version == "1"
        _until(lambda: 'whitebox_audit_difference_bucket{kind="probability",le="1e-05",service="serving"} 1.0'
               in _get(f"http://127.0.0.1:{metrics}/metrics")[1])  # fmt: skip
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert '"level": "ERROR"' not in log.read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_bad_configuration_is_one_clear_line():
    environment = os.environ | {"WHITEBOX_SERVING_BACKEND": "spark"}
    done = subprocess.run(
        [sys.executable, "-m", "whitebox_serving.main"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "WHITEBOX_SERVING_BACKEND" in done.stderr
    assert "'batcher' or 'ray'" in done.stderr


def test_serving_does_not_load_scikit_learn():
    code = "import sys, whitebox_serving.main, whitebox_serving.adapters.in_process; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
