"""Normalisation of what flows between layers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.autograd import Tensor, primitive
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import ShapeError
from whitebox.nn._module import Module, Parameter


@primitive
def layer_norm(x: Any, weight: Any, bias: Any, epsilon: float) -> tuple[AnyArray, Pullback]:
    r"""Each vector of the last axes at mean 0 and variance 1, scaled and shifted.

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot w + b

    (Ba, Kiros, Hinton 2016, eq. 4). With :math:`\hat g = g \odot w`, the gradient is
    :math:`(\hat g - \overline{\hat g} - \hat x\, \overline{\hat g \odot \hat x}) / \sqrt{\sigma^2 + \epsilon}`.

    Args:
        x: Shape (..., *s).
        weight: Shape s.
        bias: Shape s.
        epsilon: Against division by 0.

    >>> layer_norm(Tensor([[1.0, 3.0]]), Tensor([1.0, 1.0]), Tensor([0.0, 5.0]), 0.0).data.tolist()
    [[-1.0, 6.0]]
    """
    width = weight.size
    rows = x.reshape(-1, width)
    centred = rows - rows.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", centred, centred)[:, None] / width
    inverse = 1 / np.sqrt(variance + epsilon)
    centred *= inverse.astype(x.dtype, copy=False)
    value = centred * weight.reshape(-1)
    value += bias.reshape(-1)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(-1, width)

        def of_x() -> AnyArray:
            scaled = ends * weight.reshape(-1)
            mean = scaled.mean(axis=1, keepdims=True)
            along = np.einsum("ij,ij->i", scaled, centred)[:, None] / width
            result: AnyArray = ((scaled - mean - centred * along) * inverse).astype(x.dtype, copy=False)
            return result.reshape(x.shape)

        return (
            of_x,
            lambda: np.einsum("ij,ij->j", ends, centred).reshape(weight.shape),
            lambda: ends.sum(axis=0).reshape(bias.shape),
        )

    return value.reshape(x.shape), pullback


@primitive
def rms_norm(x: Any, weight: Any, epsilon: float) -> tuple[AnyArray, Pullback]:
    r"""Each vector of the last axis over its root mean square, scaled.

    .. math:: y = \frac{x}{\sqrt{\tfrac1d \sum_i x_i^2 + \epsilon}} \odot w

    (Zhang, Sennrich 2019, eq. 4; the mean is not taken away).

    Args:
        x: Shape (..., d).
        weight: Shape (d,).
        epsilon: Against division by 0.

    >>> rms_norm(Tensor([[1.0, 7.0]]), Tensor([1.0, 1.0]), 0.0).data.round(12).tolist()
    [[0.2, 1.4]]
    """
    width = x.shape[-1]
    rows = x.reshape(-1, width)
    inverse = 1 / np.sqrt(np.einsum("ij,ij->i", rows, rows)[:, None] / width + epsilon)
    unit = rows * inverse.astype(x.dtype, copy=False)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(-1, width)

        def of_x() -> AnyArray:
            scaled = ends * weight
            along = np.einsum("ij,ij->i", scaled, unit)[:, None] / width
            result: AnyArray = ((scaled - unit * along) * inverse).astype(x.dtype, copy=False)
            return result.reshape(x.shape)

        return of_x, lambda: np.einsum("ij,ij->j", ends, unit)

    return (unit * weight).reshape(x.shape), pullback


def batch_norm(
    x: Tensor, weight: Tensor, bias: Tensor, epsilon: float, statistics: tuple[Any, Any] | None = None
) -> Tensor:
    r"""Each channel at mean 0 and variance 1 over a batch, scaled and shifted.

    .. math:: y = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}\, w_c + b_c

    (Ioffe, Szegedy 2015, algorithm 1). A batch's own mean and variance (divided by the count of a channel's numbers)
    depend on x, so that with :math:`\hat g = g w_c` the gradient is
    :math:`(\hat g - \overline{\hat g} - \hat x\, \overline{\hat g \odot \hat x}) / \sqrt{\sigma_c^2 + \epsilon}`;
    with given ones it is :math:`\hat g / \sqrt{\sigma_c^2 + \epsilon}`. O(size of x).

    Args:
        x: Shape (n, c, ...).
        weight: Shape (c,).
        bias: Shape (c,).
        epsilon: Against division by 0.
        statistics: Mean and variance of each channel, shape (c,) each; those of x itself by default.

    Raises:
        ShapeError: The shapes do not fit together, or x has no second number of a channel to differ from.

    >>> one, zero = Tensor([1.0]), Tensor([0.0])
    >>> batch_norm(Tensor([[1.0], [3.0]]), one, zero, 0.0).data.tolist()
    [[-1.0], [1.0]]
    >>> batch_norm(Tensor([[1.0], [3.0]]), one, zero, 0.0, ([2.0], [4.0])).data.tolist()
    [[-0.5], [0.5]]
    """
    _check_channels(x, weight.shape, range(2, x.ndim + 1))
    if statistics is None:
        return _batch_norm(x, weight, bias, *_of_batch(x.data), epsilon=epsilon, own=True)
    mean, variance = (np.asarray(one, x.dtype) for one in statistics)
    if not mean.shape == variance.shape == weight.shape:
        raise ShapeError(f"means {mean.shape} and variances {variance.shape} must have shape {weight.shape}")
    return _batch_norm(x, weight, bias, mean, variance, epsilon=epsilon, own=False)


@primitive
def _batch_norm(
    x: Any, weight: Any, bias: Any, mean: AnyArray, variance: AnyArray, *, epsilon: float, own: bool
) -> tuple[AnyArray, Pullback]:
    planes = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    inverse = (1 / np.sqrt(variance + epsilon)).astype(x.dtype, copy=False)[:, None]
    value = planes - mean[:, None]
    value *= weight[:, None] * inverse
    value += bias[:, None]

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(planes.shape)
        unit = planes - mean[:, None]
        unit *= inverse
        of_bias, of_weight = ends.sum(axis=(0, 2)), np.einsum("ncl,ncl->c", ends, unit)

        def of_x() -> AnyArray:
            scaled = ends
            if own:
                count = planes.size // planes.shape[1]
                scaled = ends - (of_bias / count)[:, None] - unit * (of_weight / count)[:, None]
            result: AnyArray = scaled * (weight[:, None] * inverse)
            return result.reshape(x.shape)

        return of_x, of_weight, of_bias

    return value.reshape(x.shape), pullback


def _of_batch(x: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Mean and variance of each channel of (n, c, ...), the variance divided by the count."""
    planes = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
    count = planes.shape[0] * planes.shape[2]
    if count < 2:
        raise ShapeError(f"the variance of a batch needs two numbers a channel, got shape {x.shape}")
    mean = planes.mean(axis=(0, 2))
    centred = planes - mean[:, None]
    return mean, np.einsum("ncl,ncl->c", centred, centred) / x.dtype.type(count)


