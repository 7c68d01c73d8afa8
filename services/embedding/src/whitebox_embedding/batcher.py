"""Runs the encoder in its own threads on batches drawn across all callers.

There is no artificial wait: while a batch runs, the next one gathers. An idle service answers a lone query at once,
a busy one fills its batches by itself.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from whitebox_runtime.telemetry import histogram

from whitebox_embedding.encoding import Encoder
from whitebox_embedding.scheduling import FairQueue

# Tokens per second and thread assumed until the first batch has been measured.
_ASSUMED_SPEED = 2000.0
_SPEED_SMOOTHING = 0.2


@dataclass(eq=False, slots=True)
class _Request:
    """Vectors of one caller's texts; `done` resolves when the last row is in."""

    vectors: NDArray[np.float32]
    missing: int
    done: asyncio.Future[None]
    arrived: float
    started: bool = False


@dataclass(eq=False, slots=True)
class _Text:
    ids: NDArray[np.int32]
    row: int
    request: _Request = field(repr=False)


class Batcher:
    """Embeds encoded texts for many concurrent callers; lives on one event loop.

    Args:
        encoder: What computes the vectors.
        dimensions: Width of a vector.
        padding_id: Fills the right end of shorter rows.
        max_batch_tokens: Bound on a batch's padded tokens. A query may have to wait for one such batch, so it should be
            just large enough for the encoder's full speed.
        threads: Batches that run at the same time.
    """

    def __init__(
        self, encoder: Encoder, *, dimensions: int, padding_id: int = 0, max_batch_tokens: int = 256, threads: int = 1
    ) -> None:
        self._encoder = encoder
        self._dimensions = dimensions
        self._padding_id = padding_id
        self._queue: FairQueue[_Text] = FairQueue(max_batch_tokens)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="inference")
        self._threads = threads
        self._idle = threads
        self._speed = _ASSUMED_SPEED
        self._batch_texts = histogram("whitebox_embedding_batch_texts")
        self._queue_seconds = histogram("whitebox_embedding_queue_seconds")

    @property
    def backlog_seconds(self) -> float:
        """How long the waiting texts will take at the speed of late."""
        return self._queue.tokens / (self._speed * self._threads)

    async def embed(self, token_ids: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """Embeds texts given as token ids; cancelling the call withdraws those that do not run yet.

        Returns:
            (len(token_ids), dimensions) in the order given.
        """
        vectors = np.empty((len(token_ids), self._dimensions), np.float32)
        if not token_ids:
            return vectors
        done = asyncio.get_running_loop().create_future()
        request = _Request(vectors, len(token_ids), done, time.perf_counter())
        texts = [_Text(ids, row, request) for row, ids in enumerate(token_ids)]
        self._queue.add([(len(text.ids), text) for text in texts])
        self._start_batches()
        try:
            await done
        finally:
            if request.missing:
                self._queue.remove(texts)
        return vectors

    def close(self) -> None:
        """Waits for the batches that run and ends the threads; nothing may be waiting."""
        self._executor.shutdown()

    def _start_batches(self) -> None:
        loop = asyncio.get_running_loop()
        while self._idle and (batch := self._queue.take()):
            self._idle -= 1
            now = time.perf_counter()
            for request in {id(text.request): text.request for text in batch}.values():
                if not request.started:
                    request.started = True
                    self._queue_seconds.observe(now - request.arrived)
            self._batch_texts.observe(len(batch))
            running = loop.run_in_executor(self._executor, self._encode, [text.ids for text in batch])
            running.add_done_callback(partial(self._finish, batch))

    def _encode(self, rows: Sequence[NDArray[np.int32]]) -> tuple[NDArray[np.float32], float]:
        """Pads and runs one batch; returns the vectors and the tokens per second."""
        lengths = np.array([len(row) for row in rows], np.int32)
        token_ids = np.full((len(rows), int(lengths.max())), self._padding_id, np.int32)
        for padded, row in zip(token_ids, rows, strict=True):
            padded[: len(row)] = row
        start = time.perf_counter()
        vectors = self._encoder.encode(token_ids, lengths)
        return vectors, float(lengths.sum()) / max(time.perf_counter() - start, 1e-9)

    def _finish(self, batch: Sequence[_Text], running: asyncio.Future[tuple[NDArray[np.float32], float]]) -> None:
        self._idle += 1
        self._start_batches()
        if running.cancelled():
            self._fail(batch, RuntimeError("the batcher was closed"))
        elif (error := running.exception()) is not None:
            self._fail(batch, error)
        else:
            vectors, speed = running.result()
            self._speed += _SPEED_SMOOTHING * (speed - self._speed)
            for text, vector in zip(batch, vectors, strict=True):
                request = text.request
                request.vectors[text.row] = vector
                request.missing -= 1
                if not request.missing and not request.done.done():
                    request.done.set_result(None)

    def _fail(self, batch: Sequence[_Text], error: BaseException) -> None:
        for text in batch:
            if not text.request.done.done():
                text.request.done.set_exception(error)
