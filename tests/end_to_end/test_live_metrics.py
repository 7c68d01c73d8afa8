"""A real Prometheus scrapes the running platform and evaluates every query of the dashboards and alerts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from whitebox_local.preflight import ports_in_use
from whitebox_local.topology import probe_ports

sys.path.insert(0, str(Path(__file__).parents[1] / "telemetry"))

from queries import CHART, alert_queries, dashboard_queries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Nothing goes wrong in this test, so these rightly have no samples.
SILENT = {"Whitebox: platform / RPC errors / A"}


@pytest.fixture(scope="module")
def prometheus(platform, tmp_path_factory) -> Iterator[str]:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is not installed (Debian: apt-get install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    targets = [f"127.0.0.1:{port}" for port in probe_ports(platform.stack.ports).values()]
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "whitebox", "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = next(port for port in range(19090, 19190) if not ports_in_use({"prometheus": port}))
    command = [
        binary, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with platform.client() as client, subprocess.Popen(command) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            # Rates need two samples with work between them.
            deadline = time.monotonic() + 12
            while time.monotonic() < deadline:
                client.post("/v1/questions", {"question": "How deep is the water at the array?"})
                client.post("/v1/predict", {"model": "iris", "vector": [5.1, 3.5, 1.4, 0.2]})
                client.get("/v1/features/customer_spend/online/customer-42")
            yield url
        finally:
            process.terminate()


def evaluate(url: str, query: str) -> list[dict]:
    response = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=10)
    body = response.json()
    assert body["status"] == "success", body.get("error")
    return body["data"]["result"]


def test_every_process_is_scraped(prometheus: str, platform) -> None:
    up = evaluate(prometheus, "up")
    assert len(up) == len(probe_ports(platform.stack.ports))
    assert [series["metric"]["instance"] for series in up if series["value"][1] != "1"] == []


@pytest.mark.parametrize("title", dashboard_queries())
def test_no_panel_says_no_data(prometheus: str, title: str) -> None:
    result = evaluate(prometheus, dashboard_queries()[title])
    assert result or title in SILENT


@pytest.mark.parametrize("name", alert_queries())
def test_every_alert_evaluates_and_is_quiet(prometheus: str, name: str) -> None:
    assert evaluate(prometheus, alert_queries()[name]) == []


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [promtool, "check", "rules", str(CHART / "alerts/platform.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, json.dumps([done.stdout, done.stderr])
