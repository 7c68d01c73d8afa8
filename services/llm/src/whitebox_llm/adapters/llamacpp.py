"""llama.cpp in this process: one model, its slots batched continuously, tokens handed over by callback.

The callback runs in a thread per running generation, with the event already parsed; its return value tells llama.cpp
to stop. Against the engine's own HTTP server that saves a second HTTP stack, pooled connections that the server drops
while idle, and the wait until a closed connection is noticed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import xllamacpp
from httpx2 import AsyncClient
from whitebox_runtime.errors import InvalidArgument, Unavailable

from whitebox_llm.adapters.openai_wire import ChunkReader, request_body
from whitebox_llm.engine import Chunk, Message, ModelInfo, Request
from whitebox_llm.recomputation import Scored

logger = logging.getLogger(__name__)

Event = dict[str, Any]

# Added to a logit, of which the largest in use are some tens.
_NO_RIVAL = 1e4


class ModelLoadError(Exception):
    """llama.cpp cannot load the model; the reason is in its own log lines on standard error."""


@dataclass(frozen=True)
class LlamaCppOptions:
    """How llama.cpp runs.

    Attributes:
        model_path: The GGUF file.
        model_name: What callers call the model.
        weights_sha256: Of the file.
        slots: Generations that are batched together.
        context_tokens: Prompt and output of one generation; memory is taken for `slots` times as many.
        threads: Threads that compute.
        batch_tokens: Prompt tokens per step. A cancelled generation stops, and running ones get their next token,
            only between two steps.
        prefix_cache_bytes: Memory for the states of earlier prompts, on top of those still in their slots.
        stalled_after_seconds: Silence during a generation after which the engine counts as stuck.
    """

    model_path: Path
    model_name: str
    weights_sha256: str
    slots: int
    context_tokens: int
    threads: int
    batch_tokens: int
    prefix_cache_bytes: int
    stalled_after_seconds: float


class LlamaCppEngine:
    """One GGUF model.

    Loading takes the time it takes and holds the interpreter lock, so probes go unanswered until it is done.

    Args:
        options: How to run it.

    Raises:
        ModelLoadError: The file is not a model that this llama.cpp can load.
    """

    name = "llama.cpp"

    def __init__(self, options: LlamaCppOptions) -> None:
        self._options = options
        # The library always opens its HTTP port; a key that nobody knows keeps other processes out.
        self.api_key = secrets.token_urlsafe(32)
        try:
            self._server = xllamacpp.Server(_parameters(options, self.api_key))
        except RuntimeError as error:
            raise ModelLoadError(f"llama.cpp cannot load {options.model_path}: see its messages above") from error
        self._threads = ThreadPoolExecutor(options.slots, thread_name_prefix="llama.cpp")
        self._running: set[_Relay] = set()
        self._closed = False

    @property
    def weights_path(self) -> Path:
        """See `Scorer.weights_path`."""
        return self._options.model_path

    @property
    def address(self) -> str:
        """URL of llama.cpp's own HTTP server, for diagnosis with `api_key`."""
        return str(self._server.listening_address)

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `Engine.generate`.

        What a slow reader has not taken yet is kept in memory and merged into its next chunk: at most `max_tokens`
        events, so that it never holds up a slot.
        """
        async with aclosing(self._run(request, _body(request))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def rendered(self, messages: Sequence[Message]) -> str:
        """See `Scorer.rendered`."""
        # The library hands over no template; its HTTP server, which it always opens on loopback, does.
        async with AsyncClient(base_url=self.address, headers={"Authorization": f"Bearer {self.api_key}"}) as client:
            answer = await client.post("/apply-template", json={"messages": [asdict(message) for message in messages]})
        if answer.status_code != HTTPStatus.OK:
            raise InvalidArgument(
                f"the model's chat template refuses the messages: {answer.text[:1000]}", reason="refused_by_engine"
            )
        return str(answer.json()["prompt"])

    async def score(self, prompt: str, completion: Sequence[int]) -> Scored:
        """See `Scorer.score`."""
        # llama.cpp reports what it generates and not what it reads. So each token is generated, with a bias that leaves
        # it no rival; what is reported are the probabilities before the bias. The tokens before it come from the cache.
        # (One generation held to the tokens by a grammar would do, but aborts the process at a part of a character.)
        request = Request(self._options.model_name, prompt, 1, temperature=0, top_p=1, top_logprobs=0)
        logprobs: list[float | None] = []
        prompt_tokens = 0
        for place, token in enumerate(completion):
            read: str | list[str | int] = [prompt, *completion[:place]] if place else prompt
            body = _body(request) | {"prompt": read, "logit_bias": [[token, _NO_RIVAL]]}
            # Nothing is reported of a token that begins a character and does not end it.
            logprobs.append(None)
            async with aclosing(self._run(request, body)) as chunks:
                async for chunk in chunks:
                    if chunk.tokens:
                        logprobs[-1] = chunk.tokens[0].chosen.logprob
                    if chunk.usage is not None and not place:
                        prompt_tokens = chunk.usage.prompt_tokens
        return Scored(prompt_tokens, tuple(logprobs))

    async def _run(self, request: Request, body: Event) -> AsyncGenerator[Chunk, None]:
        if self._closed:
            raise Unavailable("the engine is stopping", reason="engine_stopping")
        loop = asyncio.get_running_loop()
        relay = _Relay(loop, self._handler(request), body)
        self._running.add(relay)
        work = loop.run_in_executor(self._threads, relay.run)
        work.add_done_callback(lambda _: relay.wake())
        reader = ChunkReader(request)
        try:
            async for events in relay.batches(work):
                if (chunk := reader.read(events)) is not None:
                    yield chunk
            try:
                work.result()
            except ValueError as error:
                raise InvalidArgument(
                    f"the engine refuses the request: {str(error)[:1000]}", reason="refused_by_engine"
                ) from error
            yield reader.finish()
        finally:
            relay.cancelled = True
            # The slot is free only when the thread is back; before that, the next generation would wait in it unseen.
            if not work.done() and not work.cancel():
                await asyncio.wait({work})
            self._running.discard(relay)

    async def list_models(self) -> Sequence[ModelInfo]:
        """Returns the one model."""
        options = self._options
        return [ModelInfo(options.model_name, self.name, options.context_tokens, options.weights_sha256)]

    async def check(self) -> None:
        """Returns unless a running generation has been silent for too long.

        Raises:
            Unavailable: It has; the engine's loop is stuck.
        """
        silent = max((time.monotonic() - relay.last_sign for relay in self._running if relay.started), default=0.0)
        if silent > self._options.stalled_after_seconds:
            raise Unavailable(f"the engine has been silent for {silent:.0f} s", reason="engine_stalled")

    async def close(self) -> None:
        """Stops running generations after their next token and unloads the model."""
        self._closed = True
        for relay in self._running:
            relay.cancelled = True
        await asyncio.to_thread(self._threads.shutdown)
        del self._server

    def counters(self) -> str:
        """Returns llama.cpp's own metrics in Prometheus text format, as of its last step."""
        return str(self._server.handle_metrics())

    def _handler(self, request: Request) -> Callable[[Event, Callable[[Event], bool]], None]:
        if isinstance(request.input, str):
            handler = self._server.handle_completions
        else:
            handler = self._server.handle_chat_completions
        return handler  # type: ignore[no-any-return]  # the library is untyped


