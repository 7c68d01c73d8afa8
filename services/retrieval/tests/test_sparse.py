"""Sparse vectors: BM25's document side, its query side, and terms as numbers."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from whitebox.search.bm25 import BM25, tokenize
from whitebox_retrieval.sparse import document_vector, query_vector


def number(term: str) -> int:
    (token,) = tokenize(term)
    return zlib.crc32(token.encode())


def test_a_term_has_the_same_number_on_both_sides():
    assert set(query_vector("Tide tide TIDE").indices) == {number("tide")}
    assert number("tide") in document_vector("The tide rises.").indices


def test_every_query_term_counts_once():
    assert set(query_vector("tide tide moon").values) == {1.0}


def test_repetition_saturates_and_length_dampens():
    def weight(text: str) -> float:
        vector = document_vector(text)
        return dict(zip(vector.indices, vector.values, strict=True))[number("tide")]

    once, twice, often = (weight("tide " * n + "moon " * (100 - n)) for n in (1, 2, 50))
    assert once < twice < often < 2.2
    assert twice - once < once
    assert weight("tide " + "moon " * 400) < once


def test_with_the_idf_of_the_corpus_it_ranks_as_bm25_does():
    words = "tide moon silt river delta gate turbine storm".split()
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(words, size=150)) for _ in range(40)]
    bm25 = BM25().fit([tokenize(text) for text in texts])
    query = "storm gate"
    vectors = [document_vector(text) for text in texts]
    counts = {n: sum(n in vector.indices for vector in vectors) for n in query_vector(query).indices}
    idf = {n: np.log((len(texts) - count + 0.5) / (count + 0.5) + 1) for n, count in counts.items()}
    ours = [
        sum(idf[n] * dict(zip(vector.indices, vector.values, strict=True)).get(n, 0.0) for n in idf)
        for vector in vectors
    ]
    np.testing.assert_allclose(ours, bm25.scores(tokenize(query)), rtol=1e-4)


@given(st.text(max_size=200))
def test_any_text_gives_distinct_numbers_of_32_bits_and_positive_weights(text):
    for vector in (document_vector(text), query_vector(text)):
        assert len(set(vector.indices)) == len(vector.indices) == len(vector.values)
        assert all(0 <= index < 2**32 for index in vector.indices)
        assert all(value > 0 for value in vector.values)


@pytest.mark.parametrize("text", ["", "   ", "?!…", "\ud800"])
def test_text_without_terms_has_an_empty_vector_or_no_harm(text):
    assert len(query_vector(text).indices) <= 1
