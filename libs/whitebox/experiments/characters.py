"""Learns to write from the help texts that Python ships, character by character, and shows what its gates do.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/characters.py [--quick] [--seed N]

The text is what `help()` knows about the language (pydoc_data.topics): it differs a little between versions of Python,
so its length and SHA-256 stand beside the results. Loss is held against n-gram models of the same characters.
"""

from __future__ import annotations

import hashlib
import html
import math
import platform
import sys
import time
from collections import Counter
from pydoc_data.topics import topics
from typing import Any

import numpy as np
from experiment import Outcome, main
from whitebox.autograd import Tensor
from whitebox.nn import DataLoader, EarlyStopping, Optimizer, Trainer, cross_entropy
from whitebox.optimize.first_order import Adam
from whitebox.optimize.schedules import CosineDecay
from whitebox.text.characters import CharacterModel, windows
from whitebox.transformers.sampling import GREEDY, Sampling

STEPS = 64
STRATEGIES = {
    "greedy": GREEDY,
    "temperature 0.5": Sampling(temperature=0.5),
    "temperature 1": Sampling(),
    "top-k 5": Sampling(top_k=5),
    "top-p 0.9": Sampling(top_p=0.9),
    "min-p 0.1": Sampling(min_p=0.1),
    "greedy, repetition penalty 1.3": Sampling(temperature=0.0, repetition_penalty=1.3),
}
PROMPT = "The "


def corpus(length: int) -> str:
    """The beginning of all help texts in the order of their names, in printable characters."""
    text = "\n\n".join(topics[name] for name in sorted(topics))
    return "".join(character for character in text if character == "\n" or " " <= character <= "~")[:length]


def ngram_bits(train: str, test: str, order: int, alphabet: int) -> float:
    """Bits for each character of a test text by counted n-grams, a tenth added to each count (Lidstone 1920)."""
    longer = Counter(train[place : place + order] for place in range(len(train) - order + 1))
    shorter: Counter[str] = Counter()
    for gram, count in longer.items():
        shorter[gram[:-1]] += count
    places = range(order - 1, len(test))
    grams = [test[place - order + 1 : place + 1] for place in places]
    total = sum(math.log2((longer[gram] + 0.1) / (shorter[gram[:-1]] + 0.1 * alphabet)) for gram in grams)
    return -total / len(grams)


def loss(model: Any, numbers: np.ndarray) -> Tensor:
    """Cross entropy of each next character, in nats."""
    logits, _ = model(numbers[:, :-1])
    return cross_entropy(logits, numbers[:, 1:])


def telling(model: CharacterModel, text: str) -> dict[str, Any]:
    """For each gate, the units whose opening depends most on the character read, with what opens and closes them."""
    found = {}
    for gate in ("input", "forget", "output"):
        openings = model.openings(text, gate)
        counts = Counter(text)
        often = [place for place, one in enumerate(openings.characters) if counts[one] >= 20]
        opening = openings.opening[often]
        characters = [openings.characters[place] for place in often]
        units = {}
        for unit in np.argsort(-opening.std(axis=0), kind="stable")[:3].tolist():
            order = np.argsort(opening[:, unit], kind="stable")
            units[f"unit {unit}"] = {
                "opened_by": "".join(characters[place] for place in order[:-7:-1]),
                "closed_by": "".join(characters[place] for place in order[:6]),
                "range": [round(float(opening[order[end], unit]), 2) for end in (0, -1)],
            }
        found[gate] = units | {
            "mean_opening": round(float(openings.opening.mean()), 3),
            "always_open_share": round(float(openings.always_open.mean()), 3),
            "always_closed_share": round(float(openings.always_closed.mean()), 3),
        }
    return found


