"""What the experiments of this folder share: their options, and where results and figures go."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """What an experiment found.

    Attributes:
        numbers: The same for the same seed, on the same machine.
        timings: In milliseconds or seconds, as their names say; different each time.
        figures: SVG texts by the names of their files.
    """

    numbers: dict[str, Any]
    timings: dict[str, float]
    figures: dict[str, str]


def accuracy_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share by Wilson's score (1927), which stays between 0 and 1."""
    z, share = 1.959964, hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float(centre - half), float(centre + half)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile of times, in milliseconds."""
    return {f"p{share}_ms": round(1e3 * float(np.percentile(seconds, share)), 3) for share in (50, 95)}


def main(name: str, description: str | None, measure: Callable[[bool, int], Outcome]) -> int:
    """Runs an experiment from the command line; only a whole run with the stated seed replaces results and figures."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds instead of minutes; nothing is written")
    parser.add_argument("--seed", type=int, default=0, help="of splits, weights and orders (0); others write nothing")
    chosen = parser.parse_args()
    started = time.perf_counter()
    outcome = measure(chosen.quick, chosen.seed)
    timings = outcome.timings | {"total_s": round(time.perf_counter() - started, 1)}
    text = json.dumps({"seed": chosen.seed, **outcome.numbers, "timings": timings}, indent=1, ensure_ascii=False)
    print(text)
    if not chosen.quick and chosen.seed == 0:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "figures").mkdir(exist_ok=True)
        (HERE / "results" / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        for file, drawing in outcome.figures.items():
            (HERE / "figures" / file).write_text(drawing, encoding="utf-8")
        print(
            f"written: results/{name}.json, {', '.join(f'figures/{file}' for file in outcome.figures)}", file=sys.stderr
        )
    return 0
