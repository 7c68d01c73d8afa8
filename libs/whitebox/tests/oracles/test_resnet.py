"""A residual network against the numbers that PyTorch gave for the same weights."""

from __future__ import annotations

import numpy as np
from oracles.published import golden
from oracles.residual_networks import STORED, drawn, of_ours


def test_a_residual_network_gives_the_stored_numbers_forwards_and_backwards() -> None:
    stored = golden("resnet")
    found = of_ours(*drawn(**STORED))
    assert found.keys() == stored.keys()
    for name, expected in stored.items():
        scale = max(np.abs(expected).max(), 1e-3)
        np.testing.assert_allclose(found[name], expected, rtol=1e-7, atol=1e-9 * scale, err_msg=name)
