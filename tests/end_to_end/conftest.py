"""One local stack for all end-to-end tests, started as a newcomer starts it: by `whitebox demo`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from whitebox_local.gateway_client import GatewayClient
from whitebox_local.home import Home
from whitebox_local.preflight import ports_in_use
from whitebox_local.stack import Stack
from whitebox_local.supervision import marked_processes
from whitebox_local.topology import default_ports


@dataclass(frozen=True)
class RunningPlatform:
    """A running stack, and what the demo printed while it came up."""

    stack: Stack
    demo_output: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.ports['gateway']}"

    @property
    def api_key(self) -> str:
        return self.stack.home.api_key_file.read_text().strip()

    def client(self) -> GatewayClient:
        return GatewayClient(self.url, self.api_key)


def whitebox(home: Path, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("whitebox")), *arguments],
        env={**os.environ, "WHITEBOX_HOME": str(home), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def free_port_offset() -> int:
    return next(offset for offset in range(2000, 12000, 500) if not ports_in_use(default_ports(offset)))


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    home = Home(tmp_path_factory.mktemp("whitebox"))
    stack = Stack(home)
    try:
        done = whitebox(home.root, "demo", "--port-offset", str(free_port_offset()))
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs(home)}"
        yield RunningPlatform(stack, done.stdout)
    finally:
        stack.down()
    assert not marked_processes(home.root), "down left processes behind"


def logs(home: Home) -> str:
    """The ends of all logs: what someone needs to see why a start failed."""
    return "\n".join(f"== {path.name}\n{path.read_text()[-1500:]}" for path in sorted(home.logs.glob("*.log")))
