"""A real server and a real channel in one process: errors, deadlines, health, traces, metrics, drain."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest
from google.protobuf import wrappers_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY
from whitebox_runtime import errors
from whitebox_runtime.deadline import remaining_seconds
from whitebox_runtime.grpc_client import calling, open_channel, peer_ready
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process
from whitebox_runtime.settings import ServiceSettings
from whitebox_runtime.telemetry import current_trace_id, setup_tracing, tracer
from whitebox_runtime.testing import free_port

Text = wrappers_pb2.StringValue
SERVICE = "test.v1.Echo"


@pytest.fixture(autouse=True, scope="module")
def tracing() -> None:
    setup_tracing("test")


class Echo:
    """Four methods, one of each kind; what a call does is the text of its first request."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.entered = asyncio.Event()
        self.calls = 0
        self.hook: Callable[[], object] | None = None

    async def _do(self, what: str, context: grpc.aio.ServicerContext) -> str:
        self.calls += 1
        self.entered.set()
        if what == "hook":
            return str(await self.hook())
        if what == "trace":
            return current_trace_id()
        if what == "left":
            return str(remaining_seconds())
        if what == "hang":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if what == "abort":
            await context.abort(grpc.StatusCode.DATA_LOSS, "by hand")
        if what == "bug":
            raise KeyError("secret internals")
        if hasattr(errors, what):
            raise getattr(errors, what)(
                f"{what} happened", reason="test_reason", retry_after=1.25, metadata={"limit": "3"}
            )
        return what

    async def unary(self, request: Text, context: grpc.aio.ServicerContext) -> Text:
        return Text(value=await self._do(request.value, context))

    async def down(self, request: Text, context: grpc.aio.ServicerContext) -> AsyncIterator[Text]:
        yield Text(value="first")
        yield Text(value=await self._do(request.value, context))

    async def written(self, request: Text, context: grpc.aio.ServicerContext) -> None:
        await context.write(Text(value="first"))
        await context.write(Text(value=await self._do(request.value, context)))

    async def up(self, requests: AsyncIterator[Text], context: grpc.aio.ServicerContext) -> Text:
        return Text(value=",".join([await self._do(request.value, context) async for request in requests]))

    async def both(self, requests: AsyncIterator[Text], context: grpc.aio.ServicerContext) -> AsyncIterator[Text]:
        async for request in requests:
            yield Text(value=await self._do(request.value, context))

    def add_to(self, server: grpc.aio.Server) -> None:
        codec = {"request_deserializer": Text.FromString, "response_serializer": Text.SerializeToString}
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    SERVICE,
                    {
                        "Unary": grpc.unary_unary_rpc_method_handler(self.unary, **codec),
                        "Down": grpc.unary_stream_rpc_method_handler(self.down, **codec),
                        "Written": grpc.unary_stream_rpc_method_handler(self.written, **codec),
                        "Up": grpc.stream_unary_rpc_method_handler(self.up, **codec),
                        "Both": grpc.stream_stream_rpc_method_handler(self.both, **codec),
                    },
                )
            ]
        )


class Stub:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        codec = {"request_serializer": Text.SerializeToString, "response_deserializer": Text.FromString}
        self.unary = channel.unary_unary(f"/{SERVICE}/Unary", **codec)
        self.down = channel.unary_stream(f"/{SERVICE}/Down", **codec)
        self.written = channel.unary_stream(f"/{SERVICE}/Written", **codec)
        self.up = channel.stream_unary(f"/{SERVICE}/Up", **codec)
        self.both = channel.stream_stream(f"/{SERVICE}/Both", **codec)

    async def ask(self, what: str, **options: object) -> str:
        with calling("echo"):
            return (await self.unary(Text(value=what), **options)).value


@asynccontextmanager
async def serving(**options: float) -> AsyncIterator[SimpleNamespace]:
    process = Process("test", ServiceSettings(shutdown_grace_seconds=0.3))
    echo = Echo()
    async with GrpcServer(process, service_names=[SERVICE], **options) as server:
        echo.add_to(server.server)
        port = await server.start()
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield SimpleNamespace(
                process=process, server=server, echo=echo, port=port, channel=channel, stub=Stub(channel)
            )
        process.stopping.set()


@pytest.fixture
async def running() -> AsyncIterator[SimpleNamespace]:
    async with serving() as everything:
        yield everything


ALL = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.ServiceError)]


@pytest.mark.parametrize("cls", [cls for cls in ALL if cls is not errors.ServiceError])
async def test_every_error_arrives_as_its_own_class_with_all_it_carried(
    running: SimpleNamespace, cls: type[errors.ServiceError]
) -> None:
    with pytest.raises(cls) as caught:
        await running.stub.ask(cls.__name__)
    error = caught.value
    assert type(error) is cls
    assert error.message == f"echo: {cls.__name__} happened"
    assert error.reason == "test_reason"
    assert error.retry_after == 1.25
    assert error.metadata == {"limit": "3", "peer": "echo"}