class LayerNorm(Module):
    """Layer normalisation; see `layer_norm`.

    Args:
        shape: Lengths of the last axes that are normalised together.
        epsilon: Against division by 0.
        dtype: Precision of the weights.

    >>> LayerNorm(4, dtype=np.float64)(Tensor([[1.0, 2.0, 3.0, 4.0]])).data.round(3).tolist()
    [[-1.342, -0.447, 0.447, 1.342]]
    """

    def __init__(
        self, shape: int | tuple[int, ...], *, epsilon: float = 1e-5, dtype: npt.DTypeLike = np.float32
    ) -> None:
        super().__init__()
        self.weight = Parameter(np.ones(shape, dtype))
        self.bias = Parameter(np.zeros(shape, dtype))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, normalised.

        Raises:
            ShapeError: The last axes have other lengths.
        """
        _check_end(x, self.weight.shape)
        return layer_norm(x, self.weight, self.bias, self.epsilon)


class RMSNorm(Module):
    """Normalisation by the root mean square; see `rms_norm`.

    Args:
        width: Length of the last axis.
        epsilon: Against division by 0.
        dtype: Precision of the weights.

    >>> RMSNorm(2, dtype=np.float64)(Tensor([3.0, 4.0])).data.round(3).tolist()
    [0.849, 1.131]
    """

    def __init__(self, width: int, *, epsilon: float = 1e-5, dtype: npt.DTypeLike = np.float32) -> None:
        super().__init__()
        self.weight = Parameter(np.ones(width, dtype))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, normalised.

        Raises:
            ShapeError: The last axis has another length.
        """
        _check_end(x, self.weight.shape)
        return rms_norm(x, self.weight, self.epsilon)


