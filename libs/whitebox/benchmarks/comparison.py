"""What is compared with what, and how the time is taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Comparison(NamedTuple):
    """A task that ours and a peer do alike; that both come to the same is asserted where it is made.

    Attributes:
        name: The task, with its size.
        peer: What ours is compared with, and its version.
        ours: Does the task once.
        theirs: Does the same.
        gate: The largest ratio of our time to the peer's that is good enough; None where none is promised.
    """

    name: str
    peer: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    gate: float | None = None


@dataclass(frozen=True)
class Measured:
    """Medians in seconds of a comparison."""

    comparison: Comparison
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Our time in units of the peer's: below 1 ours is faster."""
        return self.ours / self.theirs

    @property
    def within_gate(self) -> bool:
        """Whether the ratio is as promised."""
        return self.comparison.gate is None or self.ratio <= self.comparison.gate


def measure(comparison: Comparison, seconds: float = 1.0, most: int = 15) -> Measured:
    """Measures both in turns, so that a busy machine slows both: 5 times or more, for about `seconds`."""
    times: tuple[list[float], list[float]] = ([], [])
    comparison.ours(), comparison.theirs()  # caches, lazy imports, compilation
    began = time.perf_counter()
    while len(times[0]) < 5 or (len(times[0]) < most and time.perf_counter() - began < seconds):
        for function, taken in zip((comparison.ours, comparison.theirs), times, strict=True):
            started = time.perf_counter()
            function()
            taken.append(time.perf_counter() - started)
    return Measured(comparison, statistics.median(times[0]), statistics.median(times[1]))
