"""Load on a gateway: questions, predictions and feature reads, as a mixed population of users.

`make load` runs it against the local stack. Against another gateway:
`WHITEBOX_API_KEY=... locust -f loadtests/locustfile.py --headless --users 20 --run-time 2m --host https://...`
The run fails (exit code 1) where a threshold of thresholds.yaml is missed; the report says which.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import yaml
from locust import HttpUser, between, events, task
from locust.env import Environment

QUESTIONS = [
    "How often is the gearbox oil of a turbine changed?",
    "At which current does a turbine start?",
    "How much do members pay per kilowatt hour?",
    "When do guided tours take place?",
    "Which radio channel is used for diving operations?",
    "Who replaced the bolt on turbine 4?",
]
THRESHOLDS = yaml.safe_load(Path(__file__).with_name("thresholds.yaml").read_text())


class Client(HttpUser):
    """One client of the gateway. The weights are those of a platform whose traffic is mostly predictions."""

    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        """Takes the key from the environment; without it every request would be a 401."""
        self.client.headers["Authorization"] = f"Bearer {os.environ['WHITEBOX_API_KEY']}"

    @task(2)
    def ask(self) -> None:
        self._post("/v1/questions", {"question": random.choice(QUESTIONS)})

    @task(10)
    def predict(self) -> None:
        flower = [round(random.uniform(low, high), 1) for low, high in ((4.3, 7.9), (2, 4.4), (1, 6.9), (0.1, 2.5))]
        self._post("/v1/predict", {"model": "iris", "vector": flower})

    @task(10)
    def read_features(self) -> None:
        customers = [f"customer-{random.randint(0, 99)}" for _ in range(20)]
        self._post("/v1/features/customer_spend/online", {"entity_ids": customers})

    def _post(self, path: str, body: dict[str, Any]) -> None:
        self.client.post(path, json=body, timeout=120)


@events.quitting.add_listener
def hold_against_thresholds(environment: Environment, **_: Any) -> None:
    """Fails the run where a route missed its threshold, or was never called."""
    missed = []
    for path, limits in THRESHOLDS.items():
        entry = environment.stats.get(path, "POST")
        if entry.num_requests == 0:
            missed.append(f"{path}: no request was made")
            continue
        p95 = entry.get_response_time_percentile(0.95)
        if p95 > limits["p95_ms"]:
            missed.append(f"{path}: p95 {p95:.0f} ms, allowed {limits['p95_ms']}")
        if entry.fail_ratio > limits["failures"]:
            missed.append(f"{path}: {entry.fail_ratio:.1%} failed, allowed {limits['failures']:.1%}")
    for line in missed:
        print(f"THRESHOLD MISSED {line}")
    if not missed:
        print("every threshold is met")
    environment.process_exit_code = 1 if missed else 0