class _Relay:
    """Carries the events of one generation from its thread to the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        handler: Callable[[Event, Callable[[Event], bool]], None],
        body: Event,
    ) -> None:
        self._loop = loop
        self._handler = handler
        self._body = body
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self.cancelled = False
        self.started = False
        self.last_sign = time.monotonic()

    def run(self) -> None:
        """Generates; runs in a thread until the generation is over or cancelled."""
        if self.cancelled:
            return
        self.last_sign = time.monotonic()
        self.started = True
        self._handler(self._body, self._receive)

    async def batches(self, work: asyncio.Future[None]) -> AsyncIterator[list[Event]]:
        """Yields all events that arrived since the last time, until `work` is done and none is left."""
        while True:
            await self._news.wait()
            self._news.clear()
            done = work.done()
            events = [self._events.popleft() for _ in range(len(self._events))]
            if events:
                yield events
            if done:
                return

    def wake(self) -> None:
        """Makes `batches` look again; on the event loop only."""
        self._news.set()

    def _receive(self, event: Event) -> bool:
        self.last_sign = time.monotonic()
        if self.cancelled:
            return True  # llama.cpp stops the slot
        self._events.append(event)
        # A set flag means that the reader has yet to look, and will then find this event too.
        if not self._news.is_set():
            self._loop.call_soon_threadsafe(self._news.set)
        return False


def _parameters(options: LlamaCppOptions, api_key: str) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(options.model_path)
    parameters.model_alias = {options.model_name}
    parameters.n_parallel = options.slots
    parameters.n_ctx = options.context_tokens * options.slots
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.n_batch = options.batch_tokens
    parameters.n_ubatch = options.batch_tokens
    parameters.cache_ram_mib = options.prefix_cache_bytes // 2**20
    parameters.port = 0
    parameters.api_keys = [api_key]
    parameters.endpoint_metrics = True
    parameters.ui = False
    # An assistant message at the end is a turn like any other, as with the other engines.
    parameters.prefill_assistant = False
    # 1: errors only.
    parameters.verbosity = 1
    return parameters


def _body(request: Request) -> Event:
    body = request_body(request) | {
        # Only the samplers that the contract names: llama.cpp would cut the distribution further by default. Greedy
        # takes the likeliest token whatever top_p says, and need not sort the vocabulary for it.
        "top_k": 0 if request.temperature > 0 else 1,
        "min_p": 0.0,
        # An event per prompt batch, each of which is a chance to cancel and a sign of life.
        "return_progress": True,
        # A prefix from the cache is computed in other batches and rounds differently: a seed asks for the same again.
        "cache_prompt": request.seed is None,
    }
    if isinstance(request.input, str) and request.schema is not None:
        body["json_schema"] = request.schema.document
    return body
