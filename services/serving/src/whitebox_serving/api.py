"""The gRPC face of the service: checks what comes in and translates."""

import grpc
import numpy as np
from whitebox_contracts.serving.v1 import serving_pb2, serving_pb2_grpc
from whitebox_runtime.errors import InvalidArgument

from whitebox_serving.artifact import MAX_NAME_CHARACTERS, Manifest
from whitebox_serving.explanations import Explanations
from whitebox_serving.models import Models
from whitebox_serving.predictions import Answer, Predictions

_MAX_VERSION_CHARACTERS = 32


class ServingApi(serving_pb2_grpc.ServingServiceServicer):
    """whitebox.serving.v1.ServingService.

    Args:
        models: The models in service.
        predictions: What predicts with them.
        explanations: What explains predictions.
    """

    def __init__(self, models: Models, predictions: Predictions, explanations: Explanations) -> None:
        self._models = models
        self._predictions = predictions
        self._explanations = explanations

    async def Infer(
        self, request: serving_pb2.InferRequest, context: grpc.ServicerContext
    ) -> serving_pb2.InferResponse:
        """Predicts 1 to 4096 rows."""
        _check_names(request.model, request.version)
        answer = await self._predictions.predict(request.model, request.version, request.rows, request.features)
        return _inferred(answer)

    async def Explain(
        self, request: serving_pb2.ExplainRequest, context: grpc.ServicerContext
    ) -> serving_pb2.ExplainResponse:
        """Predicts 1 to 16 rows and says what each feature contributed."""
        _check_names(request.model, request.version)
        explanation = await self._explanations.explain(request.model, request.version, request.rows, request.features)
        return serving_pb2.ExplainResponse(
            prediction=_inferred(explanation.answer),
            attributions=explanation.attributions.astype("<f8", order="C").tobytes(),
            base_values=explanation.base_values.astype("<f8").tobytes(),
            background_rows=explanation.background_rows,
            exact=explanation.exact,
            evaluated_rows=explanation.evaluated_rows,
        )

    async def ListModels(
        self, request: serving_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> serving_pb2.ListModelsResponse:
        """Describes every version in service, by name and newest first."""
        return serving_pb2.ListModelsResponse(models=[self._describe(one) for one in self._models.manifests()])

    async def GetModel(
        self, request: serving_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> serving_pb2.GetModelResponse:
        """Describes one version; the newest if none is named."""
        _check_names(request.model, request.version)
        return serving_pb2.GetModelResponse(model=self._describe(self._models.manifest(request.model, request.version)))

    async def ReloadModel(
        self, request: serving_pb2.ReloadModelRequest, context: grpc.ServicerContext
    ) -> serving_pb2.ReloadModelResponse:
        """Loads what the store now holds of a model, without dropping a request."""
        _check_names(request.model)
        manifest, previous = await self._models.reload(request.model)
        return serving_pb2.ReloadModelResponse(
            model=self._describe(manifest), previous_version="" if previous is None else str(previous)
        )

    def _describe(self, manifest: Manifest) -> serving_pb2.Model:
        model = serving_pb2.Model(
            name=manifest.name,
            version=str(manifest.version),
            task=manifest.task,
            features=[
                serving_pb2.Feature(name=one.name, minimum=one.minimum, maximum=one.maximum, mean=one.mean)
                for one in manifest.features
            ],
            classes=manifest.classes,
            metrics=manifest.metrics,
            library_versions=manifest.library_versions,
            checksum=manifest.checksum,
            description=manifest.description,
            backend=self._models.backend,
        )
        model.trained_at.FromDatetime(manifest.trained_at)
        return model


def _inferred(answer: Answer) -> serving_pb2.InferResponse:
    manifest, outputs = answer.manifest, answer.prediction.outputs.astype("<f4", copy=False)
    response = serving_pb2.InferResponse(
        model=manifest.name, version=str(manifest.version), batch_rows=answer.prediction.batch_rows
    )
    if manifest.task == "classifier":
        response.class_indexes.extend(np.argmax(outputs, axis=1).tolist())
        response.classes.extend(manifest.classes)
        response.probabilities = outputs.tobytes()
    else:
        response.values = outputs.tobytes()
    return response


def _check_names(model: str, version: str = "") -> None:
    if not model:
        raise InvalidArgument("model is empty, name one; ListModels says which there are", reason="model_empty")
    if len(model) > MAX_NAME_CHARACTERS:
        raise InvalidArgument(
            f"model has {len(model)} characters, at most {MAX_NAME_CHARACTERS} are allowed", reason="model_too_long"
        )
    if len(version) > _MAX_VERSION_CHARACTERS:
        raise InvalidArgument(
            f"version has {len(version)} characters, at most {_MAX_VERSION_CHARACTERS} are allowed",
            reason="version_too_long",
        )
