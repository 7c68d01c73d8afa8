"""Many callers, one encoder."""

import asyncio
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from whitebox_embedding.batcher import Batcher


def row(*ids: int) -> NDArray[np.int32]:
    return np.array(ids, np.int32)


def signature(ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """What SigningEncoder must make of a text, padding excluded."""
    return np.array([len(ids), ids.sum(), (ids * np.arange(1, len(ids) + 1)).sum(), ids[-1]], np.float32)


class SigningEncoder:
    """Gives each text a vector that tells it from every other; waits before each batch while its gate is closed."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.batches: list[list[list[int]]] = []

    def encode(self, token_ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        self.batches.append([ids[:n].tolist() for ids, n in zip(token_ids, lengths, strict=True)])
        self.entered.release()
        assert self.gate.wait(30)
        if (token_ids == 666).any():
            raise RuntimeError("the engine failed")
        return np.stack([signature(ids[:n]) for ids, n in zip(token_ids, lengths, strict=True)])


@pytest.fixture
async def busy():
    """A batcher whose only thread is held on a first text until the encoder's gate opens."""
    encoder = SigningEncoder()
    encoder.gate.clear()
    batcher = Batcher(encoder, dimensions=4, max_batch_tokens=32)
    first = asyncio.create_task(batcher.embed([row(1)]))
    await asyncio.to_thread(encoder.entered.acquire)
    yield batcher, encoder
    encoder.gate.set()
    await first
    batcher.close()


texts = st.lists(st.integers(1, 600), min_size=1, max_size=60)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.lists(texts, max_size=12), max_size=10), st.integers(16, 512), st.integers(1, 3))
async def test_any_mix_of_concurrent_requests_gives_each_what_it_would_get_alone(requests, budget, threads):
    batcher = Batcher(SigningEncoder(), dimensions=4, max_batch_tokens=budget, threads=threads)
    results = await asyncio.gather(*(batcher.embed([row(*ids) for ids in request]) for request in requests))
    batcher.close()
    for request, vectors in zip(requests, results, strict=True):
        assert vectors.shape == (len(request), 4)
        for ids, vector in zip(request, vectors, strict=True):
            np.testing.assert_array_equal(vector, signature(row(*ids)))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 41), min_size=1, max_size=8), min_size=1, max_size=6))
async def test_the_real_model_gives_the_same_vectors_batched_or_alone(encoder, tokenizer, golden, requests):
    encoded = [text.ids for text in tokenizer.encode(golden.texts)]
    batcher = Batcher(encoder, dimensions=384)
    results = await asyncio.gather(*(batcher.embed([encoded[n] for n in request]) for request in requests))
    batcher.close()
    for request, vectors in zip(requests, results, strict=True):
        np.testing.assert_allclose(vectors, golden.vectors[request], atol=1e-5)


async def test_requests_that_wait_together_run_together(busy):
    batcher, encoder = busy
    waiting = [asyncio.create_task(batcher.embed([row(n, n)])) for n in range(10)]
    await asyncio.sleep(0)
    encoder.gate.set()
    await asyncio.gather(*waiting)
    assert [len(batch) for batch in encoder.batches] == [1, 10]


async def test_a_query_overtakes_a_long_request(busy):
    batcher, encoder = busy
    bulk = asyncio.create_task(batcher.embed([row(*range(2, 34))] * 20))
    await asyncio.sleep(0)
    query = asyncio.create_task(batcher.embed([row(7, 8)]))
    await asyncio.sleep(0)
    encoder.gate.set()
    await query
    assert not bulk.done()
    assert encoder.batches.index([[7, 8]]) <= 2
    await bulk


async def test_texts_of_a_cancelled_caller_never_reach_the_encoder(busy):
    batcher, encoder = busy
    leaving = asyncio.create_task(batcher.embed([row(9, n) for n in range(30)]))
    staying = asyncio.create_task(batcher.embed([row(5, 5)]))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    encoder.gate.set()
    await staying
    assert encoder.batches == [[[1]], [[5, 5]]]
    assert batcher.backlog_seconds == 0


async def test_a_caller_cancelled_while_its_batch_runs_disturbs_no_one(busy):
    batcher, encoder = busy
    waiting = [asyncio.create_task(batcher.embed([row(n, n)])) for n in range(3)]
    await asyncio.sleep(0)
    encoder.gate.set()
    while len(encoder.batches) < 2:
        await asyncio.to_thread(encoder.entered.acquire)
    waiting[1].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    np.testing.assert_array_equal(results[0][0], signature(row(0, 0)))
    np.testing.assert_array_equal(results[2][0], signature(row(2, 2)))


async def test_a_failing_batch_fails_its_own_callers_and_the_next_one_runs(busy):
    batcher, encoder = busy
    bad = asyncio.create_task(batcher.embed([row(666), row(*range(20, 52))]))
    await asyncio.sleep(0)
    encoder.gate.set()
    with pytest.raises(RuntimeError, match="the engine failed"):
        await bad
    np.testing.assert_array_equal((await batcher.embed([row(3)]))[0], signature(row(3)))
    assert batcher.backlog_seconds == 0


async def test_the_backlog_is_counted_in_seconds(busy):
    batcher, _encoder = busy
    assert batcher.backlog_seconds == 0
    waiting = asyncio.create_task(batcher.embed([row(*range(2, 34))] * 100))
    await asyncio.sleep(0)
    assert 0.1 < batcher.backlog_seconds < 60
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_no_texts_need_no_encoder():
    encoder = SigningEncoder()
    batcher = Batcher(encoder, dimensions=4)
    assert (await batcher.embed([])).shape == (0, 4)
    batcher.close()
    assert encoder.batches == []
