"""Predictions by the serving service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_runtime.errors import Conflict, InvalidArgument, NotFound
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.prediction_rows import Instance, to_rows

if TYPE_CHECKING:
    # This name exists for type checkers only.
    from whitebox_contracts.serving.v1.serving_pb2_grpc import ServingServiceAsyncStub

_MANIFESTS = 256
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Explained:
    """A prediction with what each feature contributed.

    Attributes:
        answer: As the service gave it.
        names: The features, in the order of the model.
        attributions: (outputs, features); with its base value, each output's add up to the output.
        base_values: (outputs,) mean outputs over the background rows.
    """

    answer: pb.ExplainResponse
    names: list[str]
    attributions: NDArray[np.float64]
    base_values: NDArray[np.float64]


class Predictor:
    """Turns named features into predictions; remembers what each version of each model takes.

    A version never changes once it is published, so its manifest is asked for once. Which version is the newest one is
    not remembered: each answer says by which version it was made, and one made by another version than the features
    were arranged for is asked for again.

    Args:
        stub: The service.
    """

    def __init__(self, stub: ServingServiceAsyncStub) -> None:
        self._stub = stub
        self._names: dict[tuple[str, str], list[str]] = {}
        self._newest: dict[str, str] = {}

    async def infer(self, model: str, version: str, instances: Sequence[Instance]) -> pb.InferResponse:
        """Predicts for each instance.

        Args:
            model: Its name.
            version: Empty for the newest in service.
            instances: Maps by feature name, or vectors.

        Raises:
            ServiceError: The model is unknown, the features do not fit it, or the service cannot be reached.
        """

        async def call(rows: bytes) -> tuple[pb.InferResponse, pb.InferResponse]:
            request = pb.InferRequest(model=model, version=version, rows=len(instances), features=rows)
            answer: pb.InferResponse = await self._stub.Infer(request)
            return answer, answer

        answer, _ = await self._arranged(model, version, instances, call)
        return answer

    async def explain(self, model: str, version: str, instance: Instance) -> Explained:
        """Predicts for an instance, and says what each feature contributed.

        Args:
            model: Its name.
            version: Empty for the newest in service.
            instance: A map by feature name, or a vector.

        Raises:
            ServiceError: As `infer`.
        """

        async def call(rows: bytes) -> tuple[pb.ExplainResponse, pb.InferResponse]:
            request = pb.ExplainRequest(model=model, version=version, rows=1, features=rows)
            answer: pb.ExplainResponse = await self._stub.Explain(request)
            return answer, answer.prediction

        answer, names = await self._arranged(model, version, [instance], call)
        base = np.frombuffer(answer.base_values, "<f8")
        attributions = np.frombuffer(answer.attributions, "<f8").reshape(len(base), len(names))
        return Explained(answer, names, attributions, base)

    async def _arranged(
        self,
        model: str,
        version: str,
        instances: Sequence[Instance],
        call: Callable[[bytes], Awaitable[tuple[_Answer, pb.InferResponse]]],
    ) -> tuple[_Answer, list[str]]:
        """Calls with the rows in the order of the version that answers; gives the answer and that order."""
        with calling("serving"):
            used = version or self._newest.get(model) or await self._look_up(model, "")
            for _attempt in range(3):
                names = self._names.get((model, used))
                if names is None:
                    await self._look_up(model, used)
                    names = self._names[model, used]
                try:
                    rows = to_rows(instances, names).tobytes()
                except InvalidArgument:
                    # The features may fit a version that came into service meanwhile.
                    newest = used if version else await self._look_up(model, "")
                    if newest == used:
                        raise
                    used = newest
                    continue
                answer, inferred = await call(rows)
                if inferred.version == used or self._names.get((model, inferred.version)) == names:
                    return answer, names
                used = inferred.version
                self._newest[model] = used
        raise Conflict(f"the model {model!r} is being replaced again and again: try again", reason="model_changing")

    async def _look_up(self, model: str, version: str) -> str:
        """Asks for a manifest and returns its version."""
        manifest = (await self._stub.GetModel(pb.GetModelRequest(model=model, version=version))).model
        if len(self._names) >= _MANIFESTS:
            self._names.clear()
            self._newest.clear()
        self._names[model, manifest.version] = [feature.name for feature in manifest.features]
        if version and manifest.version != version:
            raise NotFound(f"{model!r} has no version {version!r} in service", reason="version_not_found")
        if not version:
            self._newest[model] = manifest.version
        return manifest.version


def probabilities(answer: pb.InferResponse) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Returns (rows, classes) of a classifier's answer without copying them."""
    return np.frombuffer(answer.probabilities, "<f4").reshape(-1, len(answer.classes))
