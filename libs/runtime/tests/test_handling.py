"""Order, concurrency and patience of event handling, without a broker."""

import asyncio

import pytest
from whitebox_runtime.errors import InvalidArgument, NotFound, Unavailable
from whitebox_runtime.events import DeferredEvent, Event, PermanentEventError, each
from whitebox_runtime.events.handling import Retries
from whitebox_runtime.telemetry import current_trace_id


def event(key: str, number: int, traceparent: str | None = None) -> Event:
    one = Event.create(type="t", source="/s", topic="topic", key=key, data=str(number).encode())
    return Event(**{**one.__dict__, "traceparent": traceparent})


async def test_a_failed_event_defers_those_behind_it_with_its_key_and_no_others() -> None:
    async def handle(one: Event) -> None:
        if one.data == b"1":
            raise OSError("away")

    results = await each(handle)([event("a", 1), event("b", 2), event("a", 3), event("a", 4)])
    assert isinstance(results[0], OSError)
    assert results[1] is None
    assert isinstance(results[2], DeferredEvent)
    assert isinstance(results[3], DeferredEvent)


async def test_a_hopeless_event_does_not_hold_up_its_key() -> None:
    async def handle(one: Event) -> None:
        if one.data == b"1":
            raise PermanentEventError("no")

    results = await each(handle)([event("a", 1), event("a", 2)])
    assert isinstance(results[0], PermanentEventError)
    assert results[1] is None


async def test_different_keys_run_together_up_to_the_limit_and_one_key_alone() -> None:
    running: list[str] = []
    most = 0

    async def handle(one: Event) -> None:
        nonlocal most
        assert one.key not in running
        running.append(one.key)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.remove(one.key)

    await each(handle, concurrency=3)([event(f"k{number % 8}", number) for number in range(64)])
    assert most == 3


async def test_each_event_is_handled_in_the_trace_that_caused_it() -> None:
    seen: list[str] = []

    async def handle(one: Event) -> None:
        seen.append(current_trace_id())

    trace = "0af7651916cd43dd8448eb211c80319c"
    await each(handle)([event("a", 1, f"00-{trace}-b7ad6b7169203331-01"), event("a", 2, "garbage")])
    assert seen[0] == trace
    assert seen[1] != trace


@pytest.mark.parametrize("error", [PermanentEventError("x"), InvalidArgument("x")])
def test_hopeless_errors_get_no_second_attempt(error: Exception) -> None:
    assert Retries(5, 900).give_up(error)


def test_ordinary_errors_get_the_allowed_attempts() -> None:
    retries = Retries(3, 900)
    assert [retries.give_up(NotFound("x")) for _ in range(3)] == [False, False, True]
    assert retries.attempts == 3


def test_an_outage_of_a_dependency_uses_up_patience_and_not_attempts() -> None:
    retries = Retries(2, 900)
    assert not any(retries.give_up(Unavailable("x")) for _ in range(50))
    assert Retries(2, 0).give_up(Unavailable("x"))
