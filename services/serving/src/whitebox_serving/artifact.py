"""What a stored model is: its manifest, its bytes, and how it can be wrong.

A version is a folder with `model.onnx` and `manifest.json`. Nothing in it is code: the graph is data to ONNX Runtime
and the manifest is JSON, so loading a model runs nothing that its author wrote.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

MAX_NAME_CHARACTERS = 64
MAX_VERSION = 10**9
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
MAX_FEATURES = 4096
MAX_CLASSES = 1024
# What a stored graph may answer differently from the model it was made from, in probability or relative to the value.
TOLERANCE = 1e-5

Task = Literal["classifier", "regressor"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class RejectedModelError(Exception):
    """A stored version cannot be served; the message says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Feature(_Strict):
    """One input column, and what the training data looked like."""

    name: Text
    minimum: _Finite
    maximum: _Finite
    mean: _Finite


class LinearPart(_Strict):
    """The numbers of a scaler and a logistic regression, enough to compute every prediction by hand.

    Shapes: `mean` and `scale` (features,), `coefficients` (1 or classes, features), `intercepts` (1 or classes,).
    """

    mean: list[_Finite]
    scale: list[Annotated[_Finite, Field(gt=0)]]
    coefficients: list[list[_Finite]]
    intercepts: list[_Finite]


class Probe(_Strict):
    """Held-out rows with the answers that the trained model itself gave, before it was converted.

    Shapes: `rows` (n, features); `outputs` (n, classes) of probabilities, or (n, 1) of values.
    """

    rows: list[list[_Finite]] = Field(min_length=1, max_length=64)
    outputs: list[list[_Finite]]


class Manifest(_Strict):
    """Everything about a version except its graph; `manifest.json`."""

    format: Literal[1] = 1
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    version: int = Field(ge=1, le=MAX_VERSION)
    task: Task
    description: str = Field("", max_length=2000)
    estimator: Text
    parameters: dict[str, str | int | float | bool | None]
    features: list[Feature] = Field(min_length=1, max_length=MAX_FEATURES)
    classes: list[Text] = Field(max_length=MAX_CLASSES)
    metrics: dict[str, _Finite]
    library_versions: dict[str, str]
    seed: int
    data_sha256: _Sha256
    checksum: _Sha256
    trained_at: AwareDatetime
    linear: LinearPart | None = None
    probe: Probe
    # Rows of the training data against which predictions are explained, shape (n, features); versions that were stored
    # before there were explanations have none.
    background: list[list[_Finite]] | None = Field(None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        width = len(self.features)
        if (self.task == "classifier") != (len(self.classes) >= 2):
            raise ValueError("a classifier has two classes or more, a regressor none")
        if len({feature.name for feature in self.features}) != width:
            raise ValueError("two features have the same name")
        _check_matrix("probe.rows", self.probe.rows, len(self.probe.rows), width)
        _check_matrix("probe.outputs", self.probe.outputs, len(self.probe.rows), self.outputs)
        if self.background is not None:
            _check_matrix("background", self.background, len(self.background), width)
        if self.linear is not None:
            sets = 1 if len(self.classes) == 2 else len(self.classes)
            _check_matrix("linear.coefficients", self.linear.coefficients, sets, width)
            if [len(self.linear.mean), len(self.linear.scale), len(self.linear.intercepts)] != [width, width, sets]:
                raise ValueError(f"linear: mean and scale need {width} numbers, intercepts {sets}")
        return self

    @property
    def outputs(self) -> int:
        """Numbers that the model gives for a row: one per class, or one value."""
        return len(self.classes) or 1


@dataclass(frozen=True)
class Artifact:
    """A version as read from the store; its checksum has been verified against these very bytes.

    Attributes:
        manifest: What it is.
        onnx: The graph.
    """

    manifest: Manifest
    onnx: bytes

    @property
    def probe(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The manifest's probe as arrays: rows (n, features) and outputs (n, outputs)."""
        probe = self.manifest.probe
        return np.array(probe.rows, np.float32), np.array(probe.outputs, np.float32)


def open_artifact(name: str, version: int, manifest_json: bytes, onnx: bytes) -> Artifact:
    """Checks what was stored as `name`/`version`.

    Raises:
        RejectedModelError: The manifest is not valid or belongs to another version, or the graph is not the one that
            it describes.
    """
    try:
        manifest = Manifest.model_validate_json(manifest_json)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "manifest.json"
        raise RejectedModelError(f"the manifest is not valid: {where}: {first['msg']}") from error
    if (manifest.name, manifest.version) != (name, version):
        raise RejectedModelError(f"the manifest belongs to {manifest.name} version {manifest.version}")
    checksum = sha256(onnx)
    if checksum != manifest.checksum:
        raise RejectedModelError(
            f"model.onnx is damaged: its SHA-256 is {checksum[:12]}…, the manifest says {manifest.checksum[:12]}…"
        )
    return Artifact(manifest, onnx)


def parse_version(text: str) -> int | None:
    """Returns the number that a version's text stands for, or `None` if it is no version."""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII) else None


def is_name(text: str) -> bool:
    """Whether a text can be a model's name."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def sha256(data: bytes) -> str:
    """Returns the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def largest_difference(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Returns the largest |found − expected| / max(1, |expected|): absolute for probabilities, relative for values.

    A value that is not a number on either side counts as infinitely far off.
    """
    gaps = np.abs(np.asarray(found, np.float64) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0))


def _check_matrix(what: str, rows: list[list[float]], height: int, width: int) -> None:
    if len(rows) != height or any(len(row) != width for row in rows):
        raise ValueError(f"{what} is not {height} × {width}")
