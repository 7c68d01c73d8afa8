"""All mutants: the modules beside this one hold those of a subpackage each."""

from __future__ import annotations

from mutants.mutant import Mutant
from registered import collect

MUTANTS: list[Mutant] = collect("mutants", "MUTANTS")
