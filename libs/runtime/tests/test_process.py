"""Processes as their users meet them: started, asked, signalled."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from whitebox_runtime.testing import free_port

PROGRAM = """
import asyncio
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whitebox_runtime.process import Process, run_process
from whitebox_runtime.settings import ServiceSettings

class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="WHITEBOX_DEMO_")
    port: int = Field(50099, ge=0, le=65535, description="Port of the service")
    names: list[str] = Field([], description="Some names")
    api_token: SecretStr = Field(SecretStr("hunter2"), min_length=3, description="Token for the peer")

async def hello() -> None:
    pass

async def broken() -> None:
    raise ConnectionError("the index is away")

async def serve(process: Process[Settings]) -> None:
    import logging
    log = logging.getLogger("demo")
    {body}

run_process("demo", Settings, serve)
"""


def command(tmp_path: Path, body: str = "await process.stopping.wait()") -> list[str]:
    program = tmp_path / "demo.py"
    program.write_text(PROGRAM.replace("{body}", textwrap.indent(textwrap.dedent(body), "    ").strip()))
    return [sys.executable, "-W", "error", str(program)]


def finish(tmp_path: Path, *arguments: str, body: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {f"WHITEBOX_DEMO_{name}": value for name, value in variables.items()}
    return subprocess.run(
        [*command(tmp_path, body or "pass"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def running(tmp_path: Path, body: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = os.environ | {"WHITEBOX_DEMO_SHUTDOWN_GRACE_SECONDS": "5"}
    process = subprocess.Popen(command(tmp_path, body), env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        for line in process.stdout:
            record = json.loads(line)
            if record["message"] == "started":
                break
        yield process, record["metrics_port"]
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_help_names_every_variable_with_default_and_meaning_and_no_secret(tmp_path: Path) -> None:
    done = finish(tmp_path, "--help")
    assert done.returncode == 0
    assert "WHITEBOX_DEMO_PORT" in done.stdout
    assert "50099" in done.stdout
    assert "Port of the service" in done.stdout
    assert "WHITEBOX_DEMO_METRICS_PORT" in done.stdout
    assert "hunter2" not in done.stdout


def test_check_accepts_good_configuration_without_starting(tmp_path: Path) -> None:
    done = finish(tmp_path, "--check", body="raise SystemExit(9)")
    assert (done.returncode, done.stdout) == (0, "demo: configuration is good\n")


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"PORT": "many"}, "configuration: WHITEBOX_DEMO_PORT: Input should be a valid integer"),
        ({"PORT": "99999"}, "(got '99999')"),
        ({"METRICS_PORT": "-2"}, "WHITEBOX_DEMO_METRICS_PORT: Input should be greater than or equal to -1"),
        ({"LOG_LEVEL": "LOUD"}, "WHITEBOX_DEMO_LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ({"PORT": "tcp://10.0.0.1:50051"}, "enableServiceLinks: false"),
        ({"NAMES": "not json"}, "names"),
        ({"API_TOKEN": "s3"}, "WHITEBOX_DEMO_API_TOKEN: Value should have at least 3"),
    ],
)
def test_bad_configuration_stops_the_start_with_one_clear_line(
    tmp_path: Path, variables: dict[str, str], line: str
) -> None:
    done = finish(tmp_path, "--check", **variables)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "s3" not in done.stderr


def test_each_bad_variable_gets_its_own_line(tmp_path: Path) -> None:
    done = finish(tmp_path, PORT="x", LOG_LEVEL="y")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 2


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    done = finish(tmp_path, "--chekc")
    assert done.returncode == 2
    assert "--chekc" in done.stderr


def test_probes_follow_the_checks_and_metrics_are_exported(tmp_path: Path) -> None:
    body = """
    process.health.add_check("good", hello)
    process.health.add_check("index", broken)
    process.health.add_check("optional", broken, critical=False)
    await process.stopping.wait()
    """
    with running(tmp_path, body) as (_process, port):
        assert get(port, "/live") == (200, "live\n")
        status, text = get(port, "/ready")
        report = json.loads(text)
        assert status == 503
        assert report["ready"] is False
        assert report["components"]["index"]["detail"] == "the index is away"
        assert report["components"]["good"]["status"] == "ok"
        assert report["components"]["optional"]["critical"] is False
        status, text = get(port, "/metrics?name[]=x")
        assert status == 200
        assert "process_cpu_seconds_total" in text
        assert get(port, "/secret")[0] == 404
        post = urllib.request.Request(f"http://127.0.0.1:{port}/live", data=b"x", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(post, timeout=10)
        with refused.value:
            assert refused.value.code == 405


def test_sigterm_stops_in_order_with_code_0(tmp_path: Path) -> None:
    body = """
    await process.stopping.wait()
    log.info("last words")
    """
    with running(tmp_path, body) as (process, _port):
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
        assert process.returncode == 0
        messages = [json.loads(line)["message"] for line in output.splitlines()]
        assert messages == ["SIGTERM: stopping", "last words", "stopped"]


def test_a_second_signal_ends_a_stop_that_hangs(tmp_path: Path) -> None:
    with running(tmp_path, "await asyncio.Event().wait()") as (process, _port):
        process.send_signal(signal.SIGINT)
        assert process.stdout
        assert "stopping" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130


@pytest.mark.parametrize(
    "body",
    [
        "process.spawn(broken_for_good(), name='relay')\nawait process.stopping.wait()",
        "task = asyncio.create_task(broken_for_good())\nawait asyncio.sleep(0)\nawait asyncio.sleep(0)\ndel task\n"
        "import gc; gc.collect()\nawait process.stopping.wait()",
        "await broken_for_good()",
        "async with asyncio.TaskGroup() as group:\n    group.create_task(broken_for_good())\n"
        "    group.create_task(process.stopping.wait())",
    ],
    ids=["spawned", "forgotten", "serve", "group"],
)
def test_an_unhandled_error_ends_the_process_with_the_reason(tmp_path: Path, body: str) -> None:
    body = f"async def broken_for_good():\n    raise KeyError('lost part')\n{body}"
    done = finish(tmp_path, body=body, SHUTDOWN_GRACE_SECONDS="1")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    [fatal] = [line for line in lines if line["level"] == "CRITICAL"]
    assert "lost part" in fatal["message"] + fatal["traceback"]
    assert "broken_for_good" in fatal["traceback"]


def test_a_stop_that_hangs_is_ended_after_the_grace(tmp_path: Path) -> None:
    body = """
    import whitebox_runtime.process as p
    p._CLOSING_SECONDS = 0.2
    process.stopping.set()
    await asyncio.Event().wait()
    """
    began = time.monotonic()
    done = finish(tmp_path, body=body, SHUTDOWN_GRACE_SECONDS="0.2")
    assert done.returncode == 1
    assert "not stopped after 0.4 s" in done.stdout
    assert time.monotonic() - began < 20


def test_a_taken_metrics_port_is_said_clearly(tmp_path: Path) -> None:
    with running(tmp_path, "await process.stopping.wait()") as (_process, port):
        done = finish(tmp_path, METRICS_PORT=str(port))
    assert done.returncode == 1
    assert f"cannot listen on metrics port {port}" in done.stdout


def test_logs_are_json_with_extras_and_without_secrets(tmp_path: Path) -> None:
    body = """
    from whitebox_runtime.telemetry import tracer, current_trace_id
    with tracer().start_as_current_span("x"):
        log.info("connect to postgresql://me:pw1@host/db with Bearer abcdefghijkl", extra={
            "document": "d1", "api_key": "k1", "nested": {"password": "pw2"}, "llm_tokens": 5, "trace": current_trace_id()})
    """
    done = finish(tmp_path, body=body)
    [line] = [json.loads(line) for line in done.stdout.splitlines() if '"demo", "message": "connect' in line]
    assert line["service"] == "demo"
    assert line["level"] == "INFO"
    assert line["document"] == "d1"
    assert line["llm_tokens"] == 5
    assert line["trace_id"] == line["trace"]
    assert len(line["span_id"]) == 16
    for secret in ("pw1", "pw2", "k1", "abcdefghijkl"):
        assert secret not in json.dumps(line)


def test_spans_reach_an_otlp_collector_before_the_process_ends(tmp_path: Path) -> None:
    received: list[trace_service_pb2.ExportTraceServiceRequest] = []

    class Collector(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request, context):
            received.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    body = """
    from whitebox_runtime.telemetry import tracer
    with tracer().start_as_current_span("measured"):
        pass
    """
    done = finish(tmp_path, body=body, OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    server.stop(0).wait()
    assert done.returncode == 0, done.stdout
    [spans] = [spans for request in received for spans in request.resource_spans]
    assert {one.key: one.value.string_value for one in spans.resource.attributes}["service.name"] == "demo"
    assert [span.name for scope in spans.scope_spans for span in scope.spans] == ["measured"]


@pytest.mark.slow
def test_a_collector_that_is_away_does_not_keep_the_process(tmp_path: Path) -> None:
    body = """
    from whitebox_runtime.telemetry import tracer
    with tracer().start_as_current_span("lost"):
        pass
    """
    began = time.monotonic()
    done = finish(tmp_path, body=body, OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 0
    assert time.monotonic() - began < 25
