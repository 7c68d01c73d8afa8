"""Residual networks for images (He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016).

Parameters and running statistics are called as in torchvision, so that state dicts published for it load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, relu
from whitebox.errors import EmptyInputError, ShapeError
from whitebox.nn import BatchNorm2d, Conv2d, Linear, Module, global_avg_pool2d, max_pool2d


class BasicBlock(Module):
    r"""Two 3 × 3 convolutions with a path around them, :math:`y = \max(0, s(x) + f(x))` (section 4.1, figure 5 left).

    f is convolution, batch normalisation, rectification, convolution, batch normalisation. s is x itself, or a 1 × 1
    convolution with batch normalisation where the shape changes (option B).

    Args:
        channels: Of the input.
        outputs: Of the result.
        stride: Of the first convolution and of the path around; 2 halves height and width.
        rng: Draws the weights.
        dtype: Their precision.

    >>> block = BasicBlock(4, 8, stride=2, rng=np.random.default_rng(0))
    >>> block(Tensor(np.ones((1, 4, 6, 6), np.float32))).shape
    (1, 8, 3, 3)
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        *,
        stride: int = 1,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"bias": False, "rng": rng, "dtype": dtype}
        self.conv1 = Conv2d(channels, outputs, 3, stride=stride, padding=1, **options)
        self.bn1 = BatchNorm2d(outputs, dtype=dtype)
        self.conv2 = Conv2d(outputs, outputs, 3, padding=1, **options)
        self.bn2 = BatchNorm2d(outputs, dtype=dtype)
        self.downsample: list[Module] = []
        if stride != 1 or channels != outputs:
            self.downsample = [
                Conv2d(channels, outputs, 1, stride=stride, **options),
                BatchNorm2d(outputs, dtype=dtype),
            ]

    def forward(self, x: Tensor) -> Tensor:
        """From (n, channels, h, w) to (n, outputs, ⌈h / stride⌉, ⌈w / stride⌉)."""
        around = x
        for layer in self.downsample:
            around = layer(around)
        through = relu(self.bn1(self.conv1(x)))
        return relu(around + self.bn2(self.conv2(through)))


class ResNet(Module):
    """A stem, stages of `BasicBlock`, the mean over all places, and a linear map to classes.

    Each stage after the first halves height and width and doubles the channels. Weights of convolutions are drawn from
    the normal distribution with variance 2 / (outputs · kernel area) (He et al. 2015), as torchvision does.

    Args:
        blocks: How many in each stage: (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.
        classes: Of the result.
        channels: Of the images.
        width: Channels of the first stage.
        small_images: Whether the stem is a 3 × 3 convolution, as for images of 32 × 32 (section 4.2), instead of a
            7 × 7 one and a maximum over 3 × 3, both of which halve height and width.
        rng: Draws the weights.
        dtype: Their precision.

    Raises:
        RangeError: A number is below 1.
        EmptyInputError: There is no stage.

    >>> small = ResNet((1, 1), classes=3, channels=1, width=4, small_images=True, rng=np.random.default_rng(0))
    >>> small(Tensor(np.ones((2, 1, 8, 8), np.float32))).shape
    (2, 3)
    >>> [name for name in small.state_dict() if name.startswith("layer2.0.downsample.0")]
    ['layer2.0.downsample.0.weight']
    """

    def __init__(
        self,
        blocks: Sequence[int],
        *,
        classes: int = 1000,
        channels: int = 3,
        width: int = 64,
        small_images: bool = False,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if not blocks:
            raise EmptyInputError("a residual network has at least one stage")
        kernel, stride, padding = (3, 1, 1) if small_images else (7, 2, 3)
        inputs = positive_int(width, "width")
        self.conv1 = Conv2d(channels, inputs, kernel, stride=stride, padding=padding, bias=False, rng=rng, dtype=dtype)
        self.bn1 = BatchNorm2d(inputs, dtype=dtype)
        self.small_images = small_images
        # Not a list: torchvision calls the stages layer1, layer2, ...
        self.stages = [f"layer{number}" for number in range(1, len(blocks) + 1)]
        for number, (name, count) in enumerate(zip(self.stages, blocks, strict=True)):
            outputs = width * 2**number
            stage = []
            for place in range(positive_int(count, name)):
                stride = 2 if number and not place else 1
                stage.append(BasicBlock(inputs, outputs, stride=stride, rng=rng, dtype=dtype))
                inputs = outputs
            setattr(self, name, stage)
        self.fc = Linear(inputs, classes, rng=rng, dtype=dtype)
        for _, module in self.modules():
            if isinstance(module, Conv2d):
                shape = module.weight.shape
                spread = math.sqrt(2 / (shape[0] * shape[2] * shape[3]))
                module.weight.data = (rng.standard_normal(shape) * spread).astype(dtype)

    def features(self, x: Tensor) -> Tensor:
        """What the classes are told apart by: from images (n, channels, h, w) to (n, width · 2^(stages - 1)).

        Raises:
            ShapeError: x is no batch of images with so many channels.
        """
        if x.ndim != 4 or x.shape[1] != self.conv1.weight.shape[1]:
            raise ShapeError(f"images must have shape (n, {self.conv1.weight.shape[1]}, h, w), got {x.shape}")
        x = relu(self.bn1(self.conv1(x)))
        if not self.small_images:
            x = max_pool2d(x, 3, stride=2, padding=1)
        for name in self.stages:
            for block in getattr(self, name):
                x = block(x)
        return global_avg_pool2d(x)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (n, classes)."""
        logits: Tensor = self.fc(self.features(x))
        return logits


def resnet18(
    *,
    classes: int = 1000,
    channels: int = 3,
    small_images: bool = False,
    rng: np.random.Generator,
    dtype: npt.DTypeLike = np.float32,
) -> ResNet:
    """ResNet-18: two blocks in each of four stages (table 1), 11.7 million parameters for 1,000 classes.

    Args:
        classes: Of the result.
        channels: Of the images.
        small_images: Which stem, see `ResNet`.
        rng: Draws the weights.
        dtype: Their precision.

    >>> sum(parameter.size for parameter in resnet18(rng=np.random.default_rng(0)).parameters())
    11689512
    """
    return ResNet((2, 2, 2, 2), classes=classes, channels=channels, small_images=small_images, rng=rng, dtype=dtype)
