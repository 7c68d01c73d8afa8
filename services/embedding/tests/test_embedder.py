"""Admission and tokenising."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from whitebox_embedding.batcher import Batcher
from whitebox_embedding.embedder import Embedder
from whitebox_embedding.encoding import EncodedText
from whitebox_runtime.errors import ResourceExhausted


class GatedTokenizer:
    """One token per character; waits while its gate is closed."""

    padding_id = 0

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        self.calls.append(list(texts))
        assert self.gate.wait(30)
        return [EncodedText(np.array([len(text)], np.int32), len(text) > 256) for text in texts]

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.ids) for text in self.encode(texts)]


class LengthEncoder:
    def encode(self, token_ids, lengths):
        return token_ids[:, :1].astype(np.float32)


@pytest.fixture
async def service():
    tokenizer = GatedTokenizer()
    batcher = Batcher(LengthEncoder(), dimensions=1)
    embedder = Embedder(tokenizer, batcher, max_waiting_texts=100)
    yield embedder, tokenizer
    tokenizer.gate.set()
    embedder.close()
    batcher.close()


async def fill(embedder: Embedder, texts: int) -> asyncio.Task:
    task = asyncio.create_task(embedder.embed(["x"] * texts))
    await asyncio.sleep(0)
    return task


async def test_order_and_truncation_are_reported_per_text(service):
    embedder, _ = service
    result = await embedder.embed(["aaa", "", "b" * 300, "cc"])
    assert result.vectors[:, 0].tolist() == [3, 0, 300, 2]
    assert result.truncated == [False, False, True, False]


async def test_bulk_is_refused_where_queries_are_still_admitted(service):
    embedder, tokenizer = service
    tokenizer.gate.clear()
    waiting = [await fill(embedder, 70)]
    with pytest.raises(ResourceExhausted, match="70 texts are waiting and 9 more exceed the limit of 75") as refusal:
        await embedder.embed(["x"] * 9)
    assert refusal.value.reason == "embedding_queue_full"
    assert 0.1 <= refusal.value.retry_after <= 30
    waiting += [await fill(embedder, 8) for _ in range(3)]
    with pytest.raises(ResourceExhausted, match="94 texts are waiting"):
        await embedder.embed(["x"] * 8)
    tokenizer.gate.set()
    await asyncio.gather(*waiting)
    await embedder.embed(["x"] * 75)


async def test_room_is_given_back_when_a_caller_leaves(service):
    embedder, tokenizer = service
    tokenizer.gate.clear()
    leaving = await fill(embedder, 75)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    tokenizer.gate.set()
    assert len((await embedder.embed(["x"] * 75)).token_counts) == 75


async def test_long_requests_are_tokenised_in_slices(service):
    embedder, tokenizer = service
    texts = ["a" * 10_000, "b" * 6_000, "c" * 1_000, "d" * 60_000, "e"]
    assert await embedder.count_tokens(texts) == [1] * 5
    assert tokenizer.calls == [texts[:2], texts[2:3], texts[3:4], texts[4:]]


async def test_the_real_tokenizer_counts_without_limit_and_without_special_tokens(tokenizer):
    batcher = Batcher(LengthEncoder(), dimensions=1)
    embedder = Embedder(tokenizer, batcher, max_waiting_texts=512)
    assert await embedder.count_tokens(["", "word", "word " * 5000]) == [0, 1, 5000]
    embedder.close()
    batcher.close()
