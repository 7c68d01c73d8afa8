"""Self-checks: what a service answers, recomputed when somebody asks, one check at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from whitebox_runtime.errors import ResourceExhausted
from whitebox_runtime.telemetry import counter

Served = TypeVar("Served")
Recomputed = TypeVar("Recomputed")


@dataclass(frozen=True)
class Checked(Generic[Served, Recomputed]):
    """An answer both ways.

    Attributes:
        served: What callers get.
        recomputed: The same by libs/whitebox.
        recomputed_seconds: Time for recomputing.
    """

    served: Served
    recomputed: Recomputed
    recomputed_seconds: float


class SelfChecks:
    """Runs checks and counts how they end.

    Recomputing takes a core and the memory of the weights for seconds: a second check is refused while one runs, also
    where the first one's caller has left, since its thread goes on.

    Args:
        service: Name in the metric.
        retry_after: Seconds after which a refused caller may come back.
    """

    def __init__(self, service: str, *, retry_after: float) -> None:
        self._busy = threading.Lock()
        self._retry_after = retry_after
        checks = counter("whitebox_self_checks_total")
        # Both from the beginning, so that the first that differs is an increase.
        self._outcomes = {
            agrees: checks.labels(service, word) for agrees, word in ((True, "agrees"), (False, "differs"))
        }

    async def run(
        self, serve: Callable[[], Awaitable[Served]], recompute: Callable[[Served], Recomputed]
    ) -> Checked[Served, Recomputed]:
        """Answers as callers are answered, then recomputes in a thread.

        Raises:
            ResourceExhausted: Another check is running.
        """
        if not self._busy.acquire(blocking=False):
            raise ResourceExhausted(
                "a self-check is running, and one is enough: try again when it is done",
                reason="self_check_running",
                retry_after=self._retry_after,
            )
        handed_over = False
        try:
            served = await serve()
            began = time.perf_counter()
            work = asyncio.get_running_loop().run_in_executor(None, self._recompute, recompute, served)
            handed_over = True
        finally:
            if not handed_over:
                self._busy.release()
        recomputed = await asyncio.shield(work)
        return Checked(served, recomputed, time.perf_counter() - began)

    def count(self, agrees: bool) -> None:
        """Counts a check that has come to an end."""
        self._outcomes[agrees].inc()

    def _recompute(self, recompute: Callable[[Served], Recomputed], served: Served) -> Recomputed:
        try:
            return recompute(served)
        finally:
            self._busy.release()
