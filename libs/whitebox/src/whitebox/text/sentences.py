"""Splitting text into sentences, with their places."""

from __future__ import annotations

import re

# Abbreviations that end in a full stop without ending a sentence.
ABBREVIATIONS = frozenset(
    (
        "mr mrs ms dr prof sr jr st vs etc e.g i.e cf fig figs eq eqs no nos vol pp ed eds al approx inc ltd co dept "
        "est jan feb mar apr jun jul aug sep sept oct nov dec z.b d.h bzw usw"
    ).split()
)
_BOUNDARY = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[”’」』）]*|\n)\s*")
_LAST_WORD = re.compile(r"([^\s(\[\"'“‘]+)\.+[\"'”’)\]]*\s*$")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Half-open spans of sentences that cover `text` without gaps; white space belongs to the sentence before it.

    A line break ends a sentence; full stops of abbreviations, initials and numbers do not. O(len(text)).

    >>> text = "Dr. Noor saw 3.5 m of water. It rose!"
    >>> [text[start:end] for start, end in split_sentences(text)]
    ['Dr. Noor saw 3.5 m of water. ', 'It rose!']
    """
    spans = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        end = boundary.end()
        if end < len(text) and "\n" not in boundary.group() and _continues(text, start, end):
            continue
        spans.append((start, end))
        start = end
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _continues(text: str, start: int, end: int) -> bool:
    """Whether the full stop before `end` belongs to an abbreviation, an initial or a number."""
    following = text[end]
    if following.islower():
        return True
    word = _LAST_WORD.search(text, start, end)
    if word is None:
        return False
    last = word.group(1).lower()
    return last in ABBREVIATIONS or (len(last) == 1 and last.isalpha())
