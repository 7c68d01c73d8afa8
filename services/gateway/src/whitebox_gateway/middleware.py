"""What happens around every request, as plain ASGI: trace and metrics, shedding, keys, body limits, cancellation."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from whitebox_runtime.deadline import set_deadline
from whitebox_runtime.errors import PayloadTooLarge, Unauthenticated, Unavailable
from whitebox_runtime.telemetry import counter, gauge, histogram, parse_traceparent, tracer

from whitebox_gateway.authentication import KeyRing
from whitebox_gateway.problems import CLIENT_CLOSED, fault_response, response_for

logger = logging.getLogger(__name__)

PUBLIC_PATHS = frozenset({"/health", "/live", "/ready", "/metrics", "/docs", "/openapi.json"})
PRINCIPAL = "whitebox.principal"
_MAX_HEADER_KEY_BYTES = 512
# A body that is refused before it was read: how much more of it is taken in, so that the client can read the answer.
_DRAIN_SECONDS = 5.0
_NO_ROUTE = "(none)"
_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS"})


def header(scope: Scope, name: bytes) -> bytes | None:
    """Returns the first header of that lower-case name, or `None`."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value for key, value in headers if key == name), None)


class Observed:
    """Gives each request a trace, a deadline and a place in the metrics, and has the last word on faults.

    Args:
        app: What is inside.
        timeout_seconds: Deadline of a request; calls to other services inherit it.
    """

    def __init__(self, app: ASGIApp, *, timeout_seconds: float) -> None:
        self._app = app
        self._timeout_seconds = timeout_seconds
        self._in_flight = gauge("whitebox_http_requests_in_flight")
        self._durations = histogram("whitebox_http_request_duration_seconds")
        self._children: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        sent = header(scope, b"traceparent")
        parent = parse_traceparent(sent.decode("latin-1")) if sent else None
        span = tracer().start_span("HTTP " + scope["method"], parent or otel_context.Context(), trace.SpanKind.SERVER)
        span_context = span.get_span_context()
        trace_id = format(span_context.trace_id, "032x") if span_context.is_valid else secrets.token_hex(16)
        status = 0

        async def send_with_trace(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-trace-id", trace_id.encode())]
            await send(message)

        set_deadline(self._timeout_seconds)
        self._in_flight.inc()
        try:
            with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                try:
                    await self._app(scope, receive, send_with_trace)
                except Exception:
                    logger.exception("a fault of the gateway", extra={"path": scope["path"], "method": scope["method"]})
                    if status:
                        raise
                    await fault_response(scope)(scope, receive, send_with_trace)
        finally:
            self._in_flight.dec()
            route = getattr(scope.get("route"), "path", _NO_ROUTE)
            self._observe(scope["method"], route, status or CLIENT_CLOSED, time.perf_counter() - began)
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status or CLIENT_CLOSED)
            span.end()

    def _observe(self, method: str, route: str, status: int, seconds: float) -> None:
        # Anyone can send any method: what is not one of ours is one series.
        key = (method if method in _METHODS else "OTHER", route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._durations.labels(key[0], route, str(status))
        child.observe(seconds)


class Lingering:
    """Takes in what a client is still sending after its answer, for a while.

    Closing a connection on which unread data waits would destroy the answer on its way: the client of an upload that is
    refused would see a broken connection instead of the reason.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] != "http" or not _announces_body(scope):
            await self._app(scope, receive, send)
            return
        # A client that asks first has sent nothing until it is told to.
        unread = header(scope, b"expect") is None

        async def receive_noting() -> Message:
            nonlocal unread
            message = await receive()
            unread = message["type"] == "http.request" and bool(message.get("more_body"))
            return message

        async def send_then_drain(message: Message) -> None:
            if message["type"] != "http.response.body" or message.get("more_body") or not unread:
                await send(message)
                return
            await send({**message, "more_body": True})
            try:
                async with asyncio.timeout(_DRAIN_SECONDS):
                    while unread:
                        await receive_noting()
            except TimeoutError:
                logger.info("the client did not stop sending a body that was refused", extra={"path": scope["path"]})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._app(scope, receive_noting, send_then_drain)


class Shedding:
    """Refuses work beyond a number of requests at the same time, so that those accepted stay fast.

    Args:
        app: What is inside.
        max_in_flight: Requests at the same time; health and metrics are always answered.

    Attributes:
        in_flight: Requests now.
        saturated: Whether one more would be refused.
    """

    def __init__(self, app: ASGIApp, *, max_in_flight: int) -> None:
        self._app = app
        self._max = max_in_flight
        self.in_flight = 0

    @property
    def saturated(self) -> bool:
        """Whether one more request would be refused."""
        return self.in_flight >= self._max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] != "http" or scope["path"] in PUBLIC_PATHS:
            await self._app(scope, receive, send)
            return
        if self.saturated:
            error = Unavailable(
                f"{self.in_flight} requests are being answered, which is the limit: try again shortly",
                reason="overloaded",
                retry_after=1.0,
            )
            await response_for(scope, error)(scope, receive, send)
            return
        self.in_flight += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.in_flight -= 1


class Authenticated:
    """Lets requests in that show a known key, and notes whose they are in the scope.

    Args:
        app: What is inside.
        keys: The known keys.
    """

    def __init__(self, app: ASGIApp, *, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys
        self._failures = counter("whitebox_auth_failures_total")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] == "http" and scope["path"] not in PUBLIC_PATHS:
            try:
                scope[PRINCIPAL] = self._keys.authenticate(_shown_key(scope))
            except Unauthenticated as error:
                self._failures.labels(error.reason).inc()
                await response_for(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BoundedBody:
    """Refuses bodies over a size, by their announced length where there is one, else while they are read.

    Args:
        app: What is inside.
        max_bytes: Largest body.
        larger: Other limits for some paths, by exact path.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, larger: dict[str, int]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._max_bytes)
        announced = header(scope, b"content-length")
        if announced is not None and announced.isdigit() and int(announced) > limit:
            await response_for(scope, _too_large(limit))(scope, receive, send)
            return
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, receive_bounded, send)


