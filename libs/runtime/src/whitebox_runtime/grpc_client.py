"""gRPC channels to other services: deadlines that shrink along the way, traces, metrics, and errors of our own.

A channel is opened once per peer and process and shared by all calls; it connects when first used, and again whenever
the peer comes back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import trace

from whitebox_runtime._status import from_rpc_error
from whitebox_runtime.deadline import remaining_seconds
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.telemetry import format_traceparent, histogram, tracer

# UNAVAILABLE is the one status a transport gives when a connection could not be made or broke. gRPC itself never
# retries once a response has begun, and the throttle stops retries while most calls fail. A call may still have
# reached the server when its connection broke, so every method of the platform has to bear being called twice.
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 3,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.2},
    }
)


def open_channel(
    target: str, *, timeout_seconds: float = 10.0, max_message_bytes: int = 32 * 2**20
) -> grpc.aio.Channel:
    """Opens a channel to a service; does not wait for the peer.

    A call gets the least of its own `timeout`, what is left of the request being handled, and, when it names no
    timeout, `timeout_seconds`. A peer that is down fails the call at once instead of after its deadline.

    Args:
        target: `host:port`, or any gRPC name such as `dns:///retrieval:50052`, over whose addresses calls are spread.
        timeout_seconds: Deadline of calls that name none.
        max_message_bytes: Largest message in either direction.

    Returns:
        A channel for generated stubs; close it when the process ends.
    """
    channel = grpc.aio.insecure_channel(
        target,
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            ("grpc.service_config", _SERVICE_CONFIG),
            ("grpc.enable_retries", 1),
            ("grpc.service_config_disable_resolution", 1),
            # A peer that vanished without closing is noticed within 25 s, a restarted one is back within about 1 s.
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 1_000),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            ("grpc.dns_min_time_between_resolutions_ms", 1_000),
        ],
    )
    return _Channel(channel, timeout_seconds)


@contextmanager
def calling(peer: str) -> Iterator[None]:
    """Turns a failed call into the `ServiceError` that the peer raised, or that says how it could not be reached.

    Args:
        peer: Name of the service for people, for example `"embedding"`.

    Raises:
        ServiceError: The class that matches the status; message and metadata name the peer.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, peer) from error


def peer_ready(channel: grpc.aio.Channel, peer: str) -> Callable[[], Awaitable[None]]:
    """Returns a check for `Health.add_check` that asks the peer's own gRPC health service.

    Args:
        channel: The channel to the peer.
        peer: Name of the service for people.
    """
    stub: Any = health_pb2_grpc.HealthStub(channel)

    async def check() -> None:
        with calling(peer):
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise Unavailable(f"{peer} is not ready", reason="peer_not_ready")

    return check


class _Channel(grpc.aio.Channel):
    """A channel whose calls carry deadline and trace and are measured.

    gRPC's own client interceptors start a task for each call, which costs more than the call; wrapping the callables
    that stubs ask for does the same without.
    """

    def __init__(self, channel: grpc.aio.Channel, timeout_seconds: float) -> None:
        self._channel = channel
        self._timeout_seconds = timeout_seconds

    def _wrap(self, method: str, call: Any) -> Any:
        return _MultiCallable(method, call, self._timeout_seconds)

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._wrap(method, self._channel.unary_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._wrap(method, self._channel.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._wrap(method, self._channel.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return self._wrap(method, self._channel.stream_stream(method, *args, **kwargs))

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


class _MultiCallable:
    __slots__ = ("_call", "_durations", "_method", "_timeout_seconds")

    def __init__(self, method: str, call: Any, timeout_seconds: float) -> None:
        self._method = method.lstrip("/")
        self._call = call
        self._timeout_seconds = timeout_seconds
        self._durations: dict[str, Any] = {}

    def __call__(
        self, request: Any = None, *, timeout: float | None = None, metadata: Any = None, **kwargs: Any
    ) -> Any:
        wanted = self._timeout_seconds if timeout is None else timeout
        left = remaining_seconds()
        # A request whose time is up fails here as it would a moment later: with DEADLINE_EXCEEDED, by gRPC.
        deadline = wanted if left is None else max(0.0, min(wanted, left))
        span = tracer().start_span(self._method, kind=trace.SpanKind.CLIENT)
        header = format_traceparent(span.get_span_context())
        if header is not None:
            metadata = (*(metadata or ()), ("traceparent", header))
        began = time.perf_counter()
        call = self._call(request, timeout=deadline, metadata=metadata, **kwargs)
        call.add_done_callback(lambda done: self._finished(done, span, began))
        return call

    def _finished(self, call: Any, span: trace.Span, began: float) -> None:
        code = _code_of(call)
        child = self._durations.get(code)
        if child is None:
            child = histogram("whitebox_rpc_client_duration_seconds").labels(self._method, code)
            self._durations[code] = child
        child.observe(time.perf_counter() - began)
        span.set_attribute("rpc.grpc.status_code", code)
        if code != "OK":
            span.set_status(trace.StatusCode.ERROR, code)
        span.end()


def _code_of(call: Any) -> str:
    """Returns the status of a call that is done; `code()` is a coroutine, but then it has nothing to wait for."""
    asking = call.code()
    try:
        asking.send(None)
    except StopIteration as answer:
        return str(answer.value.name)
    asking.close()
    return "UNKNOWN"
