"""kill -9 of each process in turn under load: clear errors or retried successes, and nothing accepted is lost or doubled."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROCESSES = [
    "gateway", "embedding", "retrieval-api", "retrieval-indexer", "llm", "serving", "features-api", "features-stream",
    "redis", "broker", "qdrant",
]  # fmt: skip


class Load:
    """A small steady load: questions, predictions, uploads and feature events, each with its own bookkeeping."""

    def __init__(self, platform) -> None:
        self._http = httpx.Client(
            base_url=platform.url, headers={"Authorization": f"Bearer {platform.api_key}"}, timeout=60
        )
        self._stopping = threading.Event()
        self.entity = f"fault-{uuid.uuid4()}"
        self.statuses: Counter[int] = Counter()
        self.unclear: list[str] = []
        self.documents: dict[str, str] = {}
        self.events_sent = 0
        self._threads = [
            threading.Thread(target=self._repeat, args=(step, pause), daemon=True)
            for step, pause in ((self._ask, 0.5), (self._predict, 0.1), (self._upload, 0.4), (self._push, 0.15))
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(90)
        self._http.close()

    def _repeat(self, step: Callable[[], None], pause: float) -> None:
        while not self._stopping.wait(pause):
            step()

    def _request(self, method: str, path: str, **arguments) -> httpx.Response | None:
        """One request. Anything but success must be a problem document that says what is wrong."""
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.TransportError:
            # The gateway itself is down: the connection is refused or reset, which is as clear as it gets.
            self.statuses[0] += 1
            return None
        self.statuses[response.status_code] += 1
        if response.is_error:
            kind = response.headers.get("content-type", "")
            if (
                response.status_code not in (429, 503, 504)
                or "problem+json" not in kind
                or not response.json()["detail"]
            ):
                self.unclear.append(f"{method} {path}: {response.status_code} {response.text[:300]}")
            return None
        return response

    def _until_accepted(self, method: str, path: str, **arguments) -> httpx.Response:
        """Repeats an idempotent request until it is accepted, as a careful client does."""
        while True:
            response = self._request(method, path, **arguments)
            if response is not None:
                return response
            time.sleep(0.2)

    def _ask(self) -> None:
        self._request("POST", "/v1/questions", json={"question": "How deep is the water at the array?"})

    def _predict(self) -> None:
        body = {"model": "iris", "vector": [5.1, 3.5, 1.4, 0.2]}
        self._request("POST", "/v1/predict", json=body)

    def _upload(self) -> None:
        word = uuid.uuid4().hex
        files = {"file": (f"{word}.txt", f"The password of vault {word} is {word[::-1]}.".encode())}
        response = self._until_accepted("POST", "/v1/documents", files=files, headers={"Idempotency-Key": word})
        self.documents[word] = response.json()["document"]["document_id"]

    def _push(self) -> None:
        event = {
            "event_id": str(uuid.uuid4()),
            "source": "transactions",
            "entity_id": self.entity,
            "event_time": datetime.now(UTC).isoformat(),
            "values": {"amount": 1.0},
        }
        self._until_accepted("POST", "/v1/features/events", json={"events": [event]})
        self.events_sent += 1


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.3)


def test_each_process_may_be_killed_under_load(platform) -> None:
    supervisor = platform.stack.supervisor

    def pid(name: str) -> int:
        return next(state.pid for state in supervisor.states() if state.name == name)

    def all_ready() -> bool:
        return all(status.ready for status in platform.stack.status())

    with Load(platform) as load:
        for name in PROCESSES:
            victim = pid(name)
            psutil.Process(victim).kill()
            wait_for(lambda name=name, victim=victim: pid(name) not in (0, victim), 60, f"{name} comes back")
            wait_for(all_ready, 90, f"everything is ready after {name} was killed")
        uploads, events = dict(load.documents), load.events_sent
    assert load.unclear == []
    assert load.statuses[200] > 0
    assert uploads
    assert events

    with platform.client() as client:

        def settled() -> bool:
            return all(
                client.get(f"/v1/documents/{document}")["status"] == "indexed" for document in load.documents.values()
            )

        wait_for(settled, 180, "every accepted document is indexed")

        def events_counted() -> float:
            read = client.get(f"/v1/features/customer_spend/online/{load.entity}")
            return next(
                item["value"] for item in read["entities"][0]["values"] if item["feature"] == "transaction_count_1h"
            )

        wait_for(lambda: events_counted() >= load.events_sent, 120, "every accepted event is counted")
        assert events_counted() == load.events_sent, "an event was counted twice"

        for word, document in list(load.documents.items())[:: max(1, len(load.documents) // 20)]:
            answer = client.post("/v1/questions", {"question": f"What is the password of vault {word}?", "top_k": 3})
            found = [source for source in answer["sources"] if source["document_id"] == document]
            assert len(found) == 1, f"document {document} is searchable {len(found)} times"
