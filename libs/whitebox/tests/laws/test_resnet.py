"""Laws of residual networks."""

from __future__ import annotations

import numpy as np
import pytest
from whitebox.autograd import Tensor, gradcheck
from whitebox.errors import RangeError, ShapeError
from whitebox.nn import cross_entropy
from whitebox.vision.resnet import BasicBlock, ResNet, resnet18


def image(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape))


def small(**options) -> ResNet:
    options = {"classes": 3, "channels": 2, "width": 4, "small_images": True} | options
    return ResNet((1, 1), rng=np.random.default_rng(0), dtype=np.float64, **options)


def test_a_block_whose_convolutions_are_zero_is_the_rectified_input() -> None:
    block = BasicBlock(3, 3, rng=np.random.default_rng(0), dtype=np.float64).eval()
    block.conv2.weight.data = np.zeros_like(block.conv2.weight.data)
    x = image(2, 3, 5, 5)
    np.testing.assert_allclose(block(x).data, np.maximum(x.data, 0))


def test_resnet_18_halves_the_image_five_times_and_has_the_parameters_of_the_paper() -> None:
    model = resnet18(classes=10, rng=np.random.default_rng(0)).eval()
    assert sum(parameter.size for parameter in model.parameters()) == 11_689_512 - 990 * 513
    weights = [name for name in model.state_dict() if name.endswith("weight") and "bn" not in name]
    layers = [name for name in weights if "downsample" not in name]
    assert len(layers) == 18
    x = Tensor(np.zeros((1, 3, 33, 64), np.float32))
    assert model(x).shape == (1, 10)
    assert model.features(x).shape == (1, 512)
    assert model(x).dtype == np.float32


def test_weights_are_drawn_for_rectifiers() -> None:
    model = resnet18(classes=2, rng=np.random.default_rng(0))
    spread = model.layer3[1].conv1.weight.data.std()
    assert spread == pytest.approx(np.sqrt(2 / (256 * 9)), rel=0.01)
    other = resnet18(classes=2, rng=np.random.default_rng(1))
    assert not np.array_equal(model.conv1.weight.data, other.conv1.weight.data)


def test_after_training_an_image_is_seen_without_its_neighbours() -> None:
    model = small()
    x = image(4, 2, 6, 6)
    together = model.eval()(x).data
    alone = np.concatenate([model(x[place : place + 1]).data for place in range(4)])
    np.testing.assert_allclose(together, alone, atol=1e-12)
    model.train()
    assert np.abs(model(x).data - together).max() > 1e-3


def test_gradients_reach_the_first_convolution_and_agree_with_differences() -> None:
    model = small()
    model.eval()  # running statistics would change with every call
    x = Tensor(image(1, 2, 5, 5).data, requires_grad=True)
    gradcheck(lambda x: cross_entropy(model(x), np.array([1])), x)
    model.train()
    cross_entropy(model(image(3, 2, 6, 6)), np.arange(3)).backward()
    assert all(np.abs(parameter.grad).max() > 0 for parameter in model.parameters())


def test_the_stem_for_small_images_keeps_their_size() -> None:
    kept, halved = small(), small(small_images=False)
    assert kept.conv1.weight.shape == (4, 2, 3, 3)
    assert halved.conv1.weight.shape == (4, 2, 7, 7)
    assert kept.bn1(kept.conv1(image(1, 2, 8, 8))).shape == (1, 4, 8, 8)
    with pytest.raises(ShapeError, match=r"\(n, 2, h, w\)"):
        kept(image(1, 3, 8, 8))
    with pytest.raises(RangeError, match="layer2"):
        ResNet((1, 0), rng=np.random.default_rng(0))
