"""The two processes from outside: their settings, their usage, their start and their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pydantic import ValidationError
from whitebox_retrieval.settings import IndexerSettings, RetrievalSettings
from whitebox_runtime.testing import eventually, free_port


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {f"WHITEBOX_RETRIEVAL_{key}": value for key, value in settings.items()}
    command = [sys.executable, "-m", "whitebox_retrieval.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_both_processes_have_a_metrics_port_of_their_own():
    assert RetrievalSettings().metrics_port == 9102
    assert IndexerSettings().metrics_port == 9103


@pytest.mark.parametrize(
    "fields",
    [
        {"chunk_tokens": 40, "chunk_overlap_tokens": 40},
        {"chunk_tokens": 15},
        {"chunk_tokens": 511},
        {"max_document_bytes": 0},
        {"port": 65536},
        {"load_timeout_seconds": 0},
        {"qdrant_url": ""},
        {"index_concurrency": 65},
    ],
)
def test_settings_that_cannot_work_are_refused(fields):
    with pytest.raises(ValidationError):
        RetrievalSettings(**fields)


def test_settings_do_not_show_the_databases_password():
    assert "secret" not in repr(RetrievalSettings(database_url="postgresql+asyncpg://u:secret@h/d"))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["worker"], ["api2"]])
def test_an_unknown_process_gets_the_usage(arguments):
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "api|indexer" in ended.stderr


@pytest.mark.slow
def test_help_lists_the_settings():
    ended = run("indexer", "--help")
    assert ended.returncode == 0
    for name in ("DATABASE_URL", "OBJECT_STORE_URL", "QDRANT_URL", "CHUNK_TOKENS", "9103"):
        assert name in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"CHUNK_TOKENS": "many"}, "CHUNK_TOKENS"),
        ({"CHUNK_TOKENS": "32", "CHUNK_OVERLAP_TOKENS": "32"}, "must be less than"),
        ({"QDRANT_URL": "127.0.0.1:6344", "METRICS_PORT": "-1", "PORT": "0"}, "must be http"),
        ({"OBJECT_STORE_URL": "ftp://x", "METRICS_PORT": "-1", "PORT": "0"}, "must start with file:///"),
    ],
)
def test_a_bad_setting_ends_the_start_and_is_named(tmp_path, settings, says):
    ended = run("api", **({"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/r.sqlite"} | settings))
    assert ended.returncode != 0
    assert says in ended.stderr + ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("role", ["api", "indexer"])
async def test_without_anything_it_depends_on_it_lives_says_what_is_missing_and_ends_in_order(
    tmp_path: Path, role: str
):
    metrics = free_port()
    nowhere = f"127.0.0.1:{free_port()}"
    settings = {
        "PORT": "0",
        "METRICS_PORT": str(metrics),
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/retrieval.sqlite",
        "OBJECT_STORE_URL": (tmp_path / "objects").as_uri(),
        "KAFKA_BOOTSTRAP_SERVERS": nowhere,
        "QDRANT_URL": f"http://{nowhere}",
        "EMBEDDING_TARGET": nowhere,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "whitebox_retrieval.main", role],
        env=os.environ | {f"WHITEBOX_RETRIEVAL_{key}": value for key, value in settings.items()},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )

    def report() -> dict[str, dict[str, dict[str, str]]] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/ready", timeout=10):
                raise AssertionError("it cannot be ready")
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())
        except OSError:
            return None

    try:
        await eventually(report)
        answer = report()
        assert answer is not None
        components = answer["components"]
        assert components["object store"]["status"] == "ok"
        for missing in ("embedding", "index", "broker"):
            assert components[missing]["status"] != "ok"
            assert components[missing]["detail"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
