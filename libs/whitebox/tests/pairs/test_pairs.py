from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest
from pairs.pair import Pair
from pairs.registry import PAIRS
from whitebox import reference


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_reference_and_fast_twin_agree(pair: Pair) -> None:
    pair.check()


def _public(package) -> set[str]:
    """Dotted names of functions and classes, below the package; those of private modules where a package exports them."""
    found = set()
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        loaded = import_module(module.name)
        for name, value in vars(loaded).items():
            own = getattr(value, "__module__", "").startswith(module.name)
            if own and not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value)):
                # What a package gives on from a public module counts there.
                home = value.__module__ if "._" not in value.__module__ else module.name
                found.add(f"{home.removeprefix(package.__name__ + '.')}.{name}")
    return found


def test_every_public_name_of_the_reference_has_a_fast_twin_and_a_row() -> None:
    rows = {pair.name.split(" (")[0] for pair in PAIRS}
    # A tool of the reference alone: NumPy has its own.
    for name in _public(reference) - {"metrics.pairwise.dot"}:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(f"whitebox.{module}"), attribute), name
        assert name in rows, name
