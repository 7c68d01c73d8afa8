"""BM25, document by document and term by term."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Self


def tokenize(text: str) -> list[str]:
    """Words of letters and digits, case folded; a combining mark stays with its letter.

    >>> tokenize("TF-IDF, naïve!")
    ['tf', 'idf', 'naïve']
    """
    words, word = [], ""
    plain = unicodedata.normalize("NFKC", text.replace("\u00ad", ""))
    for character in unicodedata.normalize("NFKC", plain.casefold()) + " ":
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            word += character
        elif word:
            words.append(word)
            word = ""
    return words


def term_weights(tokens: Sequence[str], average_length: float, k1: float = 1.2, b: float = 0.75) -> dict[str, float]:
    """How much each distinct token counts for its document: more often is more, but less and less so.

    >>> term_weights(["a", "a"], average_length=2)
    {'a': 1.375}
    """
    return {term: _saturation(tokens.count(term), len(tokens), average_length, k1, b) for term in dict.fromkeys(tokens)}


class BM25:
    """Okapi BM25: rare terms count more, repeated terms count less each time, long documents must say more.

    >>> BM25().fit([["tidal", "power"], ["wind", "power"], ["tidal", "tidal", "flat"]]).search(["tidal"], k=2)[0]
    [2, 0]
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        self.k1 = k1
        self.b = b

    def fit(self, documents: Sequence[Sequence[str]]) -> Self:
        """Keeps the documents; everything is computed when asked."""
        self.documents_ = documents
        # A corpus of empty documents has no words to weigh: any average does.
        self.average_length_ = sum(map(len, documents)) / len(documents) or 1.0
        return self

    def idf(self, term: str) -> float:
        r"""Lucene's inverse document frequency :math:`\ln(1 + (N - n + ½) / (n + ½))`, which is never negative."""
        holding = sum(term in document for document in self.documents_)
        return math.log(1 + (len(self.documents_) - holding + 0.5) / (holding + 0.5))

    def scores(self, query: Sequence[str]) -> list[float]:
        """Score of every document: the sum over the query's terms, repeated terms counting each time."""
        return [
            sum(
                self.idf(term) * _saturation(document.count(term), len(document), self.average_length_, self.k1, self.b)
                for term in query
                if term in document
            )
            for document in self.documents_
        ]

    def search(self, query: Sequence[str], k: int) -> tuple[list[int], list[float]]:
        """The k best documents that share a term with the query, ties to the lower index."""
        scores = self.scores(query)
        matching = [i for i, score in enumerate(scores) if score > 0]
        best = sorted(matching, key=lambda i: -scores[i])[:k]
        return best, [scores[i] for i in best]


def _saturation(count: int, length: int, average_length: float, k1: float, b: float) -> float:
    return count * (k1 + 1) / (count + k1 * (1 - b + b * length / average_length))
