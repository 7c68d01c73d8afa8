"""Queries that come again."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from whitebox_embedding.caching import CachingEmbedder
from whitebox_embedding.embedder import Embeddings


class RecordingEmbedder:
    """Embeds a text as its length and first character, and writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        self.asked.append(list(texts))
        vectors = np.array([[len(text), ord(text[:1] or "\0")] for text in texts], np.float32)
        return Embeddings(vectors, [len(text) for text in texts], [len(text) > 3 for text in texts])


@given(st.lists(st.lists(st.text("abc", max_size=5), min_size=1, max_size=10), max_size=12), st.integers(0, 5))
async def test_answers_are_those_of_the_embedder_whatever_was_asked_before(requests, capacity):
    cache = CachingEmbedder(RecordingEmbedder(), capacity)
    for texts in requests:
        expected, answer = await RecordingEmbedder().embed(texts), await cache.embed(texts)
        np.testing.assert_array_equal(answer.vectors, expected.vectors)
        assert (answer.token_counts, answer.truncated) == (expected.token_counts, expected.truncated)


async def test_a_repeated_query_is_not_computed_again():
    embedder = RecordingEmbedder()
    cache = CachingEmbedder(embedder, 10)
    await cache.embed(["one", "two"])
    await cache.embed(["three", "two", "one", "three"])
    await cache.embed(["three"])
    assert embedder.asked == [["one", "two"], ["three"]]


async def test_the_least_recently_asked_is_forgotten_first():
    embedder = RecordingEmbedder()
    cache = CachingEmbedder(embedder, 2)
    for text in ("one", "two", "one", "three", "one", "two"):
        await cache.embed([text])
    assert embedder.asked == [["one"], ["two"], ["three"], ["two"]]


async def test_bulk_neither_fills_nor_asks_the_cache():
    embedder = RecordingEmbedder()
    cache = CachingEmbedder(embedder, 100)
    bulk = [str(n) for n in range(9)]
    await cache.embed(bulk)
    await cache.embed(["1"])
    await cache.embed(bulk)
    assert embedder.asked == [bulk, ["1"], bulk]
