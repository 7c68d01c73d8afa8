"""Reads handwritten digits: a small convolutional network on the 1,797 images of 8 x 8 that scikit-learn ships.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/digits.py [--quick] [--seed N]

(Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, 1998.) A fifth of the images, drawn evenly from all
digits, is only looked at once, at the end. Beside the plain network stands a residual one of three blocks.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from experiment import Outcome, accuracy_interval, main, percentiles
from sklearn.datasets import load_digits
from whitebox.autograd import Tensor, no_grad, relu
from whitebox.nn import (
    Conv2d,
    DataLoader,
    Dropout,
    EarlyStopping,
    Flatten,
    History,
    Linear,
    MaxPool2d,
    Module,
    Optimizer,
    Sequential,
    Trainer,
    cross_entropy,
)
from whitebox.optimize.first_order import AdamW
from whitebox.optimize.schedules import CosineDecay, WarmUp
from whitebox.vision.resnet import ResNet

DIGITS = 10


def split(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """0 for training, 1 for validation, 2 for testing: 70 %, 10 %, 20 % of each digit."""
    parts = np.empty(len(labels), dtype=np.int64)
    for digit in range(DIGITS):
        members = rng.permutation(np.flatnonzero(labels == digit))
        parts[members] = np.array([2, 0, 0, 0, 0, 2, 0, 0, 0, 1])[np.arange(len(members)) % 10]
    return parts


def plain(rng: np.random.Generator) -> Sequential:
    """Two convolutions, a maximum over 2 x 2, two linear maps."""
    return Sequential(
        Conv2d(1, 16, 3, padding=1, rng=rng),
        relu,
        Conv2d(16, 32, 3, padding=1, rng=rng),
        relu,
        MaxPool2d(2),
        Flatten(),
        Dropout(0.3, rng=rng),
        Linear(32 * 4 * 4, 64, rng=rng),
        relu,
        Linear(64, DIGITS, rng=rng),
    )


def residual(rng: np.random.Generator) -> ResNet:
    """Three stages of one block each, over 8 x 8, 4 x 4 and 2 x 2 places."""
    return ResNet((1, 1, 1), classes=DIGITS, channels=1, width=16, small_images=True, rng=rng)


def loss(model: Any, x: np.ndarray, y: np.ndarray) -> Tensor:
    """Cross entropy of a batch."""
    return cross_entropy(model(Tensor(x)), y)


def predict(model: Any, x: np.ndarray) -> np.ndarray:
    """The most probable digit of each image."""
    with no_grad():
        return np.asarray(model(Tensor(x)).data.argmax(axis=1))


def accuracy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    """Share of images read rightly."""
    return float((predict(model, x) == y).mean())


def fit(model: Module, images: np.ndarray, labels: np.ndarray, parts: np.ndarray, *, epochs: int, seed: int) -> History:
    """Trains, and ends with the weights of the epoch that validated best."""
    size = 32
    steps = epochs * -(-int((parts == 0).sum()) // size)
    rate = WarmUp(steps // 10 + 1, CosineDecay(3e-3, steps))
    trainer = Trainer(
        model,
        Optimizer(model, AdamW(rate, weight_decay=1e-2), max_norm=5.0),
        loss,
        DataLoader(images[parts == 0], labels[parts == 0], batch_size=size, seed=seed),
        validation=DataLoader(images[parts == 1], labels[parts == 1], batch_size=256),
        metrics={"accuracy": accuracy},
        early_stopping=EarlyStopping(patience=epochs),
    )
    return trainer.fit(epochs)


def measure(quick: bool, seed: int) -> Outcome:
    """Trains both networks on the same split."""
    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    if quick:
        images, labels = images[:150], labels[:150]
    parts = split(labels, np.random.default_rng(seed))
    test = parts == 2
    numbers: dict[str, Any] = {"images": {"training": int((parts == 0).sum()), "test": int(test.sum())}}
    timings: dict[str, float] = {}
    figures = {}
    for name, make, epochs in (("cnn", plain, 20), ("resnet", residual, 12)):
        model = make(np.random.default_rng(seed))
        started = time.perf_counter()
        history = fit(model, images, labels, parts, epochs=1 if quick else epochs, seed=seed)
        timings[f"{name}_training_s"] = round(time.perf_counter() - started, 1)
        model.eval()
        hits = int((predict(model, images[test]) == labels[test]).sum())
        numbers[name] = {
            "parameters": sum(parameter.size for parameter in model.parameters()),
            "epochs": len(history),
            "test_accuracy": round(hits / int(test.sum()), 4),
            "test_accuracy_95": [round(end, 4) for end in accuracy_interval(hits, int(test.sum()))],
            "test_errors": int(test.sum()) - hits,
            "best_validation_loss": round(min(history["validation_loss"]), 4),
        }
        seconds = []
        for place in np.flatnonzero(test)[: 10 if quick else 200]:
            started = time.perf_counter()
            predict(model, images[place : place + 1])
            seconds.append(time.perf_counter() - started)
        timings |= {f"{name}_{share}": value for share, value in percentiles(seconds).items()}
        figures[f"digits-{name}.svg"] = history.to_svg(title=f"Digits, {name}: loss")
    return Outcome(numbers, timings, figures)


if __name__ == "__main__":
    sys.exit(main("digits", __doc__, measure))
