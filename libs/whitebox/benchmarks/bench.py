"""Measures the wheel against its peers on one thread, and holds the ratios to their gates.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/benchmarks/bench.py [--quick] [--only NAME] [--json]

Prints a table, or a JSON line a task. A ratio is our time in units of the peer's, medians of runs that take turns:
below 1 ours is faster. Exits with 1 if a ratio is above its gate.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from importlib import import_module
from pathlib import Path

from comparison import Measured, measure
from threadpoolctl import threadpool_limits

_TOPICS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if "def comparisons(" in path.read_text())


def main() -> int:
    """Prints the table; 1 if a gate is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, at which gates do not count")
    parser.add_argument("--only", choices=_TOPICS, help="one topic")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    missed = 0
    if not chosen.json:
        print(f"{'task':44} {'ours':>10} {'peer':>10} {'ratio':>7} {'gate':>6}  peer")
    with threadpool_limits(1):
        for topic in [chosen.only] if chosen.only else _TOPICS:
            try:
                module = import_module(topic)
            except ModuleNotFoundError as missing:
                if chosen.only:
                    raise
                print(f"{topic}: not measured, {missing.name} is not installed here", file=sys.stderr)
                continue
            for comparison in module.comparisons(10 if chosen.quick else 1):
                measured = measure(comparison)
                missed += not measured.within_gate
                print(_json(measured) if chosen.json else _row(measured), flush=True)
    return 1 if missed and not chosen.quick else 0


def _row(measured: Measured) -> str:
    task = measured.comparison
    gate = f"{task.gate:.2g}" if task.gate else ""
    mark = "" if measured.within_gate else "  MISSED"
    return (
        f"{task.name:44} {1e3 * measured.ours:>7.2f} ms {1e3 * measured.theirs:>7.2f} ms {measured.ratio:>7.3f} "
        f"{gate:>6}  {task.peer}{mark}"
    )


def _json(measured: Measured) -> str:
    task = measured.comparison
    row = {
        "name": task.name,
        "ours": round(measured.ours, 6),
        "peer": round(measured.theirs, 6),
        "peer_name": task.peer,
        "ratio": round(measured.ratio, 3),
        "gate": task.gate,
        "unit": "seconds",
    }
    return json.dumps(row, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
