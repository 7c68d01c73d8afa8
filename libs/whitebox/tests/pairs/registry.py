"""One row for each pair of twins: the modules beside this one hold those of a subpackage each."""

from __future__ import annotations

from pairs.pair import Pair
from registered import collect

PAIRS: list[Pair] = collect("pairs", "PAIRS")
