"""One prediction, from finding the version to counting the rows."""

from dataclasses import dataclass

import numpy as np
from whitebox_runtime.errors import InvalidArgument
from whitebox_runtime.telemetry import counter

from whitebox_serving.artifact import Manifest
from whitebox_serving.audit import PredictionAudit
from whitebox_serving.models import Models
from whitebox_serving.prediction import Matrix, Prediction

MAX_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """A prediction and the version that made it."""

    manifest: Manifest
    prediction: Prediction


class Predictions:
    """Predicts with the models in service.

    Args:
        models: The models.
        audit: Recomputes a share of the answers.
    """

    def __init__(self, models: Models, audit: PredictionAudit) -> None:
        self._models = models
        self._audit = audit
        self._rows = counter("whitebox_predictions_total")

    async def predict(self, name: str, version: str, count: int, features: bytes) -> Answer:
        """Predicts `count` rows.

        Args:
            name: The model.
            version: Its version; empty for the newest in service.
            count: Rows, 1 to 4096.
            features: Little-endian float32, row-major, rows × features.

        Raises:
            NotFound: The version is not in service.
            InvalidArgument: The rows do not fit the model, or hold something that is not a finite number.
            ResourceExhausted: Too much is waiting.
        """
        with self._models.lease(name, version) as model:
            rows = read_rows(model.manifest, count, features)
            prediction = await model.predictor.predict(rows)
        if (row := _first_not_finite(prediction.outputs)) is not None:
            raise InvalidArgument(
                f"the model gives no finite answer for row {row[0]}: its values are far outside the training data, "
                "whose range GetModel tells",
                reason="values_too_extreme",
            )
        self._rows.labels(name, str(model.manifest.version)).inc(count)
        self._audit.offer(model.manifest, model.audit, rows, prediction.outputs)
        return Answer(model.manifest, prediction)


def read_rows(manifest: Manifest, count: int, features: bytes) -> Matrix:
    """Reads a request's rows without copying them.

    Raises:
        InvalidArgument: Their number is not 1 to 4096, the bytes are more or fewer than that takes, or a value is not
            finite.
    """
    width = len(manifest.features)
    if not 1 <= count <= MAX_ROWS:
        raise InvalidArgument(
            f"rows is {count}, send 1 to {MAX_ROWS} in one call",
            reason="rows_out_of_range",
            metadata={"rows": str(count)},
        )
    if len(features) != count * width * 4:
        raise InvalidArgument(
            f"features has {len(features)} bytes, but {count} rows of {width} float32 features are {count * width * 4}",
            reason="features_wrong_size",
        )
    rows: Matrix = np.frombuffer(features, "<f4").reshape(count, width)
    if (where := _first_not_finite(rows)) is not None:
        row, column = where
        raise InvalidArgument(
            f"row {row}, feature {column} ({manifest.features[column].name!r}) is {rows[row, column]}: "
            "send finite numbers only",
            reason="not_finite",
            metadata={"row": str(row), "feature": manifest.features[column].name},
        )
    return rows


def _first_not_finite(values: Matrix) -> tuple[int, int] | None:
    finite = np.isfinite(values)
    if finite.all():
        return None
    row, column = np.argwhere(~finite)[0]
    return int(row), int(column)
