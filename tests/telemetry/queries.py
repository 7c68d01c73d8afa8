"""Every PromQL query that the chart ships: dashboard panels and alert rules."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

CHART = Path(__file__).parents[2] / "charts/whitebox"


def dashboard_queries() -> dict[str, str]:
    """Query by "dashboard / panel / letter"."""
    found = {}
    for path in sorted((CHART / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                found[f"{dashboard['title']} / {panel['title']} / {target['refId']}"] = target["expr"]
    return found


def alert_queries() -> dict[str, str]:
    """Query by alert name."""
    found = {}
    for path in sorted((CHART / "alerts").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found.update({rule["alert"]: rule["expr"] for rule in group["rules"]})
    return found
