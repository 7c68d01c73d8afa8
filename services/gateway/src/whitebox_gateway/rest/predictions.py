"""Predictions of classical models, and the models themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query
from pydantic import Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.adapters.serving import Explained, Predictor, probabilities
from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.rest.wire import (
    Answer,
    Body,
    FiniteFloat,
    ModelName,
    iso_time,
    json_response,
    principal,
    services,
)

router = APIRouter(route_class=JsonRoute, tags=["predictions"])

_Vector = Annotated[list[FiniteFloat], Field(min_length=1, max_length=4096)]
_Features = Annotated[dict[str, FiniteFloat], Field(min_length=1, max_length=4096)]
_Version = Annotated[str, Field(max_length=64)]


class PredictBody(Body):
    """One instance, as a map by feature name or as a vector in the model's order."""

    model: ModelName
    version: _Version = Field("", description="Empty: the newest in service")
    features: _Features | None = Field(None, description="Value by feature name; either this or `vector`")
    vector: _Vector | None = Field(None, description="Values in the model's order; either this or `features`")
    explain: bool = Field(False, description="Say what each feature contributed, by Shapley values")

    @model_validator(mode="after")
    def _one_input(self) -> PredictBody:
        if (self.features is None) == (self.vector is None):
            raise ValueError("send either features or vector")
        return self


class BatchBody(Body):
    """Several instances for one model."""

    model: ModelName
    version: _Version = Field("", description="Empty: the newest in service")
    instances: Annotated[list[_Features | _Vector], Field(min_length=1, max_length=1000)]


class Prediction(Answer):
    """What a model says about one instance."""

    prediction: str | float = Field(description="Class of a classifier, value of a regressor")
    confidence: float | None = Field(description="Probability of the predicted class; null for a regressor")
    probabilities: dict[str, float] = Field(description="By class; empty for a regressor")


class Explanation(Answer):
    """What each feature contributed to a prediction: base value and attributions add up to the model's output.

    The output is the predicted class's probability, or the value. The attributions are Shapley values of the model as
    it is served; features that a coalition leaves out take the values of rows of the training data.
    """

    output: str | None = Field(description="The class whose probability is explained; null for a regressor")
    base_value: float = Field(description="Mean output over the background rows")
    attributions: dict[str, float] = Field(description="By feature")
    by_class: dict[str, dict[str, float]] = Field(description="Attributions of every class; empty for a regressor")
    base_values: dict[str, float] = Field(description="Base value of every class; empty for a regressor")
    background_rows: int
    exact: bool = Field(description="Whether all coalitions were computed; otherwise a sample of them")
    evaluated_rows: int = Field(description="Rows that the model computed for it")


class PredictAnswer(Prediction):
    """One prediction."""

    model: str
    version: str
    processing_seconds: float
    explanation: Explanation | None = Field(None, description="Only where it was asked for")


class BatchAnswer(Answer):
    """Predictions in the order of the instances."""

    model: str
    version: str
    predictions: list[Prediction]
    processing_seconds: float


class PredictorFeature(Answer):
    """One input of a model, with what was normal in its training data."""

    name: str
    minimum: float
    maximum: float
    mean: float


class PredictorDescription(Answer):
    """One model in service."""

    name: str
    version: str
    task: Literal["classifier", "regressor"]
    description: str
    features: list[PredictorFeature]
    classes: list[str]
    metrics: dict[str, float] = Field(description="Measured on held-out data at training time")
    library_versions: dict[str, str]
    checksum: str = Field(description="SHA-256 of the model file")
    trained_at: str | None
    backend: str


class PredictorList(Answer):
    """The models in service."""

    predictors: list[PredictorDescription]


class ReloadAnswer(Answer):
    """A reload that is done."""

    predictor: PredictorDescription
    previous_version: str


def _predictor(request: Request) -> Predictor:
    predictor: Predictor = request.app.state.predictor
    return predictor


