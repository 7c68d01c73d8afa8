"""The experiment on the pole gives the same numbers and figure when it is run again, and says what its parts mean."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from whitebox.rl.rollouts import LearningCurve

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import cartpole
import experiment


@pytest.mark.slow
def test_the_pole_is_learned_twice_to_the_same_numbers() -> None:
    pytest.importorskip("matplotlib")
    first, second = cartpole.measure(True, 0), cartpole.measure(True, 0)
    assert json.dumps(first.numbers) == json.dumps(second.numbers)
    assert first.figures == second.figures
    ElementTree.fromstring(first.figures["cartpole.svg"])
    stored = json.loads((experiment.HERE / "results" / "cartpole.json").read_text())
    assert stored.keys() == {"seed", *first.numbers, "timings"}
    # Other seeds learn otherwise, and so do the runs of one.
    runs = [json.dumps(run) for name in cartpole.LEARNERS for run in first.numbers[name]["mean_while_learning"]]
    assert len(set(runs)) == len(runs)


def test_parts_without_an_end_keep_the_mean_before() -> None:
    steps = cartpole.PARTS * 10
    curve = LearningCurve(np.array([4, 10, 11, 35, steps + 90]), np.array([1.0, 3.0, 7.0, 9.0, 5.0]))
    found = cartpole.averaged(curve, steps)
    assert found[:5] == [2.0, 7.0, 7.0, 9.0, 9.0]
    assert found[-2:] == [9.0, 5.0]
