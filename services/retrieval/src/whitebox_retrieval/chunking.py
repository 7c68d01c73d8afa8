"""Cutting a document into chunks of a token budget, on sentence boundaries, with overlap."""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate

from whitebox.text.sentences import split_sentences

CountTokens = Callable[[Sequence[str]], Awaitable[Sequence[int]]]

_WORD = re.compile(r"\S+\s*|\s+")
# A "word" longer than this is no word: base64, a hash, a table without spaces.
_LONGEST_WORD = 200
# Encoders count a long "word" as one token; a chunk of such words would be larger than any service takes.
_CHARACTERS_A_TOKEN = 20
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
        page: The page that it is on, from 1; 0 where the format has no pages.
    """

    index: int
    text: str
    start: int
    end: int
    page: int


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

    Each chunk holds at most `max_tokens` of one page, so that it can be cited, and starts with up to `overlap_tokens`
    of whole sentences from the one before on that page. A sentence that is longer than a chunk is cut between words.
    Every character that is not white space is in a chunk.

    Args:
        pages: Cleaned pages in order.
        count_tokens: The encoder's count for each of several texts; called twice at most.
        max_tokens: Budget of a chunk; 20 characters count as a token at least.
        overlap_tokens: Budget of the repetition; it gives way where the next sentence needs the room.

    Raises:
        ValueError: if a budget is not positive or the overlap leaves no room.
    """
    if max_tokens < 1 or not 0 <= overlap_tokens < max_tokens:
        raise ValueError(f"a chunk of {max_tokens} tokens cannot overlap by {overlap_tokens}")
    text = join_pages(pages)
    page_starts = list(accumulate((len(page.text) + len(_PAGE_BREAK) for page in pages), initial=0))
    # In threads: a long document takes seconds, and other work goes on meanwhile.
    sentences = await asyncio.to_thread(_sentences, pages, page_starts)
    short = [(start, end) for start, end in sentences if end - start <= _CHARACTERS_A_TOKEN * max_tokens]
    fitting = {piece.start: piece for piece in await _count(text, short, count_tokens) if piece.tokens <= max_tokens}
    too_long = [(start, end) for start, end in sentences if start not in fitting]
    words = await _count(text, await asyncio.to_thread(_words, text, too_long, max_tokens), count_tokens)

    def pack() -> list[Chunk]:
        parts = _merge(words, {end for _, end in too_long}, max_tokens)
        pieces = sorted([*fitting.values(), *parts], key=lambda piece: piece.start)
        pieces = [piece for piece in pieces if not text[piece.start : piece.end].isspace()]
        starts = [piece.start for piece in pieces]
        chunks: list[Chunk] = []
        for page, begin, end in zip(pages, page_starts, page_starts[1:], strict=False):
            on_page = pieces[bisect_left(starts, begin) : bisect_left(starts, end)]
            for first, last in _pack(on_page, max_tokens, overlap_tokens):
                a, b = _trim(text, on_page[first].start, on_page[last - 1].end)
                chunks.append(Chunk(len(chunks), text[a:b], a, b, page.number))
        return chunks

    return await asyncio.to_thread(pack)


def _sentences(pages: Sequence[CleanPage], page_starts: Sequence[int]) -> list[tuple[int, int]]:
    return [
        (at + start, at + end)
        for at, page in zip(page_starts, pages, strict=False)
        for start, end in split_sentences(page.text)
        if not page.text[start:end].isspace()
    ]


async def _count(text: str, spans: Sequence[tuple[int, int]], count_tokens: CountTokens) -> list[_Piece]:
    counts = await count_tokens([text[start:end] for start, end in spans]) if spans else []
    return [
        _Piece(start, end, max(tokens, -(-(end - start) // _CHARACTERS_A_TOKEN)))
        for (start, end), tokens in zip(spans, counts, strict=True)
    ]


def _words(text: str, sentences: Sequence[tuple[int, int]], max_tokens: int) -> list[tuple[int, int]]:
    """Words of sentences that are longer than a chunk; words without end are cut."""
    # A character is up to four tokens, one for each of its bytes or each letter of a Hangul syllable: such a part fits.
    longest = max(1, min(_LONGEST_WORD, max_tokens // 4))
    return [
        (at, min(at + longest, word.end()))
        for start, end in sentences
        for word in _WORD.finditer(text, start, end)
        for at in range(word.start(), word.end(), longest)
    ]


def _merge(words: Sequence[_Piece], sentence_ends: Set[int], max_tokens: int) -> list[_Piece]:
    """Neighbouring words of a sentence together, as many as fit."""
    merged: list[_Piece] = []
    for word in words:
        before = merged[-1] if merged else None
        if before and before.end not in sentence_ends and before.tokens + word.tokens <= max_tokens:
            merged[-1] = _Piece(before.start, word.end, before.tokens + word.tokens)
        else:
            merged.append(word)
    return merged


def _pack(pieces: Sequence[_Piece], max_tokens: int, overlap_tokens: int) -> list[tuple[int, int]]:
    """Half-open ranges of pieces, greedy and overlapping."""
    ranges: list[tuple[int, int]] = []
    first = 0
    while first < len(pieces):
        # The first piece is taken whatever it counts: an encoder with stranger tokens must not stop the packing.
        last, used = first + 1, pieces[first].tokens
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


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
