"""Sending events: a coroutine that returns when the brokers have them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaError

from whitebox_runtime.errors import Unavailable
from whitebox_runtime.events.binding import Record, to_record
from whitebox_runtime.events.connection import BrokerAddress, create_topics
from whitebox_runtime.events.event import Event
from whitebox_runtime.telemetry import counter

logger = logging.getLogger(__name__)

_DELIVERY_MS = 10_000
_REQUEST_MS = 4_000
_ANSWER_SECONDS = 15.0
# Calls that queued up behind one that could not connect fail with it, instead of each waiting as long again.
_AWAY_SECONDS = 1.0


class EventProducer:
    """Sends events to Kafka; one per process.

    Delivery is at least once and in order per key: acknowledged by all in-sync replicas, one request in flight per
    broker. The idempotent producer is not used, because its sequence numbers fail for good once a broker has
    forgotten them, and consumers drop duplicates by event id anyway.

    Args:
        bootstrap_servers: Brokers, see `BrokerAddress`.
        client_id: Name of this client in the broker's logs.
        partitions: Partitions of topics that have to be created; -1 leaves it to the broker.
    """

    def __init__(self, bootstrap_servers: str, client_id: str, *, partitions: int = -1) -> None:
        self._address = BrokerAddress(bootstrap_servers)
        self._client_id = client_id
        self._partitions = partitions
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events-producer")
        self._producer: Any = None
        self._topics: set[str] = set()
        self._away_until = 0.0

    async def start(self) -> None:
        """Begins to connect; does not wait, so that a process starts without its broker."""
        self._thread.submit(self._try_connect)

    async def send(self, events: Sequence[Event]) -> None:
        """Sends events and returns when all are acknowledged.

        Args:
            events: Events in order; those of one key arrive in it.

        Raises:
            Unavailable: The brokers did not take all of them in time; some may have arrived.
            PayloadTooLarge: An event is over `MAX_EVENT_BYTES`; none was sent.
        """
        await self.send_records([to_record(event) for event in events])

    async def send_records(self, records: Sequence[Record]) -> None:
        """Sends records as they are; see `send`."""
        if not records:
            return
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[None] = loop.create_future()
        topics = Counter(record.topic for record in records)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await loop.run_in_executor(self._thread, self._hand_over, records, loop, delivered)
                await delivered
        except KafkaConfigurationError:
            raise  # no retry helps
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            # A broker that lost its topics needs them created again.
            self._topics.clear()
            self._count(topics, "failed")
            raise Unavailable(
                f"events could not be delivered to {self._address}: {error}",
                reason="broker_unavailable",
                retry_after=1.0,
            ) from error
        self._count(topics, "delivered")

    async def ready(self) -> None:
        """Returns when a broker accepts connections; a check for `Health.add_check`.

        Raises:
            Unavailable: None does.
        """
        try:
            await asyncio.to_thread(self._address.connect, 1.0)
        except OSError as error:
            raise Unavailable(f"broker {self._address} cannot be reached: {error}") from error

    async def close(self) -> None:
        """Waits briefly for what is being sent, and disconnects."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _connect(self) -> Any:
        if self._producer is None:
            self._address.connect()
            self._producer = KafkaProducer(
                **self._address.config,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=False,
                max_in_flight_requests_per_connection=1,
                max_block_ms=_REQUEST_MS,
                request_timeout_ms=_REQUEST_MS,
                delivery_timeout_ms=_DELIVERY_MS,
                bootstrap_timeout_ms=3000,
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
            )
        return self._producer

    def _try_connect(self) -> None:
        try:
            self._connect()
        except (KafkaError, OSError) as error:
            logger.warning("no broker yet", extra={"brokers": str(self._address), "reason": str(error)})

    def _hand_over(
        self, records: Sequence[Record], loop: asyncio.AbstractEventLoop, delivered: asyncio.Future[None]
    ) -> None:
        if time.monotonic() < self._away_until:
            raise KafkaError("no connection")
        try:
            producer = self._connect()
            unknown = {record.topic for record in records} - self._topics
            if unknown:
                create_topics(self._address, unknown, self._client_id, self._partitions)
                self._topics |= unknown
        except (KafkaError, OSError):
            self._away_until = time.monotonic() + _AWAY_SECONDS
            raise
        delivery = _Delivery(len(records), loop, delivered)
        for record in records:
            future = producer.send(record.topic, record.value, key=record.key, headers=list(record.headers))
            future.add_callback(delivery.arrived)
            future.add_errback(delivery.failed)

    def _disconnect(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=2.0)
            self._producer = None

    def _count(self, topics: Counter[str], outcome: str) -> None:
        for topic, number in topics.items():
            counter("whitebox_events_produced_total").labels(topic, outcome).inc(number)


class _Delivery:
    """Completes one future on the event loop when every record of a call has its answer."""

    def __init__(self, records: int, loop: asyncio.AbstractEventLoop, delivered: asyncio.Future[None]) -> None:
        self._missing = records
        self._error: BaseException | None = None
        self._loop = loop
        self._delivered = delivered
        self._lock = threading.Lock()

    def arrived(self, _metadata: object) -> None:
        self._answer(None)

    def failed(self, error: BaseException) -> None:
        self._answer(error)

    def _answer(self, error: BaseException | None) -> None:
        with self._lock:
            self._error = self._error or error
            self._missing -= 1
            if self._missing:
                return
        self._loop.call_soon_threadsafe(self._complete)

    def _complete(self) -> None:
        if self._delivered.done():
            return
        if self._error is None:
            self._delivered.set_result(None)
        else:
            self._delivered.set_exception(self._error)
