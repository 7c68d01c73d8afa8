"""How long an event takes from an idle producer to an idle consumer, and what waiting costs.

`python libs/runtime/benchmarks/events.py` starts a local broker of its own.
"""

import asyncio
import contextlib
import random
import statistics
import time
from datetime import UTC, datetime

from whitebox_runtime.errors import Unavailable
from whitebox_runtime.events import Event, EventConsumer, EventProducer, each
from whitebox_runtime.testing import eventually, tansu_broker

EVENTS, IDLE_SECONDS, BULK = 40, 6.0, 5000


def event(key: str) -> Event:
    return Event.create(type="bench", source="/bench", topic="bench.v1", key=key, data=b"x" * 200)


async def main() -> None:
    latencies: list[float] = []

    async def handle(one: Event) -> None:
        latencies.append((datetime.now(UTC) - one.time).total_seconds())

    with tansu_broker() as broker:
        producer = EventProducer(broker.address, "bench")
        await producer.start()
        consumer = EventConsumer(broker.address, "bench", ["bench.v1"], each(handle))
        stopping = asyncio.Event()
        running = asyncio.create_task(consumer.run(stopping))
        while True:
            with contextlib.suppress(Unavailable):
                await consumer.ready()
                break
            await asyncio.sleep(0.1)
        for _ in range(EVENTS):
            await asyncio.sleep(random.uniform(0.1, 0.3))
            await producer.send([event("k")])
        await asyncio.sleep(1)
        milliseconds = sorted(1000 * seconds for seconds in latencies)
        print(f"idle latency: p50 {statistics.median(milliseconds):.0f} ms, max {milliseconds[-1]:.0f} ms")
        cpu = time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        print(f"idle CPU of consumer and producer: {(time.process_time() - cpu) / IDLE_SECONDS:.1%} of a core")
        latencies.clear()
        began = time.perf_counter()
        for start in range(0, BULK, 500):
            await producer.send([event(f"k{number % 50}") for number in range(start, start + 500)])
        print(f"produced: {BULK / (time.perf_counter() - began):.0f}/s")
        await eventually(lambda: len(latencies) >= BULK)
        print(f"produced and consumed: {BULK / (time.perf_counter() - began):.0f}/s")
        stopping.set()
        await running
        await producer.close()


asyncio.run(main())
