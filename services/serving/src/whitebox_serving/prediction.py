"""What computes predictions, seen from inside: the seams between the domain, ONNX Runtime and Ray."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from whitebox_serving.artifact import Artifact

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one request.

    Attributes:
        outputs: (rows, classes) of probabilities, or (rows, 1) of values.
        batch_rows: Rows that were computed in the same run.
    """

    outputs: Matrix
    batch_rows: int


class Engine(Protocol):
    """A loaded graph; safe to run from several threads at once."""

    def run(self, rows: Matrix) -> Matrix:
        """Computes (rows, features) to (rows, outputs)."""
        ...


class Predictor(Protocol):
    """A version in service."""

    async def predict(self, rows: Matrix) -> Prediction:
        """Computes (rows, features); cancelling the call withdraws what does not run yet.

        Raises:
            ResourceExhausted: Too much is waiting already.
        """
        ...

    async def close(self) -> None:
        """Gives back what the version holds; nothing may be running in it."""
        ...


class Backend(Protocol):
    """Where versions are computed.

    Attributes:
        name: What callers are told, `"batcher"` or `"ray"`.
    """

    name: str

    async def deploy(self, artifact: Artifact) -> Predictor:
        """Brings a version into service.

        Raises:
            RejectedModelError: The graph cannot be loaded or does not fit its manifest.
        """
        ...

    async def close(self) -> None:
        """Ends the back end; every predictor has been closed."""
        ...
