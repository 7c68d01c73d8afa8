"""Runs a model for many concurrent callers, and batches only what profits.

Handing rows to another thread and back costs about 50 µs; a compiled model answers one row in 5 to 10. So rows whose
run is expected to be short are computed on the spot, where the caller stands. Longer runs go to a thread, and whatever
arrives while one runs forms the next batch by itself. Nobody waits for a timer: an idle service answers at once, a
busy one fills its batches.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from whitebox_runtime.errors import ResourceExhausted
from whitebox_runtime.telemetry import histogram

from whitebox_serving.cost import RunCost
from whitebox_serving.prediction import Engine, Matrix, Prediction


@dataclass(frozen=True)
class BatchLimits:
    """How far the batcher may go.

    Attributes:
        direct_seconds: Longest run, by measured cost, that may occupy the event loop; 0 sends everything to threads.
        max_batch_rows: Rows in one run on a thread; a larger request runs alone.
        max_waiting_rows: Rows of all requests that wait for a thread; more are refused.
        threads: Runs on threads at the same time.
    """

    direct_seconds: float = 0.001
    max_batch_rows: int = 1024
    max_waiting_rows: int = 16_384
    threads: int = 1


@dataclass(eq=False, slots=True)
class _Waiting:
    rows: Matrix
    done: asyncio.Future[Prediction] = field(repr=False)
    arrived: float


class Batcher:
    """One model version in this process; lives on one event loop.

    Args:
        model: Name for metrics.
        engine: What computes.
        cost: What its runs cost.
        executor: Where long runs go; shared between models, owned by the caller.
        limits: See there.
    """

    def __init__(self, model: str, engine: Engine, cost: RunCost, executor: Executor, limits: BatchLimits) -> None:
        self._engine = engine
        self._cost = cost
        self._executor = executor
        self._limits = limits
        self._direct_rows = cost.rows_within(limits.direct_seconds)
        self._idle = limits.threads
        self._queue: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._batch_rows = histogram("whitebox_prediction_batch_rows").labels(model)
        self._queue_seconds = histogram("whitebox_prediction_queue_seconds").labels(model)

    async def predict(self, rows: Matrix) -> Prediction:
        """Computes (rows, features); see `Predictor.predict`."""
        count = len(rows)
        if count <= self._direct_rows:
            self._batch_rows.observe(count)
            self._queue_seconds.observe(0.0)
            return Prediction(self._engine.run(rows), count)
        if self._queue and self._waiting_rows + count > self._limits.max_waiting_rows:
            raise ResourceExhausted(
                f"{self._waiting_rows} rows are waiting and {count} more exceed the limit of "
                f"{self._limits.max_waiting_rows}; try again later or send fewer rows at a time",
                reason="prediction_queue_full",
                retry_after=min(max(self._cost.seconds(self._waiting_rows) / self._limits.threads, 0.05), 30.0),
            )
        waiting = _Waiting(rows, asyncio.get_running_loop().create_future(), time.perf_counter())
        self._queue.append(waiting)
        self._waiting_rows += count
        self._start_batches()
        try:
            return await waiting.done
        except asyncio.CancelledError:
            if waiting in self._queue:
                self._queue.remove(waiting)
                self._waiting_rows -= count
            raise

    async def close(self) -> None:
        """Nothing to give back: the graph goes when the last reference to it does."""

    def _start_batches(self) -> None:
        loop = asyncio.get_running_loop()
        while self._idle and self._queue:
            batch = self._take()
            self._idle -= 1
            running = loop.run_in_executor(self._executor, self._run, [waiting.rows for waiting in batch])
            running.add_done_callback(partial(self._finish, batch))

    def _take(self) -> list[_Waiting]:
        """The next batch, in order of arrival: whole requests up to the limit, and at least one."""
        batch: list[_Waiting] = []
        total = 0
        now = time.perf_counter()
        while self._queue and (not batch or total + len(self._queue[0].rows) <= self._limits.max_batch_rows):
            waiting = self._queue.popleft()
            batch.append(waiting)
            total += len(waiting.rows)
            self._queue_seconds.observe(now - waiting.arrived)
        self._waiting_rows -= total
        self._batch_rows.observe(total)
        return batch

    def _run(self, requests: list[Matrix]) -> Matrix:
        return self._engine.run(requests[0] if len(requests) == 1 else np.concatenate(requests))

    def _finish(self, batch: list[_Waiting], running: asyncio.Future[Matrix]) -> None:
        self._idle += 1
        self._start_batches()
        failure = RuntimeError("the batcher's threads were ended") if running.cancelled() else running.exception()
        outputs = None if failure else running.result()
        start = 0
        total = sum(len(waiting.rows) for waiting in batch)
        for waiting in batch:
            end = start + len(waiting.rows)
            if waiting.done.done():
                pass  # its caller has gone
            elif outputs is None:
                waiting.done.set_exception(failure or RuntimeError)
            else:
                waiting.done.set_result(Prediction(outputs[start:end], total))
            start = end
