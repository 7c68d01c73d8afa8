"""The experiments on SmolLM2 give the same numbers when they are run again, and were run as they stand."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lora", "quantization"])
def test_an_experiment_that_is_run_twice_gives_the_same_numbers_and_figure(name: str) -> None:
    measure = import_module(name).measure
    first, second = measure(True, 0), measure(True, 0)
    assert json.dumps(first.numbers) == json.dumps(second.numbers)
    assert first.figures == second.figures
    assert first.figures.keys() == {f"{name}.svg"}
    ElementTree.fromstring(first.figures[f"{name}.svg"])
    ElementTree.parse(EXPERIMENTS / "figures" / f"{name}.svg")
    stored = json.loads((EXPERIMENTS / "results" / f"{name}.json").read_text(encoding="utf-8"))
    assert stored.keys() == {"seed", *first.numbers, "timings"}


def test_no_question_that_is_held_out_was_learned() -> None:
    telegrams = json.loads((EXPERIMENTS / "data" / "telegrams.json").read_text(encoding="utf-8"))
    train, held_out = ([question for question, _ in telegrams[kind]] for kind in ("train", "held_out"))
    assert (len(train), len(held_out)) == (24, 8)
    assert len({*train, *held_out}) == 32
    in_style = import_module("lora").in_style
    assert all(in_style(answer) for kind in telegrams.values() for _, answer in kind)
    for other in ("The moon. STOP", "The moon pulls", "The moon STOP STOP", "STOP", "", "The moon STOP pulls"):
        assert not in_style(other)
