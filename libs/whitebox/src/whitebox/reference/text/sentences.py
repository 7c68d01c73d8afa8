"""Splitting text into sentences, one character after another."""

from __future__ import annotations

from whitebox.text.sentences import ABBREVIATIONS

_ENDS = ".!?…"
_CLOSING = "\"'”’)]"
_WIDE_ENDS = "。！？"
_WIDE_CLOSING = "”’」』）"
_OPENING = "([\"'“‘"


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Half-open spans that cover `text`; white space belongs to the sentence before it.

    >>> text = "Dr. Noor saw 3.5 m of water. It rose!"
    >>> [text[start:end] for start, end in split_sentences(text)]
    ['Dr. Noor saw 3.5 m of water. ', 'It rose!']
    """
    spans, start, place = [], 0, 0
    while place < len(text):
        mark_end = _mark_end(text, place)
        if mark_end is None:
            place += 1
            continue
        end = _skip_spaces(text, mark_end)
        broken = "\n" in text[place:end]
        if end == len(text) or broken or not _goes_on(text[start:end], text[end]):
            spans.append((start, end))
            start = end
        place = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _mark_end(text: str, place: int) -> int | None:
    """Where the mark that may end a sentence at `place` ends itself; None where there is no such mark."""
    if text[place] == "\n":
        return place + 1
    if text[place] in _WIDE_ENDS:
        return _skip(text, _skip(text, place, _WIDE_ENDS), _WIDE_CLOSING)
    if text[place] in _ENDS:
        end = _skip(text, _skip(text, place, _ENDS), _CLOSING)
        # "3.5" and "example.org" have no space after the full stop.
        return end if end < len(text) and text[end].isspace() else None
    return None


def _goes_on(sentence: str, following: str) -> bool:
    """Whether the mark at the end of `sentence` belongs to an abbreviation or an initial."""
    if following.islower():
        return True
    stripped = sentence.rstrip().rstrip(_CLOSING)
    if not stripped.endswith("."):
        return False
    word = ""
    for character in reversed(stripped[:-1]):
        if character.isspace() or character in _OPENING:
            break
        word = character + word
    word = word.lower()
    return word in ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _skip(text: str, place: int, characters: str) -> int:
    while place < len(text) and text[place] in characters:
        place += 1
    return place


def _skip_spaces(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
