"""Turns a trained model into a stored version, if what will be served is what was trained."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Protocol

import numpy as np

from whitebox_serving.artifact import (
    TOLERANCE,
    Artifact,
    Feature,
    Manifest,
    Probe,
    RejectedModelError,
    largest_difference,
)
from whitebox_serving.audit import LinearAudit
from whitebox_serving.prediction import Engine
from whitebox_serving.training import Trained

_PROBE_ROWS = 16
_LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy", "whitebox")


class Shelf(Protocol):
    """Where versions are published."""

    def publish(self, describe: Callable[[int, str], Manifest], name: str, onnx: bytes) -> Manifest:
        """Stores a graph as the next version of `name`, with the manifest that `describe` makes for it."""
        ...


def check_equal(trained: Trained, onnx: bytes, load: Callable[[Artifact], Engine]) -> dict[str, float]:
    """Compares the graph with the model it was made from on every held-out row, and both with `whitebox`.

    Args:
        trained: The model.
        onnx: The graph made from it.
        load: Loads a graph.

    Returns:
        The largest differences, as further metrics.

    Raises:
        RejectedModelError: One of them is more than `TOLERANCE`.
    """
    manifest = describe(trained, {}, 1, "0" * 64)
    found = load(Artifact(manifest, onnx)).run(trained.held_out)
    differences = {"onnx_difference": largest_difference(found, trained.outputs)}
    if (audit := LinearAudit.of(manifest)) is not None:
        differences["audit_difference"] = audit.difference(trained.held_out, found)
    for name, difference in differences.items():
        if difference > TOLERANCE:
            raise RejectedModelError(f"{name} is {difference:.2g} on held-out rows, more than {TOLERANCE:g}")
    return differences


def publish(shelf: Shelf, trained: Trained, onnx: bytes, differences: dict[str, float]) -> Manifest:
    """Stores the graph as the model's next version.

    Args:
        shelf: Where to.
        trained: The model.
        onnx: The graph made from it.
        differences: What `check_equal` found.

    Returns:
        The manifest as stored.
    """
    return shelf.publish(
        lambda number, checksum: describe(trained, differences, number, checksum), trained.dataset.name, onnx
    )


def describe(trained: Trained, differences: dict[str, float], number: int, checksum: str) -> Manifest:
    """Writes the manifest of version `number`."""
    dataset, rows = trained.dataset, trained.dataset.rows.astype(np.float64)
    columns = zip(dataset.features, rows.min(axis=0), rows.max(axis=0), rows.mean(axis=0), strict=True)
    return Manifest(
        name=dataset.name,
        version=number,
        task=dataset.task,
        description=dataset.description,
        estimator=trained.estimator.description,
        parameters=trained.estimator.parameters,
        features=[
            Feature(name=name, minimum=float(low), maximum=float(high), mean=float(mean))
            for name, low, high, mean in columns
        ],
        classes=dataset.classes,
        metrics=trained.metrics | differences,
        library_versions={"python": platform.python_version()} | {name: version(name) for name in _LIBRARIES},
        seed=trained.seed,
        data_sha256=dataset.sha256,
        checksum=checksum,
        trained_at=datetime.now(UTC),
        linear=trained.linear,
        probe=Probe(rows=trained.held_out[:_PROBE_ROWS].tolist(), outputs=trained.outputs[:_PROBE_ROWS].tolist()),
        background=trained.background.tolist(),
    )
