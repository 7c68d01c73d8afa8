"""Cutting passages and drafts into sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from whitebox_gateway.words import Facts, Word, facts_of, words_of

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st vs etc e.g i.e cf fig no nos vol pp ed al approx inc ltd co dept est u.s jr sr".split()
)
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n+")
_LAST_WORD = re.compile(r"([^\s(\[\"'“‘]+)\.+[\"'”’)\]]*$")
_MARKS = re.compile(r"^[\s#>*•·–—|-]+(?:\d{1,2}[.)]\s+)?|^\d{1,2}[.)]\s+|[\s|]+$")
_ITEM = re.compile(r"\s*\d{1,2}\.\s*")
_MAX_CHARACTERS = 1000


@dataclass(frozen=True)
class Sentence:
    """One sentence.

    Attributes:
        text: Without the marks of lists and headings around it.
        heading: Whether it names what follows instead of stating something: a heading or a question.
    """

    text: str
    heading: bool

    @cached_property
    def words(self) -> list[Word]:
        """Its words."""
        return words_of(self.text)

    @cached_property
    def content(self) -> list[Word]:
        """Its words that carry meaning."""
        return [word for word in self.words if word.content]

    @cached_property
    def stems(self) -> frozenset[str]:
        """Stems of `content`."""
        return frozenset(word.stem for word in self.content)

    @cached_property
    def facts(self) -> Facts:
        """Its facts."""
        return facts_of(self.words)


def split_sentences(text: str) -> list[Sentence]:
    r"""Cuts a text at ends of sentences and at line breaks; retrieval keeps only line breaks that mean something.

    >>> [one.text for one in split_sentences("# Oil\nDr. No changed 2.5 litres. Why? It leaked.")]
    ['Oil', 'Dr. No changed 2.5 litres.', 'Why?', 'It leaked.']
    """
    found: list[Sentence] = []
    start = 0
    for end in _END.finditer(text):
        if "\n" not in end.group() and _goes_on(text[start : end.end()], text[end.end() :]):
            continue
        _add(found, text[start : end.end()])
        start = end.end()
    _add(found, text[start:])
    return found


def _goes_on(before: str, after: str) -> bool:
    if _ITEM.fullmatch(before) and after.strip():
        return True
    following = after.lstrip(" \t")[:1]
    if following.islower():
        return True
    last = _LAST_WORD.search(before)
    if last is None:
        return False
    word = last.group(1).casefold()
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and before.count(" ") > 0)


def _add(found: list[Sentence], piece: str) -> None:
    text = _MARKS.sub("", piece)
    if not any(c.isalnum() for c in text):
        return
    bare = piece.lstrip()
    # A line without an end mark that is short names what follows; one with a verb's full stop states something.
    unfinished = text[-1] not in ".!?…\"'”’)]:;," and len(text.split()) <= 9 and not any(c.isdigit() for c in text)
    found.append(Sentence(text[:_MAX_CHARACTERS], bare.startswith("#") or text.endswith("?") or unfinished))
