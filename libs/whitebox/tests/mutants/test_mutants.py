from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from mutants.catalogue import MUTANTS
from mutants.mutant import Mutant, passes

# Every mutant runs its killers anew: not among the fast tests.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert mutant.killers
    assert mutant.survivors() == []


# Pairs are run as such by test_pairs, and most others are tests themselves; what is left only mutants run.
KILLERS = sorted({killer for mutant in MUTANTS for killer in mutant.killers if not killer.startswith("pair:")})
TESTS = [killer for killer in KILLERS if ":test_" in killer]


@pytest.mark.parametrize("killer", sorted(set(KILLERS) - set(TESTS)))
def test_a_killer_passes_without_the_mistake(killer: str) -> None:
    assert passes(killer)


@pytest.mark.parametrize("killer", TESTS)
def test_a_killer_that_is_a_test_can_be_called_outside_of_pytest(killer: str) -> None:
    # One that wants a fixture would fail with and without the mistake.
    module, _, name = killer.partition(":")
    inspect.signature(getattr(import_module(module), name)).bind()
