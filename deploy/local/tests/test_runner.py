"""The runner says in one line what is wrong before it starts, and leaves nothing behind when it stops."""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whitebox_local import preflight
from whitebox_local.gateway_client import GatewayClient, GatewayError, find_documents
from whitebox_local.home import Home
from whitebox_local.supervision import (
    MARK,
    Program,
    Supervisor,
    SupervisorError,
    marked_processes,
    supervisor_config,
)
from whitebox_local.topology import TopologyError, default_ports, packaged_binary, probe_ports, programs

WHITEBOX = str(Path(sys.executable).with_name("whitebox"))


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WHITEBOX, *arguments],
        env={**os.environ, "WHITEBOX_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# ---- topology


def test_no_two_listeners_share_a_port() -> None:
    ports = default_ports()
    assert len(set(ports.values())) == len(ports)


def test_every_service_process_is_probed() -> None:
    assert set(probe_ports(default_ports())) == {
        "gateway",
        "embedding",
        "retrieval-api",
        "retrieval-indexer",
        "llm",
        "serving",
        "features-api",
        "features-stream",
    }


@pytest.mark.parametrize("offset", [-9000, 60_000])
def test_an_offset_out_of_the_port_range_is_refused(offset: int) -> None:
    with pytest.raises(TopologyError, match="port offset"):
        default_ports(offset)


def test_every_program_of_the_stack_is_a_valid_supervisor_section(tmp_path: Path) -> None:
    home = Home(tmp_path / "per%cent and space")
    home.create()
    stack = programs(home, default_ports())
    parser = configparser.RawConfigParser()
    parser.read_string(supervisor_config(home, stack))
    assert {f"program:{program.name}" for program in stack} <= set(parser.sections())
    for program in stack:
        assert all(str(value) for value in program.environment.values())


@given(st.text(max_size=40).filter(lambda text: text.isprintable() and not set(text) & set("'\"")))
def test_any_setting_survives_the_supervisor_configuration(value: str) -> None:
    from supervisor.options import UnhosedConfigParser, dict_of_key_value_pairs

    config = supervisor_config(Home(Path("/tmp/x")), [Program("p", ["true"], {"KEY": value, "OTHER": "1"})])
    parser = UnhosedConfigParser()
    parser.read_string(config)
    raw = parser.get("program:p", "environment", raw=True)
    assert dict_of_key_value_pairs(raw.replace("%%", "%")) == {"KEY": value, "OTHER": "1"}


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a'b", "a\x00b"])
def test_a_setting_that_cannot_be_written_is_refused(value: str) -> None:
    with pytest.raises(SupervisorError, match="neither quotes"):
        supervisor_config(Home(Path("/tmp/x")), [Program("p", ["true"], {"KEY": value})])


def test_a_missing_packaged_binary_says_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match="make env"):
        packaged_binary("no_such_package", "nothing")