@pytest.mark.parametrize("kind", ["down", "written", "up", "both"])
async def test_streaming_methods_answer_errors_like_unary_ones(running: SimpleNamespace, kind: str) -> None:
    method = getattr(running.stub, kind)
    got: list[str] = []

    async def consume() -> None:
        with calling("echo"):
            if kind in {"down", "written"}:
                async for answer in method(Text(value="NotFound")):
                    got.append(answer.value)
            elif kind == "up":
                await method(iter([Text(value="NotFound")]))
            else:
                async for answer in method(iter([Text(value="a"), Text(value="NotFound")])):
                    got.append(answer.value)

    with pytest.raises(errors.NotFound, match="echo: NotFound happened"):
        await consume()
    assert got == {"down": ["first"], "written": ["first"], "up": [], "both": ["a"]}[kind]


async def test_an_unmodified_client_sees_code_message_and_rich_details(running: SimpleNamespace) -> None:
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Stub(channel).unary(Text(value="ResourceExhausted"))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    status = await rpc_status.aio.from_call(_Call(caught.value))
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, info.domain, dict(info.metadata)) == ("test_reason", "whitebox", {"limit": "3"})
    assert retry.retry_delay.ToMilliseconds() == 1250


class _Call:
    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    async def code(self) -> grpc.StatusCode:
        return self._error.code()

    async def details(self) -> str:
        return self._error.details()

    async def trailing_metadata(self) -> object:
        return self._error.trailing_metadata()


async def test_a_bug_becomes_internal_with_a_trace_id_and_no_internals(running: SimpleNamespace, caplog) -> None:
    with pytest.raises(errors.Internal) as caught:
        await running.stub.ask("bug")
    assert "secret internals" not in caught.value.message
    assert len(caught.value.metadata["trace_id"]) == 32
    [record] = [record for record in caplog.records if record.message == "unhandled error"]
    assert record.exc_info


async def test_a_servicer_that_aborts_by_itself_is_left_alone(running: SimpleNamespace) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.stub.unary(Text(value="abort"))
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS


async def test_an_unknown_method_says_so(running: SimpleNamespace) -> None:
    unknown = running.channel.unary_unary(f"/{SERVICE}/Nothing")
    with pytest.raises(errors.Internal, match="echo does not know this method"), calling("echo"):
        await unknown(b"")


async def test_a_message_over_the_limit_is_refused(running: SimpleNamespace) -> None:
    with pytest.raises(errors.ServiceError, match="larger than max"):
        await running.stub.ask("x" * (33 * 2**20))


async def test_a_call_without_deadline_gets_the_servers_and_its_work_is_cancelled() -> None:
    async with (
        serving(default_deadline_seconds=0.1, default_stream_deadline_seconds=0.1) as running,
        grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel,
    ):
        stub = Stub(channel)
        with pytest.raises(errors.DeadlineExceeded, match=r"limit of 0\.1 s"), calling("echo"):
            await stub.unary(Text(value="hang"))
        await asyncio.wait_for(running.echo.cancelled.wait(), 5)
        running.echo.cancelled.clear()
        with pytest.raises(errors.DeadlineExceeded), calling("echo"):
            await _drain(stub.down(Text(value="hang")))
        await asyncio.wait_for(running.echo.cancelled.wait(), 5)


async def _drain(stream: AsyncIterator[Text]) -> None:
    async for _ in stream:
        pass


async def test_a_channels_default_deadline_ends_a_call_and_the_work(running: SimpleNamespace) -> None:
    async with open_channel(f"127.0.0.1:{running.port}", timeout_seconds=0.1) as channel:
        with pytest.raises(errors.DeadlineExceeded, match="echo did not answer in time"):
            await Stub(channel).ask("hang")
    await asyncio.wait_for(running.echo.cancelled.wait(), 5)


async def test_calls_inside_a_request_get_no_more_time_than_it_has_left(running: SimpleNamespace) -> None:
    running.echo.hook = lambda: running.stub.ask("left")
    assert float(await running.stub.ask("hook", timeout=3)) <= 3.1  # gRPC rounds deadlines up on the wire
    running.echo.hook = lambda: running.stub.ask("left", timeout=0.5)
    assert float(await running.stub.ask("hook", timeout=3)) <= 0.6
    assert 9 < float(await running.stub.ask("left")) <= 10.5


async def test_a_callers_cancel_reaches_the_work(running: SimpleNamespace) -> None:
    call = running.stub.unary(Text(value="hang"))
    await asyncio.wait_for(running.echo.entered.wait(), 5)
    call.cancel()
    await asyncio.wait_for(running.echo.cancelled.wait(), 5)


async def test_a_stream_that_the_caller_leaves_is_cancelled(running: SimpleNamespace) -> None:
    stream = running.stub.down(Text(value="hang"))
    assert (await stream.read()).value == "first"
    stream.cancel()
    await asyncio.wait_for(running.echo.cancelled.wait(), 5)


