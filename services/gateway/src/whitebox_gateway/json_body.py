"""Reading JSON from strangers: strict UTF-8, no NaN, bounded nesting, no characters that other systems cannot hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from whitebox_runtime.errors import InvalidArgument, UnsupportedMediaType


def parse_json(body: bytes, *, max_depth: int) -> Any:
    """Parses a document.

    Args:
        body: UTF-8.
        max_depth: Lists and objects that may stand inside each other.

    Raises:
        InvalidArgument: It is not JSON, holds NaN, a lone surrogate or a NUL, or is nested too deeply.
    """
    try:
        document = orjson.loads(body)
    except json.JSONDecodeError as error:
        raise InvalidArgument(
            f"the body is not valid JSON: {error.msg[:200]} (line {error.lineno}, column {error.colno})",
            reason="json_invalid",
        ) from error
    # Most documents have neither enough brackets nor the escape, and then need no second look.
    if body.count(b"[") + body.count(b"{") > max_depth or b"\\u0000" in body:
        _check(document, max_depth)
    return document


def _check(document: Any, max_depth: int) -> None:
    layer = [document]
    depth = 0
    while layer:
        below: list[Any] = []
        for value in layer:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, list):
                below += value
            elif isinstance(value, dict):
                for key in value:
                    _check_text(key)
                below += value.values()
        if depth > max_depth:
            raise InvalidArgument(f"the body is nested deeper than {max_depth} levels", reason="json_too_deep")
        layer = [value for value in below if isinstance(value, str | list | dict)]
        depth += 1


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidArgument("the body holds a NUL character (\\u0000), which is not text", reason="nul_character")


class JsonRequest(Request):
    """A request whose JSON is read by `parse_json`."""

    async def json(self) -> Any:
        """Returns the body as plain data.

        Raises:
            InvalidArgument: See `parse_json`.
        """
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body(), max_depth=self.app.state.max_json_depth)
        return self._json


class JsonRoute(APIRoute):
    """A route that reads its body by `JsonRequest` and accepts nothing but JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns the handler with the stricter request in front."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def strictly(request: Request) -> Response:
            if takes_body:
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
                    raise UnsupportedMediaType(
                        f"the content type is {kind[:100] or 'missing'!r}: send application/json",
                        reason="content_type_not_json",
                    )
            return await handle(JsonRequest(request.scope, request.receive))

        return strictly
