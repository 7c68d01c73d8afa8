"""The gateway as one ASGI application."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.health import Health

from whitebox_gateway import middleware, problems
from whitebox_gateway.adapters.answer_sources import EmbeddingClient, LanguageModel, RetrievalClient
from whitebox_gateway.adapters.services import Services
from whitebox_gateway.adapters.serving import Predictor
from whitebox_gateway.answering import Answerer
from whitebox_gateway.authentication import KeyRing
from whitebox_gateway.readiness import Readiness
from whitebox_gateway.rest import documents, features, health, openai, predictions, questions, self_checks
from whitebox_gateway.rest.upload import MULTIPART_OVERHEAD_BYTES
from whitebox_gateway.settings import GatewaySettings

_ERRORS = {
    "400": "The request is wrong; the problem says where",
    "401": "The API key is missing or unknown",
    "404": "There is no such thing",
    "409": "The state of things does not allow it",
    "413": "The body is too large",
    "429": "Too much at once; see Retry-After",
    "500": "A fault of the platform; the trace id finds it",
    "503": "A service cannot be reached, or the gateway is overloaded; see Retry-After",
    "504": "Not done in time",
}


def create_application(settings: GatewaySettings, keys: KeyRing, services: Services, platform: Health) -> ASGIApp:
    """Wires routes, middleware and errors together.

    Args:
        settings: The configuration.
        keys: The known API keys.
        services: Channels to the other services; the caller closes them.
        platform: Health with one check per service.
    """
    api = FastAPI(
        title="Whitebox",
        version="1",
        summary="Answers that show where they come from, predictions, features, and OpenAI's API",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        strict_content_type=True,
        # The gateway has its own trace and metrics, under the names of the platform.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    api.exception_handler(ServiceError)(problems.on_service_error)
    api.exception_handler(RequestValidationError)(problems.on_validation_error)
    api.exception_handler(HTTPException)(problems.on_http_exception)
    api.exception_handler(Exception)(problems.on_fault)
    # Routes are tried in turn: those that are called most often and cost least come first.
    modules = (openai, predictions, features, questions, documents, self_checks, health)
    for module in modules:
        api.include_router(module.router)
    api.state.routes = [route for module in modules for route in module.router.routes]
    api.openapi = _described(api)  # type: ignore[method-assign]  # the documented way to extend the document

    app: ASGIApp = middleware.CancelledOnDisconnect(api)
    larger = {"/v1/documents": settings.max_upload_bytes + MULTIPART_OVERHEAD_BYTES}
    app = middleware.BoundedBody(app, max_bytes=settings.max_json_bytes, larger=larger)
    app = middleware.Authenticated(app, keys=keys)
    app = shedding = middleware.Shedding(app, max_in_flight=settings.max_in_flight)
    if settings.gzip:
        app = GZipMiddleware(app, minimum_size=1024, compresslevel=4)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "traceparent"],
            expose_headers=["X-Trace-Id", "Retry-After", "Location"],
        )
    app = middleware.Lingering(app)
    app = middleware.Observed(app, timeout_seconds=settings.request_timeout_seconds)

    state = api.state
    state.settings = settings
    state.max_json_depth = settings.max_json_depth
    state.services = services
    state.started = int(time.time())
    state.predictor = Predictor(services.serving)
    state.readiness = Readiness(platform, lambda: shedding.saturated, start_wait_seconds=settings.start_wait_seconds)
    state.answerer = Answerer(
        RetrievalClient(services.retrieval),
        EmbeddingClient(services.embedding),
        LanguageModel(services.llm, timeout_seconds=settings.draft_timeout_seconds),
        context_characters=settings.max_context_characters,
        draft_tokens=settings.draft_tokens,
    )
    return app


def _described(api: FastAPI) -> Callable[[], dict[str, Any]]:
    """Returns what makes the OpenAPI document: the framework's, corrected to what the gateway really answers."""

    def describe() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    return describe


def _document(api: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=api.title, version=api.version, summary=api.summary, routes=api.routes)
    components = document["components"]
    schemas = components["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    for model in (problems.Problem, problems.OpenAIProblem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The API key"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in document["paths"].items():
        name = "OpenAIProblem" if problems.speaks_openai(path) else "Problem"
        content = {problems.MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            if path in middleware.PUBLIC_PATHS:
                continue
            operation["security"] = [{"bearer": []}, {"header": []}]
            errors = dict(_ERRORS)
            if "requestBody" in operation:
                errors["415"] = "The content type is not one that can be read"
            if path.endswith("/reload") or path.startswith("/v1/self-checks/"):
                errors["403"] = "The key lacks the role 'operator'"
            for status, meaning in errors.items():
                responses.setdefault(status, {"description": meaning, "content": content})
    return document
