import asyncio

import pytest
from whitebox_llm.admission import Admission
from whitebox_runtime.errors import ResourceExhausted, Unavailable


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admission(slots: int, max_waiting: int, clock: Clock) -> Admission:
    return Admission(slots, max_waiting, saturated_after_seconds=30, clock=clock)


class Holder:
    """A task that takes a slot and holds it until it is told to let go."""

    def __init__(self, admission: Admission, order: list[str] | None = None, name: str = "") -> None:
        self.let_go = asyncio.Event()
        self.has_it = asyncio.Event()
        self.task = asyncio.create_task(self._hold(admission, order if order is not None else [], name))

    async def _hold(self, admission: Admission, order: list[str], name: str) -> None:
        async with admission.slot():
            order.append(name)
            self.has_it.set()
            await self.let_go.wait()

    async def finish(self) -> None:
        self.let_go.set()
        await self.task


async def settle() -> None:
    """Lets every task run as far as it gets."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_no_more_run_than_there_are_slots(clock: Clock) -> None:
    gate = admission(2, 5, clock)
    holders = [Holder(gate) for _ in range(3)]
    await settle()
    assert [holder.has_it.is_set() for holder in holders] == [True, True, False]
    await holders[0].finish()
    await holders[2].has_it.wait()
    for holder in holders[1:]:
        await holder.finish()


async def test_first_come_first_served(clock: Clock) -> None:
    gate, order = admission(1, 5, clock), []
    holders = [Holder(gate, order, name) for name in "abcd"]
    for holder in holders:
        await holder.has_it.wait()
        await holder.finish()
    assert order == list("abcd")


async def test_beyond_the_queue_callers_are_told_when_to_come_back(clock: Clock) -> None:
    gate = admission(2, 2, clock)
    warm_up = Holder(gate)
    await warm_up.has_it.wait()
    clock.now += 41
    await warm_up.finish()  # a slot is now expected to be held for about 9 s
    holders = [Holder(gate) for _ in range(4)]
    await settle()
    with pytest.raises(ResourceExhausted, match="2 generations are running and 2 are waiting") as raised:
        async with gate.slot():
            pass
    assert raised.value.retry_after == pytest.approx(13.5)
    for holder in holders:
        await holder.finish()


async def test_without_a_queue_nothing_waits(clock: Clock) -> None:
    gate = admission(1, 0, clock)
    holder = Holder(gate)
    await holder.has_it.wait()
    with pytest.raises(ResourceExhausted):
        async with gate.slot():
            pass
    await holder.finish()
    async with gate.slot():
        pass


async def test_who_gives_up_waiting_leaves_the_queue(clock: Clock) -> None:
    gate = admission(1, 1, clock)
    running, waiting = Holder(gate), Holder(gate)
    await settle()
    waiting.task.cancel()
    await asyncio.wait({waiting.task})
    follower = Holder(gate)
    await settle()
    await running.finish()
    await follower.has_it.wait()
    await follower.finish()


async def test_a_slot_that_arrives_with_the_cancellation_is_passed_on(clock: Clock) -> None:
    gate = admission(1, 2, clock)
    running, unlucky, next_one = Holder(gate), Holder(gate), Holder(gate)
    await settle()
    running.let_go.set()
    await asyncio.sleep(0)  # the slot is handed over, but its new owner has not run yet
    unlucky.task.cancel()
    await next_one.has_it.wait()
    assert not unlucky.has_it.is_set()
    await next_one.finish()


async def test_an_error_gives_the_slot_back(clock: Clock) -> None:
    gate = admission(1, 0, clock)
    with pytest.raises(RuntimeError):
        async with gate.slot():
            raise RuntimeError
    async with gate.slot():
        pass


async def test_a_full_queue_is_unhealthy_only_after_a_while(clock: Clock) -> None:
    gate = admission(1, 1, clock)
    holders = [Holder(gate), Holder(gate)]
    await settle()
    await gate.check()
    clock.now = 29
    await gate.check()
    clock.now = 31
    with pytest.raises(Unavailable, match="full for 31 s"):
        await gate.check()
    await holders[0].finish()
    await gate.check()
    await holders[1].finish()


async def test_a_queue_that_is_full_again_and_again_is_healthy(clock: Clock) -> None:
    gate = admission(1, 1, clock)
    holder = Holder(gate)
    for _ in range(10):
        waiting = Holder(gate)
        await settle()
        clock.now += 20
        await gate.check()
        await holder.finish()
        holder = waiting
    await holder.finish()
