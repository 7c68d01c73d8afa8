"""Who may generate now, who waits, and who is turned away: first come, first served, with a bounded queue."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from whitebox_runtime.errors import ResourceExhausted, Unavailable
from whitebox_runtime.telemetry import gauge, histogram

# Of the newest observation in the running mean of how long a slot is held.
_WEIGHT = 0.2
_MAX_RETRY_AFTER_SECONDS = 60.0


class Admission:
    """Gives out slots.

    Args:
        slots: Generations that run at the same time.
        max_waiting: Generations that may wait; 0 turns away whatever cannot start at once.
        saturated_after_seconds: Time for which the queue must have been full for `check` to fail.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        slots: int,
        max_waiting: int,
        *,
        saturated_after_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._free = slots
        self._max_waiting = max_waiting
        self._saturated_after_seconds = saturated_after_seconds
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._full_since: float | None = None
        self._held_seconds = 1.0
        self._waiting_gauge = gauge("whitebox_llm_requests_waiting")
        self._queue_seconds = histogram("whitebox_llm_queue_seconds")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Holds a slot for the length of the block, after waiting for it if need be.

        Raises:
            ResourceExhausted: All slots are taken and the queue is full.
        """
        asked = self._clock()
        await self._acquire()
        began = self._clock()
        self._queue_seconds.observe(began - asked)
        try:
            yield
        finally:
            self._held_seconds += _WEIGHT * (self._clock() - began - self._held_seconds)
            self._release()

    async def check(self) -> None:
        """Returns unless the queue has been full for long.

        Raises:
            Unavailable: It has: more callers would only be turned away.
        """
        if self._full_since is None:
            return
        seconds = self._clock() - self._full_since
        if seconds >= self._saturated_after_seconds:
            raise Unavailable(f"saturated: the queue has been full for {seconds:.0f} s", reason="saturated")

    async def _acquire(self) -> None:
        if self._free > 0:
            self._free -= 1
            self._note_fullness()
            return
        if len(self._waiting) >= self._max_waiting:
            raise ResourceExhausted(
                f"{self._slots} generations are running and {len(self._waiting)} are waiting: try again later",
                reason="queue_full",
                retry_after=self._expected_wait(),
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._note_fullness()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # the slot arrived together with the cancellation
            else:
                self._waiting.remove(turn)
                self._note_fullness()
            raise

    def _release(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1
        self._note_fullness()

    def _note_fullness(self) -> None:
        self._waiting_gauge.set(len(self._waiting))
        if self._free > 0 or len(self._waiting) < self._max_waiting:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = self._clock()

    def _expected_wait(self) -> float:
        turns = (len(self._waiting) + 1) / self._slots
        return min(_MAX_RETRY_AFTER_SECONDS, max(1.0, self._held_seconds * turns))