class CancelledOnDisconnect:
    """Cancels the work for a client that went away, and with it the calls to other services.

    The body belongs to the application; only after its end does anybody listen for the disconnect.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        worker = asyncio.current_task()
        watcher: asyncio.Task[None] | None = None
        gone = False

        async def watch() -> None:
            nonlocal gone
            while True:
                if (await receive())["type"] == "http.disconnect":
                    gone = True
                    if worker is not None:
                        worker.cancel()
                    return

        async def receive_then_watch() -> Message:
            nonlocal watcher
            if watcher is not None:
                await asyncio.shield(watcher)
                return {"type": "http.disconnect"}
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                watcher = asyncio.get_running_loop().create_task(watch())
            return message

        finished = False

        async def send_until_done(message: Message) -> None:
            nonlocal finished
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # From here on receive() reports a disconnect in any case.
                finished = True
                if watcher is not None:
                    watcher.cancel()
            await send(message)

        try:
            await self._app(scope, receive_then_watch, send_until_done)
        except asyncio.CancelledError:
            if not gone or finished or worker is None or worker.uncancel() > 0:
                raise
            logger.info("the client went away", extra={"path": scope["path"]})
        finally:
            if watcher is not None:
                watcher.cancel()


def _announces_body(scope: Scope) -> bool:
    return header(scope, b"transfer-encoding") is not None or (header(scope, b"content-length") or b"0") != b"0"


def _shown_key(scope: Scope) -> bytes:
    authorization = header(scope, b"authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and key.strip():
            return key.strip()[:_MAX_HEADER_KEY_BYTES]
        raise Unauthenticated("the Authorization header must be: Bearer <API key>", reason="api_key_malformed")
    key_header = header(scope, b"x-api-key")
    if key_header:
        return key_header.strip()[:_MAX_HEADER_KEY_BYTES]
    raise Unauthenticated(
        "an API key is needed: send it as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'", reason="api_key_missing"
    )


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than {limit} bytes, the limit on this route", reason="body_too_large")
