"""How far a loop is, for who watches it."""

from __future__ import annotations

import sys
import time
from typing import Self, TextIO

from whitebox._validation import positive_int

# A terminal is written to at most so often, in seconds.
_PAUSE = 0.1
_WIDTH = 24


class ProgressBar:
    """A line that is written over and over, and is gone at the end; nothing at all where no terminal is.

    Args:
        total: Steps of the loop.
        label: Stands before the bar.
        stream: Where to write, standard error by default.

    >>> with ProgressBar(2, "training") as bar:
    ...     bar.advance("loss 0.5")
    """

    def __init__(self, total: int, label: str = "", *, stream: TextIO | None = None) -> None:
        self._total = positive_int(total, "total")
        self._label = label
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._done = 0
        self._started = time.monotonic()
        self._written = -_PAUSE

    def advance(self, note: str = "", *, label: str | None = None) -> None:
        """One step further.

        Args:
            note: Stands after the bar.
            label: Replaces the one before it.
        """
        self._done += 1
        self._label = self._label if label is None else label
        now = time.monotonic() - self._started
        if self._shown and (now - self._written >= _PAUSE or self._done >= self._total):
            self._written = now
            share = min(self._done / self._total, 1.0)
            bar = ("█" * round(share * _WIDTH)).ljust(_WIDTH, "·")
            left = now / share - now
            self._stream.write(f"\r\033[K{self._label} {bar} {share:4.0%}  {left:.0f} s left  {note}")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Clears the line, if there is one."""
        if self._written >= 0:
            self._stream.write("\r\033[K")
            self._stream.flush()
