"""Taking events from Kafka: a polling thread, a handler on the event loop, and a commit only after the work.

The thread keeps polling while the handler works (with its partitions paused), so that slow work does not cost the
group membership. Within a partition nothing overtakes an event that is being retried.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaConfigurationError, KafkaError
from kafka.structs import OffsetAndMetadata

from whitebox_runtime.errors import ServiceError, Unavailable
from whitebox_runtime.events.binding import MalformedEventError, Record, from_record
from whitebox_runtime.events.connection import BrokerAddress, create_topics
from whitebox_runtime.events.event import Event, PermanentEventError
from whitebox_runtime.events.handling import BatchHandler, DeferredEvent, Retries, wait_before_retry
from whitebox_runtime.events.producer import EventProducer
from whitebox_runtime.telemetry import counter, histogram

logger = logging.getLogger(__name__)

_POLL_MS = 250
_BUSY_POLL_SECONDS = 1.0
_COMMIT_MS = 5_000
_CLOSE_MS = 3_000
_RECONNECT_SECONDS = (0.2, 5.0)
_STUCK_SECONDS = 20.0
_PATIENCE_SECONDS = 900.0
# With the client's defaults a group takes 25 s to form on the local broker, and 45 s to notice a dead member; with
# these 3 s and 6 s. Polling never pauses for longer than a second, so the short poll interval is safe.
_GROUP = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 1_000, "max_poll_interval_ms": 10_000}


class EventConsumer:
    """Consumes topics as a member of a group.

    A handler answers for each event with `None` (done), `PermanentEventError` (or another hopeless error: parked at
    once), `DeferredEvent` (not tried yet) or any other error (retried with backoff, parked after `max_attempts`;
    outages of dependencies are waited out for 15 minutes). Parked events go to `<topic>.dlq` unchanged, with headers
    that say why.

    Args:
        bootstrap_servers: Brokers, see `BrokerAddress`.
        group_id: Members of one group share the partitions.
        topics: Topics to read; created where they do not exist.
        handle_batch: Handles events in order; `each` makes one from a handler of single events.
        max_batch: Most events handed to the handler at a time.
        max_attempts: Attempts before an event is parked.
        fetch_wait_ms: How long a broker holds back an empty answer. Apache Kafka answers as soon as there is an
            event; the local broker only looks now and then, so this bounds its latency.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        group_id: str,
        topics: Sequence[str],
        handle_batch: BatchHandler,
        *,
        max_batch: int = 64,
        max_attempts: int = 5,
        fetch_wait_ms: int = 100,
    ) -> None:
        self._address = BrokerAddress(bootstrap_servers)
        self._group_id = group_id
        self._topics = tuple(topics)
        self._handle_batch = handle_batch
        self._max_batch = max_batch
        self._max_attempts = max_attempts
        self._fetch_wait_ms = fetch_wait_ms
        self._dead_letters = EventProducer(bootstrap_servers, f"{group_id}-dlq")
        self._membership = _Membership()
        self._halt = threading.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Consumes until `stopping`, then finishes the batch at hand, commits it and leaves the group.

        Brokers that go away are waited for. Only a fault of the handler's own contract ends it early.

        Raises:
            TypeError: The handler answered with the wrong number of results.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        thread = threading.Thread(
            target=self._thread_main, args=(loop, stopping, ended), name=f"events-{self._group_id}", daemon=True
        )
        thread.start()
        watch = loop.create_task(stopping.wait())
        watch.add_done_callback(lambda _task: self._halt.set())
        try:
            await asyncio.shield(ended)
        finally:
            self._halt.set()
            watch.cancel()
            await self._dead_letters.close()

    async def ready(self) -> None:
        """Returns when this member belongs to its group and a broker answers; a check for `Health.add_check`.

        Raises:
            Unavailable: It is not so; the message says which.
        """
        await self._dead_letters.ready()
        if not self._membership.joined:
            raise Unavailable(f"group {self._group_id} is not joined yet")

    # The polling thread.

    def _thread_main(
        self, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event, ended: asyncio.Future[None]
    ) -> None:
        error: BaseException | None = None
        try:
            self._consume_until_halted(loop, stopping)
        except BaseException as fault:
            error = fault
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_complete, ended, error)

    def _consume_until_halted(self, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        wait, longest = _RECONNECT_SECONDS
        failed = False
        while not self._halt.is_set():
            consumer = None
            try:
                consumer = self._open()
                if failed:
                    logger.info("broker is back", extra={"group": self._group_id})
                failed, wait = False, _RECONNECT_SECONDS[0]
                self._poll_until_halted(consumer, loop, stopping)
            except KafkaConfigurationError:
                raise  # no retry helps
            except (KafkaError, OSError) as error:
                if not failed:
                    extra = {"group": self._group_id, "brokers": str(self._address), "reason": str(error)}
                    logger.warning("cannot consume; trying again until it works", extra=extra)
                failed = True
                self._halt.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 - only jitter
                wait = min(longest, wait * 2)
            finally:
                self._membership.leave()
                if consumer is not None:
                    _close(consumer)

    def _open(self) -> Any:
        create_topics(self._address, self._topics, self._group_id, -1)
        consumer = KafkaConsumer(
            **self._address.config,
            **_GROUP,
            client_id=self._group_id,
            group_id=self._group_id,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=self._fetch_wait_ms,
            bootstrap_timeout_ms=3_000,
            request_timeout_ms=12_000,
            reconnect_backoff_max_ms=1_000,
            metadata_max_age_ms=15_000,
            partition_assignment_strategy=(RangePartitionAssignor,),
            metrics_enabled=False,
        )
        consumer.subscribe(list(self._topics), listener=self._membership)
        return consumer

    def _poll_until_halted(self, consumer: Any, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        self._membership.begin()
        waiting: dict[TopicPartition, list[Any]] = {}
        joined: int | None = None
        while not self._halt.is_set():
            records = waiting or consumer.poll(timeout_ms=_POLL_MS, max_records=self._max_batch)
            if self._membership.joined and self._membership.generation != joined:
                # A first poll may join and already read: only a later join can find that what was committed is gone.
                if joined is not None:
                    _check_positions(consumer)
                joined = self._membership.generation
            if not records:
                if self._membership.seconds_outside() > _STUCK_SECONDS:
                    raise KafkaError("the group could not be joined; connecting anew")
                continue
            generation = self._membership.generation
            items = [_Item.of(partition, record) for partition, batch in records.items() for record in batch]
            work = asyncio.run_coroutine_threadsafe(self._work(items, stopping), loop)
            waiting = self._stay_member_during(work, consumer)
            work.result()
            if self._membership.generation != generation:
                # Another member may own these partitions now and reads them from the last commit.
                logger.info("partitions moved during the work; it will be repeated", extra={"group": self._group_id})
                waiting = {}
                continue
            self._commit(consumer, items)

    def _stay_member_during(self, work: Future[None], consumer: Any) -> dict[TopicPartition, list[Any]]:
        """Polls now and then until the work is done; returns what a rebalance let through in the meantime."""
        early: dict[TopicPartition, list[Any]] = {}
        trouble: KafkaError | None = None
        paused = False
        while True:
            try:
                work.exception(timeout=_BUSY_POLL_SECONDS)
                break
            except TimeoutError:
                pass
            try:
                if trouble is None:
                    paused = True
                    _for_each(consumer.pause, consumer)
                    for partition, batch in consumer.poll(timeout_ms=0).items():
                        early.setdefault(partition, []).extend(batch)
            except KafkaError as error:
                trouble = error  # the work must end before a new connection hands out the same events again
        if trouble is not None:
            raise trouble
        if paused:
            _for_each(consumer.resume, consumer)
        return early

    def _commit(self, consumer: Any, items: Sequence[_Item]) -> None:
        offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        blocked: set[TopicPartition] = set()
        for item in items:
            if not item.done:
                blocked.add(item.partition)  # only while stopping: the next owner goes on from here
            elif item.partition not in blocked:
                offsets[item.partition] = OffsetAndMetadata(item.record.offset + 1, "", -1)
        if not offsets:
            return
        try:
            consumer.commit(offsets, timeout_ms=_COMMIT_MS)
        except KafkaError as error:
            # The work is done; it is repeated after the next rebalance or restart, which handlers can bear.
            logger.warning("commit failed", extra={"group": self._group_id, "reason": str(error)})

    # The event loop.

    async def _work(self, items: Sequence[_Item], stopping: asyncio.Event) -> None:
        began = time.perf_counter()
        pending: list[_Item] = []
        for item in items:
            if item.event is None:
                await self._park(item, item.malformed or MalformedEventError("unreadable"), stopping)
                continue
            age = (datetime.now(UTC) - item.event.time).total_seconds()
            histogram("whitebox_event_age_seconds").labels(item.partition.topic).observe(max(0.0, age))
            pending.append(item)
        rounds = 0
        while pending and not (stopping.is_set() and rounds):
            rounds += 1
            pending, failed = await self._attempt(pending, stopping)
            if pending and failed:
                await wait_before_retry(rounds, stopping)
        topics = {item.partition.topic for item in items}
        for topic in topics:
            histogram("whitebox_event_handling_duration_seconds").labels(topic).observe(time.perf_counter() - began)

    async def _attempt(self, items: Sequence[_Item], stopping: asyncio.Event) -> tuple[list[_Item], bool]:
        """Tries the events once; returns those that still have to be done and whether any failed."""
        events = [item.event for item in items if item.event is not None]
        try:
            results = await self._handle_batch(events)
        except Exception as error:
            results = [error] * len(events)
        if len(results) != len(events):
            raise TypeError(f"the handler of {self._group_id} answered {len(results)} results for {len(events)} events")
        pending: list[_Item] = []
        failed = False
        for item, answer in zip(items, results, strict=True):
            topic = item.partition.topic
            if answer is None:
                item.done = True
                counter("whitebox_events_consumed_total").labels(topic, "handled").inc()
            elif isinstance(answer, DeferredEvent):
                pending.append(item)
            elif item.retries(self._max_attempts).give_up(answer):
                await self._park(item, answer, stopping)
            else:
                failed = True
                pending.append(item)
                counter("whitebox_events_consumed_total").labels(topic, "retried").inc()
                logger.warning("event failed; trying again", extra=item.describe(answer))
        return pending, failed

    async def _park(self, item: _Item, error: Exception, stopping: asyncio.Event) -> None:
        record = item.record
        reason = error.reason if isinstance(error, ServiceError) else _reason(error)
        headers = {
            "dlq_reason": reason,
            "dlq_error": (str(error) or type(error).__name__)[:1000],
            "dlq_attempts": str(max(1, item.attempts)),
            "dlq_topic": record.topic,
            "dlq_partition": str(record.partition),
            "dlq_offset": str(record.offset),
            "dlq_group": self._group_id,
            "dlq_time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        extra = [(name, text.encode()) for name, text in headers.items()]
        letter = Record(f"{record.topic}.dlq", record.key, record.value or b"", [*record.headers, *extra])
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._dead_letters.send_records([letter])
            except Unavailable as trouble:
                if stopping.is_set():
                    return
                logger.warning("event cannot be parked yet", extra={"topic": letter.topic, "reason": trouble.message})
                await wait_before_retry(attempt, stopping)
            else:
                break
        item.done = True
        counter("whitebox_events_consumed_total").labels(record.topic, "parked").inc()
        logger.error("event parked", extra=item.describe(error) | {"dlq": letter.topic, "dlq_reason": reason})


@dataclass
class _Item:
    """One record on its way through the consumer."""

    partition: TopicPartition
    record: Any
    event: Event | None
    malformed: MalformedEventError | None = None
    done: bool = False
    _retries: Retries | None = None

    @classmethod
    def of(cls, partition: TopicPartition, record: Any) -> _Item:
        try:
            return cls(partition, record, from_record(record.topic, record.key, record.value, record.headers))
        except MalformedEventError as error:
            return cls(partition, record, None, error)

    @property
    def attempts(self) -> int:
        return self._retries.attempts if self._retries else 0

    def retries(self, max_attempts: int) -> Retries:
        if self._retries is None:
            self._retries = Retries(max_attempts, _PATIENCE_SECONDS)
        return self._retries

    def describe(self, error: Exception) -> dict[str, Any]:
        return {
            "topic": self.record.topic,
            "partition": self.record.partition,
            "offset": self.record.offset,
            "event_id": self.event.id if self.event else "",
            "attempts": self.attempts,
            "reason": repr(error),
        }


class _Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """Whether this member has joined its group, and how often its partitions have moved; called by client threads."""

    def __init__(self) -> None:
        self.joined = False
        self.generation = 0
        self._outside_since = time.monotonic()

    def begin(self) -> None:
        self._outside_since = time.monotonic()

    def leave(self) -> None:
        self.joined = False

    def seconds_outside(self) -> float:
        return 0.0 if self.joined else time.monotonic() - self._outside_since

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - the client's interface
        self.joined = True

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        self.generation += 1
        self.joined = False
        self._outside_since = time.monotonic()

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)


def _for_each(change: Callable[[TopicPartition], None], consumer: Any) -> None:
    for partition in consumer.assignment():
        with suppress(KeyError):  # a rebalance took it away in this moment
            change(partition)


def _check_positions(consumer: Any) -> None:
    """Raises KafkaError where the broker has forgotten what the group has committed.

    The client keeps positions and fetch sessions through a rejoin. With a broker that has lost its data they mean
    nothing, and the local broker answers such reads with silence instead of an error: only a new client reads on.
    """
    for partition in consumer.assignment():
        with suppress(KeyError, AssertionError):  # a rebalance took it away in this moment
            position = consumer.position(partition, timeout_ms=_COMMIT_MS)
            if position and consumer.committed(partition, timeout_ms=_COMMIT_MS) is None:
                raise KafkaError("the broker has lost the group's offsets; connecting anew")


def _reason(error: Exception) -> str:
    known: Mapping[type[Exception], str] = {PermanentEventError: "permanent", MalformedEventError: "malformed"}
    return known.get(type(error), "handler_failed")


def _complete(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _close(consumer: Any) -> None:
    try:
        consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
    except (KafkaError, OSError) as error:
        logger.info("consumer closed without leaving its group", extra={"reason": str(error)})
