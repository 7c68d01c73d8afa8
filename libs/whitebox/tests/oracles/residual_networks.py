"""Residual networks as PyTorch's layers make them, called as torchvision calls them; and images to hold them against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from whitebox.autograd import Tensor
from whitebox.nn import cross_entropy
from whitebox.vision.resnet import ResNet

# Of the network whose numbers are stored.
STORED: dict[str, Any] = {"blocks": (2, 1), "classes": 3, "channels": 2, "width": 4, "size": 13, "small_images": False}


def of_torch(blocks: Sequence[int], *, classes: int, channels: int, width: int, small_images: bool) -> Any:
    """The network of the paper, from torch.nn's layers."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.downsample = None
            if stride != 1 or inputs != outputs:
                projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            around = x if self.downsample is None else self.downsample(x)
            return torch.relu(around + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            stem = (3, 1, 1) if small_images else (7, 2, 3)
            self.conv1 = nn.Conv2d(channels, width, *stem, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            inputs, self.count = width, len(blocks)
            for number, count in enumerate(blocks):
                outputs, stage = width * 2**number, []
                for place in range(count):
                    stage.append(Block(inputs, outputs, 2 if number and not place else 1))
                    inputs = outputs
                setattr(self, f"layer{number + 1}", nn.Sequential(*stage))
            self.fc = nn.Linear(inputs, classes)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.relu(self.bn1(self.conv1(x)))
            if not small_images:
                x = nn.functional.max_pool2d(x, 3, 2, 1)
            for number in range(self.count):
                x = getattr(self, f"layer{number + 1}")(x)
            return self.fc(x.mean(dim=(2, 3)))

    return Network().double()


def drawn(
    blocks: Sequence[int], *, classes: int, channels: int, width: int, small_images: bool, size: int, seed: int = 0
) -> tuple[ResNet, np.ndarray, np.ndarray]:
    """One of ours with weights and statistics that are all different, with images and their classes."""
    rng = np.random.default_rng(seed)
    model = ResNet(
        blocks, classes=classes, channels=channels, width=width, small_images=small_images, rng=rng, dtype=np.float64
    )
    for name, array in model.state_dict().items():
        if "bn" in name or "downsample.1" in name:
            drawn_anew = rng.uniform(0.5, 1.5, array.shape).astype(array.dtype)
            model.load_state_dict({name: drawn_anew}, strict=False)
    return model, rng.standard_normal((4, channels, size, size)), np.arange(4) % classes


def of_ours(model: ResNet, images: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Logits before and after a batch in training, the loss, gradients, and running statistics, by name."""
    found = {"before": model.eval()(Tensor(images)).data}
    model.train()
    x = Tensor(images, requires_grad=True)
    logits = model(x)
    loss = cross_entropy(logits, classes)
    loss.backward()
    found |= {"logits": logits.data, "loss": loss.data, "gradient of images": x.grad}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in model.named_parameters()}
    found |= {name: array for name, array in model.state_dict().items() if "running" in name or "tracked" in name}
    return found | {"after": model.eval()(Tensor(images)).data}


def of_theirs(twin: Any, images: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """The same of PyTorch's."""
    import torch

    found = {"before": twin.eval()(torch.tensor(images)).detach()}
    twin.train()
    x = torch.tensor(images, requires_grad=True)
    logits = twin(x)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(classes))
    loss.backward()
    found |= {"logits": logits.detach(), "loss": loss.detach(), "gradient of images": x.grad}
    found |= {f"gradient of {name}": parameter.grad for name, parameter in twin.named_parameters()}
    found |= {name: array for name, array in twin.state_dict().items() if "running" in name or "tracked" in name}
    found["after"] = twin.eval()(torch.tensor(images)).detach()
    return {name: tensor.numpy().copy() for name, tensor in found.items()}


def twins(settings: dict[str, Any], seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What ours gives, and what PyTorch's gives with our weights."""
    import torch

    model, images, classes = drawn(**settings, seed=seed)
    twin = of_torch(**{name: value for name, value in settings.items() if name != "size"})
    twin.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    return of_ours(model, images, classes), of_theirs(twin, images, classes)
