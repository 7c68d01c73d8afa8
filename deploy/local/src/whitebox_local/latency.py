"""`whitebox bench`: how long single requests to a gateway take, from the user's side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from whitebox_local.gateway_client import GatewayClient


def measure(client: GatewayClient, console: Console, repeats: int) -> None:
    """Sends each kind of request `repeats` times, one after another, and prints p50 and p95 in milliseconds."""
    predictors = client.get("/v1/predictors")["predictors"]
    kinds: dict[str, Callable[[], Any]] = {
        "embed one text": lambda: client.post("/v1/embeddings", {"input": "tidal power", "model": _embedding(client)}),
        "ask a question": lambda: client.post("/v1/questions", {"question": "What is the capital of a share?"}),
    }
    if predictors:
        predictor = client.get(f"/v1/predictors/{predictors[0]['name']}")
        body = {
            "model": predictor["name"],
            "features": {feature["name"]: feature["mean"] for feature in predictor["features"]},
        }
        kinds[f"predict with {predictor['name']}"] = lambda: client.post("/v1/predict", body)
    for view in client.get("/v1/feature-views")["feature_views"]:
        name = view["name"]
        kinds[f"read {name}"] = lambda name=name: client.get(f"/v1/features/{name}/online/customer-42")  # type: ignore[misc]
    table = Table(title=f"one request at a time to {client.url}", title_justify="left")
    for column in ("request", "n", "p50 ms", "p95 ms"):
        table.add_column(column, justify="left" if column == "request" else "right")
    for kind, request in kinds.items():
        request()
        seconds = []
        for _ in track(range(repeats), description=kind, console=console, transient=True):
            began = time.perf_counter()
            request()
            seconds.append(time.perf_counter() - began)
        p95 = statistics.quantiles(seconds, n=20)[-1] if repeats > 1 else seconds[0]
        table.add_row(kind, str(repeats), f"{statistics.median(seconds) * 1e3:.1f}", f"{p95 * 1e3:.1f}")
    console.print(table)


def _embedding(client: GatewayClient) -> str:
    """The first embedding model that the gateway lists."""
    models: list[dict[str, Any]] = client.get("/v1/models")["data"]
    return next((str(model["id"]) for model in models if "MiniLM" in model["id"]), "")
