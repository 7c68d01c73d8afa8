"""What few bits do to SmolLM2-135M-Instruct: perplexity, logits and memory for each way of quantising its layers.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/quantization.py [--quick] [--seed N]

All linear layers are quantised, the embedding (which is also the output) stays. The published file holds these layers
in four bits already (Q4_1, groups of 32): what is measured is what a further rounding changes, and groups of 32 find
nearly the very levels again. --quick has a tiny model of random weights.
"""

from __future__ import annotations

import copy
import html
import math
import sys
import time

import numpy as np
from experiment import HERE, Outcome, main
from smollm2 import published, tiny
from whitebox.autograd import no_grad
from whitebox.nn import Module
from whitebox.quantize.int8 import MinMaxObserver, MSEObserver, PercentileObserver
from whitebox.quantize.linear import GroupwiseScheme, Int8Scheme, NF4Scheme, memory, quantize

SCHEMES = {
    "int8, weights": Int8Scheme(None),
    "int8, weights, one scale": Int8Scheme(None, per_channel=False),
    "int8, dynamic": Int8Scheme("dynamic"),
    "int8, static, min-max": Int8Scheme("static", observer=MinMaxObserver),
    "int8, static, 99.99 %": Int8Scheme("static", observer=PercentileObserver),
    "int8, static, least squares": Int8Scheme("static", observer=MSEObserver),
    "4 bits, groups of 32": GroupwiseScheme(32),
    "4 bits, groups of 64": GroupwiseScheme(64),
    "NF4": NF4Scheme(double=False),
    "NF4, double": NF4Scheme(),
}


def log_probabilities(model: Module, ids: list[int]) -> np.ndarray:
    """Behind each position but the last, shape (positions, vocabulary)."""
    with no_grad():
        logits = model([ids]).data[0, :-1].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def compared(found: np.ndarray, exact: np.ndarray, ids: list[int]) -> dict[str, float]:
    """Perplexity, divergence from the exact model, and how often both find the same token most probable."""
    places = np.arange(len(ids) - 1)
    return {
        "perplexity": round(math.exp(-found[places, ids[1:]].mean()), 3),
        "mean_divergence_nats": round(float((np.exp(exact) * (exact - found)).sum(axis=1).mean()), 5),
        "same_best_token": round(float((found.argmax(axis=1) == exact.argmax(axis=1)).mean()), 3),
    }


def drawing(rows: dict[str, dict[str, float]], perplexity: float) -> str:
    """A bar for each way of quantising: how much its perplexity lies above the exact model's, in percent."""
    left, top, high, wide = 190, 46, 22, 620
    above = {name: 100 * (row["perplexity"] / perplexity - 1) for name, row in rows.items()}
    room = (wide - left - 150) / max(1e-9, *map(abs, above.values()))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {top + high * len(rows) + 12}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{wide}" height="{top + high * len(rows) + 12}" fill="white"/>',
        '<text x="12" y="24" font-size="14" font-weight="bold">'
        f"Perplexity against single precision ({perplexity:.2f}), and bits a weight</text>",
    ]
    for place, (name, row) in enumerate(rows.items()):
        y = top + high * place
        width = abs(above[name]) * room
        lines += [
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{html.escape(name)}</text>',
            f'<rect x="{left}" y="{y + 2}" width="{max(width, 1):.1f}" height="{high - 8}" '
            f'fill="{"#d1495b" if above[name] > 0 else "#2e8b57"}"/>',
            f'<text x="{left + width + 6:.1f}" y="{y + 13}">'
            f"{above[name]:+.2f} %, {row['bits_per_weight']:.2f} bits</text>",
        ]
    return "\n".join([*lines, "</svg>\n"])


def measure(quick: bool, seed: int) -> Outcome:
    """Quantises the model in each way, and reads the same text."""
    model, tokenizer = tiny(seed) if quick else published()
    text = tokenizer.encode((HERE / "data" / "neutral.txt").read_text(encoding="utf-8"))
    calibration, ids = text[: len(text) // 3], text[len(text) // 3 :]
    if quick:
        calibration, ids = calibration[:40], ids[:60]
    exact = log_probabilities(model, ids)
    whole = memory(model)
    weights = sum(p.size for name, p in model.named_parameters() if name.startswith("layers.") and p.ndim == 2)
    shared = {id(array): array for array in model.state_dict().values()}
    rows = {}
    seconds = {}
    for name, scheme in SCHEMES.items():
        calibrate = (lambda given: given([calibration])) if scheme.activations == "static" else None
        # Another model with the same arrays, of which quantising leaves this one its own.
        changed = copy.deepcopy(model, dict(shared))
        quantize(changed, scheme, ["layers.*"], calibrate=calibrate)
        held = memory(changed)
        started = time.perf_counter()
        found = log_probabilities(changed, ids)
        seconds[f"{name}, tokens_per_s"] = round(len(ids) / (time.perf_counter() - started), 1)
        bits = 8 * (held.bytes - (whole.bytes - 4 * weights)) / weights
        rows[name] = compared(found, exact, ids) | {
            "bits_per_weight": round(bits, 3),
            "model_megabytes": round(held.bytes / 1e6, 1),
        }
    best = compared(exact, exact, ids)["perplexity"]
    return Outcome(
        {
            "model": "tiny, random" if quick else "SmolLM2-135M-Instruct",
            "tokens": {"calibration": len(calibration), "measured": len(ids)},
            "weights": weights,
            "single_precision": {"perplexity": best, "model_megabytes": round(whole.bytes / 1e6, 1)},
            "quantised": rows,
        },
        seconds,
        {"quantization.svg": drawing(rows, best)},
    )


if __name__ == "__main__":
    sys.exit(main("quantization", __doc__, measure))
