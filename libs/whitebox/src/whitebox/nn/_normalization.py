"""Normalisation of what flows between layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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


def _check_end(x: Tensor, shape: tuple[int, ...]) -> None:
    if x.shape[-len(shape) :] != shape:
        raise ShapeError(f"the last axes must be {shape}, got shape {x.shape}")
