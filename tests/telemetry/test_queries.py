"""Dashboards and alerts ask only for metrics and labels that the platform's one table of metrics has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from whitebox_runtime.telemetry import METRICS

sys.path.insert(0, str(Path(__file__).parent))

from queries import alert_queries, dashboard_queries

QUERIES = {**dashboard_queries(), **alert_queries()}
# Given by Prometheus when it scrapes, and by the client library's process collector.
TARGET_LABELS = {"job", "instance"}
PROCESS_METRICS = {"process_resident_memory_bytes"}


def nodes(node: Any) -> list[Any]:
    """Every node of a parsed query."""
    found = [node]
    for attribute in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(node, attribute, None)
        if child is not None and not isinstance(child, str):
            found += nodes(child)
    for child in getattr(node, "args", None) or []:
        found += nodes(child)
    return found


def base_name(series: str) -> str:
    for suffix in ("_bucket", "_count", "_sum"):
        base = series.removesuffix(suffix)
        if base != series and base in METRICS and METRICS[base].kind == "histogram":
            return base
    return series


@pytest.mark.parametrize("title", QUERIES)
def test_query_names_existing_metrics_and_labels(title: str) -> None:
    parsed = nodes(promql_parser.parse(QUERIES[title]))
    selectors = [node for node in parsed if isinstance(node, promql_parser.VectorSelector)]
    assert selectors
    allowed: set[str] = set(TARGET_LABELS)
    for selector in selectors:
        name = base_name(selector.name)
        assert name in METRICS or name in PROCESS_METRICS, f"{selector.name} is not exported by anything"
        labels = set(METRICS[name].labels) if name in METRICS else set()
        allowed |= labels | ({"le"} if selector.name.endswith("_bucket") else set())
        used = {matcher.name for matcher in selector.matchers.matchers}
        assert used <= labels | TARGET_LABELS, f"{selector.name} has no label {used - labels}"
    for node in parsed:
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier is not None:
            assert set(modifier.labels) <= allowed, f"grouped by {set(modifier.labels) - allowed}, which no series has"


def test_the_check_itself_notices_a_renamed_metric() -> None:
    (selector,) = [
        node
        for node in nodes(promql_parser.parse("sum(rate(whitebox_renamed_total[5m]))"))
        if isinstance(node, promql_parser.VectorSelector)
    ]
    assert base_name(selector.name) not in METRICS
