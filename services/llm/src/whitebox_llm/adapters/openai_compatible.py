"""Any server with OpenAI's API: vLLM, llama.cpp's own, a hosted one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.telemetry import traceparent

from whitebox_llm.adapters.openai_wire import ChunkReader, error_from, request_body, response_format
from whitebox_llm.engine import Chunk, ModelInfo, Request

_CONNECT_SECONDS = 5.0
_CHECK_SECONDS = 1.5
# llama.cpp and uvicorn drop connections that are idle for 5 s: leave them first, or a request meets a closed one.
_KEEP_ALIVE_SECONDS = 2.0


@dataclass(frozen=True)
class OpenAiOptions:
    """Which server, and how long to wait for it.

    Attributes:
        base_url: Up to and with `/v1`.
        api_key: Sent as a bearer token; servers that need none ignore it.
        silence_seconds: Longest wait for the first or the next piece of an answer.
        health_path: Path on the server that answers 200 while it works; empty asks for its models instead.
        engine: What to call the engine behind it.
    """

    base_url: str
    api_key: str
    silence_seconds: float
    health_path: str = ""
    engine: str = "openai"


class OpenAiEngine:
    """A server with OpenAI's API.

    Nothing is retried here: the caller knows whether that still makes sense.

    Args:
        options: Which server.
    """

    def __init__(self, options: OpenAiOptions) -> None:
        self.name = options.engine
        self._options = options
        # Admission bounds the number of calls; a smaller pool would only add a hidden queue.
        self._http = openai.DefaultAsyncHttpxClient(
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        )
        self._client = openai.AsyncOpenAI(
            base_url=options.base_url,
            api_key=options.api_key,
            max_retries=0,
            timeout=httpx2.Timeout(options.silence_seconds, connect=_CONNECT_SECONDS, pool=None),
            http_client=self._http,
        )

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`; closing the connection is what stops the server."""
        reader = ChunkReader(request)
        with self._errors():
            stream = await self._open(request)
            try:
                async for event in stream:
                    if (chunk := reader.read((event.to_dict(mode="python"),))) is not None:
                        yield chunk
            finally:
                await stream.close()
        yield reader.finish()

    async def list_models(self) -> Sequence[ModelInfo]:
        """Returns what the server lists."""
        with self._errors():
            page = await self._client.models.list(timeout=_CONNECT_SECONDS)
        return [ModelInfo(card.id, self.name, _context_tokens(card.to_dict(mode="python"))) for card in page.data]

    async def check(self) -> None:
        """Returns when the server answers.

        Raises:
            Unavailable: It does not, or refuses this service.
        """
        if not self._options.health_path:
            with self._errors():
                await self._client.models.list(timeout=_CHECK_SECONDS)
            return
        url = httpx2.URL(self._options.base_url).join(self._options.health_path)
        try:
            answer = await self._http.get(url, timeout=_CHECK_SECONDS)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status_code != httpx2.codes.OK:
            raise Unavailable(f"{url} answers {answer.status_code}", reason="engine_unavailable")

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    async def _open(self, request: Request) -> openai.AsyncStream[Any]:
        body = request_body(request)
        trace = traceparent()
        headers = {"traceparent": trace} if trace else {}
        stream: openai.AsyncStream[Any]
        if not isinstance(request.input, str):
            stream = await self._client.chat.completions.create(model=request.model, **body, extra_headers=headers)
            return stream
        # vLLM reads the first, llama.cpp the second; OpenAI's own completions know neither.
        schema = request.schema and request.schema.document
        extra = {"response_format": response_format(schema), "json_schema": schema} if schema else {}
        stream = await self._client.completions.create(
            model=request.model, **body, extra_body=extra, extra_headers=headers
        )
        return stream

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except openai.APIStatusError as error:
            raise error_from(_body(error), error.status_code, retry_after=_retry_after(error.response)) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise Unavailable(f"{self._options.base_url} was silent for too long", reason="engine_silent") from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise self._unreachable(error) from error
        except openai.APIError as error:
            raise error_from(_body(error)) from error

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"cannot reach {self._options.base_url}: {error.__cause__ or error}", reason="engine_unreachable"
        )


def _body(error: openai.APIError) -> Mapping[str, Any]:
    return error.body if isinstance(error.body, Mapping) else {"message": error.message}


def _retry_after(response: httpx2.Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None  # absent, or a date, which no inference server sends


def _context_tokens(card: Mapping[str, Any]) -> int:
    # vLLM says max_model_len, llama.cpp meta.n_ctx, OpenAI nothing.
    return int(card.get("max_model_len") or (card.get("meta") or {}).get("n_ctx") or 0)
