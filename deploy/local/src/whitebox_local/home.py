"""Where one local stack keeps its files: configuration, logs, data and keys, all below one folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# AF_UNIX paths are limited to 108 bytes on Linux; longer ones move to the temporary folder.
_MAX_SOCKET_PATH = 100


@dataclass(frozen=True)
class Home:
    """The folder of one stack; `.whitebox` in the working directory unless WHITEBOX_HOME names another."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The stack that commands in this shell mean."""
        return cls(Path(os.environ.get("WHITEBOX_HOME") or ".whitebox").absolute())

    @property
    def data(self) -> Path:
        """What must survive a restart: documents, indexes, features, models."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def supervisor_config(self) -> Path:
        """Configuration of the process manager, written on every start."""
        return self.root / "supervisord.conf"

    @property
    def supervisor_socket(self) -> Path:
        """Socket on which the process manager listens, for the owner alone."""
        path = self.root / "supervisor.sock"
        if len(str(path)) <= _MAX_SOCKET_PATH:
            return path
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"whitebox-{os.getuid()}-{digest}.sock"

    @property
    def ports_file(self) -> Path:
        """The ports that the running stack was started with, as JSON."""
        return self.root / "ports.json"

    @property
    def api_keys_file(self) -> Path:
        """Hashes of the API keys, read by the gateway."""
        return self.root / "api-keys.jsonl"

    @property
    def api_key_file(self) -> Path:
        """The local user's own key in clear, readable by the owner alone."""
        return self.root / "api-key"

    def create(self) -> None:
        """Creates the folders, readable by the owner alone."""
        for folder in (self.root, self.data, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
