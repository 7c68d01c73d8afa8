"""Regressions on several modalities: beliefs fused late by their precision, or features joined early."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.autograd import Tensor, no_grad, relu
from whitebox.base import Regressor
from whitebox.errors import RangeError, ShapeError
from whitebox.multimodal.experts import Belief, as_mask, heteroscedastic_loss, product_of_experts
from whitebox.nn import Linear, Module, Optimizer
from whitebox.optimize.first_order import AdamW

Mask = npt.NDArray[np.bool_]


class GaussianExpert(Module):
    """A network that believes: from features to the mean and the log variance of each target.

    Args:
        features: The d.
        targets: How many numbers it has beliefs about.
        hidden: Widths of the layers between, which ReLU follows.
        rng: Draws the weights.
        dtype: Their precision.

    >>> expert = GaussianExpert(3, hidden=(8,), rng=np.random.default_rng(0))
    >>> expert(Tensor(np.ones((5, 3), np.float32))).log_variance.shape
    (5, 1)
    """

    def __init__(
        self,
        features: int,
        targets: int = 1,
        *,
        hidden: Sequence[int] = (32,),
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        widths = [positive_int(features, "features"), *hidden]
        self.layers = [Linear(n, m, rng=rng, dtype=dtype) for n, m in pairwise(widths)]
        self.mean = Linear(widths[-1], positive_int(targets, "targets"), rng=rng, dtype=dtype)
        self.log_variance = Linear(widths[-1], targets, rng=rng, dtype=dtype)

    def forward(self, x: Tensor) -> Belief:
        """Beliefs of shape (n, targets) from features of shape (n, d)."""
        for layer in self.layers:
            x = relu(layer(x))
        return Belief(self.mean(x), self.log_variance(x))


class _FusionRegressor(Regressor):
    """What both have in common: modalities as groups of columns, scaling, training with modalities left out."""

    def __init__(
        self,
        modalities: Sequence[int] | None = None,
        *,
        hidden: Sequence[int] = (32,),
        modality_dropout: float = 0.3,
        learning_rate: float = 0.01,
        weight_decay: float = 0.01,
        batch_size: int = 64,
        epochs: int = 60,
        random_state: int | None = None,
    ) -> None:
        self.modalities = modalities
        self.hidden = hidden
        self.modality_dropout = modality_dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Self:
        """Learns from rows of which modalities may be missing.

        Args:
            X: Modalities beside each other, shape (n, d); what is not present may be any number.
            y: Shape (n,).
            present: Which modalities each row has, shape (n, M); all by default.

        Raises:
            ShapeError: They do not fit together, or `modalities` do not add up to the columns.
            RangeError: A parameter is out of its range.
            DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        rows = self._rows_to_fit(X)
        target = self._target(y, len(rows))
        widths = [1] * rows.shape[1] if self.modalities is None else list(self.modalities)
        if sum(positive_int(width, "modalities") for width in widths) != rows.shape[1]:
            raise ShapeError(f"modalities of {widths} columns do not add up to the {rows.shape[1]} of X")
        self.ends_ = np.cumsum(widths)
        seen = self._mask(present, len(rows))
        dropped = number_in(self.modality_dropout, "modality_dropout", 0, 1)
        if dropped == 1:
            raise RangeError("modality_dropout must be below 1")
        rate = number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        decay = number_in(self.weight_decay, "weight_decay", 0)
        epochs, batch = positive_int(self.epochs, "epochs"), positive_int(self.batch_size, "batch_size")
        rng = np.random.default_rng(self.random_state)
        self._learn_scales(rows, target, seen)
        scaled, wanted = self._scaled(rows, seen), ((target - self.target_mean_) / self.target_scale_)[:, None]
        self.experts_ = self._experts(widths, rng)
        steps = epochs * -(-len(rows) // batch)
        method = AdamW(lambda step: 0.5 * rate * (1 + math.cos(math.pi * step / steps)), weight_decay=decay)
        optimizer = Optimizer([one for expert in self.experts_ for one in expert.parameters()], method, max_norm=10.0)
        self.losses_ = np.zeros(epochs)
        for epoch in range(epochs):
            order = rng.permutation(len(rows))
            for start in range(0, len(order), batch):
                some = order[start : start + batch]
                kept = seen[some] & (rng.random((len(some), len(widths))) >= dropped)
                belief = self._belief(scaled[some], kept)
                loss = heteroscedastic_loss(belief.mean, belief.log_variance, wanted[some])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.losses_[epoch] += loss.item() * len(some) / len(rows)
        return self

    def predict(self, X: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Array:
        """Means, shape (n,).

        Args:
            X: Shape (n, d); what is not present may be any number.
            present: Which modalities each row has, shape (n, M); all by default.

        Raises:
            NotFittedError: Before `fit`.
            ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        return self._predicted(X, present)[0]

    def predict_distribution(self, X: npt.ArrayLike, present: npt.ArrayLike | None = None) -> tuple[Array, Array]:
        """Means and standard deviations, each of shape (n,). Takes and raises what `predict` does."""
        return self._predicted(X, present)

    @abstractmethod
    def _experts(self, widths: Sequence[int], rng: np.random.Generator) -> list[GaussianExpert]:
        """The networks, for modalities of so many columns."""

    @abstractmethod
    def _belief(self, scaled: npt.NDArray[np.float32], seen: Mask) -> Belief:
        """About scaled targets, from scaled rows."""

    def _predicted(self, X: npt.ArrayLike, present: npt.ArrayLike | None) -> tuple[Array, Array]:
        rows = self._rows_to_use(X, "mean_")
        seen = self._mask(present, len(rows))
        with no_grad():
            belief = self._belief(self._scaled(rows, seen), seen)
        mean = belief.mean.data[:, 0].astype(np.float64) * self.target_scale_ + self.target_mean_
        deviation = np.exp(0.5 * belief.log_variance.data[:, 0].astype(np.float64)) * self.target_scale_
        return mean, deviation

    def _mask(self, present: npt.ArrayLike | None, rows: int) -> Mask:
        shape = (rows, len(self.ends_))
        return np.ones(shape, bool) if present is None else as_mask(present, shape)

    def _columns(self, seen: Mask) -> Mask:
        """Which columns are there, shape (n, d), from which modalities are."""
        return np.repeat(seen, np.diff(self.ends_, prepend=0), axis=1)

    def _learn_scales(self, rows: Array, target: Array, seen: Mask) -> None:
        there = self._columns(seen)
        count = np.maximum(there.sum(axis=0), 1)
        self.mean_ = (rows * there).sum(axis=0) / count
        spread = np.sqrt((np.square(rows - self.mean_) * there).sum(axis=0) / count)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.target_mean_, self.target_scale_ = float(target.mean()), float(target.std()) or 1.0

    def _scaled(self, rows: Array, seen: Mask) -> npt.NDArray[np.float32]:
        """Rows as the networks see them: 0 where nothing is present."""
        there = self._columns(seen)
        return np.where(there, (rows - self.mean_) / self.scale_, 0.0).astype(np.float32)


class ProductOfExpertsRegressor(_FusionRegressor):
    r"""Late fusion: each modality has a network of its own, whose normal beliefs are multiplied.

    `product_of_experts` with the targets' own distribution for a prior, trained on `heteroscedastic_loss` while
    modalities are left out at random (Wu, Goodman 2018), so that every subset knows how sure it is. What is missing
    costs nothing but certainty: without any modality the prediction is the mean of the targets, with their deviation.
    Exact where modalities are independent given the target and normal. O(epochs · n · weights).

    Args:
        modalities: How many columns of X each modality has, in their order; one each by default.
        hidden: Widths of each network's hidden layers.
        modality_dropout: How often each modality is left out of a step of training, from 0 to below 1.
        learning_rate: Of AdamW, falling to 0 along half a cosine.
        weight_decay: Of AdamW.
        batch_size: Rows a step of training.
        epochs: Passes over the rows.
        random_state: Seed.

    Attributes:
        experts_: A network for each modality.
        mean_: Of each column, where present, shape (d,).
        scale_: Standard deviation of each, shape (d,).
        losses_: Mean loss of each epoch.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.standard_normal(300)
    >>> X = np.column_stack([y + 0.1 * rng.standard_normal(300), y + rng.standard_normal(300)])
    >>> model = ProductOfExpertsRegressor(hidden=(8,), random_state=0).fit(X, y)
    >>> both, worse = (model.predict_distribution(X, np.tile(seen, (300, 1)))[1].mean() for seen in ([1, 1], [0, 1]))
    >>> bool(both < 0.3 < worse)
    True
    """

    def predict_each(self, X: npt.ArrayLike) -> tuple[Array, Array]:
        """What each modality alone makes of the prior: means and standard deviations, each of shape (n, M)."""
        rows = self._rows_to_use(X, "mean_")
        found = [self._predicted(rows, np.tile(alone, (len(rows), 1))) for alone in np.eye(len(self.ends_), dtype=bool)]
        return np.column_stack([mean for mean, _ in found]), np.column_stack([deviation for _, deviation in found])

    def _experts(self, widths: Sequence[int], rng: np.random.Generator) -> list[GaussianExpert]:
        return [GaussianExpert(width, hidden=self.hidden, rng=rng) for width in widths]

    def _belief(self, scaled: npt.NDArray[np.float32], seen: Mask) -> Belief:
        parts: list[Any] = np.split(scaled, self.ends_[:-1], axis=1)
        beliefs = [expert(Tensor(part)) for expert, part in zip(self.experts_, parts, strict=True)]
        return product_of_experts(
            [one.mean for one in beliefs], [one.log_variance for one in beliefs], present=seen, prior_variance=1.0
        )


class ConcatenationRegressor(_FusionRegressor):
    """Early fusion: one network sees all modalities beside each other, and which of them are there.

    Trained as `ProductOfExpertsRegressor` is. It can learn how modalities depend on each other, and has to learn what
    each missing one means. O(epochs · n · weights).

    Args:
        modalities: How many columns of X each modality has, in their order; one each by default.
        hidden: Widths of the network's hidden layers.
        modality_dropout: How often each modality is left out of a step of training, from 0 to below 1.
        learning_rate: Of AdamW, falling to 0 along half a cosine.
        weight_decay: Of AdamW.
        batch_size: Rows a step of training.
        epochs: Passes over the rows.
        random_state: Seed.

    Attributes:
        experts_: The network.
        mean_: Of each column, where present, shape (d,).
        scale_: Standard deviation of each, shape (d,).
        losses_: Mean loss of each epoch.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.standard_normal(300)
    >>> X = np.column_stack([y + 0.1 * rng.standard_normal(300), y + rng.standard_normal(300)])
    >>> ConcatenationRegressor(hidden=(8,), random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    def _experts(self, widths: Sequence[int], rng: np.random.Generator) -> list[GaussianExpert]:
        return [GaussianExpert(sum(widths) + len(widths), hidden=self.hidden, rng=rng)]

    def _belief(self, scaled: npt.NDArray[np.float32], seen: Mask) -> Belief:
        there = scaled * self._columns(seen)
        belief: Belief = self.experts_[0](Tensor(np.concatenate([there, seen.astype(np.float32)], axis=1)))
        return belief
