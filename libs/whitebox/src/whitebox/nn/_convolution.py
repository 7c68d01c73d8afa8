"""Convolution as one matrix product."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, primitive
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import RangeError, ShapeError
from whitebox.nn._module import Module, Parameter
from whitebox.nn._windows import Size, Windows, blocks, check_images, windows


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    r"""Cross-correlation of images with a bank of kernels, which networks call convolution.

    .. math:: y_{n,o,r,c} = b_o + \sum_{k,i,j} w_{o,k,i,j}\; x_{n,\,k,\,rs + id - p,\,cs + jd - p}

    (LeCun et al. 1998; the kernel is not flipped), with zeros outside the image. With g groups, the k run over the
    channels of the output's own group. What a window sees is copied into a column (im2col: Chellapilla, Puri, Simard
    2006), and one product for each group serves all places of an image; backward multiplies by the transposed weights
    and adds the columns back to where they came from. The columns are made again there, not kept.

    O(n · o · c/g · kh · kw · h' · w') time; O(c · kh · kw · h' · w') memory beside input and output.

    Args:
        x: Shape (n, c, h, w).
        weight: Shape (o, c / g, kh, kw).
        bias: Shape (o,), or none.
        stride: Steps s of the window: a number, or one for rows and one for columns.
        padding: Zeros p thought around the image on each side.
        dilation: Distance d of neighbours inside the window (Yu, Koltun 2016).
        groups: The g; c groups of one channel each are a depthwise convolution.

    Returns:
        Shape (n, o, h', w'), :math:`h' = \lfloor (h + 2p - d(kh - 1) - 1) / s \rfloor + 1`.

    Raises:
        ShapeError: The shapes do not fit together, or the window does not fit into the padded image.
        RangeError: A stride, padding, dilation or number of groups makes no sense.

    >>> image = Tensor(np.arange(9.0).reshape(1, 1, 3, 3))
    >>> conv2d(image, Tensor([[[[1.0, 0.0], [0.0, -1.0]]]])).data.tolist()
    [[[[-4.0, -4.0], [-4.0, -4.0]]]]
    """
    check_images(x.shape, "conv2d")
    if weight.ndim != 4 or 0 in weight.shape:
        raise ShapeError(f"conv2d takes weights (outputs, channels / groups, rows, columns), got shape {weight.shape}")
    if weight.shape[0] % positive_int(groups, "groups"):
        raise RangeError(f"{weight.shape[0]} outputs cannot be split into {groups} groups")
    if x.shape[1] != groups * weight.shape[1]:
        raise ShapeError(
            f"weights {weight.shape} in {groups} groups take {groups * weight.shape[1]} channels, got shape {x.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ShapeError(f"conv2d needs a bias for each of {weight.shape[0]} outputs, got shape {bias.shape}")
    window = windows((weight.shape[2], weight.shape[3]), stride, padding, dilation)
    window.over(x.shape)
    if bias is None:
        return _conv2d(x, weight, window=window, groups=groups)
    return _conv2d(x, weight, bias, window=window, groups=groups)


@primitive
def _conv2d(x: Any, weight: Any, bias: Any = None, *, window: Windows, groups: int) -> tuple[AnyArray, Pullback]:
    outputs, places = weight.shape[0], math.prod(window.over(x.shape))
    rows = weight.reshape(groups, outputs // groups, -1)
    result = np.empty((len(x), groups, outputs // groups, places), np.result_type(x, weight))
    for block, columns in _columns(x, window, groups):
        np.matmul(rows, columns, out=result[block])
    if bias is not None:
        result += bias.reshape(groups, -1, 1)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(result.shape)

        def of_x() -> AnyArray:
            found: AnyArray = np.zeros_like(x)
            for block in _blocks_of(x, window):
                back = rows.swapaxes(-1, -2) @ ends[block]
                back = back.reshape(len(back), x.shape[1], *window.kernel, *window.over(x.shape))
                part = found[block]
                for i, j, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
                    part[:, :, in_rows, in_columns] += back[:, :, i, j, out_rows, out_columns]
            return found

        def of_weight() -> AnyArray:
            found: AnyArray = np.zeros_like(rows)
            for block, columns in _columns(x, window, groups):
                found += (ends[block] @ columns.swapaxes(-1, -2)).sum(axis=0)
            return found.reshape(weight.shape)

        parts: tuple[Part, ...] = (of_x, of_weight)
        return parts if bias is None else (*parts, lambda: ends.sum(axis=(0, 3)).reshape(bias.shape))

    return result.reshape(len(x), outputs, *window.over(x.shape)), pullback


def _blocks_of(x: AnyArray, window: Windows) -> Iterator[slice]:
    """Images whose columns are made together."""
    return blocks(len(x), x.shape[1] * math.prod(window.kernel) * math.prod(window.over(x.shape)))


def _columns(x: AnyArray, window: Windows, groups: int) -> Iterator[tuple[slice, AnyArray]]:
    """Blocks of images, and what each window sees: shape (block, groups, c/g · kh · kw, h' · w').

    One array serves all blocks, so a block has to be used before the next is made.
    """
    columns: AnyArray | None = None
    for block in _blocks_of(x, window):
        part = x[block]
        if columns is None:
            # Zeros once: what lies outside the image is the same for every block, and is never written.
            columns = np.zeros((len(part), x.shape[1], *window.kernel, *window.over(x.shape)), x.dtype)
        used = columns[: len(part)]
        for i, j, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
            used[:, :, i, j, out_rows, out_columns] = part[:, :, in_rows, in_columns]
        yield block, used.reshape(len(part), groups, -1, math.prod(window.over(x.shape)))


class Conv2d(Module):
    r"""Convolution of images; see `conv2d`.

    Weights are drawn uniformly from :math:`\pm 1 / \sqrt{c/g \cdot kh \cdot kw}`, as PyTorch does.

    Args:
        in_channels: The c.
        out_channels: The o.
        kernel_size: Height and width of the kernels: a number, or one of each.
        stride: Steps of the window.
        padding: Zeros on each side.
        dilation: Distance of neighbours inside the window.
        groups: Divides both numbers of channels.
        bias: Whether a number is added for each output.
        rng: Draws the weights.
        dtype: Their precision.

    >>> layer = Conv2d(3, 8, 3, stride=2, padding=1, rng=np.random.default_rng(0))
    >>> layer(Tensor(np.zeros((2, 3, 32, 32), np.float32))).shape
    (2, 8, 16, 16)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        channels, outputs = positive_int(in_channels, "in_channels"), positive_int(out_channels, "out_channels")
        if channels % positive_int(groups, "groups") or outputs % groups:
            raise RangeError(f"{channels} and {outputs} channels cannot be split into {groups} groups")
        self.window = windows(kernel_size, stride, padding, dilation)
        self.groups = groups
        shape = (outputs, channels // groups, *self.window.kernel)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(rng.uniform(-bound, bound, shape).astype(dtype))
        self.bias = Parameter(rng.uniform(-bound, bound, outputs).astype(dtype)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """From (n, c, h, w) to (n, o, h', w').

        Raises:
            ShapeError: The channels are not c, or the window does not fit into the padded image.
        """
        window = self.window
        return conv2d(
            x,
            self.weight,
            self.bias,
            stride=window.stride,
            padding=window.padding,
            dilation=window.dilation,
            groups=self.groups,
        )
