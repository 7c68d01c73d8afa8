"""The experiments give the same numbers and figures when they are run again, and refuse data that would flatter them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import experiment
import issues

EXPERIMENTS = experiment.HERE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["issues", "digits", "characters"])
def test_an_experiment_that_is_run_twice_gives_the_same_numbers_and_figures(name: str) -> None:
    if name == "digits":
        pytest.importorskip("sklearn")
    measure = import_module(name).measure
    first, second = measure(True, 0), measure(True, 0)
    assert json.dumps(first.numbers) == json.dumps(second.numbers)
    assert first.figures == second.figures
    assert first.figures.keys() == {path.name for path in (EXPERIMENTS / "figures").glob(f"{name}*.svg")}
    for drawing in first.figures.values():
        ElementTree.fromstring(drawing)
    stored = json.loads((EXPERIMENTS / "results" / f"{name}.json").read_text())
    assert stored.keys() == {"seed", *first.numbers, "timings"}


def test_issues_are_as_many_of_each_type_and_each_its_own() -> None:
    known = issues.load()
    assert Counter(known.types.tolist()) == dict.fromkeys(range(4), 60)
    assert len(set(known.texts)) == len(known.texts) == 240
    # No template: hardly two begin with the same three words.
    beginnings = Counter(tuple(text.lower().split()[:3]) for text in known.texts)
    assert max(beginnings.values()) <= 2


def test_folds_are_stratified_and_hold_each_issue_once() -> None:
    types = issues.load().types
    numbers = issues.folds(types, 10, np.random.default_rng(0))
    for fold in range(10):
        assert Counter(types[numbers == fold].tolist()) == dict.fromkeys(range(4), 6)


def test_an_issue_that_nearly_stands_in_another_fold_ends_the_experiment() -> None:
    texts = [f"{text} Number {place}." for place, text in enumerate(issues.load().texts[:20])]
    numbers = np.arange(20) % 2
    assert issues.check_folds(texts, numbers) < issues.NEARLY_THE_SAME
    texts[7] = texts[2].replace("Number 2", "Number 7")
    with pytest.raises(SystemExit, match="issues 3 and 8 are 9"):
        issues.check_folds(texts, numbers)
    numbers[7] = numbers[2]
    assert issues.check_folds(texts, numbers) < issues.NEARLY_THE_SAME


def test_intervals_are_wilsons() -> None:
    # Wilson's interval for 8 of 10, as statistics texts give it.
    assert experiment.accuracy_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert experiment.accuracy_interval(10, 10)[1] == pytest.approx(1.0)
