"""TF-IDF, term by term and text by text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Self


class TfidfVectorizer:
    """Words and runs of words, weighted by how often the text holds them and by how few texts do.

    >>> TfidfVectorizer().fit(["tidal power", "wind power"]).transform(["power power"])
    [[1.0, 0.0, 0.0]]
    """

    def __init__(self, ngram_range: tuple[int, int] = (1, 1), min_df: int = 1, sublinear_tf: bool = False) -> None:
        self.ngram_range = ngram_range
        self.min_df = min_df
        self.sublinear_tf = sublinear_tf

    def analyze(self, text: str) -> list[str]:
        """The terms of a text, with repetitions.

        >>> TfidfVectorizer(ngram_range=(1, 2)).analyze("The tide rises")
        ['the', 'tide', 'rises', 'the tide', 'tide rises']
        """
        words = re.findall(r"\b\w\w+\b", text.lower())
        low, high = self.ngram_range
        return [" ".join(words[i : i + n]) for n in range(low, high + 1) for i in range(len(words) - n + 1)]

    def fit(self, texts: Sequence[str]) -> Self:
        """Learns which terms there are, and how many texts hold each."""
        held = [set(self.analyze(text)) for text in texts]
        holders = {term: sum(term in terms for terms in held) for terms in held for term in terms}
        self.terms_ = sorted(term for term, count in holders.items() if count >= self.min_df)
        self.idf_ = [math.log((1 + len(texts)) / (1 + holders[term])) + 1 for term in self.terms_]
        return self

    def transform(self, texts: Sequence[str]) -> list[list[float]]:
        """Weights of the known terms, each row of unit length."""
        rows = []
        for text in texts:
            terms = self.analyze(text)
            counts = [terms.count(term) for term in self.terms_]
            tf = [1 + math.log(count) if count and self.sublinear_tf else float(count) for count in counts]
            row = [t * idf for t, idf in zip(tf, self.idf_, strict=True)]
            length = math.sqrt(sum(weight**2 for weight in row))
            rows.append([weight / (length or 1.0) for weight in row])
        return rows
