"""The loader pool: what a parser does to itself, it does to no one else."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from whitebox_retrieval.adapters.loader_pool import LoaderPool
from whitebox_retrieval.loading import LoadLimits, UnreadableDocumentError
from whitebox_runtime.testing import eventually

LIMITS = LoadLimits(max_pages=50, max_characters=20_000_000)
# Takes the parser some ten seconds.
SLOW = b"<div>" * 90_000


@pytest.fixture
def pool():
    pool = LoaderPool(1, LIMITS, 30.0)
    yield pool
    pool.close()


def workers() -> list[int]:
    return [process.pid for process in multiprocessing.active_children()]


async def test_documents_are_read_in_another_process_that_is_used_again(pool):
    document = await pool.load(b"The tide.", "a.txt", "text/plain")
    assert [page.text for page in document.pages] == ["The tide."]
    before = workers()
    await pool.load(b"The moon.", "a.txt", "text/plain")
    assert workers() == before
    assert os.getpid() not in before


async def test_a_loaders_reason_comes_back_whole(pool):
    with pytest.raises(UnreadableDocumentError) as caught:
        await pool.load(b"", "a.pdf", "")
    assert (caught.value.code, caught.value.reason) == ("empty", "The file is empty.")
    await pool.load(b"And goes on.", "a.txt", "")


async def test_a_loader_that_takes_too_long_is_killed_and_the_next_document_is_read():
    pool = LoaderPool(1, LIMITS, 1.0)
    try:
        with pytest.raises(UnreadableDocumentError) as caught:
            await pool.load(SLOW, "a.html", "")
        assert caught.value.code == "timeout"
        assert workers() == []
    finally:
        pool.close()


async def test_a_loader_that_crashes_fails_its_document_alone(pool):
    loading = asyncio.create_task(pool.load(SLOW, "a.html", ""))
    await eventually(workers)
    os.kill(workers()[0], signal.SIGKILL)
    with pytest.raises(UnreadableDocumentError) as caught:
        await loading
    assert caught.value.code == "corrupt"
    document = await pool.load(b"The tide.", "a.txt", "")
    assert document.pages[0].text == "The tide."


async def test_a_process_that_died_while_idle_costs_no_document(pool):
    await pool.load(b"The tide.", "a.txt", "")
    (pid,) = workers()
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not running(pid))
    document = await pool.load(b"The moon.", "a.txt", "")
    assert document.pages[0].text == "The moon."


async def test_a_document_is_not_blamed_for_a_process_that_is_just_dying(pool):
    for number in range(20):
        await pool.load(b"The tide.", "a.txt", "")
        (pid,) = workers()
        os.kill(pid, signal.SIGKILL)
        document = await pool.load(f"The moon {number}.".encode(), "a.txt", "")
        assert document.pages[0].text == f"The moon {number}."


async def test_more_documents_than_processes_wait_their_turn(pool):
    documents = await asyncio.gather(*(pool.load(f"Tide {n}.".encode(), "a.txt", "") for n in range(10)))
    assert [document.pages[0].text for document in documents] == [f"Tide {n}." for n in range(10)]
    assert len(workers()) == 1


async def test_the_answer_of_a_cancelled_load_is_not_the_next_documents(pool):
    await pool.load(b"Ready.", "a.txt", "")
    loading = asyncio.create_task(pool.load(b"The wrong one. " * 100_000, "a.md", ""))
    await asyncio.sleep(0)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    document = await pool.load(b"The right one.", "a.txt", "")
    assert document.pages[0].text == "The right one."


async def test_closing_ends_the_processes():
    pool = LoaderPool(2, LIMITS, 5.0)
    await asyncio.gather(pool.load(b"a", "a.txt", ""), pool.load(b"b", "b.txt", ""))
    pids = workers()
    assert len(pids) == 2
    pool.close()
    assert not any(running(pid) for pid in pids)


def running(pid: int) -> bool:
    """Whether a process still works; one that ended and was not waited for does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
