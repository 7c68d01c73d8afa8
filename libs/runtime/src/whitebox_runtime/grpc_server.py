"""The gRPC server of every service: deadlines, traces, metrics and the error model in one interceptor.

Servicers raise `ServiceError` and know nothing of gRPC statuses.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from opentelemetry import context as otel_context
from opentelemetry import trace

from whitebox_runtime._status import to_grpc_status
from whitebox_runtime.deadline import set_deadline
from whitebox_runtime.errors import DeadlineExceeded, Internal, ServiceError, Unavailable
from whitebox_runtime.process import Process
from whitebox_runtime.telemetry import current_trace_id, gauge, histogram, parse_traceparent, tracer

logger = logging.getLogger(__name__)

_HEALTH_SECONDS = 1.0
_DEFAULT_DEADLINE_SECONDS = 60.0
_DEFAULT_STREAM_DEADLINE_SECONDS = 600.0


class GrpcServer:
    """One process's gRPC server; use as an async context manager.

    It answers `grpc.health.v1` and server reflection besides the service's own methods.

    Args:
        process: The process it belongs to: address, health, and when to stop.
        service_names: Full names of the services it serves, for example `"whitebox.embedding.v1.EmbeddingService"`.
        max_message_bytes: Largest message in either direction.
        default_deadline_seconds: What a unary call gets whose caller set no deadline.
        default_stream_deadline_seconds: The same for calls that stream in either direction.

    Attributes:
        server: The `grpc.aio` server to register servicers with.
        port: The bound port; 0 until `start`.
    """

    def __init__(
        self,
        process: Process[Any],
        *,
        service_names: Sequence[str],
        max_message_bytes: int = 32 * 2**20,
        default_deadline_seconds: float = _DEFAULT_DEADLINE_SECONDS,
        default_stream_deadline_seconds: float = _DEFAULT_STREAM_DEADLINE_SECONDS,
    ) -> None:
        self._process = process
        self._service_names = tuple(service_names)
        self.port = 0
        self.server = grpc.aio.server(
            interceptors=[_Interceptor(default_deadline_seconds, default_stream_deadline_seconds)],
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                # Without this a second process on the same port is given half of the calls instead of an error.
                ("grpc.so_reuseport", 0),
                # Clients ping idle connections every 20 s; the default tolerates one ping in 5 minutes.
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
                # Clients only look for new replicas when a connection ends; calls that are running are not cut.
                ("grpc.max_connection_age_ms", 300_000),
            ],
        )
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        names = (*self._service_names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self.server)
        self._watching: asyncio.Task[None] | None = None
        self._started = False
        process.health.add_check("grpc", self._check_started)

    async def start(self) -> int:
        """Listens on the settings' host and port.

        Returns:
            The bound port.

        Raises:
            Unavailable: The port is taken or the address is not this machine's.
        """
        settings = self._process.settings
        address = f"{settings.host}:{settings.port}"
        try:
            self.port = self.server.add_insecure_port(address)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {address}: is it in use?", reason="address_unavailable") from error
        # Not by a report: one taken now would say "not listening yet", and be believed for a second.
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self.server.start()
        self._started = True
        self._watching = self._process.spawn(self._watch_health(), name="grpc health")
        logger.info(
            "listening", extra={"address": f"{settings.host}:{self.port}", "services": list(self._service_names)}
        )
        return self.port

    async def serve_until_stopped(self) -> None:
        """Serves until `process.stopping`, then says NOT_SERVING, finishes running calls within the grace, and ends."""
        if not self._started:
            await self.start()
        await self._process.stopping.wait()
        await self.stop()

    async def stop(self) -> None:
        """Stops taking calls, lets running ones finish within `shutdown_grace_seconds`, cancels the rest."""
        if self._watching is not None:
            self._watching.cancel()
        await self._health.enter_graceful_shutdown()
        await self.server.stop(self._process.settings.shutdown_grace_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        await self.stop()

    async def _check_started(self) -> None:
        if not self._started:
            raise Unavailable("not listening yet")

    async def _watch_health(self) -> None:
        while not self._process.stopping.is_set():
            await self._publish_health()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.stopping.wait(), _HEALTH_SECONDS)

    async def _publish_health(self) -> None:
        report = await self._process.health.report()
        answer = health_pb2.HealthCheckResponse
        await self._set_health(answer.SERVING if report.ready else answer.NOT_SERVING)

    async def _set_health(self, status: int) -> None:
        for name in ("", *self._service_names):
            await self._health.set(name, status)


class _Method:
    """What every call of one method shares: its metric children, so that no call looks them up by label."""

    def __init__(self, path: str, deadline_seconds: float) -> None:
        self.name = path.lstrip("/")
        self.deadline_seconds = deadline_seconds
        self.in_flight = gauge("whitebox_rpc_server_in_flight").labels(self.name)
        self._duration = histogram("whitebox_rpc_server_duration_seconds")
        self._durations: dict[str, Any] = {}

    def observe(self, code: str, seconds: float) -> None:
        child = self._durations.get(code)
        if child is None:
            child = self._durations[code] = self._duration.labels(self.name, code)
        child.observe(seconds)


class _Call:
    """One call being answered: deadline, span, metrics and the translation of what it raises.

    Each call runs in a task of its own, so context variables set here need no resetting.
    """

    __slots__ = ("_began", "_context", "_method", "_span", "_timeout")

    def __init__(self, method: _Method, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._method = method
        self._context = context
        self._began = time.perf_counter()
        parent = None
        for key, value in context.invocation_metadata() or ():
            if key == "traceparent":
                parent = parse_traceparent(value if isinstance(value, str) else None)
                break
        self._span = tracer().start_span(method.name, context=parent, kind=trace.SpanKind.SERVER)
        otel_context.attach(trace.set_span_in_context(self._span))
        left = context.time_remaining()
        # gRPC itself cancels a call whose caller set a deadline; only a missing one needs a timer here.
        self._timeout = asyncio.timeout(method.deadline_seconds if left is None else None)
        set_deadline(method.deadline_seconds if left is None else left)

    async def __aenter__(self) -> None:
        self._method.in_flight.inc()
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> bool | None:
        code = "OK"
        try:
            try:
                await self._timeout.__aexit__(kind, error, trace_back)
            except TimeoutError:
                error = DeadlineExceeded(
                    f"not done within the server's limit of {self._method.deadline_seconds:g} s; "
                    "the call carried no deadline of its own"
                )
            if error is not None:
                code = self._code(error)
                await self._abort(error)
            elif (given := self._context.code()) and given is not grpc.StatusCode.OK:
                code = given.name if isinstance(given, grpc.StatusCode) else str(given)
        finally:
            self._method.in_flight.dec()
            self._method.observe(code, time.perf_counter() - self._began)
            self._span.set_attribute("rpc.grpc.status_code", code)
            if code != "OK":
                self._span.set_status(trace.StatusCode.ERROR, code)
            self._span.end()
        return None

    def _code(self, error: BaseException) -> str:
        if isinstance(error, ServiceError):
            return error.grpc_code.name
        if isinstance(error, asyncio.CancelledError | GeneratorExit):
            left = self._context.time_remaining()
            return "DEADLINE_EXCEEDED" if left is not None and left <= 0 else "CANCELLED"
        if isinstance(error, grpc.aio.BaseError):
            code = self._context.code()
            return code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"
        return "INTERNAL"

    async def _abort(self, error: BaseException) -> None:
        if isinstance(error, grpc.aio.BaseError) or not isinstance(error, Exception):
            return  # aborted by the servicer itself, or cancelled: gRPC answers
        if not isinstance(error, ServiceError):
            logger.error("unhandled error", exc_info=error, extra={"method": self._method.name})
            self._span.record_exception(error)
            fault = f"internal error; trace {current_trace_id()}"
            error = Internal(fault, metadata={"trace_id": current_trace_id()})
        elif error.http_status >= 500:
            logger.warning(
                error.message, extra={"method": self._method.name, "code": error.grpc_code.name, "reason": error.reason}
            )
        await self._context.abort_with_status(to_grpc_status(error))


# Generic for the type checker only: the class itself cannot be subscripted.
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _Interceptor(grpc.aio.ServerInterceptor):
    """Wraps each method once, when it is first called, and hands out the wrapped handler from then on."""

    def __init__(self, deadline_seconds: float, stream_deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds
        self._stream_deadline_seconds = stream_deadline_seconds
        self._handlers: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        path = handler_call_details.method
        wrapped = self._handlers.get(path)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        # Probes and reflection are not the service's traffic, and a health watch rightly has no deadline.
        if handler is None or path.startswith("/grpc."):
            return handler
        streams = handler.request_streaming or handler.response_streaming
        method = _Method(path, self._stream_deadline_seconds if streams else self._deadline_seconds)
        wrapped = self._handlers[path] = _wrap(handler, method)
        return wrapped


def _wrap(handler: _Handler, method: _Method) -> _Handler:
    inner: Any = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary

    async def one(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        async with _Call(method, context):
            return await inner(request, context)

    async def many(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        async with _Call(method, context):
            responses = inner(request, context)
            if not hasattr(responses, "__aiter__"):
                await responses  # a servicer that uses context.write
                return
            async for response in responses:
                yield response

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[bool(handler.request_streaming), bool(handler.response_streaming)]
    behaviour: Any = many if handler.response_streaming else one
    return make(behaviour, handler.request_deserializer, handler.response_serializer)
