"""Four bits with a scale and a minimum for each group of neighbours, as GGUF's Q4_1 has them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError

AnyArray = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Half = npt.NDArray[np.float16]

_GROUPS = (32, 64, 128)


class Groupwise(NamedTuple):
    r"""Numbers in groups along the last axis: :math:`x = d\, q + m` with q from 0 to 15.

    Attributes:
        codes: The q, two a byte: the first half of a group in the lower halves of its bytes, the second in the upper
            ones, as GGUF has them; uint8, shape (..., groups, group / 2).
        scale: The d; float16, shape (..., groups).
        minimum: The m; float16, shape (..., groups).
    """

    codes: Bytes
    scale: Half
    minimum: Half


def quantize_groupwise(x: npt.ArrayLike, *, group: int = 32) -> Groupwise:
    r"""Four bits that span each group from its smallest to its largest number.

    .. math:: d = \frac{\max x - m}{15}, \quad m = \min x, \quad q_i = \mathrm{round}\left(\frac{x_i - m}{d}\right),
        \qquad |x_i - (d q_i + m)| \le d / 2

    The stored m is rounded down to half precision and d up, so that a group always lies within its levels and the bound
    holds for the stored d. 4 + 32 / group bits a number. O(size).

    Args:
        x: Shape (..., n), n a multiple of the group.
        group: Numbers that share a scale: 32, 64 or 128.

    Raises:
        RangeError: The group is of another length, or a number is beyond half precision (65 504).
        EmptyInputError: There is nothing.
        ShapeError: The last axis is no multiple of the group.
        DtypeError, NotFiniteError: x holds no finite real numbers.

    >>> packed = quantize_groupwise(np.arange(32.0))
    >>> packed.codes.shape, packed.minimum.item(), round(float(packed.scale.item()), 3)
    ((1, 16), 0.0, 2.068)
    """
    if group not in _GROUPS:
        raise RangeError(f"group must be one of {', '.join(map(str, _GROUPS))}, got {group}")
    array = _finite(x)
    if array.shape[-1:] == () or array.shape[-1] % group:
        raise ShapeError(f"the last axis must be a multiple of the group of {group}, got shape {array.shape}")
    groups = array.reshape(*array.shape[:-1], -1, group).astype(np.float64)
    if np.abs(groups).max() > np.finfo(np.float16).max:
        raise RangeError(f"half precision ends at {np.finfo(np.float16).max}: a number to quantise is larger")
    low, high = groups.min(axis=-1), groups.max(axis=-1)
    minimum = _rounded(low, towards=-np.inf)
    scale = _rounded((high - minimum) / 15, towards=np.inf)
    d = np.where(scale > 0, scale, 1).astype(np.float64)[..., None]
    codes = np.clip(np.rint((groups - minimum.astype(np.float64)[..., None]) / d), 0, 15).astype(np.uint8)
    half = group // 2
    packed: Bytes = codes[..., :half] | np.left_shift(codes[..., half:], 4, dtype=np.uint8)
    return Groupwise(packed, scale, minimum)


def dequantize_groupwise(packed: Groupwise) -> npt.NDArray[np.float32]:
    r""":math:`d\, q + m` in single precision; shape (..., n).

    Raises:
        ShapeError: There are not as many scales and minima as groups.

    >>> codes = np.full((1, 16), 0x21, np.uint8)
    >>> packed = Groupwise(codes, np.array([0.5], np.float16), np.array([-1.0], np.float16))
    >>> dequantize_groupwise(packed)[[0, 15, 16, 31]].tolist()
    [-0.5, -0.5, 0.0, 0.0]
    """
    codes, scale, minimum = packed
    if not scale.shape == minimum.shape == codes.shape[:-1]:
        raise ShapeError(f"codes {codes.shape} do not fit scales {scale.shape} and minima {minimum.shape}")
    levels = np.concatenate([codes & 15, codes >> 4], axis=-1).astype(np.float32)
    levels *= scale.astype(np.float32)[..., None]
    levels += minimum.astype(np.float32)[..., None]
    return levels.reshape(*codes.shape[:-2], -1)


def to_q4_1(packed: Groupwise) -> Bytes:
    """The bytes of GGUF's Q4_1: for each group of 32 its scale, its minimum, and sixteen bytes of codes.

    Returns:
        uint8, shape (groups, 20).

    Raises:
        RangeError: The groups are not of 32.

    >>> to_q4_1(quantize_groupwise(np.zeros((2, 64)))).shape
    (4, 20)
    """
    codes, scale, minimum = packed
    if codes.shape[-1] != 16:
        raise RangeError(f"Q4_1 has groups of 32, these are of {2 * codes.shape[-1]}")
    ends = np.stack([scale.reshape(-1), minimum.reshape(-1)], axis=1).astype("<f2")
    return np.concatenate([ends.view(np.uint8), codes.reshape(-1, 16)], axis=1)


def _rounded(x: AnyArray, *, towards: float) -> Half:
    """In half precision, not beyond the number on the side away from `towards`."""
    half = x.astype(np.float16)
    beyond = half.astype(np.float64) < x if towards > 0 else half.astype(np.float64) > x
    return np.where(beyond, np.nextafter(half, np.float16(towards)), half).astype(np.float16)


def _finite(x: npt.ArrayLike) -> AnyArray:
    array = np.asarray(x)
    if array.dtype.kind not in "iuf":
        raise DtypeError(f"x must hold real numbers, got dtype {array.dtype}")
    if not array.size:
        raise EmptyInputError("there is nothing to quantise")
    if not np.isfinite(array).all():
        raise NotFiniteError("x holds NaN or infinity")
    return array
