"""What the runtime's server and channel add to a gRPC call: `python libs/runtime/benchmarks/echo.py`.

The four combinations of plain grpc.aio and ours take turns in one process, so that a busy machine hurts all alike.
"""

import statistics
import time

import grpc.aio
import uvloop
from google.protobuf import wrappers_pb2
from whitebox_runtime.grpc_client import open_channel
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process
from whitebox_runtime.settings import ServiceSettings
from whitebox_runtime.telemetry import setup_tracing

Text = wrappers_pb2.StringValue
ROUNDS, CALLS = 20, 250


def add_echo(server: grpc.aio.Server) -> None:
    async def echo(request: Text, _context: object) -> Text:
        return request

    method = grpc.unary_unary_rpc_method_handler(echo, Text.FromString, Text.SerializeToString)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Echo", {"Echo": method})])


async def main() -> None:
    setup_tracing("benchmark")
    process = Process("benchmark", ServiceSettings(shutdown_grace_seconds=0))
    ours = GrpcServer(process, service_names=["bench.Echo"])
    add_echo(ours.server)
    plain = grpc.aio.server()
    add_echo(plain)
    ports = {"plain": plain.add_insecure_port("127.0.0.1:0"), "runtime": await ours.start()}
    await plain.start()
    times: dict[tuple[str, str], list[float]] = {}
    channels = {}
    for server, port in ports.items():
        channels["plain", server] = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        channels["runtime", server] = open_channel(f"127.0.0.1:{port}")
    for _ in range(ROUNDS):
        for pair, channel in channels.items():
            call = channel.unary_unary("/bench.Echo/Echo", Text.SerializeToString, Text.FromString)
            for _ in range(CALLS):
                began = time.perf_counter()
                await call(Text(value="hello"))
                times.setdefault(pair, []).append(time.perf_counter() - began)
    for (client, server), seconds in times.items():
        print(f"{client:>7} channel, {server:>7} server: p50 {statistics.median(seconds) * 1e6:4.0f} us")
    process.stopping.set()
    await ours.stop()
    await plain.stop(0)
    for channel in channels.values():
        await channel.close()


uvloop.run(main())
