"""Events through a real Kafka-compatible broker, and through its crashes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from kafka import KafkaConsumer, KafkaProducer
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.events import Event, EventConsumer, EventProducer, PermanentEventError, each
from whitebox_runtime.events.connection import BrokerAddress, create_topics
from whitebox_runtime.testing import MissingProgramError, Server, eventually, free_port, tansu_broker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[Server]:
    try:
        with tansu_broker() as broker:
            yield broker
    except MissingProgramError as reason:
        pytest.skip(str(reason))


@pytest.fixture
def own_broker() -> Iterator[Server]:
    try:
        with tansu_broker() as broker:
            yield broker
    except MissingProgramError as reason:
        pytest.skip(str(reason))


def event(topic: str, key: str, number: int) -> Event:
    return Event.create(type="test.Counted", source="/test", topic=topic, key=key, data=str(number).encode())


@asynccontextmanager
async def producing(broker: Server) -> AsyncIterator[EventProducer]:
    producer = EventProducer(broker.address, "test")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.close()


@asynccontextmanager
async def consuming(consumer: EventConsumer) -> AsyncIterator[asyncio.Task[None]]:
    stopping = asyncio.Event()
    task = asyncio.create_task(consumer.run(stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait_for(task, 20)


async def until_ready(consumer: EventConsumer) -> None:
    async with asyncio.timeout(40):
        while True:
            with suppress(Unavailable):
                return await consumer.ready()
            await asyncio.sleep(0.05)


def read_all(broker: Server, topic: str, number: int) -> list:
    """What an unmodified Kafka client finds on a topic."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=broker.address, auto_offset_reset="earliest", consumer_timeout_ms=8000
    )
    try:
        return [record for _, record in zip(range(number), consumer, strict=False)]
    finally:
        consumer.close()


async def test_events_arrive_whole_and_one_keys_events_in_order(shared_broker: Server) -> None:
    sent = [event("orders.v1", f"k{number % 5}", number) for number in range(300)]
    got: list[Event] = []

    async def handle(one: Event) -> None:
        got.append(one)

    async with producing(shared_broker) as producer:
        await producer.send(sent)
        async with consuming(EventConsumer(shared_broker.address, "orders", ["orders.v1"], each(handle))):
            await eventually(lambda: len(got) >= 300)
    assert {one.id: one for one in got} == {one.id: one for one in sent}
    for key in {one.key for one in sent}:
        assert [one.data for one in got if one.key == key] == [one.data for one in sent if one.key == key]


async def test_an_unmodified_client_reads_cloudevents_headers(shared_broker: Server) -> None:
    sent = event("headers.v1", "the key", 1)
    async with producing(shared_broker) as producer:
        await producer.send([sent])
    [record] = await asyncio.to_thread(read_all, shared_broker, "headers.v1", 1)
    headers = dict(record.headers)
    assert record.key == b"the key"
    assert record.value == b"1"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"] == sent.id.encode()
    assert headers["ce_type"] == b"test.Counted"
    assert headers["content-type"] == b"application/protobuf"


async def test_work_is_committed_and_not_repeated_by_the_next_member(shared_broker: Server) -> None:
    got: list[bytes] = []

    async def handle(one: Event) -> None:
        got.append(one.data)

    async with producing(shared_broker) as producer:
        await producer.send([event("commits.v1", "k", 1)])
        async with consuming(EventConsumer(shared_broker.address, "commits", ["commits.v1"], each(handle))):
            await eventually(lambda: got == [b"1"])
        await producer.send([event("commits.v1", "k", 2)])
        async with consuming(EventConsumer(shared_broker.address, "commits", ["commits.v1"], each(handle))):
            await eventually(lambda: len(got) >= 2)
    assert got == [b"1", b"2"]


async def test_transient_failures_are_retried_before_the_events_behind_them(shared_broker: Server) -> None:
    done: list[bytes] = []
    attempts: list[bytes] = []

    async def handle(one: Event) -> None:
        attempts.append(one.data)
        if one.data == b"1" and attempts.count(b"1") < 3:
            raise ConnectionError("the index is away")
        done.append(one.data)

    async with producing(shared_broker) as producer:
        await producer.send([event("retries.v1", "k", number) for number in (1, 2, 3)])
        async with consuming(EventConsumer(shared_broker.address, "retries", ["retries.v1"], each(handle))):
            await eventually(lambda: len(done) >= 3)
    assert done == [b"1", b"2", b"3"]
    assert attempts.count(b"1") == 3


