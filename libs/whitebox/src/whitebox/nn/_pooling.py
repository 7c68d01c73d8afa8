"""Pooling: the largest, or the mean, of what a window sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whitebox.autograd import Tensor, primitive
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import EmptyInputError, RangeError
from whitebox.nn._module import Module
from whitebox.nn._windows import Size, Windows, blocks, check_images, windows


def max_pool2d(x: Tensor, kernel_size: Size, *, stride: Size | None = None, padding: Size = 0) -> Tensor:
    r"""The largest number in each window.

    Padding never wins: it counts as :math:`-\infty`. The gradient goes to the largest; to the first of them, row by
    row, if there are several, as in PyTorch. O(n · c · kh · kw · h' · w').

    Args:
        x: Shape (n, c, h, w).
        kernel_size: Height and width of the window: a number, or one of each.
        stride: Its steps; windows lie side by side by default.
        padding: On each side; at most half of the window, so that each sees a part of the image.

    Returns:
        Shape (n, c, h', w'), :math:`h' = \lfloor (h + 2p - kh) / s \rfloor + 1`.

    Raises:
        ShapeError: There are not four axes, or the window does not fit into the padded image.
        RangeError: A kernel, stride or padding makes no sense.

    >>> max_pool2d(Tensor([[[[1.0, 2.0, 0.0], [3.0, 4.0, 9.0]]]]), 2).data.tolist()
    [[[[4.0]]]]
    """
    return _max_pool(x, window=_checked(x, kernel_size, stride, padding, "max_pool2d"))


@primitive
def _max_pool(x: Any, *, window: Windows) -> tuple[AnyArray, Pullback]:
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    planes = x.reshape(-1, *x.shape[2:])
    result = np.full((len(planes), *window.over(x.shape)), lowest, x.dtype)
    for block in _blocks_of(planes):
        image, largest = planes[block], result[block]
        for _, _, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
            part = largest[:, out_rows, out_columns]
            np.maximum(part, image[:, in_rows, in_columns], out=part)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        found, ends = np.zeros_like(planes), g.reshape(result.shape)
        for block in _blocks_of(planes):
            image, largest, end = planes[block], result[block], ends[block]
            free = np.ones(largest.shape, bool)
            for _, _, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
                place = np.s_[:, out_rows, out_columns]
                won = image[:, in_rows, in_columns] == largest[place]
                won &= free[place]
                free[place] ^= won
                found[block, in_rows, in_columns] += end[place] * won
        return (found.reshape(x.shape),)

    return result.reshape(*x.shape[:2], *result.shape[1:]), pullback


def avg_pool2d(
    x: Tensor, kernel_size: Size, *, stride: Size | None = None, padding: Size = 0, count_include_pad: bool = True
) -> Tensor:
    r"""The mean of each window. O(n · c · kh · kw · h' · w').

    Args:
        x: Shape (n, c, h, w).
        kernel_size: Height and width of the window: a number, or one of each.
        stride: Its steps; windows lie side by side by default.
        padding: On each side; at most half of the window, so that each sees a part of the image.
        count_include_pad: Whether padding counts as zeros, so that each sum is divided by kh · kw, as is PyTorch's
            default; otherwise by how many numbers of the image the window sees.

    Returns:
        Shape (n, c, h', w'), as `max_pool2d`.

    Raises:
        ShapeError: There are not four axes, or the window does not fit into the padded image.
        RangeError: A kernel, stride or padding makes no sense.

    >>> avg_pool2d(Tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2).data.tolist()
    [[[[2.5]]]]
    >>> avg_pool2d(Tensor([[[[4.0]]]]), 2, padding=1, count_include_pad=False).data.tolist()
    [[[[4.0]]]]
    """
    window = _checked(x, kernel_size, stride, padding, "avg_pool2d")
    return _avg_pool(x, window=window, count_include_pad=count_include_pad)


@primitive
def _avg_pool(x: Any, *, window: Windows, count_include_pad: bool) -> tuple[AnyArray, Pullback]:
    planes = x.reshape(-1, *x.shape[2:])
    result = np.zeros((len(planes), *window.over(x.shape)), np.result_type(x, np.float32))
    seen = np.zeros(result.shape[1:], result.dtype)
    for _, _, (out_rows, out_columns), _ in window.regions(x.shape):
        seen[out_rows, out_columns] += 1
    if count_include_pad:
        seen[:] = window.kernel[0] * window.kernel[1]
    for block in _blocks_of(planes):
        image, mean = planes[block], result[block]
        for _, _, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
            mean[:, out_rows, out_columns] += image[:, in_rows, in_columns]
        mean /= seen

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        found, shares = np.zeros_like(planes), g.reshape(result.shape) / seen
        for block in _blocks_of(planes):
            image, share = found[block], shares[block]
            for _, _, (out_rows, out_columns), (in_rows, in_columns) in window.regions(x.shape):
                image[:, in_rows, in_columns] += share[:, out_rows, out_columns]
        return (found.reshape(x.shape),)

    return result.reshape(*x.shape[:2], *result.shape[1:]), pullback


def _blocks_of(planes: AnyArray) -> Iterator[slice]:
    """Channels of images that are pooled together."""
    return blocks(len(planes), planes.shape[1] * planes.shape[2])


def global_avg_pool2d(x: Tensor) -> Tensor:
    """The mean of each channel of an image (Lin, Chen, Yan 2014): from (n, c, h, w) to (n, c).

    Raises:
        ShapeError: There are not four axes.
        EmptyInputError: The images have no pixels.

    >>> global_avg_pool2d(Tensor([[[[1.0, 2.0], [3.0, 6.0]]]])).data.tolist()
    [[3.0]]
    """
    check_images(x.shape, "global_avg_pool2d")
    if 0 in x.shape[2:]:
        raise EmptyInputError(f"global_avg_pool2d has no pixel to take the mean of: shape {x.shape}")
    return x.mean(axis=(2, 3))


def _checked(x: Tensor, kernel: Size, stride: Size | None, padding: Size, function: str) -> Windows:
    check_images(x.shape, function)
    window = windows(kernel, kernel if stride is None else stride, padding)
    if any(2 * p > k for p, k in zip(window.padding, window.kernel, strict=True)):
        raise RangeError(f"{function}: padding {window.padding} is more than half of the window, {window.kernel}")
    window.over(x.shape)
    return window


class MaxPool2d(Module):
    """The largest number in each window; see `max_pool2d`.

    Args:
        kernel_size: Height and width of the window.
        stride: Its steps; side by side by default.
        padding: On each side.

    >>> MaxPool2d(3, stride=2, padding=1)(Tensor(np.zeros((1, 2, 8, 8)))).shape
    (1, 2, 4, 4)
    """

    def __init__(self, kernel_size: Size, *, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """From (n, c, h, w) to (n, c, h', w')."""
        return max_pool2d(x, self.kernel_size, stride=self.stride, padding=self.padding)


class AvgPool2d(Module):
    """The mean of each window; see `avg_pool2d`.

    Args:
        kernel_size: Height and width of the window.
        stride: Its steps; side by side by default.
        padding: On each side.
        count_include_pad: Whether padding counts as zeros.

    >>> AvgPool2d(2)(Tensor(np.ones((1, 2, 8, 8)))).shape
    (1, 2, 4, 4)
    """

    def __init__(
        self, kernel_size: Size, *, stride: Size | None = None, padding: Size = 0, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        """From (n, c, h, w) to (n, c, h', w')."""
        return avg_pool2d(
            x, self.kernel_size, stride=self.stride, padding=self.padding, count_include_pad=self.count_include_pad
        )


class GlobalAvgPool2d(Module):
    """The mean of each channel; see `global_avg_pool2d`.

    >>> GlobalAvgPool2d()(Tensor(np.ones((1, 2, 8, 8)))).shape
    (1, 2)
    """

    def forward(self, x: Tensor) -> Tensor:
        """From (n, c, h, w) to (n, c)."""
        return global_avg_pool2d(x)
