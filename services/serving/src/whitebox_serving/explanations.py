"""Says what each feature contributed to a prediction, by Shapley values of the model as it is served."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from whitebox.explain import kernel_shap
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, Unavailable

from whitebox_serving.models import Models, ServedModel
from whitebox_serving.prediction import Matrix
from whitebox_serving.predictions import Answer, Predictions

MAX_ROWS = 16
# Explanations are computed at the same time by at most so many threads, which leaves the processors to predictions.
_AT_ONCE = 2
# Rows of one request to the model: they queue with everybody's predictions, and must not hold them up for long.
_ROWS_A_CALL = 1024
# Besides two for each feature. Eleven features or fewer have no more: then nothing is sampled.
_COALITIONS = 2048

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prediction and how it came about.

    Attributes:
        answer: The prediction.
        attributions: (rows, outputs, features); with its base value, each output's add up to the output.
        base_values: (outputs,) mean outputs over the background.
        background_rows: Rows of the background.
        exact: Whether every coalition of features was computed, and none sampled.
        evaluated_rows: Rows that the model computed for it.
    """

    answer: Answer
    attributions: Array
    base_values: Array
    background_rows: int
    exact: bool
    evaluated_rows: int


class Explanations:
    """Explains predictions of the models in service.

    The values are those of the game in which a coalition of features keeps the row's values and every other feature
    takes those of the background, rows of the training data (interventional SHAP; Lundberg, Lee 2017).

    Args:
        models: The models.
        predictions: What predicts with them.
    """

    def __init__(self, models: Models, predictions: Predictions) -> None:
        self._models = models
        self._predictions = predictions
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def explain(self, name: str, version: str, count: int, features: bytes) -> Explanation:
        """Predicts `count` rows and explains each.

        Args:
            name: The model.
            version: Its version; empty for the newest in service.
            count: Rows, 1 to 16.
            features: Little-endian float32, row-major, rows × features.

        Raises:
            NotFound: The version is not in service.
            InvalidArgument: The rows do not fit the model, or hold something that is not a finite number.
            FailedPrecondition: The version was stored without background rows.
            ResourceExhausted: Too much is waiting.
        """
        if not 1 <= count <= MAX_ROWS:
            raise InvalidArgument(
                f"rows is {count}, send 1 to {MAX_ROWS} to explain in one call", reason="rows_out_of_range"
            )
        # The version that predicts is the one that explains, whatever comes into service meanwhile.
        with self._models.lease(name, version) as model:
            manifest = model.manifest
            if manifest.background is None:
                raise FailedPrecondition(
                    f"version {manifest.version} of {manifest.name} was stored without background rows to explain "
                    "against; train it again",
                    reason="no_background",
                )
            answer = await self._predictions.predict(name, str(manifest.version), count, features)
            rows = np.frombuffer(features, "<f4").reshape(count, -1)
            background = np.array(manifest.background, np.float32)
            coalitions = 2 * rows.shape[1] + _COALITIONS
            async with self._free:
                served = _Served(model, asyncio.get_running_loop())
                try:
                    attributions, base = await asyncio.to_thread(_shapley_values, served, background, rows, coalitions)
                finally:
                    # A caller who is gone needs no further coalition.
                    served.cancelled.set()
        return Explanation(
            answer=answer,
            attributions=attributions,
            base_values=base,
            background_rows=len(background),
            exact=2 ** rows.shape[1] - 2 <= coalitions,
            evaluated_rows=served.evaluated_rows,
        )


class _Served:
    """The served model as a function of rows, for a thread that explains: its rows queue with everybody's."""

    def __init__(self, model: ServedModel, loop: asyncio.AbstractEventLoop) -> None:
        self.cancelled = threading.Event()
        self.evaluated_rows = 0
        self._model = model
        self._loop = loop

    def __call__(self, rows: Array) -> Array:
        single = rows.astype(np.float32)
        parts = []
        for start in range(0, len(single), _ROWS_A_CALL):
            if self.cancelled.is_set():
                raise Unavailable("nobody waits for this explanation any more", reason="cancelled")
            part = single[start : start + _ROWS_A_CALL]
            predicting = self._model.predictor.predict(part)
            parts.append(asyncio.run_coroutine_threadsafe(predicting, self._loop).result().outputs)
            self.evaluated_rows += len(part)
        return np.concatenate(parts).astype(np.float64)


def _shapley_values(served: _Served, background: Matrix, rows: Matrix, coalitions: int) -> tuple[Array, Array]:
    """Attributions (rows, outputs, features) and base values (outputs,)."""
    # In the precision in which the model sees them, so that a background row's value is the same number.
    values, base = kernel_shap(served, background.astype(np.float64), rows.astype(np.float64), n_samples=coalitions)
    return values.transpose(0, 2, 1), base
