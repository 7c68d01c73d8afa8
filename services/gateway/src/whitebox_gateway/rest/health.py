"""/health, /live, /ready and /metrics: no key needed."""

from __future__ import annotations

import asyncio
from typing import Literal

import prometheus_client
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from whitebox_gateway.json_body import JsonRoute
from whitebox_gateway.readiness import Readiness
from whitebox_gateway.rest.wire import Answer, json_response

router = APIRouter(route_class=JsonRoute, tags=["health"])


class Component(Answer):
    """State of one service behind the gateway."""

    status: Literal["healthy", "degraded", "unhealthy"] = Field(
        description="degraded: it answers, but says that it is not ready"
    )
    detail: str = Field(description="Why it is not healthy; else empty")


class HealthAnswer(Answer):
    """State of the platform."""

    status: Literal["healthy", "degraded", "unhealthy"]
    ready: bool
    reason: str = Field(description="Why the gateway is not ready; else empty")
    uptime_seconds: float
    components: dict[str, Component]


def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness


@router.get("/health", response_model=HealthAnswer, summary="State of every component")
async def health(request: Request) -> Response:
    """Reports each component. Always 200: the report is the answer; `/ready` is for load balancers."""
    return json_response((await _readiness(request).report()).to_dict())


@router.get("/live", response_class=PlainTextResponse, summary="The process runs")
async def live() -> Response:
    """Answers as long as the process can answer at all."""
    return PlainTextResponse("live\n")


@router.get(
    "/ready",
    response_model=HealthAnswer,
    responses={503: {"model": HealthAnswer, "description": "Not ready: starting, stopping, saturated or cut off"}},
    summary="The process should get traffic",
)
async def ready(request: Request) -> Response:
    """Says whether requests should be sent here."""
    report = await _readiness(request).report()
    return json_response(report.to_dict(), 200 if report.ready else 503)


@router.get("/metrics", response_class=PlainTextResponse, summary="Metrics for Prometheus")
async def metrics() -> Response:
    """Exposes the process's metrics."""
    # Text generation takes milliseconds once there are thousands of series: not on the event loop.
    text = await asyncio.to_thread(prometheus_client.generate_latest)
    return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)
