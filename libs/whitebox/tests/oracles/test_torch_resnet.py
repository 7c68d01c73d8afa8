"""Residual networks against PyTorch's layers with the same weights: forward, all gradients, running statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.residual_networks import of_torch, twins
from whitebox.vision.resnet import resnet18

torch = pytest.importorskip("torch")


def assert_same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        scale = max(np.abs(expected).max(), 1e-3)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-8, atol=1e-10 * scale, err_msg=name)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.integers(1, 2), min_size=1, max_size=3),
    st.integers(2, 4),
    st.integers(1, 3),
    st.sampled_from([2, 4]),
    st.booleans(),
    st.integers(9, 15),
    st.integers(0, 99),
)
def test_residual_networks_of_all_shapes(blocks, classes, channels, width, small_images, size, seed) -> None:
    shape = {"classes": classes, "channels": channels, "width": width, "small_images": small_images, "size": size}
    assert_same(*twins({"blocks": blocks, **shape}, seed))


@pytest.mark.slow
@pytest.mark.parametrize(("small_images", "size"), [(False, 65), (True, 20)])
def test_resnet_18(small_images: bool, size: int) -> None:
    shape = {"classes": 10, "channels": 3, "width": 64, "small_images": small_images, "size": size}
    assert_same(*twins({"blocks": (2, 2, 2, 2), **shape}))


def test_names_and_shapes_are_those_of_the_published_weights_and_load_both_ways() -> None:
    twin = of_torch((2, 2, 2, 2), classes=1000, channels=3, width=64, small_images=False)
    published = {name: tensor.numpy() for name, tensor in twin.state_dict().items()}
    model = resnet18(rng=np.random.default_rng(0))
    assert {name: array.shape for name, array in model.state_dict().items()} == {
        name: array.shape for name, array in published.items()
    }
    model.load_state_dict(published)
    twin.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
