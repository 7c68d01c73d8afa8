"""The deadline of the request being handled, for whatever that request calls in turn."""

from __future__ import annotations

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("whitebox_deadline", default=None)


def set_deadline(seconds: float) -> None:
    """Declares that the current task's request has `seconds` left; tasks it starts inherit that."""
    _deadline.set(time.monotonic() + seconds)


def remaining_seconds() -> float | None:
    """Returns the seconds left for the current request, or `None` outside any request; may be negative."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()
