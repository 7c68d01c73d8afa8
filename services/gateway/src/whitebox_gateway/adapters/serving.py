"""Predictions by the serving service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_runtime.errors import Conflict, InvalidArgument, NotFound
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.prediction_rows import Instance, to_rows

if TYPE_CHECKING:
    # This name exists for type checkers only.
    from whitebox_contracts.serving.v1.serving_pb2_grpc import ServingServiceAsyncStub

_MANIFESTS = 256


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
                answer: pb.InferResponse = await self._stub.Infer(
                    pb.InferRequest(model=model, version=version, rows=len(instances), features=rows)
                )
                if answer.version == used or self._names.get((model, answer.version)) == names:
                    return answer
                used = answer.version
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
