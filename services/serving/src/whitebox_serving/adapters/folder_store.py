"""The model store: a local folder, `name/version/{model.onnx,manifest.json}`."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from whitebox_serving.artifact import (
    Artifact,
    Manifest,
    RejectedModelError,
    is_name,
    open_artifact,
    parse_version,
    sha256,
)
from whitebox_serving.store import Stamp

_GRAPH = "model.onnx"
_MANIFEST = "manifest.json"
_MAX_GRAPH_BYTES = 2**30
_MAX_MANIFEST_BYTES = 32 * 2**20
_ATTEMPTS = 1000
_STAGING = ".publishing-"
_ABANDONED_SECONDS = 3600.0


class FolderStore:
    """Versions under one folder.

    A version appears whole or not at all: it is written beside the others under a name that readers skip, flushed to
    the disk, and renamed.

    Args:
        root: The folder; made when something is first published.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def scan(self) -> dict[str, dict[int, Stamp]]:
        """See `Store.scan`."""
        found: dict[str, dict[int, Stamp]] = {}
        for model in os.scandir(self._root):
            if not is_name(model.name) or not model.is_dir():
                continue
            versions = found[model.name] = {}
            for entry in os.scandir(model):
                if (version := parse_version(entry.name)) is not None and entry.is_dir():
                    versions[version] = (_stamp(Path(entry) / _GRAPH), _stamp(Path(entry) / _MANIFEST))
        return found

    def read(self, name: str, version: int) -> Artifact:
        """See `Store.read`."""
        folder = self._root / name / str(version)
        manifest = _read(folder / _MANIFEST, _MAX_MANIFEST_BYTES)
        return open_artifact(name, version, manifest, _read(folder / _GRAPH, _MAX_GRAPH_BYTES))

    def publish(self, describe: Callable[[int, str], Manifest], name: str, onnx: bytes) -> Manifest:
        """Stores a graph as the next version of `name`.

        Args:
            describe: Makes the manifest for the version and checksum it is given.
            name: The model.
            onnx: The graph.

        Returns:
            The manifest as stored.

        Raises:
            OSError: The folder cannot be written, or others keep taking every next version.
        """
        if not is_name(name):
            raise ValueError(f"{name!r} is not a model name: lower-case letters, digits, '.', '_' and '-', at most 64")
        self._root.mkdir(parents=True, exist_ok=True)
        self._clear_abandoned()
        checksum = sha256(onnx)
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self._root))
        try:
            for _ in range(_ATTEMPTS):
                manifest = describe(1 + max(self.scan().get(name, {}), default=0), checksum)
                folder = staging / str(manifest.version)
                folder.mkdir()
                # Readers may run as another user than the trainer; mkdtemp keeps its folder to the owner.
                _write(folder / _GRAPH, onnx)
                _write(folder / _MANIFEST, manifest.model_dump_json(indent=1, exclude_none=True).encode())
                _flush(folder)
                if self._place(folder, name):
                    return manifest
                shutil.rmtree(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        raise OSError(f"others publish {name} in {self._root} all the time")

    def _clear_abandoned(self) -> None:
        """Removes what publishers left behind that were killed; a live one takes seconds."""
        for folder in self._root.glob(f"{_STAGING}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)

    def _place(self, folder: Path, name: str) -> bool:
        """Moves a finished version to its place; false if somebody else has just taken that."""
        home = self._root / name
        if home.exists():
            moved = _rename(folder, home / folder.name)
        else:
            # Model and first version appear together: a model's folder without a version would look like a trained one.
            whole = folder.parent / name
            whole.mkdir()
            inside = folder.rename(whole / folder.name)
            moved = _rename(whole, home)
            if not moved:
                inside.rename(folder)
                whole.rmdir()
        if moved:
            _flush(home)
            _flush(self._root)
        return moved


def _rename(source: Path, target: Path) -> bool:
    try:
        source.rename(target)
    except OSError:
        if target.exists():
            return False
        raise
    return True


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_ctime_ns)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError as error:
        raise RejectedModelError(f"{path.name} is missing") from error
    except OSError as error:
        raise RejectedModelError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise RejectedModelError(f"{path.name} is larger than {limit} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
