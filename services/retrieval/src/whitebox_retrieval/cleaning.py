"""Cleaning text: repair encodings, mend line ends, and even out white space. The original stays untouched."""

from __future__ import annotations

import re
import unicodedata

import ftfy

# Zero-width characters, the byte-order mark and soft hyphens are invisible and split words for the index.
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
# "mainte-\nnance" at a line end; a capital after the hyphen is a real one ("Anglo-\nSaxon").
_HYPHENATED = re.compile(r"(?<=[a-zà-öø-ÿ])[-\u2010]\n[ \t]*(?=[a-zà-öø-ÿ])")
_HYPHEN_AT_END = re.compile(r"[^\W_][-\u2010]$")
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")
# A break after one of these, or before a list item, a heading or a table row, is more than layout.
_ENDINGS = tuple(".:;!?|")
_OPENING = re.compile(r"[|#]|[-*•‣◦] |\d+[.)] ")
# A line this much shorter than the page's long lines did not break for want of room: a heading, or a paragraph's end.
_FULL_LINE = 0.6
_LONG_LINES = 0.8


def clean(text: str, *, unwrap: bool = False) -> str:
    """Text fit for chunking and for showing to people.

    Args:
        text: As a loader gave it.
        unwrap: Join the lines of a paragraph, for formats that break lines by layout (PDF).
    """
    text = ftfy.fix_text(text, uncurl_quotes=False)
    text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n\n")
    text = _CONTROL.sub(" ", _INVISIBLE.sub("", text))
    if unwrap:
        text = _HYPHENATED.sub("", text)
    text = _AROUND_BREAK.sub("\n", _SPACES.sub(" ", text))
    if unwrap:
        text = _unwrap(text)
    return _MANY_BREAKS.sub("\n\n", text).strip()


def _unwrap(text: str) -> str:
    """Joins lines that were broken because the page was full."""
    lines = text.split("\n")
    lengths = sorted(len(line) for line in lines if line)
    full = _FULL_LINE * lengths[int(_LONG_LINES * len(lengths))] if lengths else 0.0
    parts: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        joined = len(line) >= full and line and following and not line.endswith(_ENDINGS)
        if joined and not _OPENING.match(following):
            parts += [line, "" if _HYPHEN_AT_END.search(line) else " "]
        else:
            parts += [line, "\n"]
    return "".join(parts)
