from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest
from pairs.registry import PAIRS, Pair
from whitebox import reference


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_reference_and_fast_twin_agree(pair: Pair) -> None:
    pair.check()


def _public(package) -> dict[str, object]:
    found = {}
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        loaded = import_module(module.name)
        for name, value in vars(loaded).items():
            own = getattr(value, "__module__", "") == module.name
            if own and not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)):
                found[f"{module.name.removeprefix(package.__name__ + '.')}.{name}"] = value
    return found


def test_every_public_name_of_the_reference_has_a_fast_twin_and_a_row() -> None:
    rows = {pair.name.split(" (")[0] for pair in PAIRS}
    # Tools of the reference alone: NumPy has its own.
    helpers = {"metrics.pairwise.dot", "linalg.solve"}
    for name in _public(reference).keys() - helpers:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(f"whitebox.{module}"), attribute), name
        assert name in rows, name
