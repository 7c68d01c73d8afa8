"""BM25: ranking by the words that query and document share."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.errors import DtypeError, EmptyInputError, NotFittedError
from whitebox.search._selection import lower_bound


def tokenize(text: str) -> list[str]:
    """Words of letters and digits in any script, folded to one case and one spelling of each character.

    Compatibility characters become plain ones (Unicode NFKC: the ligature of a typeset page is two letters again), soft
    hyphens vanish, combining marks stay with their letters. O(len(text)).

    Raises:
        DtypeError: if `text` is no string.

    >>> tokenize("BM25's cousin: TF-IDF, naïve!")
    ['bm25', 's', 'cousin', 'tf', 'idf', 'naïve']
    """
    if not isinstance(text, str):
        raise DtypeError(f"text must be a string, got {type(text).__name__}")
    if text.isascii():
        return _word("").findall(text.lower())
    # Folding can undo the normal form and normalising can bring capitals back, so one is done on either side.
    plain = unicodedata.normalize("NFKC", text.replace("\u00ad", ""))
    folded = unicodedata.normalize("NFKC", plain.casefold())
    # Composition leaves few marks over, and Python's `\w` knows none of them.
    marks = sorted(character for character in set(folded) if unicodedata.category(character).startswith("M"))
    return _word("".join(marks)).findall(folded)


@lru_cache(maxsize=1024)
def _word(marks: str) -> re.Pattern[str]:
    return re.compile(rf"(?:[^\W_]|[{re.escape(marks)}])+" if marks else r"[^\W_]+")


def term_weights(tokens: Sequence[str], average_length: float, k1: float = 1.2, b: float = 0.75) -> dict[str, float]:
    r"""The document side of BM25 without the inverse document frequency.

    .. math:: w(t, d) = \frac{f_{t,d}\,(k_1 + 1)}{f_{t,d} + k_1 (1 - b + b\,|d| / \overline{|d|})}

    A sparse index that applies the IDF itself, and gets 1 for each query term, then ranks by BM25. O(len(tokens)).

    Args:
        tokens: The document's tokens.
        average_length: Expected number of tokens of a document, positive.
        k1: Saturation of the term frequency, not negative.
        b: Influence of the length, from 0 to 1.

    Raises:
        RangeError: if a parameter is out of its range.
        DtypeError: if `tokens` is a string instead of a list.

    >>> {term: round(weight, 3) for term, weight in term_weights(["a", "b", "a"], average_length=3).items()}
    {'a': 1.375, 'b': 1.0}
    """
    _check_parameters(k1, b)
    _check_tokens(tokens, "tokens")
    average_length = number_in(average_length, "average_length", 0, open_low=True)
    norm = k1 * (1 - b + b * len(tokens) / average_length)
    return {term: count * (k1 + 1) / (count + norm) for term, count in Counter(tokens).items()}


class BM25:
    r"""Okapi BM25 over a fixed corpus.

    .. math::
        s(q, d) = \sum_{t \in q} \ln\left(1 + \frac{N - n_t + 0.5}{n_t + 0.5}\right)
        \frac{f_{t,d}\,(k_1 + 1)}{f_{t,d} + k_1 (1 - b + b\,|d| / \overline{|d|})}

    (Robertson, Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the IDF is Lucene's, which is
    never negative.) Scores are computed when fitting, per posting, as in BM25S (Lù 2024); a query then only adds up the
    posting lists of its terms. Fit is O(tokens); a query O(postings of its terms + n).

    Args:
        k1: Saturation of the term frequency.
        b: Influence of the document's length.

    Raises:
        RangeError: if a parameter is out of its range.

    >>> bm25 = BM25().fit([["tidal", "power"], ["wind", "power"], ["tidal", "tidal", "flat"]])
    >>> indices, scores = bm25.search(["tidal"], k=2)
    >>> indices.tolist()
    [2, 0]
    """

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        _check_parameters(k1, b)
        self.k1 = k1
        self.b = b

    def fit(self, documents: Sequence[Sequence[str]]) -> Self:
        """Indexes tokenised documents. Empty documents are allowed, an empty corpus is not.

        Raises:
            EmptyInputError: if there is no document.
            DtypeError: if a document is a string instead of its tokens.
        """
        if len(documents) == 0:
            raise EmptyInputError("the corpus holds no document")
        for number, document in enumerate(documents):
            _check_tokens(document, f"documents[{number}]")
        lengths = np.fromiter(map(len, documents), dtype=np.int64, count=len(documents))
        # Terms get their numbers as they appear; everything in this pass runs inside the interpreter's C code.
        numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
        tokens = itertools.chain.from_iterable(documents)
        terms = np.fromiter(map(numbers.__getitem__, tokens), dtype=np.int64, count=int(lengths.sum()))
        # One sorted key per token, by term and then by document: equal ones are a term's occurrences in a document.
        keys = np.sort(terms * len(documents) + np.repeat(np.arange(len(documents)), lengths))
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        frequency = np.diff(first, append=len(keys))
        posted_terms, postings = np.divmod(keys[first], len(documents))
        document_frequency = np.bincount(posted_terms, minlength=len(numbers))
        idf = np.log1p((len(documents) - document_frequency + 0.5) / (document_frequency + 0.5))
        norm = self.k1 * (1 - self.b + self.b * lengths / (lengths.mean() or 1.0))
        self.vocabulary_ = dict(numbers)
        self.starts_ = np.concatenate([[0], np.cumsum(document_frequency)])
        self.postings_ = postings
        self.weights_ = idf[posted_terms] * frequency * (self.k1 + 1) / (frequency + norm[postings])
        self.n_documents_ = len(documents)
        return self

    def scores(self, query: Sequence[str]) -> npt.NDArray[np.float64]:
        """Score of every document, shape (n,); 0 where no term is shared. A repeated query term counts each time.

        Raises:
            NotFittedError: before `fit`.
            DtypeError: if the query is a string instead of its tokens.
        """
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("fit the index before searching it")
        _check_tokens(query, "query")
        total = np.zeros(self.n_documents_)
        for term, repeats in Counter(query).items():
            number = self.vocabulary_.get(term)
            if number is not None:
                postings = slice(self.starts_[number], self.starts_[number + 1])
                # Within one list each document stands once, so plain indexed addition is safe.
                total[self.postings_[postings]] += repeats * self.weights_[postings]
        return total

    def search(self, query: Sequence[str], k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The k best documents that share a term with the query; fewer where fewer do. Ties go to the lower index.

        Returns:
            Indices and scores, best first.

        Raises:
            NotFittedError: before `fit`.
            RangeError: if `k` is less than 1.
        """
        k = positive_int(k, "k")
        total = self.scores(query)
        # Scores are never negative, so what is at least the smallest positive number is what matches.
        bound = lower_bound(total[None], min(k, len(total))).item()
        matching = np.flatnonzero(total >= max(bound, np.nextafter(0.0, 1.0)))
        best = matching[np.lexsort((matching, -total[matching]))][:k]
        return best, total[best]


def _check_parameters(k1: float, b: float) -> None:
    number_in(k1, "k1", 0)
    number_in(b, "b", 0, 1)


def _check_tokens(tokens: Sequence[str], name: str) -> None:
    # A string is a sequence of strings too, and would pass for a list of one-letter words.
    if isinstance(tokens, str):
        raise DtypeError(f"{name} must be a list of tokens, not a string: tokenize it first")
