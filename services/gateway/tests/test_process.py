"""The process as a supervisor sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from whitebox_gateway.authentication import create_key
from whitebox_runtime.testing import free_port

pytestmark = pytest.mark.slow


def start(**settings: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHITEBOX_")}
    return subprocess.Popen(
        [sys.executable, "-m", "whitebox_gateway.main"], env={**environment, **settings}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_without_a_keys_file_it_does_not_start_and_says_why(tmp_path: Path) -> None:
    unset = start()
    _, errors = unset.communicate(timeout=30)
    assert unset.returncode == 2
    assert "WHITEBOX_GATEWAY_API_KEYS_FILE" in errors
    missing = start(WHITEBOX_GATEWAY_API_KEYS_FILE=str(tmp_path / "absent"), WHITEBOX_GATEWAY_PORT="0")
    _, errors = missing.communicate(timeout=30)
    assert missing.returncode == 1
    lines = [line for line in errors.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, errors
    assert "python -m whitebox_gateway.keys create" in lines[0]


def test_it_starts_without_its_services_and_ends_in_order(tmp_path: Path) -> None:
    key, _ = create_key(tmp_path / "keys", "t", frozenset({"user"}))
    nowhere = f"127.0.0.1:{free_port()}"
    targets = {
        f"WHITEBOX_GATEWAY_{n}_TARGET": nowhere for n in ("EMBEDDING", "RETRIEVAL", "LLM", "SERVING", "FEATURES")
    }
    port = free_port()
    process = start(WHITEBOX_GATEWAY_API_KEYS_FILE=str(tmp_path / "keys"), WHITEBOX_GATEWAY_PORT=str(port), **targets)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while True:
            try:
                live = httpx.get(f"{url}/live")
                break
            except httpx.TransportError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
        assert live.status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 503
        asked = httpx.get(f"{url}/v1/stats", headers={"X-API-Key": key})
        assert asked.status_code == 503
        second = start(
            WHITEBOX_GATEWAY_API_KEYS_FILE=str(tmp_path / "keys"), WHITEBOX_GATEWAY_PORT=str(port), **targets
        )
        second.communicate(timeout=30)
        assert second.returncode == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()
