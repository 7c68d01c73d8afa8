"""Starts, describes and stops one local stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from whitebox_local import preflight
from whitebox_local.gateway_client import GatewayClient
from whitebox_local.home import Home
from whitebox_local.supervision import MARK, ProgramState, Supervisor, SupervisorError, marked_processes
from whitebox_local.topology import default_ports, probe_ports, programs

# Trained on the first start: name and estimator. Both data sets ship with scikit-learn.
DEMO_MODELS = {"breast-cancer": "logistic", "iris": "forest"}


class StackError(RuntimeError):
    """Why the stack did not start."""


@dataclass(frozen=True)
class ProcessStatus:
    """A process as its manager and its own probe see it."""

    state: ProgramState
    ready: bool | None
    reason: str


class Stack:
    """The local stack below one home folder."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.supervisor = Supervisor(home)

    @property
    def ports(self) -> dict[str, int]:
        """Ports by name: those the running stack was started with, or the defaults."""
        if self.home.ports_file.exists():
            ports: dict[str, int] = json.loads(self.home.ports_file.read_text())
            return ports
        return default_ports()

    def up(
        self, *, port_offset: int = 0, progress: Callable[[str, int, int], None], timeout_seconds: float = 120
    ) -> None:
        """Starts every process and waits until the gateway says that the platform is healthy.

        Args:
            port_offset: Added to every port, so that several stacks fit on one machine.
            progress: Called with (what is still awaited, ready, total).
            timeout_seconds: How long to wait.

        Raises:
            PreflightError: if something is missing; nothing was started.
            StackError: if a process does not become ready; it stays up, so that its log can be read.
        """
        if self.supervisor.running():
            self._wait_until_ready(progress, timeout_seconds)
            return
        # A killed manager leaves its processes behind, holding ports and files.
        if marked_processes(self.home.root):
            self.supervisor.shutdown()
        self.home.create()
        ports = default_ports(port_offset)
        preflight.check(self.home.root, ports)
        self.home.ports_file.write_text(json.dumps(ports))
        self._create_api_key()
        training = self._train_models()
        self.supervisor.start(programs(self.home, ports))
        self._finish_training(training)
        self._wait_until_ready(progress, timeout_seconds)

    def down(self) -> None:
        """Stops everything. Data stays."""
        self.supervisor.shutdown()

    def status(self) -> list[ProcessStatus]:
        """Every process, and whether it says that it is ready.

        Raises:
            SupervisorError: if the stack is not up.
        """
        probes = probe_ports(self.ports)
        return [
            ProcessStatus(state, *_probe(probes.get(state.name), running=state.state == "RUNNING"))
            for state in self.supervisor.states()
        ]

    def _create_api_key(self) -> None:
        if self.home.api_key_file.exists() and self.home.api_keys_file.exists():
            return
        roles = ("--role", "user", "--role", "operator")
        keys_file = str(self.home.api_keys_file)
        creation = self._start_module(
            "whitebox_gateway.keys", "create", "--file", keys_file, "--tenant", "default", *roles, "--quiet"
        )
        key, errors = creation.communicate()
        if creation.returncode != 0:
            raise StackError(f"no API key could be made: {errors.strip()}")
        self.home.api_key_file.touch(mode=0o600)
        self.home.api_key_file.write_text(key.strip() + "\n")

    def _train_models(self) -> Mapping[str, subprocess.Popen[str]]:
        """Starts training what the model store lacks; the serving process finds the models when they are done."""
        store = self.home.data / "models"
        return {
            name: self._start_module("whitebox_serving.train", name, "--estimator", estimator, "--store", str(store))
            for name, estimator in DEMO_MODELS.items()
            if not (store / name).exists()
        }

    def _finish_training(self, training: Mapping[str, subprocess.Popen[str]]) -> None:
        for name, process in training.items():
            output, errors = process.communicate()
            if process.returncode != 0:
                raise StackError(f"training {name} failed:\n{(errors or output).strip()}")

    def _start_module(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK: str(self.home.root), "OMP_NUM_THREADS": "1"},
        )

    def _wait_until_ready(self, progress: Callable[[str, int, int], None], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                statuses = self.status()
            except SupervisorError as error:
                raise StackError(f"the process manager ended: see {self.home.logs / 'supervisord.log'}") from error
            waiting = [status for status in statuses if not status.ready]
            progress(", ".join(status.state.name for status in waiting), len(statuses) - len(waiting), len(statuses))
            if not waiting:
                return
            if time.monotonic() > deadline:
                reasons = "\n".join(f"  {status.state.name}: {status.reason}" for status in waiting)
                raise StackError(f"not ready after {timeout_seconds:.0f} s:\n{reasons}\nSee `whitebox logs SERVICE`.")
            time.sleep(0.25)

    def client(self) -> GatewayClient:
        """A client of this stack's gateway, with its key."""
        return GatewayClient.from_environment(self.home)


def _probe(port: int | None, *, running: bool) -> tuple[bool | None, str]:
    """Asks a process whether it is ready; infrastructure that has no probe is ready when it runs."""
    if not running or port is None:
        return (running, "" if running else "not running")
    try:
        response = httpx.get(f"http://127.0.0.1:{port}/ready", timeout=3)
    except httpx.HTTPError:
        return (False, "does not answer yet")
    if response.is_success:
        return (True, "")
    return (False, _unready_reason(response))


def _unready_reason(response: httpx.Response) -> str:
    try:
        components: dict[str, Any] = response.json()["components"]
        return "; ".join(
            f"{name}: {component.get('detail', '')}"
            for name, component in components.items()
            if component.get("status") != "ok"
        )
    except (ValueError, KeyError, AttributeError):
        return f"answers {response.status_code}"
