"""Audited serving: a share of live answers is recomputed beside the requests, never in their way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Sample = TypeVar("Sample")

logger = logging.getLogger(__name__)


class LiveAudit(Generic[Sample]):
    """Takes samples of answers and recomputes them one after another.

    Args:
        share: Of the answers that are offered, 0 to 1.
        draw: Gives uniform numbers in [0, 1).
        recompute: Recomputes a sample and records how far the answer was off.
        waiting: Samples kept until they are recomputed; where that many wait, further answers pass unsampled.
    """

    def __init__(
        self,
        share: float,
        draw: Callable[[], float],
        recompute: Callable[[Sample], Awaitable[None]],
        *,
        waiting: int = 64,
    ) -> None:
        self._share = share
        self._draw = draw
        self._recompute = recompute
        self._samples: asyncio.Queue[Sample] = asyncio.Queue(waiting)

    def offer(self, take: Callable[[], Sample]) -> None:
        """Takes an answer into the sample, or not; `take` copies what is needed of it and is called only if so."""
        if self._draw() < self._share and not self._samples.full():
            self._samples.put_nowait(take())

    async def run(self, stopping: asyncio.Event) -> None:
        """Recomputes what was sampled until told to stop. A sample that cannot be recomputed is logged and dropped."""
        stopped = asyncio.ensure_future(stopping.wait())
        while not stopping.is_set():
            sample = asyncio.ensure_future(self._samples.get())
            await asyncio.wait({sample, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not sample.done():
                sample.cancel()
                return
            try:
                await self._recompute(sample.result())
            except Exception:
                logger.warning("a live answer could not be recomputed", exc_info=True)
