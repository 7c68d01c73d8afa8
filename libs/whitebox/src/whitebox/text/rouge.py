"""ROUGE: what a summary shares with a reference (Lin: ROUGE: A Package for Automatic Evaluation of Summaries, 2004).

Tokens are runs of the letters a to z and digits, in lower case; there is no stemming.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import positive_int
from whitebox.errors import DtypeError
from whitebox.text.edit_distance import Numbers, numbered

_TOKEN = re.compile(r"[a-z0-9]+")


class Rouge(NamedTuple):
    """A comparison with a reference.

    Attributes:
        precision: Share of the candidate that the reference holds.
        recall: Share of the reference that the candidate holds.
        f1: Their harmonic mean; 0 where both are.
    """

    precision: float
    recall: float
    f1: float


def tokenize(text: str) -> list[str]:
    """Runs of the letters a to z and digits, in lower case. O(len(text)).

    Raises:
        DtypeError: if `text` is no string.

    >>> tokenize("The tide-table, 1998")
    ['the', 'tide', 'table', '1998']
    """
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    return _TOKEN.findall(text.lower())


def rouge_n(reference: str, candidate: str, n: int = 1) -> Rouge:
    r"""ROUGE-N: n-grams that both hold, each as often as both do (section 2).

    .. math:: R = \frac{\sum_g \min(c_\mathrm{ref}(g), c_\mathrm{cand}(g))}{\sum_g c_\mathrm{ref}(g)}

    and P likewise over the candidate's n-grams. O(tokens · n).

    Raises:
        RangeError: if `n` is less than 1.
        DtypeError: if a text is no string.

    >>> rouge_n("the tide rises", "the tide falls", n=2)
    Rouge(precision=0.5, recall=0.5, f1=0.5)
    """
    n = positive_int(n, "n")
    wanted, held = _ngrams(tokenize(reference), n), _ngrams(tokenize(candidate), n)
    return _rouge((wanted & held).total(), wanted.total(), held.total())


def rouge_l(reference: str, candidate: str) -> Rouge:
    """ROUGE-L: the longest common subsequence of the tokens (section 3.1), as a share of either text. O(m · n).

    Raises:
        DtypeError: if a text is no string.

    >>> rouge_l("police killed the gunman", "police kill the gunman")
    Rouge(precision=0.75, recall=0.75, f1=0.75)
    """
    wanted, held = tokenize(reference), tokenize(candidate)
    return _rouge(int(_lengths(*numbered(wanted, held))[-1, -1]), len(wanted), len(held))


def rouge_lsum(reference: str, candidate: str) -> Rouge:
    r"""ROUGE-L of summaries, whose sentences are lines (section 3.2).

    For each sentence of the reference counts the union of its longest common subsequences with every one of the
    candidate.

    A token counts at most as often as both texts hold it. Of several longest subsequences the one is taken that is
    found from the end by going back in the reference wherever that loses nothing. O(m · n).

    Raises:
        DtypeError: if a text is no string.

    >>> rouge_lsum("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5").recall
    0.8
    """
    wanted, held = ([tokens for line in _lines(text) if (tokens := tokenize(line))] for text in (reference, candidate))
    left = Counter(token for sentence in held for token in sentence)
    total = Counter(token for sentence in wanted for token in sentence)
    hits = 0
    for sentence in wanted:
        union = np.zeros(len(sentence), dtype=bool)
        for other in held:
            pair = numbered(sentence, other)
            union |= _subsequence(*pair, _lengths(*pair))
        for place in np.flatnonzero(union).tolist():
            token = sentence[place]
            if left[token] > 0 and total[token] > 0:
                hits += 1
                left[token] -= 1
                total[token] -= 1
    return _rouge(hits, sum(map(len, wanted)), sum(map(len, held)))


def _lines(text: str) -> list[str]:
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    return text.split("\n")


def _ngrams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def _rouge(hits: int, wanted: int, held: int) -> Rouge:
    precision, recall = hits / max(held, 1), hits / max(wanted, 1)
    return Rouge(precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0)


@compiled
def _lengths(left: Numbers, right: Numbers) -> npt.NDArray[np.int32]:
    """Length of the longest common subsequence of all beginnings, shape (m + 1, n + 1)."""
    lengths = np.zeros((len(left) + 1, len(right) + 1), dtype=np.int32)
    for i in range(len(left)):
        for j in range(len(right)):
            if left[i] == right[j]:
                lengths[i + 1, j + 1] = lengths[i, j] + 1
            else:
                lengths[i + 1, j + 1] = max(lengths[i, j + 1], lengths[i + 1, j])
    return lengths


@compiled
def _subsequence(left: Numbers, right: Numbers, lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which items of the left sequence stand in one longest common subsequence."""
    taken = np.zeros(len(left), dtype=np.bool_)
    i, j = len(left), len(right)
    while i > 0 and j > 0:
        if left[i - 1] == right[j - 1]:
            i, j = i - 1, j - 1
            taken[i] = True
        elif lengths[i, j - 1] > lengths[i - 1, j]:
            j -= 1
        else:
            i -= 1
    return taken