def test_a_long_home_still_gets_a_socket_that_can_be_bound(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    assert len(str(home.supervisor_socket)) < 108
    assert home.supervisor_socket != Home(tmp_path / ("other" * 30)).supervisor_socket


# ---- preflight


def test_a_taken_port_is_named_with_its_owner() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (problem,) = preflight.ports_in_use({"gateway": port})
    assert f"port {port} for gateway is in use" in problem
    assert f"(process {os.getpid()})" in problem


def test_too_little_disk_is_said_with_both_sizes(tmp_path: Path) -> None:
    (problem,) = preflight.short_of_disk(tmp_path, needed=10**18)
    assert "1000000000.0 GB are needed" in problem
    assert preflight.short_of_disk(tmp_path, needed=0) == []


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_MODULES", ("json", "no_such_package"))
    assert preflight.missing_packages() == ["missing packages: no_such_package. Run `make env`."]


# ---- supervision


@pytest.fixture
def home(tmp_path: Path):
    home = Home(tmp_path)
    home.create()
    yield home
    Supervisor(home).shutdown()


def sleeper(name: str) -> Program:
    return Program(name, [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"], {"A": "50%"})


def until(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_program_comes_back_and_shutdown_leaves_nothing(home: Home) -> None:
    supervisor = Supervisor(home)
    supervisor.start([sleeper("one"), sleeper("two")])

    def running(name: str) -> int:
        return next((s.pid for s in supervisor.states() if s.name == name and s.state == "RUNNING"), 0)

    until(lambda: running("one") and running("two"))
    victim = running("one")
    psutil.Process(victim).kill()
    until(lambda: running("one") not in (0, victim))
    assert (home.logs / "two.log").read_text().startswith("up")
    supervisor.shutdown()
    assert marked_processes(home.root) == []
    with pytest.raises(SupervisorError, match="is the stack up"):
        supervisor.states()


@pytest.mark.slow
def test_shutdown_finds_the_programs_of_a_killed_manager(home: Home) -> None:
    supervisor = Supervisor(home)
    supervisor.start([sleeper("orphan")])
    until(lambda: any(state.state == "RUNNING" for state in supervisor.states()))
    psutil.Process(int((home.root / "supervisord.pid").read_text())).kill()
    until(lambda: not supervisor.running())
    assert marked_processes(home.root)
    supervisor.shutdown()
    assert marked_processes(home.root) == []


# ---- the command


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in ("up", "down", "status", "logs", "demo", "ingest", "ask", "predict", "features", "bench"):
        assert command in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "is the stack up"),
        (["ask", "why?"], "cannot be reached"),
        (["ingest", "/no/such/file"], "does not exist"),
        (["predict", "iris", "{broken"], "no valid JSON"),
        (["logs", "gateway"], "name a log"),
        (["up", "--port-offset", "64000"], "port offset"),
    ],
)
def test_what_goes_wrong_is_one_line_without_a_stack_trace(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run(tmp_path, *arguments, WHITEBOX_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_up_names_the_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", default_ports(12_000)["gateway"]))
        taken.listen()
        done = run(tmp_path, "up", "--port-offset", "12000")
    assert done.returncode == 1
    assert "port 20080 for gateway is in use" in done.stderr
    assert marked_processes(tmp_path) == []


def test_down_without_a_stack_is_no_error(tmp_path: Path) -> None:
    assert run(tmp_path, "down").returncode == 0


@pytest.mark.slow
def test_interrupting_a_start_stops_what_was_started(tmp_path: Path) -> None:
    environment = {**os.environ, "WHITEBOX_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [WHITEBOX, "up", "--port-offset", "13000"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    until((tmp_path / "supervisord.pid").exists, 60)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert marked_processes(tmp_path) == []


# ---- the client


class Answers(BaseHTTPRequestHandler):
    """A server of canned HTTP answers, to test what the client makes of them."""

    answers: ClassVar[dict[str, tuple[int, str]]] = {}

    def do_GET(self) -> None:
        status, body = self.answers[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, json.dumps({"title": "Not found", "detail": "no such job"})), "404 Not found: no such job"),
        ((500, "<html>oops</html>"), "500 Internal Server Error"),
        ((502, "[]"), "502 Bad Gateway"),
    ],
)
def test_any_error_answer_becomes_one_line(server: str, answer: tuple[int, str], said: str) -> None:
    Answers.answers = {"/v1/jobs/x": answer}
    with GatewayClient(server, "key") as client, pytest.raises(GatewayError, match=said):
        client.get("/v1/jobs/x")


def test_a_job_that_never_ends_is_given_up(server: str) -> None:
    Answers.answers = {"/v1/jobs/x": (200, json.dumps({"state": "running"}))}
    with GatewayClient(server, "key") as client, pytest.raises(GatewayError, match="still running"):
        client.wait_for_job("x", timeout_seconds=0.0, sleep=lambda _: None)


def test_folders_are_searched_for_documents_only(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.TXT", "c.exe", "sub/d.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert [path.name for path in find_documents([tmp_path])] == ["a.pdf", "b.TXT", "d.md"]


def test_marks_are_found_by_their_home_alone(tmp_path: Path) -> None:
    environment = {**os.environ, MARK: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment) as process:
        until(lambda: [p.pid for p in marked_processes(tmp_path)] == [process.pid])
        assert marked_processes(tmp_path / "other") == []
        process.kill()
