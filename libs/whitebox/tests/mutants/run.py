"""Applies every mutant, runs the tests that must notice it, and prints what became of each.

python libs/whitebox/tests/mutants/run.py
"""

from __future__ import annotations

import sys
import time

from mutants.catalogue import MUTANTS


def main() -> int:
    """Prints the table; 1 if a mutant survives a test that must kill it."""
    started, failed = time.perf_counter(), 0
    print(f"{'outcome':9} {'module':24} mistake")
    for mutant in MUTANTS:
        survivors = mutant.survivors()
        failed += bool(survivors)
        outcome = "SURVIVED" if survivors else "killed"
        print(f"{outcome:9} {mutant.module.removeprefix('whitebox.'):24} {mutant.mistake}")
        for killer in survivors:
            print(f"{'':9} not noticed by {killer}")
    print(f"{len(MUTANTS) - failed} of {len(MUTANTS)} killed in {time.perf_counter() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
