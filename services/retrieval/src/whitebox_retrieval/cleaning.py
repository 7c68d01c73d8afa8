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
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")
# A single break inside a paragraph is layout; before a list item, a heading or a table row it has a meaning.
_SOFT_BREAK = re.compile(r"(?<![\n.:;!?|])\n(?![\n|#]|[-*•‣◦] |\d+[.)] )")


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
        text = _SOFT_BREAK.sub(" ", text)
    return _MANY_BREAKS.sub("\n\n", text).strip()
