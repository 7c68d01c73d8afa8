"""How many examples hypothesis draws, always the same ones; they are small, so a failing one is not shrunk further.

`WHITEBOX_EXAMPLES=1000` draws more.
"""

from __future__ import annotations

import os

from hypothesis import Phase, settings
from hypothesis.internal.conjecture import providers

# Hypothesis also draws constants that it finds in the source of whatever has been imported so far. Then what is drawn
# depends on which tests ran before in this process, and with several processes on chance.
providers._get_local_constants = lambda: providers._local_constants

EXAMPLES = settings(
    max_examples=int(os.environ.get("WHITEBOX_EXAMPLES", "40")),
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)