class _BatchNorm(Module):
    """Batch normalisation with running statistics, for inputs of certain numbers of axes."""

    buffers = ("running_mean", "running_var", "num_batches_tracked")
    axes: tuple[int, ...] = ()

    def __init__(
        self,
        channels: int,
        *,
        epsilon: float = 1e-5,
        momentum: float | None = 0.1,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        shape = (positive_int(channels, "channels"),)
        if momentum is not None:
            number_in(momentum, "momentum", 0, 1)
        self.weight, self.bias = Parameter(np.ones(shape, dtype)), Parameter(np.zeros(shape, dtype))
        self.running_mean, self.running_var = np.zeros(shape, dtype), np.ones(shape, dtype)
        self.num_batches_tracked = np.zeros((), np.int64)
        self.epsilon, self.momentum = epsilon, momentum

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, normalised: in training by the batch, which running statistics follow, else by these.

        Raises:
            ShapeError: The axes or channels are others, or there is one number a channel in training.
        """
        _check_channels(x, self.weight.shape, self.axes)
        if not self.training:
            return batch_norm(x, self.weight, self.bias, self.epsilon, (self.running_mean, self.running_var))
        mean, variance = _of_batch(x.data)
        count = x.size // len(mean)
        self.num_batches_tracked = np.asarray(self.num_batches_tracked + 1)
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean = (1 - share) * self.running_mean + share * mean
        # Of all inputs, not of this batch: the estimate without bias.
        self.running_var = (1 - share) * self.running_var + share * (count / (count - 1)) * variance
        return _batch_norm(x, self.weight, self.bias, mean, variance, epsilon=self.epsilon, own=True)


class BatchNorm1d(_BatchNorm):
    r"""Batch normalisation of vectors or sequences; see `batch_norm`.

    In training the batch's statistics normalise, and running ones follow them:
    :math:`m \leftarrow (1 - \alpha) m + \alpha \mu`, and the same for variances, there divided by count - 1, as PyTorch
    does. After `eval` the running ones normalise, so that an input's result does not depend on its neighbours.

    Args:
        channels: The c of (n, c) or (n, c, l).
        epsilon: Against division by 0.
        momentum: The :math:`\alpha`; None for the mean over all batches so far.
        dtype: Precision of the weights.

    >>> layer = BatchNorm1d(1, momentum=1.0, dtype=np.float64)
    >>> layer(Tensor([[1.0], [3.0]])).data.round(3).tolist(), layer.running_mean.tolist(), layer.running_var.tolist()
    ([[-1.0], [1.0]], [2.0], [2.0])
    """

    axes = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of images; see `batch_norm` and `BatchNorm1d`.

    Args:
        channels: The c of (n, c, h, w).
        epsilon: Against division by 0.
        momentum: How far running statistics go towards each batch's; None for the mean over all batches so far.
        dtype: Precision of the weights.

    >>> layer = BatchNorm2d(3).eval()
    >>> layer(Tensor(np.zeros((2, 3, 4, 4), np.float32))).shape
    (2, 3, 4, 4)
    """

    axes = (4,)


def _check_channels(x: Tensor, shape: tuple[int, ...], axes: Iterable[int]) -> None:
    if x.ndim not in axes or x.shape[1:2] != shape:
        raise ShapeError(f"batch normalisation: {shape} channels on axis 1 of {list(axes)} axes, got shape {x.shape}")


def _check_end(x: Tensor, shape: tuple[int, ...]) -> None:
    if x.shape[-len(shape) :] != shape:
        raise ShapeError(f"the last axes must be {shape}, got shape {x.shape}")
