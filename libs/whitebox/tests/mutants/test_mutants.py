from __future__ import annotations

import pytest
from mutants.catalogue import MUTANTS
from mutants.mutant import Mutant, passes

# Every mutant runs its killers anew: not among the fast tests.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_the_mistake_is_noticed(mutant: Mutant) -> None:
    assert mutant.killers
    assert mutant.survivors() == []


# Pairs are run as such by test_pairs; what is called here outside of pytest has to work without it.
KILLERS = sorted({killer for mutant in MUTANTS for killer in mutant.killers if not killer.startswith("pair:")})


@pytest.mark.parametrize("killer", KILLERS)
def test_a_killer_passes_without_the_mistake(killer: str) -> None:
    assert passes(killer)
