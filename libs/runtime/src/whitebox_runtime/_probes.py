"""The small HTTP server for /metrics, /live and /ready.

It answers GET and nothing else, so it needs no web framework: a request line and headers are read and thrown away,
every answer closes its connection.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import prometheus_client

from whitebox_runtime.health import Health

_READ_SECONDS = 5.0
_MAX_HEADER_BYTES = 16 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"

Answer = tuple[int, str, bytes]


class ProbeServer:
    """Serves one process's metrics and probes.

    Args:
        health: What `/ready` reports.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the bound port.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._connection, host, port, limit=_MAX_HEADER_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening."""
        if self._server is not None:
            self._server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method = ""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            method, target, _version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            status, kind, body = await self._answer(method, target.partition("?")[0])
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            status, kind, body = 400, _TEXT, b"this server answers GET /metrics, /live and /ready\n"
        except (TimeoutError, OSError):
            writer.close()
            return
        with suppress(OSError):
            writer.write(
                f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(b"" if method == "HEAD" else body)
            await writer.drain()
        writer.close()

    async def _answer(self, method: str, path: str) -> Answer:
        if method not in {"GET", "HEAD"}:
            return 405, _TEXT, b"only GET is answered\n"
        if path == "/metrics":
            # Text generation takes milliseconds once there are thousands of series: not on the event loop.
            text = await asyncio.to_thread(prometheus_client.generate_latest)
            return 200, prometheus_client.CONTENT_TYPE_LATEST, text
        if path == "/live":
            return 200, _TEXT, b"live\n"
        if path == "/ready":
            report = await self._health.report()
            return 200 if report.ready else 503, _JSON, json.dumps(report.to_dict()).encode()
        return 404, _TEXT, b"this server answers /metrics, /live and /ready\n"
