"""The feature store: definitions, events in, features out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from whitebox_contracts.features.v1 import features_pb2 as pb
from whitebox_runtime.grpc_client import calling

from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.rest.wire import (
    Answer,
    Body,
    FiniteFloat,
    Moment,
    Name,
    enum_word,
    iso_time,
    json_response,
    services,
)

router = APIRouter(route_class=JsonRoute, tags=["features"])

_STATUS = pb.ValueStatus.DESCRIPTOR
_Names = Annotated[list[Name], Field(max_length=256)]


class FeatureEvent(Body):
    """Something that happened to an entity."""

    event_id: Name = Field(description="Unique; the same id is counted once")
    source: Name
    entity_id: Name
    event_time: Moment = Field(description="RFC 3339 with a time zone")
    values: Annotated[dict[Name, FiniteFloat], Field(max_length=64)]


class EventsBody(Body):
    """Events to count."""

    events: Annotated[list[FeatureEvent], Field(min_length=1, max_length=1000)]


class EventsAnswer(Answer):
    """Events that are durable now."""

    accepted: int
    duplicates: int


class OnlineBody(Body):
    """Which entities' features to read."""

    entity_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    features: _Names = Field(default_factory=list, description="Empty: every feature of the view")


class FeatureValue(Answer):
    """One feature of one entity."""

    feature: str
    value: float
    status: Literal["present", "default", "stale"] = Field(
        description="default: nothing is known of this entity; stale: older than the view's freshness limit"
    )
    event_time: str | None = Field(description="Time of the newest event behind the value")
    age_seconds: float | None


class EntityFeatures(Answer):
    """Features of one entity."""

    entity_id: str
    values: list[FeatureValue]


class OnlineAnswer(Answer):
    """Features as they are now."""

    feature_view: str
    feature_view_version: int
    entities: list[EntityFeatures]


class HistoricalRow(Body):
    """An entity at a time."""

    entity_id: Name
    as_of: Moment = Field(description="RFC 3339 with a time zone")


class HistoricalBody(Body):
    """Which rows to join."""

    rows: Annotated[list[HistoricalRow], Field(min_length=1, max_length=10_000)]
    features: _Names = Field(default_factory=list, description="Empty: every feature of the view")


class JoinedRow(Answer):
    """What was known of an entity at a time."""

    entity_id: str
    as_of: str
    values: dict[str, float | None] = Field(description="null where nothing was known")


class HistoricalAnswer(Answer):
    """Rows in the order asked for."""

    features: list[str]
    rows: list[JoinedRow]


class FeatureDefinition(Answer):
    """How one feature is computed."""

    name: str
    description: str
    aggregation: str
    field: str
    window_seconds: float
    default_value: float


class FeatureView(Answer):
    """Features that share an entity and a source."""

    name: str
    version: int
    description: str
    entity: str
    source: str
    freshness_limit_seconds: float
    features: list[FeatureDefinition]


class FeatureViewList(Answer):
    """Every feature view."""

    feature_views: list[FeatureView]


@router.get("/v1/feature-views", response_model=FeatureViewList, summary="List feature views")
async def list_views(request: Request) -> Response:
    """Describes every feature view."""
    with calling("features"):
        listed = await services(request).features.ListFeatureViews(pb.ListFeatureViewsRequest())
    return json_response({"feature_views": [_view(view) for view in listed.feature_views]})


@router.post("/v1/features/events", status_code=202, response_model=EventsAnswer, summary="Send events")
async def push_events(request: Request, body: EventsBody) -> Response:
    """Takes events; they are durable when this answers, and soon part of the features."""
    events = [
        pb.Event(
            event_id=event.event_id,
            source=event.source,
            entity_id=event.entity_id,
            event_time=_timestamp(event.event_time),
            values=event.values,
        )
        for event in body.events
    ]
    with calling("features"):
        done = await services(request).features.PushEvents(pb.PushEventsRequest(events=events))
    return json_response({"accepted": done.accepted, "duplicates": done.duplicates}, 202)


@router.post("/v1/features/{view}/online", response_model=OnlineAnswer, summary="Read features of entities")
async def read_online(request: Request, view: Annotated[Name, Path()], body: OnlineBody) -> Response:
    """Reads features as they are now, in one round trip to the store."""
    return await _read(request, view, body.entity_ids, body.features)


@router.get(
    "/v1/features/{view}/online/{entity_id}", response_model=OnlineAnswer, summary="Read features of one entity"
)
async def read_one(
    request: Request,
    view: Annotated[Name, Path()],
    entity_id: Annotated[Name, Path()],
    feature: Annotated[_Names, Query(description="May be repeated; none: every feature of the view")] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Reads one entity's features as they are now."""
    return await _read(request, view, [entity_id], feature)


@router.post(
    "/v1/features/{view}/historical", response_model=HistoricalAnswer, summary="Join features as they were known"
)
async def read_historical(request: Request, view: Annotated[Name, Path()], body: HistoricalBody) -> Response:
    """Joins (entity, time) rows with the values known at that time, never later ones."""
    rows = [pb.HistoricalRow(entity_id=row.entity_id, as_of=_timestamp(row.as_of)) for row in body.rows]
    query = pb.GetHistoricalRequest(feature_view=view, rows=rows, features=body.features)
    with calling("features"):
        joined = await services(request).features.GetHistorical(query)
    names = list(joined.features)
    # NaN is how the store says that nothing was known; JSON has null for it, and orjson writes it so.
    values = np.frombuffer(joined.values, "<f8").reshape(len(rows), len(names)).tolist()
    answered = [
        {"entity_id": row.entity_id, "as_of": iso_time(row.as_of), "values": dict(zip(names, known, strict=True))}
        for row, known in zip(rows, values, strict=True)
    ]
    return json_response({"features": names, "rows": answered})


async def _read(request: Request, view: str, entity_ids: list[str], features: list[str]) -> Response:
    query = pb.GetOnlineRequest(feature_view=view, entity_ids=entity_ids, features=features)
    with calling("features"):
        read = await services(request).features.GetOnline(query)
    entities = [
        {"entity_id": entity.entity_id, "values": [_value(value) for value in entity.values]}
        for entity in read.entities
    ]
    document = {
        "feature_view": read.feature_view,
        "feature_view_version": read.feature_view_version,
        "entities": entities,
    }
    return json_response(document)


def _value(value: pb.FeatureValue) -> dict[str, Any]:
    known = value.HasField("event_time")
    return {
        "feature": value.feature,
        "value": value.value,
        "status": enum_word(_STATUS, value.status),
        "event_time": iso_time(value.event_time) if known else None,
        "age_seconds": value.age.seconds + value.age.nanos / 1e9 if value.HasField("age") else None,
    }


def _view(view: pb.FeatureView) -> dict[str, Any]:
    features = [
        {
            "name": one.name,
            "description": one.description,
            "aggregation": one.aggregation,
            "field": one.field,
            "window_seconds": one.window.seconds + one.window.nanos / 1e9,
            "default_value": one.default_value,
        }
        for one in view.features
    ]
    return {
        "name": view.name,
        "version": view.version,
        "description": view.description,
        "entity": view.entity,
        "source": view.source,
        "freshness_limit_seconds": view.freshness_limit.seconds + view.freshness_limit.nanos / 1e9,
        "features": features,
    }


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
