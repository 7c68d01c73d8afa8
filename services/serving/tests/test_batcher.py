"""Batching: the same answers in any company, no delay when idle, and no work for nobody."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox_runtime.errors import ResourceExhausted
from whitebox_serving.batcher import Batcher, BatchLimits
from whitebox_serving.cost import RunCost, measure

SLOW = RunCost(base_seconds=1.0, row_seconds=0.001)
FAST = RunCost(base_seconds=1e-6, row_seconds=1e-6)
LIMITS = BatchLimits(max_batch_rows=8, max_waiting_rows=20)


class Gate:
    """An engine that doubles, and runs only when let through."""

    def __init__(self, *, opened=False):
        self.runs = []
        self.threads = set()
        self.entered = threading.Semaphore(0)
        self._gate = threading.Event()
        if opened:
            self._gate.set()

    def run(self, rows):
        self.runs.append(len(rows))
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self._gate.wait(10)
        if (rows < 0).any():
            raise ArithmeticError("negative")
        return rows * 2

    def open(self):
        self._gate.set()

    async def running(self):
        assert await asyncio.to_thread(self.entered.acquire, timeout=10)


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def block(first, count, width=3):
    return np.arange(first, first + count * width, dtype=np.float32).reshape(count, width)


async def settle():
    """Lets every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 12),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.000_005, 1.0]),
)
def test_any_interleaving_gives_what_one_by_one_gives(requests, max_batch_rows, threads, direct_seconds):
    """Requests of any size, started in any rhythm, some of which are cancelled."""

    async def play():
        engine = Gate(opened=True)
        limits = BatchLimits(direct_seconds, max_batch_rows, 10**6, threads)
        with ThreadPoolExecutor(threads) as pool:
            batcher = Batcher("test", engine, FAST, pool, limits)
            calls = []
            for number, (count, yields, cancel) in enumerate(requests):
                call = asyncio.ensure_future(batcher.predict(block(number * 100, count)))
                calls.append(call)
                for _ in range(yields):
                    await asyncio.sleep(0)
                if cancel:
                    call.cancel()
            answers = await asyncio.gather(*calls, return_exceptions=True)
        for number, (answer, (count, _, cancel)) in enumerate(zip(answers, requests, strict=True)):
            if isinstance(answer, asyncio.CancelledError):
                assert cancel
                continue
            np.testing.assert_array_equal(answer.outputs, block(number * 100, count) * 2)
            assert count <= answer.batch_rows <= max(count, max_batch_rows)
        assert batcher._waiting_rows == 0

    asyncio.run(play())


async def test_a_short_run_happens_on_the_spot_and_a_long_one_on_a_thread(executor):
    engine = Gate(opened=True)
    here = threading.get_ident()
    batcher = Batcher("test", engine, RunCost(0.0, 0.0001), executor, replace(LIMITS, direct_seconds=0.00051))
    await batcher.predict(block(0, 5))
    assert engine.threads == {here}
    await batcher.predict(block(0, 6))
    assert len(engine.threads) == 2


async def test_what_arrives_while_a_run_lasts_is_the_next_batch_and_the_first_did_not_wait(executor):
    engine = Gate()
    batcher = Batcher("test", engine, SLOW, executor, LIMITS)
    calls = [asyncio.ensure_future(batcher.predict(block(0, 1)))]
    await engine.running()
    calls += [asyncio.ensure_future(batcher.predict(block(n, n))) for n in (3, 4, 2, 5)]
    await settle()
    engine.open()
    answers = await asyncio.gather(*calls)
    assert engine.runs == [1, 7, 7]
    assert [answer.batch_rows for answer in answers] == [1, 7, 7, 7, 7]


async def test_a_request_larger_than_a_batch_runs_alone(executor):
    engine = Gate()
    batcher = Batcher("test", engine, SLOW, executor, LIMITS)
    calls = [asyncio.ensure_future(batcher.predict(block(0, n))) for n in (1, 2, 15, 2)]
    await engine.running()
    engine.open()
    await asyncio.gather(*calls)
    assert engine.runs == [1, 2, 15, 2]


async def test_short_runs_pass_a_long_one(executor):
    engine = Gate()
    batcher = Batcher("test", engine, RunCost(0.0, 0.0001), executor, LIMITS)
    long = asyncio.ensure_future(batcher.predict(block(0, 12)))
    await engine.running()
    quick = Batcher("test", Gate(opened=True), RunCost(0.0, 0.0001), executor, LIMITS)
    assert (await quick.predict(block(0, 1))).batch_rows == 1
    assert not long.done()
    engine.open()
    await long


async def test_too_much_waiting_is_refused_and_says_when_to_come_back(executor):
    engine = Gate()
    batcher = Batcher("test", engine, SLOW, executor, LIMITS)
    calls = [asyncio.ensure_future(batcher.predict(block(0, n))) for n in (1, 10, 10)]
    await settle()
    with pytest.raises(ResourceExhausted, match="20 rows are waiting and 1 more exceed the limit of 20") as refused:
        await batcher.predict(block(0, 1))
    assert refused.value.retry_after == pytest.approx(1.02)
    engine.open()
    await asyncio.gather(*calls)
    assert (await batcher.predict(block(0, 1))).batch_rows == 1


async def test_the_rows_of_a_caller_who_left_are_not_computed(executor):
    engine = Gate()
    batcher = Batcher("test", engine, SLOW, executor, LIMITS)
    calls = [asyncio.ensure_future(batcher.predict(block(n, n))) for n in (1, 2, 3)]
    await engine.running()
    calls[0].cancel()
    calls[1].cancel()
    await settle()
    engine.open()
    np.testing.assert_array_equal((await calls[2]).outputs, block(3, 3) * 2)
    assert engine.runs == [1, 3]


async def test_a_run_that_fails_fails_its_callers_and_nobody_else(executor):
    engine = Gate(opened=True)
    batcher = Batcher("test", engine, SLOW, executor, LIMITS)
    with pytest.raises(ArithmeticError):
        await batcher.predict(-block(1, 1))
    assert (await batcher.predict(block(0, 2))).batch_rows == 2


def test_the_cost_of_a_run_is_a_line_through_two_measured_points():
    class Sleeper:
        def run(self, rows):
            # A wait on purpose: this is what is being measured.
            threading.Event().wait(0.004 + 0.0001 * len(rows))
            return rows

    cost = measure(Sleeper(), block(0, 2))
    assert cost.seconds(1) == pytest.approx(0.0041, rel=0.5)
    assert cost.seconds(256) == pytest.approx(0.0296, rel=0.5)


def test_rows_within_a_time_never_take_longer():
    assert FAST.rows_within(10.5e-6) == 9
    assert FAST.rows_within(1e-6) == 0
    assert SLOW.rows_within(0.5) == 0
    assert RunCost(0.0, 0.0).rows_within(0.001) > 4096
    assert RunCost(0.0, 0.0).rows_within(0.0) == 0
