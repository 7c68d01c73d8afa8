"""Sparse vectors for keyword search: BM25 term weights, terms as hashed numbers. The index applies the IDF."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from whitebox.search.bm25 import term_weights, tokenize

# Expected tokens of a chunk, by measurement on chunks of 200 word pieces; BM25's length norm is relative to it.
AVERAGE_CHUNK_TOKENS = 150.0


@dataclass(frozen=True)
class SparseVector:
    """Numbers of the terms and their weights."""

    indices: Sequence[int]
    values: Sequence[float]


def document_vector(text: str) -> SparseVector:
    """Document side: saturated, length-normalised term frequencies."""
    return _vector(term_weights(tokenize(text), AVERAGE_CHUNK_TOKENS))


def query_vector(text: str) -> SparseVector:
    """Query side: 1 for each distinct term."""
    return _vector(dict.fromkeys(tokenize(text), 1.0))


def _vector(weights: dict[str, float]) -> SparseVector:
    # 32-bit numbers collide rarely (one pair expected among 93,000 terms); colliding terms share their weight.
    numbered: dict[int, float] = {}
    for term, weight in weights.items():
        number = zlib.crc32(term.encode("utf-8", "surrogatepass"))
        numbered[number] = max(weight, numbered.get(number, 0.0))
    return SparseVector(list(numbered), list(numbered.values()))
