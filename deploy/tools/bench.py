"""Runs every service's benchmarks and prints one table: our figure, the named peer's, and the ratio.

Each benchmark measures itself and its peer in the same run and prints JSON lines with name, ours, peer, peer_name and
unit. Absolute figures depend on the machine; the ratio is what to read. It says how many times better ours is: of
durations the smaller is better, of everything else the larger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]


DURATIONS = ("s", "ms", "us", "µs")


def times_better(row: dict[str, Any]) -> float:
    """How many times better ours is than the peer."""
    ours, peer = float(row["ours"]), float(row["peer"])
    duration = row["unit"].split()[0].split("/")[0] in DURATIONS
    return peer / ours if duration else ours / peer


def main() -> int:
    """Runs what is named on the command line, or everything; returns 1 if one failed."""
    console = Console()
    wanted = sys.argv[1:]
    scripts = [path for path in sorted(ROOT.glob("services/*/benchmarks/*.py")) if not wanted or path.stem in wanted]
    rows: list[dict[str, Any]] = []
    failed = []
    for script in scripts:
        label = f"{script.parts[-3]}: {script.stem}"
        with console.status(f"measuring {label}"):
            done = subprocess.run(  # noqa: S603  # our own scripts
                [sys.executable, str(script)],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        if done.returncode != 0:
            failed.append(label)
            console.print(f"[red]{label} failed[/]\n{done.stderr[-2000:]}")
        rows += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    table = Table(title="Whitebox against named peers, same machine, same run")
    for column in ("what", "ours", "peer", "peer is", "times better"):
        table.add_column(column, justify="right" if column in ("ours", "peer", "times better") else "left")
    for row in rows:
        ours, peer = (f"{row[key]:.4g} {row['unit']}" for key in ("ours", "peer"))
        table.add_row(row["name"], ours, peer, row["peer_name"], f"{times_better(row):.2f}")
    console.print(table)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
