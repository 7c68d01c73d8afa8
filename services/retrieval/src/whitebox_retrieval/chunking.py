"""Cutting a document into chunks of a token budget, on sentence boundaries, with overlap."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from whitebox.text.sentences import split_sentences

CountTokens = Callable[[Sequence[str]], Awaitable[Sequence[int]]]

_WORD = re.compile(r"\S+\s*|\s+")
# A "word" longer than this is no word: base64, a hash, a table without spaces.
_LONGEST_WORD = 200
_PAGE_BREAK = "\n\n"


@dataclass(frozen=True)
class CleanPage:
    """Cleaned text of one page; number 0 where the format has no pages."""

    number: int
    text: str


@dataclass(frozen=True)
class Chunk:
    """A passage of a document.

    Attributes:
        index: Position in the document, from 0.
        text: Equal to the document's cleaned text from `start` to `end`.
        start: Offset of the first character.
        end: Offset after the last character.
        page: First page, from 1; 0 where the format has no pages.
        last_page: Last page that the chunk reaches.
        tokens: Tokens by the encoder's tokeniser, without special tokens.
    """

    index: int
    text: str
    start: int
    end: int
    page: int
    last_page: int
    tokens: int


@dataclass(frozen=True)
class _Piece:
    """A sentence, or a part of one that is too long."""

    start: int
    end: int
    tokens: int


def join_pages(pages: Sequence[CleanPage]) -> str:
    """The document's cleaned text, to which chunk offsets refer."""
    return _PAGE_BREAK.join(page.text for page in pages)


async def chunk_pages(
    pages: Sequence[CleanPage], count_tokens: CountTokens, *, max_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """Packs whole sentences into chunks.

    Each chunk holds at most `max_tokens` and starts with up to `overlap_tokens` of whole sentences from the one before.
    A sentence that is longer than a chunk is cut between words. Every character that is not white space is in a chunk.

    Args:
        pages: Cleaned pages in order.
        count_tokens: The encoder's count for each of several texts; called a bounded number of times.
        max_tokens: Budget of a chunk.
        overlap_tokens: Budget of the repetition; less than half of `max_tokens` is used.

    Raises:
        ValueError: if a budget is not positive or the overlap leaves no room.
    """
    if max_tokens < 1 or not 0 <= overlap_tokens < max_tokens:
        raise ValueError(f"a chunk of {max_tokens} tokens cannot overlap by {overlap_tokens}")
    text = join_pages(pages)
    pieces = await _pieces(text, count_tokens, max_tokens)
    page_starts = _page_starts(pages)
    chunks: list[Chunk] = []
    for first, last in _pack(pieces, max_tokens, overlap_tokens):
        start, end = _trim(text, pieces[first].start, pieces[last - 1].end)
        chunks.append(
            Chunk(
                index=len(chunks),
                text=text[start:end],
                start=start,
                end=end,
                page=pages[bisect_right(page_starts, start) - 1].number,
                last_page=pages[bisect_right(page_starts, end - 1) - 1].number,
                tokens=sum(piece.tokens for piece in pieces[first:last]),
            )
        )
    return chunks


async def _pieces(text: str, count_tokens: CountTokens, max_tokens: int) -> list[_Piece]:
    spans = [(start, end) for start, end in split_sentences(text) if text[start:end].strip()]
    counts = await count_tokens([text[start:end] for start, end in spans]) if spans else []
    pieces: list[_Piece] = []
    for (start, end), tokens in zip(spans, counts, strict=True):
        if tokens <= max_tokens:
            pieces.append(_Piece(start, end, tokens))
        else:
            pieces += await _cut(text, start, end, count_tokens, max_tokens)
    return pieces


async def _cut(text: str, start: int, end: int, count_tokens: CountTokens, max_tokens: int) -> list[_Piece]:
    """Parts of a sentence that is longer than a chunk, cut between words, and inside words without end."""
    spans: list[tuple[int, int]] = []
    # One character is at most one token, so a part of this many characters always fits.
    longest = min(_LONGEST_WORD, max_tokens)
    for word in _WORD.finditer(text, start, end):
        spans += [(at, min(at + longest, word.end())) for at in range(word.start(), word.end(), longest)]
    counts = await count_tokens([text[a:b] for a, b in spans])
    pieces: list[_Piece] = []
    for (a, b), tokens in zip(spans, counts, strict=True):
        if pieces and pieces[-1].tokens + tokens <= max_tokens:
            pieces[-1] = _Piece(pieces[-1].start, b, pieces[-1].tokens + tokens)
        else:
            pieces.append(_Piece(a, b, tokens))
    return [piece for piece in pieces if text[piece.start : piece.end].strip()]


def _pack(pieces: Sequence[_Piece], max_tokens: int, overlap_tokens: int) -> list[tuple[int, int]]:
    """Half-open ranges of pieces, greedy and overlapping."""
    ranges: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        last, used = first, 0
        while last < len(pieces) and used + pieces[last].tokens <= max_tokens:
            used += pieces[last].tokens
            last += 1
        ranges.append((first, last))
        if last == len(pieces):
            break
        # Step back over whole pieces, but always move on, and leave room for the piece that did not fit.
        room = min(overlap_tokens, max_tokens - pieces[last].tokens)
        following, repeated = last, 0
        while following - 1 > first and repeated + pieces[following - 1].tokens <= room:
            following -= 1
            repeated += pieces[following].tokens
        first = following
    return ranges


def _page_starts(pages: Sequence[CleanPage]) -> list[int]:
    starts, at = [], 0
    for page in pages:
        starts.append(at)
        at += len(page.text) + len(_PAGE_BREAK)
    return starts


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
