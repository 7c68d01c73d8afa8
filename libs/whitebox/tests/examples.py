"""How many examples hypothesis draws, always the same ones; they are small, so a failing one is not shrunk further."""

from __future__ import annotations

from hypothesis import Phase, settings

EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)