async def test_hopeless_events_are_parked_unchanged_with_the_reason(shared_broker: Server) -> None:
    done: list[bytes] = []

    async def handle(one: Event) -> None:
        if one.data == b"1":
            raise PermanentEventError("no such tenant")
        if one.data == b"2":
            raise RuntimeError("a bug")
        done.append(one.data)

    sent = [event("parked.v1", "k", number) for number in (1, 2, 3)]
    consumer = EventConsumer(shared_broker.address, "parked", ["parked.v1"], each(handle), max_attempts=2)
    async with producing(shared_broker) as producer:
        await producer.send(sent)
        async with consuming(consumer):
            await eventually(lambda: done == [b"3"])
    letters = await asyncio.to_thread(read_all, shared_broker, "parked.v1.dlq", 2)
    assert [letter.value for letter in letters] == [b"1", b"2"]
    first, second = (dict(letter.headers) for letter in letters)
    assert first["ce_id"].decode() == sent[0].id
    assert (first["dlq_reason"], first["dlq_error"], first["dlq_attempts"]) == (b"permanent", b"no such tenant", b"1")
    assert (second["dlq_reason"], second["dlq_error"], second["dlq_attempts"]) == (b"handler_failed", b"a bug", b"2")
    assert second["dlq_topic"] == b"parked.v1"


async def test_a_record_that_is_no_cloudevent_is_parked_and_does_not_stop_the_topic(shared_broker: Server) -> None:
    done: list[bytes] = []

    async def handle(one: Event) -> None:
        done.append(one.data)

    def send_garbage() -> None:
        create_topics(BrokerAddress(shared_broker.address), ["garbage.v1"], "test", 1)
        foreign = KafkaProducer(bootstrap_servers=shared_broker.address)
        foreign.send("garbage.v1", b"\xff\x00 not an event", key=b"\xff").get(10)
        foreign.close()

    await asyncio.to_thread(send_garbage)
    async with producing(shared_broker) as producer:
        await producer.send([event("garbage.v1", "k", 1)])
        async with consuming(EventConsumer(shared_broker.address, "garbage", ["garbage.v1"], each(handle))):
            await eventually(lambda: done == [b"1"])
    [letter] = await asyncio.to_thread(read_all, shared_broker, "garbage.v1.dlq", 1)
    assert letter.value == b"\xff\x00 not an event"
    assert letter.key == b"\xff"
    assert dict(letter.headers)["dlq_reason"] == b"malformed"


async def test_work_longer_than_the_poll_interval_keeps_the_membership(shared_broker: Server) -> None:
    handled: list[bytes] = []

    async def handle(one: Event) -> None:
        await asyncio.sleep(12)
        handled.append(one.data)

    consumer = EventConsumer(shared_broker.address, "slow", ["slow.v1"], each(handle))
    async with producing(shared_broker) as producer:
        await producer.send([event("slow.v1", "k", 1)])
        async with consuming(consumer):
            await eventually(lambda: bool(handled))
            await consumer.ready()
            await producer.send([event("slow.v1", "k", 2)])
            await eventually(lambda: len(handled) >= 2)
    assert handled == [b"1", b"2"]


async def test_two_members_share_the_partitions_and_one_takes_over(shared_broker: Server) -> None:
    got: dict[str, list[bytes]] = {"a": [], "b": []}

    def member(name: str) -> EventConsumer:
        async def handle(one: Event) -> None:
            got[name].append(one.data)

        return EventConsumer(shared_broker.address, "pair", ["pair.v1"], each(handle))

    def total() -> int:
        return len({*got["a"], *got["b"]})

    a, b = member("a"), member("b")
    async with producing(shared_broker) as producer, consuming(a):
        await until_ready(a)
        async with consuming(b):
            await until_ready(b)
            sent = 0
            # On a busy machine a member may miss its heartbeats and be away for a while: the group settles in the end.
            while not (got["a"] and got["b"]):
                await producer.send([event("pair.v1", f"k{number}", number) for number in range(sent, sent + 60)])
                sent += 60
                await eventually(lambda: total() == sent)  # noqa: B023  # called before the next round
        await producer.send([event("pair.v1", f"k{number}", number) for number in range(sent, sent + 30)])
        await eventually(lambda: total() == sent + 30)
    assert total() == sent + 30


