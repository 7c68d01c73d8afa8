"""Recomputes predictions from first principles and says how far the fast path is off.

ONNX Runtime answers; `whitebox` computes the same rows in double precision from nothing but the coefficients in the
manifest. Models without coefficients (forests) are held to the probe in their manifest alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from whitebox.linear_model import LogisticRegression
from whitebox.preprocessing import StandardScaler
from whitebox_runtime.auditing import LiveAudit
from whitebox_runtime.telemetry import histogram

from whitebox_serving.artifact import TOLERANCE, LinearPart, Manifest, largest_difference
from whitebox_serving.prediction import Matrix

logger = logging.getLogger(__name__)

_MAX_ROWS = 16


class LinearAudit:
    """A scaler and a logistic regression, rebuilt from their coefficients.

    Args:
        linear: The coefficients.
        classes: How many classes there are.
    """

    def __init__(self, linear: LinearPart, classes: int) -> None:
        self._scaler = StandardScaler()
        self._scaler.mean_ = np.array(linear.mean)
        self._scaler.scale_ = np.array(linear.scale)
        self._model = LogisticRegression()
        self._model.coef_ = np.array(linear.coefficients)
        self._model.intercept_ = np.array(linear.intercepts)
        self._model.classes_ = np.arange(classes)

    @classmethod
    def of(cls, manifest: Manifest) -> LinearAudit | None:
        """The audit of a model, or `None` where its manifest has no coefficients."""
        return cls(manifest.linear, len(manifest.classes)) if manifest.linear is not None else None

    def probabilities(self, rows: Matrix) -> NDArray[np.float64]:
        """Computes (rows, features) to (rows, classes)."""
        probabilities: NDArray[np.float64] = self._model.predict_proba(self._scaler.transform(rows.astype(np.float64)))
        return probabilities

    def difference(self, rows: Matrix, outputs: Matrix) -> float:
        """The largest difference between `outputs` and what the coefficients give for `rows`."""
        return largest_difference(outputs, self.probabilities(rows))


@dataclass(frozen=True, slots=True)
class _Sample:
    manifest: Manifest
    audit: LinearAudit
    rows: Matrix
    outputs: Matrix


class PredictionAudit:
    """Recomputes a share of the live predictions.

    Args:
        share: Of the requests, 0 to 1.
        draw: Gives uniform numbers in [0, 1).
    """

    def __init__(self, share: float, draw: Callable[[], float]) -> None:
        self._live = LiveAudit(share, draw, _recompute)

    def offer(self, manifest: Manifest, audit: LinearAudit | None, rows: Matrix, outputs: Matrix) -> None:
        """Takes a prediction into the sample, or not."""
        if audit is not None:
            self._live.offer(lambda: _Sample(manifest, audit, rows[:_MAX_ROWS].copy(), outputs[:_MAX_ROWS].copy()))

    async def run(self, stopping: asyncio.Event) -> None:
        """Recomputes what was sampled until told to stop."""
        await self._live.run(stopping)


async def _recompute(sample: _Sample) -> None:
    difference = await asyncio.to_thread(sample.audit.difference, sample.rows, sample.outputs)
    histogram("whitebox_audit_difference").labels("serving", "probability").observe(difference)
    if difference > TOLERANCE:
        logger.warning(
            "a live prediction differs from its recomputation",
            extra={
                "model": sample.manifest.name,
                "version": sample.manifest.version,
                "difference": difference,
                "tolerance": TOLERANCE,
            },
        )
