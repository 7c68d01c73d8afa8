"""Errors as RFC 9457 problem documents, the same for every route; see https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope
from whitebox_runtime.errors import Internal, ServiceError
from whitebox_runtime.telemetry import current_trace_id

MEDIA_TYPE = "application/problem+json"
_TYPE_BASE = "urn:whitebox:problem:"
# Client closed request: not in the registry, but what everybody's logs call it.
CLIENT_CLOSED = 499
_MAX_ERRORS = 20
_MAX_TEXT = 500
# Validation errors nest: an alternative of a union is part of the place, but not of the body that the client sent.
_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class FieldError(BaseModel):
    """One thing wrong with a request."""

    location: str = Field(description="Where it is: body, path, query or header, and the way to the value")
    message: str


class OpenAIError(BaseModel):
    """The error as clients of OpenAI's API expect it."""

    message: str
    type: str
    code: str | None = None
    param: str | None = None


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="Stable URN of the kind of problem")
    title: str = Field(description="Short name of the status")
    status: int
    detail: str = Field(description="What was wrong and what to do about it")
    instance: str = Field(description="Path of the request")
    trace_id: str = Field(description="Finds the request in logs and traces")
    reason: str = Field(description="Stable code for programs")
    errors: list[FieldError] = Field(default_factory=list)


class OpenAIProblem(Problem):
    """A problem document that clients of OpenAI's API understand too."""

    error: OpenAIError


def speaks_openai(path: str) -> bool:
    """Whether the path is one of those that follow OpenAI's API."""
    return path.startswith(("/v1/chat/", "/v1/models")) or path in {"/v1/completions", "/v1/embeddings"}


def problem(
    path: str, status: int, detail: str, reason: str, errors: Sequence[FieldError] = (), *, param: str | None = None
) -> dict[str, Any]:
    """Returns the problem document for one request."""
    document: dict[str, Any] = {
        "type": _TYPE_BASE + reason,
        "title": _title(status),
        "status": status,
        "detail": detail,
        "instance": path,
        "trace_id": current_trace_id(),
        "reason": reason,
        "errors": [{"location": error.location, "message": error.message} for error in errors],
    }
    if speaks_openai(path):
        kind = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
        document["error"] = {"message": detail, "type": kind, "code": reason, "param": param}
    return document


def describe(path: str, error: ServiceError) -> dict[str, Any]:
    """Returns the problem document of a typed error."""
    return problem(path, error.http_status, error.message, error.reason, param=error.metadata.get("param"))


def response_for(scope: Scope, error: ServiceError, headers: Mapping[str, str] | None = None) -> Response:
    """Returns the response to a typed error."""
    document = describe(scope["path"], error)
    extra = dict(headers or {})
    if error.retry_after is not None:
        # Whole seconds are all that the header can say.
        extra["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra["Retry-After"] = "1"
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = 'Bearer realm="whitebox"'
    return _response(document, extra)


async def on_service_error(request: Request, error: Exception) -> Response:
    """Handles a typed error of a route."""
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for this class only
    return response_for(request.scope, error)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Handles a request that does not fit the declared schema."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    found = [_field_error(item) for item in error.errors()[:_MAX_ERRORS]]
    first = found[0] if found else FieldError(location="body", message="is not valid")
    more = len(error.errors()) - 1
    detail = f"{first.location}: {first.message}" + (f" (and {more} more)" if more > 0 else "")
    param = first.location.removeprefix("body.") if first.location.startswith("body.") else None
    document = problem(request.scope["path"], 400, detail, "invalid_request", found, param=param)
    return _response(document, {})


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Handles what the framework itself refuses: unknown paths, wrong methods, unreadable bodies."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    cause: BaseException | None = error.__cause__
    if isinstance(cause, ServiceError):
        return response_for(request.scope, cause)
    path, status = request.scope["path"], error.status_code
    if status == HTTPStatus.NOT_FOUND:
        detail = f"there is no {path[:_MAX_TEXT]}: see /docs for what there is"
        return _response(problem(path, status, detail, "route_not_found"), {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        detail = f"{request.method[:20]} is not allowed here: use {allowed}"
        return _response(problem(path, status, detail, "method_not_allowed"), {"Allow": allowed})
    reason = HTTPStatus(status).phrase.lower().replace(" ", "_")
    return _response(problem(path, status, str(error.detail), reason), dict(error.headers or {}))


async def on_fault(request: Request, _error: Exception) -> Response:
    """Handles a fault of the gateway itself: says so, and nothing about its inside. The caller of this logs it."""
    return fault_response(request.scope)


def fault_response(scope: Scope) -> Response:
    """Returns the response to a fault of the gateway itself."""
    return response_for(
        scope,
        Internal("the gateway made a mistake; the trace id finds it in the logs: please report it", reason="internal"),
    )


def _methods(request: Request) -> list[str]:
    """Returns every method that any route has for the path; the framework names those of one route only."""
    methods: set[str] = set()
    for route in request.app.state.routes:
        if route.path_regex.match(request.scope["path"]):
            methods |= route.methods
    return sorted(methods)


def _response(document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(document), document["status"], headers, MEDIA_TYPE)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request" if status == CLIENT_CLOSED else "Error"


def _field_error(item: Mapping[str, Any]) -> FieldError:
    # Integers are positions in lists, words with brackets are pydantic's names for alternatives of a union.
    place = [str(part) for part in item.get("loc", ()) if "[" not in str(part) and "function-" not in str(part)]
    message = str(item.get("msg", "is not valid")).removeprefix("Value error, ")
    printable = "".join(c if c.isprintable() else "�" for c in ".".join(place))
    return FieldError(location=printable[:_MAX_TEXT] or "request", message=message[:_MAX_TEXT])
