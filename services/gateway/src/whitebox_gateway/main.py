"""Starts the gateway: `python -m whitebox_gateway.main`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

import uvicorn
from whitebox_runtime.process import Process, run_process

from whitebox_gateway.adapters.services import Services
from whitebox_gateway.application import create_application
from whitebox_gateway.authentication import KeyRing, KeysFileError
from whitebox_gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves signals to the process, which has its own way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


async def serve(process: Process[GatewaySettings]) -> None:
    """Answers until the process is told to stop, then finishes what is in flight."""
    settings = process.settings
    try:
        keys = KeyRing(settings.api_keys_file)
    except KeysFileError as error:
        raise SystemExit(f"gateway: WHITEBOX_GATEWAY_API_KEYS_FILE: {error}") from error
    services = Services(settings)
    for name, check in services.checks():
        process.health.add_check(name, check, critical=False)
    config = uvicorn.Config(
        create_application(settings, keys, services, process.health),
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="none",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_seconds)),
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    stopping = asyncio.create_task(_stop(process, server))
    try:
        await server.serve()
    except SystemExit as error:
        # uvicorn has logged why: the port is taken.
        process.fail(f"cannot listen on {settings.host}:{settings.port}", error)
    finally:
        process.stopping.set()
        await stopping
        await services.close()


async def _stop(process: Process[GatewaySettings], server: uvicorn.Server) -> None:
    await process.stopping.wait()
    process.health.drain()
    server.should_exit = True


def main() -> None:
    """Entry point."""
    run_process("gateway", GatewaySettings, serve)


if __name__ == "__main__":
    main()