async def test_one_trace_spans_nested_calls_and_an_outer_traceparent_is_continued(running: SimpleNamespace) -> None:
    running.echo.hook = lambda: running.stub.ask("trace")
    with tracer().start_as_current_span("outer"):
        outer = current_trace_id()
        assert await running.stub.ask("hook") == outer
    assert await running.stub.ask("trace") != outer
    foreign = "0af7651916cd43dd8448eb211c80319c"
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        given = (("traceparent", f"00-{foreign}-b7ad6b7169203331-01"),)
        assert (await Stub(channel).unary(Text(value="trace"), metadata=given)).value == foreign
        malformed = (("traceparent", "00-zz-1-01"),)
        assert len((await Stub(channel).unary(Text(value="trace"), metadata=malformed)).value) == 32


async def test_calls_are_measured_on_both_sides_by_method_and_code(running: SimpleNamespace) -> None:
    def count(side: str, code: str) -> float:
        labels = {"method": f"{SERVICE}/Unary", "code": code}
        return REGISTRY.get_sample_value(f"whitebox_rpc_{side}_duration_seconds_count", labels) or 0

    sides = [(side, code) for side in ("server", "client") for code in ("OK", "NOT_FOUND")]
    before = [count(*one) for one in sides]
    await running.stub.ask("hello")
    with pytest.raises(errors.NotFound):
        await running.stub.ask("NotFound")
    assert [count(*one) - old for one, old in zip(sides, before, strict=True)] == [1, 1, 1, 1]
    assert REGISTRY.get_sample_value("whitebox_rpc_server_in_flight", {"method": f"{SERVICE}/Unary"}) == 0


async def test_a_peer_that_is_down_fails_fast_and_is_found_again_soon_after_it_is_back() -> None:
    port = free_port()
    async with open_channel(f"127.0.0.1:{port}", timeout_seconds=20) as channel:
        began = time.monotonic()
        with pytest.raises(errors.Unavailable, match="echo cannot be reached") as caught:
            await Stub(channel).ask("hello")
        assert time.monotonic() - began < 3
        assert caught.value.reason == "peer_unreachable"
        process = Process("test", ServiceSettings(port=port, shutdown_grace_seconds=0.1))
        async with GrpcServer(process, service_names=[SERVICE]) as server:
            Echo().add_to(server.server)
            await server.start()
            back = time.monotonic()
            while True:
                try:
                    assert await Stub(channel).ask("hello") == "hello"
                    break
                except errors.Unavailable:
                    assert time.monotonic() - back < 5
            process.stopping.set()


async def test_a_call_that_fails_before_an_answer_is_tried_again_and_one_with_a_verdict_is_not(
    running: SimpleNamespace,
) -> None:
    with pytest.raises(errors.NotFound):
        await running.stub.ask("NotFound")
    assert running.echo.calls == 1
    with pytest.raises(errors.Unavailable):
        await running.stub.ask("Unavailable")
    assert running.echo.calls == 1 + 3


async def test_a_taken_port_is_an_error_and_not_shared(running: SimpleNamespace) -> None:
    second = Process("second", ServiceSettings(port=running.port))
    async with GrpcServer(second, service_names=[SERVICE]) as server:
        with pytest.raises(errors.Unavailable, match="is it in use"):
            await server.start()


async def test_the_health_service_follows_the_checks_and_the_shutdown() -> None:
    broken = True

    async def check() -> None:
        if broken:
            raise ConnectionError("index is away")

    async with serving() as running:
        running.process.health.add_check("index", check)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as plain:
            stub = health_pb2_grpc.HealthStub(plain)
            for name in ("", SERVICE):
                watch = stub.Watch(health_pb2.HealthCheckRequest(service=name))
                await _until(watch, health_pb2.HealthCheckResponse.NOT_SERVING)
                watch.cancel()
            with pytest.raises(errors.Unavailable, match="echo is not ready"):
                await peer_ready(running.channel, "echo")()
            broken = False
            watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
            await _until(watch, health_pb2.HealthCheckResponse.SERVING)
            await peer_ready(running.channel, "echo")()
            hanging = running.stub.unary(Text(value="hang"))
            await running.echo.entered.wait()
            stopping = asyncio.create_task(running.server.stop())
            await _until(watch, health_pb2.HealthCheckResponse.NOT_SERVING)
            assert not hanging.done()
            await stopping
            with pytest.raises(grpc.aio.AioRpcError):
                await hanging


async def _until(watch: AsyncIterator[health_pb2.HealthCheckResponse], status: int) -> None:
    async with asyncio.timeout(10):
        async for answer in watch:
            if answer.status == status:
                return


async def test_an_unknown_service_is_not_found_by_the_health_service(running: SimpleNamespace) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as plain:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(plain).Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_the_services(running: SimpleNamespace) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as plain:
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        stream = reflection_pb2_grpc.ServerReflectionStub(plain).ServerReflectionInfo(iter([ask]))
        answer = await stream.read()
        stream.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_running_calls_finish_within_the_grace() -> None:
    release = asyncio.Event()
    async with serving() as running:

        async def wait() -> str:
            await release.wait()
            return "done"

        running.echo.hook = wait
        call = asyncio.create_task(running.stub.ask("hook"))
        await running.echo.entered.wait()
        stopping = asyncio.create_task(running.server.stop())
        release.set()
        assert await call == "done"
        await stopping
