"""What all routes share: the types of their fields, who is calling, and JSON answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from starlette.requests import Request
from starlette.responses import Response

from whitebox_gateway.adapters.services import Services
from whitebox_gateway.authentication import Principal
from whitebox_gateway.middleware import PRINCIPAL

# Control characters are no part of a name, and some stores cannot hold them.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_NO_CONTROLS)]
"""Id or name of something."""

Integer = Annotated[int, BeforeValidator(lambda v: int(v) if isinstance(v, float) and v.is_integer() else v)]
"""A whole number; JSON does not tell 5.0 from 5."""

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
"""Name of a classical model."""


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        # pydantic turns a ValueError into a complaint about the field.
        raise ValueError(  # noqa: TRY004
            "a time must be a string, as in 2026-03-01T10:00:00Z"
        )
    return value


def _representable(moment: datetime) -> datetime:
    # Converted to UTC, times at the ends of the calendar leave it.
    if not 2 <= moment.year <= 9998:
        raise ValueError("the year must be 2 to 9998")
    return moment


Moment = Annotated[AwareDatetime, Strict(False), BeforeValidator(_moment), AfterValidator(_representable)]
"""A time with its zone."""

EVENTS = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "Each event",
            "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON"}},
        }
    }
}
"""OpenAPI's description of a stream of events."""

FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    """Base of request bodies: unknown fields and values of another type are errors, not surprises."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())


class Answer(BaseModel):
    """Base of response bodies; used to describe them, the routes write JSON themselves."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


def principal(request: Request) -> Principal:
    """Returns who is calling; the middleware has let nobody else in."""
    who: Principal = request.scope[PRINCIPAL]
    return who


def services(request: Request) -> Services:
    """Returns the channels to the other services."""
    reached: Services = request.app.state.services
    return reached


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns `content` as JSON; NumPy arrays become lists."""
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), status, headers, "application/json")


def iso_time(timestamp: Timestamp) -> str | None:
    """Returns a protobuf time in RFC 3339, or `None` where it is not set."""
    if not timestamp.seconds and not timestamp.nanos:
        return None
    moment: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return moment.isoformat().replace("+00:00", "Z")


def enum_word(descriptor: Any, number: int) -> str:
    """Returns the word of a protobuf enum's value without the enum's own name: `DOCUMENT_STATUS_INDEXED`, `indexed`."""
    values = descriptor.values_by_number
    if number not in values:
        return "unspecified"
    prefix = descriptor.values[0].name.removesuffix("UNSPECIFIED")
    return str(values[number].name.removeprefix(prefix).lower())