async def test_consumer_and_producer_go_on_after_the_broker_was_killed_and_lost_everything(own_broker: Server) -> None:
    got: list[bytes] = []

    async def handle(one: Event) -> None:
        got.append(one.data)

    consumer = EventConsumer(own_broker.address, "crash", ["crash.v1"], each(handle))
    async with producing(own_broker) as producer, consuming(consumer):
        await producer.send([event("crash.v1", "k", number) for number in range(20)])
        await eventually(lambda: len(got) >= 20)
        own_broker.kill()
        with pytest.raises(Unavailable, match="could not be delivered"):
            await producer.send([event("crash.v1", "k", 98)])
        with pytest.raises(Unavailable):
            await consumer.ready()
        own_broker.start()
        began = time.monotonic()
        await send_until_taken(producer, [event("crash.v1", "k", 99)])
        await eventually(lambda: b"99" in got)
        await until_ready(consumer)
        print(f"recovered in {time.monotonic() - began:.1f} s")


async def test_a_broker_that_lost_everything_is_read_from_its_start_and_not_from_the_old_end(
    own_broker: Server,
) -> None:
    got: list[bytes] = []

    async def handle(one: Event) -> None:
        got.append(one.data)

    consumer = EventConsumer(own_broker.address, "shorter", ["shorter.v1"], each(handle))
    async with producing(own_broker) as producer, consuming(consumer):
        await producer.send([event("shorter.v1", f"k{number}", number) for number in range(300)])
        await eventually(lambda: len(got) >= 300)
        own_broker.kill()
        own_broker.start()
        wanted = {str(number).encode() for number in range(1000, 1005)}

        async def republish_until_handled() -> None:
            while not wanted <= set(got):
                await send_until_taken(producer, [event("shorter.v1", f"k{n}", n) for n in range(1000, 1005)])
                await asyncio.sleep(2)  # as the outbox does with what nobody acknowledged

        # Far fewer events than before: a consumer that waits at its old position never sees them.
        async with asyncio.timeout(40):
            await republish_until_handled()


async def send_until_taken(producer: EventProducer, events: Sequence[Event]) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await producer.send(events)
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_consumer_started_before_its_broker_waits_for_it(shared_broker: Server) -> None:
    got: list[bytes] = []

    async def handle(one: Event) -> None:
        got.append(one.data)

    port = free_port()
    consumer = EventConsumer(f"127.0.0.1:{port}", "early", ["early.v1"], each(handle))
    async with consuming(consumer):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await consumer.ready()
        with tansu_broker(port) as broker:
            async with producing(broker) as producer:
                await send_until_taken(producer, [event("early.v1", "k", 1)])
                await eventually(lambda: got == [b"1"])


async def test_a_handler_that_answers_too_few_results_ends_the_consumer_with_the_reason(shared_broker: Server) -> None:
    async def handle_batch(events: Sequence[Event]) -> Sequence[Exception | None]:
        return []

    consumer = EventConsumer(shared_broker.address, "short", ["short.v1"], handle_batch)
    async with producing(shared_broker) as producer:
        await producer.send([event("short.v1", "k", 1)])
        with pytest.raises(TypeError, match="0 results for 1 events"):
            await asyncio.wait_for(consumer.run(asyncio.Event()), 30)


async def test_sending_without_a_broker_fails_at_once_for_everybody_who_waits() -> None:
    producer = EventProducer(f"127.0.0.1:{free_port()}", "test")
    began = time.monotonic()
    results = await asyncio.gather(
        *(producer.send([event("nowhere.v1", "k", number)]) for number in range(20)), return_exceptions=True
    )
    await producer.close()
    assert all(isinstance(result, Unavailable) for result in results)
    assert time.monotonic() - began < 12
