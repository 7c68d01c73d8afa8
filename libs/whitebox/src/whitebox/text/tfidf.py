"""Texts as sparse vectors of weighted terms."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import DtypeError, EmptyInputError, NotFittedError, RangeError
from whitebox.linalg.sparse import CSR, Indices

Analyzer = Literal["word", "char", "char_wb"]
_SPACES = re.compile(r"\s\s+")


class TfidfVectorizer(BaseEstimator):
    r"""Terms weighted by how often the text holds them and by how few texts do.

    .. math:: w_{t,d} = \mathrm{tf}_{t,d} \Big(\ln \frac{1 + n}{1 + \mathrm{df}_t} + 1\Big)

    (Salton, Buckley: Term-weighting Approaches in Automatic Text Retrieval, 1988), each row then scaled to unit length.
    tf counts occurrences, or is :math:`1 + \ln \mathrm{tf}`; df counts the texts that hold the term. The ones beside n
    and df act as one more text that holds every term; the one after the logarithm keeps terms that all texts hold.
    Defaults and results are scikit-learn's; where `max_features` cuts among terms as frequent, the first in order stay.
    Fit and transform are O(characters · orders).

    Args:
        analyzer: What terms are made of: "word", "char", or "char_wb", characters within words with a space on either
            side.
        ngram_range: Shortest and longest run of words or characters.
        lowercase: Whether case is folded first.
        token_pattern: What a word is; of a pattern with a group, the group is.
        stop_words: Words to leave out, after folding and before runs are made.
        min_df: Fewest texts a term must stand in: a number, or a share if between 0 and 1 and no whole number.
        max_df: Most texts it may stand in, likewise.
        max_features: Keeps so many terms, those that occur most often; all by default.
        use_idf: Whether rare terms weigh more.
        smooth_idf: Whether ones are added to n and df; without, the idf is :math:`\ln(n / \mathrm{df}) + 1`.
        sublinear_tf: Whether tf is :math:`1 + \ln \mathrm{tf}`.
        norm: "l2", "l1" for a sum of 1, or None.

    Attributes:
        vocabulary_: Column of each term.
        idf_: Shape (terms,); ones without `use_idf`.

    >>> vectorizer = TfidfVectorizer()
    >>> weights = vectorizer.fit_transform(["tidal power", "wind power"])
    >>> vectorizer.get_feature_names_out().tolist()
    ['power', 'tidal', 'wind']
    >>> weights.to_dense().round(3).tolist()
    [[0.58, 0.815, 0.0], [0.58, 0.0, 0.815]]
    """

    _kind = "transformer"
    vocabulary_: dict[str, int]
    idf_: Array

    def __init__(
        self,
        *,
        analyzer: Analyzer = "word",
        ngram_range: tuple[int, int] = (1, 1),
        lowercase: bool = True,
        token_pattern: str = r"\b\w\w+\b",  # noqa: S107  # no secret
        stop_words: Iterable[str] | None = None,
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        norm: Literal["l2", "l1"] | None = "l2",
    ) -> None:
        self.analyzer = analyzer
        self.ngram_range = ngram_range
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.norm = norm

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Learns vocabulary and idf.

        Raises:
            EmptyInputError: if there is no text, or no term is left.
            DtypeError: if a text is no string, or the texts are one string.
            RangeError: if a parameter is out of its range.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Iterable[str], y: Any = None) -> CSR:  # noqa: ARG002  # scikit-learn's signature
        """`fit`, then `transform`, in one pass over the texts."""
        self._check_parameters()
        numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
        found, lengths = self._found(X, numbers.__getitem__)
        counts = _counted(found, lengths, max(len(numbers), 1))
        if not numbers:
            raise EmptyInputError("empty vocabulary: the texts hold no term")
        kept = self._kept(list(numbers), counts)
        self.vocabulary_ = {term: column for column, (term, _) in enumerate(kept)}
        columns = np.full(len(numbers), -1)
        columns[[number for _, number in kept]] = np.arange(len(kept))
        counts = _renumbered(counts, columns, len(kept))
        held_by = np.bincount(counts.columns, minlength=len(kept))
        self.idf_ = self._idf(held_by, counts.shape[0])
        return self._weighted(counts)

    def transform(self, X: Iterable[str]) -> CSR:
        """Weights of the known terms, shape (n, terms); unknown ones do not count.

        Raises:
            NotFittedError: before `fit`.
            EmptyInputError: if there is no text.
            DtypeError: if a text is no string, or the texts are one string.
        """
        self._check_fitted()
        numbers = self.vocabulary_
        found, lengths = self._found(X, lambda term: numbers.get(term, -1))
        known = found >= 0
        lengths = np.bincount(np.repeat(np.arange(len(lengths)), lengths)[known], minlength=len(lengths))
        return self._weighted(_counted(found[known], lengths, len(numbers)))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:  # noqa: ARG002  # scikit-learn's
        """The terms, in the order of their columns.

        Raises:
            NotFittedError: before `fit`.
        """
        self._check_fitted()
        return np.array(list(self.vocabulary_), dtype=object)

    def analyze(self, text: str) -> list[str]:
        """The terms of a text, with repetitions.

        Raises:
            DtypeError: if `text` is no string.
            RangeError: if a parameter is out of its range.

        >>> TfidfVectorizer(ngram_range=(1, 2)).analyze("The tide rises")
        ['the', 'tide', 'rises', 'the tide', 'tide rises']
        >>> TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3)).analyze("ebb tide")
        [' eb', 'ebb', 'bb ', ' ti', 'tid', 'ide', 'de ']
        """
        self._check_parameters()
        return self._terms(text, self._excluded(), re.compile(self.token_pattern))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.requires_fit = True, False, True
        return tags

    def _check_parameters(self) -> None:
        if self.analyzer not in get_args(Analyzer):
            raise RangeError(f"analyzer must be 'word', 'char' or 'char_wb', got {self.analyzer!r}")
        if self.norm not in ("l1", "l2", None):
            raise RangeError(f"norm must be 'l2', 'l1' or None, got {self.norm!r}")
        if len(self.ngram_range) != 2:
            raise RangeError(f"ngram_range must be two numbers, got {self.ngram_range!r}")
        low, high = (positive_int(order, "ngram_range") for order in self.ngram_range)
        if low > high:
            raise RangeError(f"ngram_range must rise, got {self.ngram_range!r}")
        if self.max_features is not None:
            positive_int(self.max_features, "max_features")
        if isinstance(self.stop_words, str):
            raise DtypeError("stop_words must be a list of words, not a string")

    def _check_fitted(self) -> None:
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("this TfidfVectorizer is not fitted yet: call fit first")

    def _found(self, X: Iterable[str], number: Any) -> tuple[Indices, Indices]:
        """Numbers of all terms, text after text, and how many each text has."""
        if isinstance(X, str):
            raise DtypeError("texts must be a list of strings, not a string")
        excluded, pattern = self._excluded(), re.compile(self.token_pattern)
        parts: list[Indices] = []
        lengths: list[int] = []
        for text in X:
            terms = self._terms(text, excluded, pattern, f"texts[{len(lengths)}]")
            parts.append(np.fromiter(map(number, terms), dtype=np.int64, count=len(terms)))
            lengths.append(len(terms))
        if not lengths:
            raise EmptyInputError("there is no text to learn from or to transform")
        return np.concatenate(parts), np.array(lengths)

    def _excluded(self) -> frozenset[str]:
        return frozenset(self.stop_words or ())

    def _terms(self, text: str, excluded: frozenset[str], pattern: re.Pattern[str], name: str = "text") -> list[str]:
        if not isinstance(text, str):
            raise DtypeError(f"{name} must be a string, got {type(text).__name__}")
        if self.lowercase:
            text = text.lower()
        low, high = self.ngram_range
        if self.analyzer == "word":
            words = pattern.findall(text)
            if excluded:
                words = [word for word in words if word not in excluded]
            return _word_runs(words, low, high)
        if self.analyzer == "char":
            return _character_runs(_SPACES.sub(" ", text), low, high)
        return list(itertools.chain.from_iterable(_runs_within(word, low, high) for word in text.split()))

    def _kept(self, terms: Sequence[str], counts: CSR) -> list[tuple[str, int]]:
        """Terms to keep with their numbers, in the order of their columns."""
        texts = counts.shape[0]
        fewest, most = (
            _as_count(limit, name, texts) for limit, name in ((self.min_df, "min_df"), (self.max_df, "max_df"))
        )
        if most < fewest:
            raise RangeError(f"max_df leaves at most {most:g} texts a term, min_df demands {fewest:g}")
        held_by = np.bincount(counts.columns, minlength=len(terms))
        frequent = np.flatnonzero((held_by >= fewest) & (held_by <= most)).tolist()
        likely = sorted((terms[number], number) for number in frequent)
        if self.max_features is not None and len(likely) > self.max_features:
            occurrences = np.bincount(counts.columns, weights=counts.values, minlength=len(terms))
            # Sorting is stable: of terms as frequent, the first in order stay.
            likely = sorted(sorted(likely, key=lambda pair: -occurrences[pair[1]])[: self.max_features])
        if not likely:
            raise EmptyInputError("empty vocabulary: min_df and max_df leave no term")
        return likely

    def _idf(self, held_by: Indices, texts: int) -> Array:
        if not self.use_idf:
            return np.ones(len(held_by))
        if self.smooth_idf:
            return np.log((1 + texts) / (1 + held_by)) + 1
        return np.log(texts / held_by) + 1

    def _weighted(self, counts: CSR) -> CSR:
        tf = 1 + np.log(counts.values) if self.sublinear_tf else counts.values
        weights = tf * self.idf_[counts.columns]
        if self.norm is not None and len(weights):
            sizes = np.abs(weights) if self.norm == "l1" else weights**2
            totals = np.bincount(counts.rows, weights=sizes, minlength=counts.shape[0])
            lengths = totals if self.norm == "l1" else np.sqrt(totals)
            weights = weights / lengths[counts.rows]
        return CSR(weights, counts.columns, counts.starts, counts.shape)


def _word_runs(words: list[str], low: int, high: int) -> list[str]:
    if high == 1:
        return words
    runs = list(words) if low == 1 else []
    for order in range(max(low, 2), high + 1):
        runs += map(" ".join, zip(*(words[start:] for start in range(order)), strict=False))
    return runs


def _character_runs(text: str, low: int, high: int) -> list[str]:
    return [
        text[start : start + order]
        for order in range(low, min(high, len(text)) + 1)
        for start in range(len(text) - order + 1)
    ]


@lru_cache(maxsize=1 << 16)  # the same words come again and again
def _runs_within(word: str, low: int, high: int) -> list[str]:
    padded = f" {word} "
    # A word that is too short for a run is one itself.
    return _character_runs(padded, low, high) if len(padded) >= low else [padded]


def _counted(found: Indices, lengths: Indices, terms: int) -> CSR:
    """How often each text holds each term."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    # Sorted keys, by text and then by term: equal ones are a term's occurrences in a text.
    keys = np.sort(rows * terms + found)
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    rows, columns = np.divmod(keys[first], terms)
    starts = np.searchsorted(rows, np.arange(len(lengths) + 1))
    return CSR(np.diff(first, append=len(keys)).astype(np.float64), columns, starts, (len(lengths), terms))


def _renumbered(counts: CSR, columns: Indices, terms: int) -> CSR:
    """With the columns' new numbers; without those whose number is -1."""
    renamed = columns[counts.columns]
    kept = renamed >= 0
    rows, renamed, values = counts.rows[kept], renamed[kept], counts.values[kept]
    order = np.argsort(rows * terms + renamed)
    starts = np.searchsorted(rows, np.arange(counts.shape[0] + 1))
    return CSR(values[order], renamed[order], starts, (counts.shape[0], terms))


def _as_count(limit: float, name: str, texts: int) -> float:
    """A number of texts, of one or of a share of them."""
    if isinstance(limit, int | np.integer) and not isinstance(limit, bool):
        return number_in(limit, name, 0)
    return number_in(limit, name, 0, 1) * texts
