"""Server-sent events that survive proxies and stop when nobody listens; see https://html.spec.whatwg.org/#sse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# Proxies cut connections on which nothing happens, many after 30 s or 60 s.
KEEP_ALIVE_SECONDS = 15.0
_KEEP_ALIVE = b": keep-alive\n\n"


def event(data: bytes, name: str = "") -> bytes:
    """Returns one event. `data` is one line, as JSON from orjson always is."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + data + b"\n\n"


class EventStream(Response):
    """A response made of events as they come.

    Args:
        events: Yields whole events as bytes. It is closed when the client goes away, wherever it waits.
        keep_alive_seconds: Silence after which a comment is sent.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[bytes],
        *,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._events = events
        self._keep_alive_seconds = keep_alive_seconds
        self.status_code = 200
        self.background = None
        # X-Accel-Buffering: nginx would otherwise collect the stream.
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends events until there are no more."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:
            upcoming: asyncio.Task[bytes] | None = None
            try:
                while True:
                    upcoming = upcoming or asyncio.ensure_future(anext(events))
                    done, _ = await asyncio.wait({upcoming}, timeout=self._keep_alive_seconds)
                    if not done:
                        await send({"type": "http.response.body", "body": _KEEP_ALIVE, "more_body": True})
                        continue
                    try:
                        piece = upcoming.result()
                    except StopAsyncIteration:
                        break
                    upcoming = None
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            finally:
                if upcoming is not None and not upcoming.done():
                    upcoming.cancel()
                    await asyncio.wait({upcoming})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