@router.post("/v1/predict", response_model=PredictAnswer, summary="Predict for one instance")
async def predict(request: Request, body: PredictBody) -> Response:
    """Predicts with a classical model; missing and unknown features are named."""
    began = time.perf_counter()
    instance = (body.vector if body.features is None else body.features) or []
    explanation: dict[str, Any] = {}
    if body.explain:
        explained = await _predictor(request).explain(body.model, body.version, instance)
        answer, explanation = explained.answer.prediction, {"explanation": _explanation(explained)}
    else:
        answer = await _predictor(request).infer(body.model, body.version, [instance])
    document = {
        **next(_predictions(answer)),
        "model": answer.model,
        "version": answer.version,
        "processing_seconds": time.perf_counter() - began,
        **explanation,
    }
    return json_response(document)


@router.post("/v1/predict/batch", response_model=BatchAnswer, summary="Predict for up to 1000 instances")
async def predict_batch(request: Request, body: BatchBody) -> Response:
    """Predicts for several instances in one call."""
    began = time.perf_counter()
    answer = await _predictor(request).infer(body.model, body.version, body.instances)
    document = {
        "model": answer.model,
        "version": answer.version,
        "predictions": list(_predictions(answer)),
        "processing_seconds": time.perf_counter() - began,
    }
    return json_response(document)


@router.get("/v1/predictors", response_model=PredictorList, summary="List the models in service")
async def list_predictors(request: Request) -> Response:
    """Describes every model."""
    with calling("serving"):
        listed = await services(request).serving.ListModels(pb.ListModelsRequest())
    return json_response({"predictors": [_description(model) for model in listed.models]})


@router.get("/v1/predictors/{name}", response_model=PredictorDescription, summary="Describe a model")
async def get_predictor(
    request: Request, name: Annotated[ModelName, Path()], version: Annotated[_Version, Query()] = ""
) -> Response:
    """Describes one model: inputs with their ranges, classes, measured quality."""
    with calling("serving"):
        found = await services(request).serving.GetModel(pb.GetModelRequest(model=name, version=version))
    return json_response(_description(found.model))


@router.post("/v1/predictors/{name}/reload", response_model=ReloadAnswer, summary="Reload a model (operators)")
async def reload_predictor(request: Request, name: Annotated[ModelName, Path()]) -> Response:
    """Loads what the model store holds now; requests in flight finish on the version they began with."""
    principal(request).require_operator()
    with calling("serving"):
        done = await services(request).serving.ReloadModel(pb.ReloadModelRequest(model=name))
    return json_response({"predictor": _description(done.model), "previous_version": done.previous_version})


def _predictions(answer: pb.InferResponse) -> Iterator[dict[str, Any]]:
    if not answer.classes:
        for value in np.frombuffer(answer.values, "<f4").tolist():
            yield {"prediction": value, "confidence": None, "probabilities": {}}
        return
    classes = list(answer.classes)
    for index, row in zip(answer.class_indexes, probabilities(answer).tolist(), strict=True):
        yield {
            "prediction": classes[index],
            "confidence": row[index],
            "probabilities": dict(zip(classes, row, strict=True)),
        }


def _explanation(explained: Explained) -> dict[str, Any]:
    answer, inferred = explained.answer, explained.answer.prediction
    by_output = [dict(zip(explained.names, row, strict=True)) for row in explained.attributions.tolist()]
    base_values, classes = explained.base_values.tolist(), list(inferred.classes)
    shown = inferred.class_indexes[0] if classes else 0
    return {
        "output": classes[shown] if classes else None,
        "base_value": base_values[shown],
        "attributions": by_output[shown],
        "by_class": dict(zip(classes, by_output, strict=True)) if classes else {},
        "base_values": dict(zip(classes, base_values, strict=True)) if classes else {},
        "background_rows": answer.background_rows,
        "exact": answer.exact,
        "evaluated_rows": answer.evaluated_rows,
    }


def _description(model: pb.Model) -> dict[str, Any]:
    features = [
        {"name": one.name, "minimum": one.minimum, "maximum": one.maximum, "mean": one.mean} for one in model.features
    ]
    return {
        "name": model.name,
        "version": model.version,
        "task": model.task,
        "description": model.description,
        "features": features,
        "classes": list(model.classes),
        "metrics": dict(model.metrics),
        "library_versions": dict(model.library_versions),
        "checksum": model.checksum,
        "trained_at": iso_time(model.trained_at),
        "backend": model.backend,
    }
