"""What a run of a model costs, measured on the machine that serves it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from whitebox_serving.prediction import Engine, Matrix

_MANY_ROWS = 256
_REPEATS = 5
# A slow model is not run again and again just to know that it is slow.
_SLOW_SECONDS = 0.1


@dataclass(frozen=True)
class RunCost:
    """Seconds of a run as a straight line in its rows.

    Attributes:
        base_seconds: What a run costs whatever its size; what batching saves.
        row_seconds: What each row adds.
    """

    base_seconds: float
    row_seconds: float

    def seconds(self, rows: int) -> float:
        """Expected duration of a run of so many rows."""
        return self.base_seconds + self.row_seconds * rows

    def rows_within(self, seconds: float) -> int:
        """The most rows that a run of so many seconds can take; 0 if not even one."""
        left = seconds - self.base_seconds
        if left <= 0 or left < self.row_seconds:
            return 0
        return int(left / self.row_seconds) if self.row_seconds > 0 else 2**31


def measure(engine: Engine, sample: Matrix) -> RunCost:
    """Times runs of one and of 256 rows, each at its quickest of five.

    Args:
        engine: The model.
        sample: Any valid rows, at least one; repeated to the sizes needed.
    """
    one = _quickest(engine, sample[:1])
    many = _quickest(engine, np.resize(sample, (_MANY_ROWS, sample.shape[1])))
    row = max(many - one, 0.0) / (_MANY_ROWS - 1)
    return RunCost(max(one - row, 0.0), row)


def _quickest(engine: Engine, rows: Matrix) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.perf_counter()
        engine.run(rows)
        best = min(best, time.perf_counter() - began)
        if best > _SLOW_SECONDS:
            break
    return best