def heat_map(model: CharacterModel, text: str, units: int = 10) -> str:
    """The forget gates that move most while a text is read: white is closed, blue is open."""
    vectors = model.embedding(model.encode(text)[None])
    gates = model.lstm.gates(Tensor(vectors.data))[0].forget[0]
    chosen = np.argsort(-gates.std(axis=0), kind="stable")[:units]
    cell, left, top = 12, 56, 44
    wide, high = left + cell * len(text) + 8, top + cell * units + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="monospace" font-size="10">',
        f'<rect width="{wide}" height="{high}" fill="white"/>',
        '<text x="8" y="16" font-size="12" font-weight="bold" font-family="sans-serif">'
        "Forget gates while reading: blue keeps the cell, white clears it</text>",
    ]
    for column, character in enumerate(text):
        shown = {" ": "·", "\n": "¶"}.get(character, html.escape(character))
        lines.append(f'<text x="{left + cell * column + 6}" y="{top - 6}" text-anchor="middle">{shown}</text>')
    # One path for each of twenty shades keeps the file small.
    squares: dict[int, list[str]] = {}
    for row, unit in enumerate(chosen.tolist()):
        y = top + cell * row
        lines.append(f'<text x="{left - 6}" y="{y + 9}" text-anchor="end">unit {unit}</text>')
        for column, opening in enumerate(gates[:, unit].tolist()):
            squares.setdefault(round(20 * opening), []).append(f"M{left + cell * column} {y}h11v11h-11z")
    for shade, paths in sorted(squares.items()):
        lines.append(f'<path d="{"".join(paths)}" fill="#1b6ca8" fill-opacity="{shade / 20:g}"/>')
    return "\n".join([*lines, "</svg>\n"])


def measure(quick: bool, seed: int) -> Outcome:
    """Trains on the first part of the text, stops by the second, and measures on the third."""
    text = corpus(8_000 if quick else 220_000)
    ends = [int(0.9 * len(text)), int(0.95 * len(text))]
    train, held, test = text[: ends[0]], text[ends[0] : ends[1]], text[ends[1] :]
    alphabet = "".join(sorted(set(text)))
    epochs = 2 if quick else 12
    rng = np.random.default_rng(seed)
    model = CharacterModel(alphabet, hidden=24 if quick else 128, embedding=24, dropout=0.1, rng=rng)
    pieces = windows(model.encode(train), STEPS)
    loader = DataLoader(pieces, batch_size=32, seed=seed)
    trainer = Trainer(
        model,
        Optimizer(model, Adam(CosineDecay(8e-3, epochs * len(loader), final=2e-4)), max_norm=1.0),
        loss,
        loader,
        validation=DataLoader(windows(model.encode(held), STEPS), batch_size=64),
        early_stopping=EarlyStopping(patience=3),
    )
    started = time.perf_counter()
    history = trainer.fit(epochs)
    seconds = time.perf_counter() - started
    model.eval()
    length = 40 if quick else 160
    return Outcome(
        {
            "text": {
                "python": platform.python_version(),
                "characters": len(text),
                "alphabet": len(alphabet),
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
            },
            "parameters": sum(parameter.size for parameter in model.parameters()),
            "epochs": len(history),
            "bits_per_character": {
                "uniform": round(math.log2(len(alphabet)), 3),
                **{
                    name: round(ngram_bits(train, test, order, len(alphabet)), 3)
                    for order, name in enumerate(("unigram", "bigram", "trigram", "4-gram"), start=1)
                },
                "lstm": round(model.bits_per_character(test), 3),
                "lstm_on_training_text": round(model.bits_per_character(train[:20_000]), 3),
            },
            "samples": {
                name: PROMPT + model.sample(PROMPT, length, sampling, rng=np.random.default_rng(seed))
                for name, sampling in STRATEGIES.items()
            },
            "gates": telling(model, test[:8000]),
        },
        {"training_s": round(seconds, 1), "characters_per_s": round(len(history) * len(train) / seconds)},
        {
            "characters.svg": history.to_svg(title="Characters: loss in nats"),
            "characters-gates.svg": heat_map(model, test[200:270]),
        },
    )


if __name__ == "__main__":
    sys.exit(main("characters", __doc__, measure))
