"""Windows that slide over images: which outputs and which inputs each place of a window joins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from whitebox.errors import RangeError, ShapeError

# One number for both axes, or one for rows and one for columns.
Size: TypeAlias = int | tuple[int, int]
# Rows and columns.
Region: TypeAlias = tuple[slice, slice]
# Numbers that are worked on together: few enough to be still in the processor's cache for the next operation.
_BLOCK = 1 << 17


def blocks(count: int, of_one: int) -> Iterator[slice]:
    """Slices of `count` things with `of_one` numbers each: small ones are taken together, large ones alone."""
    size = max(1, _BLOCK // max(1, of_one))
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


@dataclass(frozen=True)
class Windows:
    """A window of given size that moves over an image in steps.

    Output (r, c) sees inputs :math:`(r s + i d - p, c s + j d - p)` for the places (i, j) of the window. Inputs outside
    the image are never made: they are left out of the regions.

    Args:
        kernel: Height and width of the window.
        stride: Steps.
        padding: Rows and columns that are thought around the image, on each side.
        dilation: Distance between neighbours inside the window.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def over(self, image: tuple[int, ...]) -> tuple[int, int]:
        r"""How many windows there are along each axis, :math:`\lfloor (n + 2p - d(k - 1) - 1) / s \rfloor + 1`.

        Raises:
            ShapeError: The padded image is smaller than the window.
        """
        counts = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(image[-2:], self.kernel, self.stride, self.padding, self.dilation, strict=True)
        ]
        if min(counts) < 1:
            raise ShapeError(
                f"a window of {self.kernel} with dilation {self.dilation} does not fit into an image of "
                f"{image[-2:]} with padding {self.padding}"
            )
        return counts[0], counts[1]

    def regions(self, image: tuple[int, ...]) -> Iterator[tuple[int, int, Region, Region]]:
        """Each place (i, j) of the window, row by row, with the outputs it reaches inside the image, and its inputs."""
        high, wide = self.over(image)
        for i in range(self.kernel[0]):
            out_rows, in_rows = self._along(0, i, image[-2], high)
            for j in range(self.kernel[1]):
                out_columns, in_columns = self._along(1, j, image[-1], wide)
                yield i, j, (out_rows, out_columns), (in_rows, in_columns)

    def _along(self, axis: int, place: int, length: int, count: int) -> tuple[slice, slice]:
        stride = self.stride[axis]
        first = place * self.dilation[axis] - self.padding[axis]
        low = min(count, max(0, -(first // stride)))
        high = max(low, min(count, (length - 1 - first) // stride + 1))
        start = first + low * stride
        return slice(low, high), slice(start, start + (high - low) * stride, stride)


def windows(kernel: Size, stride: Size, padding: Size, dilation: Size = 1) -> Windows:
    """Checked windows.

    Raises:
        RangeError: A length is not a whole number of at least 1, or a padding of at least 0.
    """
    return Windows(
        _pair(kernel, "kernel_size"),
        _pair(stride, "stride"),
        _pair(padding, "padding", least=0),
        _pair(dilation, "dilation"),
    )


def _pair(value: Size, name: str, least: int = 1) -> tuple[int, int]:
    rows, columns = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    for one in (rows, columns):
        if isinstance(one, bool) or not isinstance(one, int | np.integer) or one < least:
            raise RangeError(
                f"{name} is a whole number of at least {least}, or one for rows and one for columns, got {value!r}"
            )
    return int(rows), int(columns)


def check_images(x: tuple[int, ...], function: str) -> None:
    """Raises ShapeError unless there are four axes: images, channels, rows, columns."""
    if len(x) != 4:
        raise ShapeError(f"{function} takes images (batch, channels, rows, columns), got shape {x}")
