"""Runs the programs of a stack under supervisord, a maintained process manager, and talks to it."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psutil

from whitebox_local.home import Home

logger = logging.getLogger(__name__)

# Every process of a stack carries this variable, so that `down` finds even those whose manager was killed.
MARK = "WHITEBOX_STACK"
_STOP_SECONDS = 15


class SupervisorError(RuntimeError):
    """The process manager did not do what was asked."""


@dataclass(frozen=True)
class Program:
    """One process of the stack.

    Attributes:
        name: Name in `status` and of the log file.
        command: Program and arguments.
        environment: Variables on top of the caller's environment.
        priority: Lower starts first; processes wait for what they need by themselves.
    """

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    priority: int = 100


@dataclass(frozen=True)
class ProgramState:
    """What the process manager knows about one program."""

    name: str
    state: str
    pid: int
    seconds: float
    detail: str


def supervisor_config(home: Home, programs: Sequence[Program]) -> str:
    """The configuration file for supervisord.

    A program that dies is started again at once; one that keeps dying is started again after growing pauses.
    """
    sections = [
        f"[unix_http_server]\nfile={_escape(str(home.supervisor_socket))}\nchmod=0700\n",
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
        f"[supervisord]\nlogfile={_escape(str(home.logs / 'supervisord.log'))}\nlogfile_maxbytes=5MB\n"
        f"logfile_backups=1\npidfile={_escape(str(home.root / 'supervisord.pid'))}\n"
        f"childlogdir={_escape(str(home.logs))}\nminfds=1024\nsilent=true\n",
    ]
    for program in programs:
        environment = ",".join(f'{key}="{_escape(_quoted(value))}"' for key, value in program.environment.items())
        sections.append(
            f"[program:{program.name}]\n"
            f"command={_escape(shlex.join(program.command))}\n"
            f"environment={environment}\n"
            f"priority={program.priority}\n"
            "autostart=true\nautorestart=true\nstartsecs=1\nstartretries=1000\n"
            f"stopsignal=TERM\nstopwaitsecs={_STOP_SECONDS}\nkillasgroup=true\n"
            f"stdout_logfile={_escape(str(home.logs / program.name))}.log\nredirect_stderr=true\n"
            "stdout_logfile_maxbytes=10MB\nstdout_logfile_backups=1\n"
        )
    return "\n".join(sections)


def _escape(value: str) -> str:
    """A per cent sign starts an expansion in supervisord's configuration."""
    return value.replace("%", "%%")


def _quoted(value: str) -> str:
    if any(character in "'\"" or not character.isprintable() for character in value):
        raise SupervisorError(f"a setting must hold neither quotes nor control characters: {value!r}")
    return value


class _SocketConnection(HTTPConnection):
    """HTTP over a Unix socket, whose path stands where the host would."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.host)


class _SocketTransport(xmlrpc.client.Transport):
    def __init__(self, connection: HTTPConnection) -> None:
        super().__init__()
        self._socket_connection = connection

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ARG002  # the socket stands for the host
        return self._socket_connection


class Supervisor:
    """The process manager of one stack."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def running(self) -> bool:
        """Whether the manager answers."""
        try:
            self._call("getState")
        except SupervisorError:
            return False
        return True

    def start(self, programs: Sequence[Program]) -> None:
        """Starts the manager, and with it every program.

        Raises:
            SupervisorError: if it does not come up, with the reason it gave.
        """
        self._home.supervisor_config.write_text(supervisor_config(self._home, programs))
        self._home.supervisor_config.chmod(0o600)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._home.supervisor_config)]
        done = subprocess.run(  # noqa: S603  # our own interpreter and file
            command, capture_output=True, text=True, check=False, env={**os.environ, MARK: str(self._home.root)}
        )
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines()
            raise SupervisorError(f"the process manager did not start: {reason[-1] if reason else done.returncode}")
        deadline = time.monotonic() + 15
        while not self.running():
            if time.monotonic() > deadline:
                raise SupervisorError(f"the process manager does not answer; see {self._home.logs / 'supervisord.log'}")
            time.sleep(0.05)

    def states(self) -> list[ProgramState]:
        """Every program and what it is doing, by name."""
        return sorted(
            (
                ProgramState(
                    name=info["name"],
                    state=info["statename"],
                    pid=info["pid"],
                    seconds=float(info["now"] - info["start"]) if info["pid"] else 0.0,
                    detail=info["spawnerr"] or info["description"],
                )
                for info in self._call("getAllProcessInfo")
            ),
            key=lambda state: state.name,
        )

    def shutdown(self) -> None:
        """Stops every program and the manager; what does not stop in time is killed. Leaves no process behind."""
        if self.running():
            self._call("shutdown")
        deadline = time.monotonic() + _STOP_SECONDS + 5
        while marked_processes(self._home.root) and time.monotonic() < deadline:
            time.sleep(0.1)
            if not self.running():
                # The manager is gone or was killed before: end what it left.
                _terminate(marked_processes(self._home.root))
        for process in marked_processes(self._home.root):
            process.kill()
        self._home.supervisor_socket.unlink(missing_ok=True)

    def _call(self, method: str) -> Any:
        connection = _SocketConnection(str(self._home.supervisor_socket))
        transport = _SocketTransport(connection)
        try:
            with xmlrpc.client.ServerProxy("http://supervisor", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)()
        except (OSError, HTTPException, xmlrpc.client.Error) as error:
            raise SupervisorError(f"the process manager does not answer ({error}): is the stack up?") from error
        finally:
            connection.close()


def marked_processes(root: Path) -> list[psutil.Process]:
    """Processes of the stack below `root`, this one excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(root):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _terminate(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=5)
