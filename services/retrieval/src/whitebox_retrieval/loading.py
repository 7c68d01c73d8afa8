"""What loaders make of a document, and what they say when they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UnreadableDocumentError(Exception):
    """The document cannot be indexed, now or later.

    Attributes:
        code: Stable code: "empty", "encrypted", "corrupt", "unsupported", "no_text", "too_large" or "timeout".
        reason: One sentence for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        # Both as arguments, so that the error survives the way from a loader's process.
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Page:
    """Text of one page.

    Attributes:
        number: From 1; 0 where the format has no pages.
        text: As the format gives it, before cleaning.
    """

    number: int
    text: str


@dataclass(frozen=True)
class LoadedDocument:
    """Text of a document, page by page."""

    media_type: str
    pages: Sequence[Page]

    @property
    def page_count(self) -> int:
        """Number of pages, 0 where the format has none."""
        return sum(page.number > 0 for page in self.pages)


@dataclass(frozen=True)
class LoadLimits:
    """What a loader may unfold."""

    max_pages: int
    max_characters: int
