"""NormalFloat: four bits whose levels lie where normally distributed weights do (Dettmers et al. 2023: QLoRA)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox import _normal
from whitebox._validation import positive_int
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError

AnyArray = npt.NDArray[Any]
Single = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


class NF4(NamedTuple):
    """Numbers as four-bit codes and one number for each block of neighbours.

    Attributes:
        codes: Two a byte, the first of the two in the upper half; uint8, shape (⌈size / 2⌉,).
        absmax: Largest absolute value of each block; float32, shape (⌈size / block⌉,).
        shape: Of the numbers.
        block: Numbers that share an `absmax`; the last block may be shorter.
    """

    codes: Bytes
    absmax: Single
    shape: tuple[int, ...]
    block: int


class DoubleQuantized(NamedTuple):
    """Positive numbers, such as the `absmax` of blocks, as eight bits around their mean.

    Attributes:
        values: int8, shape (n,).
        scale: One for each block of values; float32.
        mean: Of all; float32, shape ().
        block: Values that share a scale.
    """

    values: npt.NDArray[np.int8]
    scale: Single
    mean: Single
    block: int


def normal_float_levels(bits: int = 4) -> npt.NDArray[np.float64]:
    r"""The levels of NormalFloat: quantiles of the normal distribution, on each side evenly far apart in probability.

    .. math:: \Phi^{-1}(\mathrm{linspace}(\delta, \tfrac12, 2^{b-1} + 1)) \cup
        -\Phi^{-1}(\mathrm{linspace}(\delta, \tfrac12, 2^{b-1})), \qquad
        \delta = 1 - \tfrac12 \left(\tfrac1{2 \cdot 2^b} + \tfrac1{2 (2^b - 1)}\right)

    over the largest, 0 once (Dettmers et al. 2023, sec. 3 and appendix E): :math:`2^b` levels from −1 to 1, among them
    an exact 0, and one more above it than below.

    Args:
        bits: The b, from 2 to 8.

    Returns:
        Shape (2^bits,), ascending.

    Raises:
        RangeError: The number of bits is another.

    >>> normal_float_levels().round(4).tolist()[:9]
    [-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.091, 0.0, 0.0796]
    """
    if positive_int(bits, "bits") not in range(2, 9):
        raise RangeError(f"bits must be from 2 to 8, got {bits}")
    half = 1 << (bits - 1)
    # Between the two outermost probabilities that would give each side its own even spacing.
    outermost = 1 - (1 / (4 * half) + 1 / (4 * half - 2)) / 2
    above = _normal.ppf(np.linspace(outermost, 0.5, half + 1)[:-1])
    below = _normal.ppf(np.linspace(outermost, 0.5, half)[:-1])
    levels = np.concatenate([-below, [0.0], above[::-1]])
    relative: npt.NDArray[np.float64] = levels / above[0]
    return relative


# The sixteen levels of NF4, in single precision.
NF4_LEVELS: Single = normal_float_levels().astype(np.float32)
_MIDDLES: Single = ((NF4_LEVELS[1:] + NF4_LEVELS[:-1]) / 2).astype(np.float32)
# A number in units of its block's absmax changes by at most half of the widest gap between levels.
NF4_LARGEST_ERROR = float(np.diff(NF4_LEVELS).max() / 2)


def nearest_levels(x: npt.ArrayLike) -> Bytes:
    """The code of the nearest of the sixteen levels; in the middle of two, the lower one.

    Args:
        x: Numbers from −1 to 1, any shape; what lies beyond gets the outermost level.

    Raises:
        NotFiniteError: It holds NaN.

    >>> nearest_levels([-1.0, 0.0, 0.05, 1.0]).tolist()
    [0, 7, 8, 15]
    """
    array = np.asarray(x)
    if np.isnan(array).any():
        raise NotFiniteError("x holds NaN, which has no nearest level")
    return np.searchsorted(_MIDDLES, array, side="left").astype(np.uint8)


def quantize_nf4(x: npt.ArrayLike, *, block: int = 64) -> NF4:
    r"""Codes of :math:`x / \max |x|`, block by block.

    .. math:: q_i = \arg\min_q |x_i / c - l_q|, \quad c = \max_i |x_i| \qquad |x_i - c\, l_{q_i}| \le 0.152\, c

    (Dettmers et al. 2023, eq. 1–3). Half a byte for each number, and four for each block. O(size).

    Args:
        x: Any shape, not empty.
        block: Neighbours, in the order of memory, that share a scale; even.

    Raises:
        EmptyInputError: It holds nothing.
        DtypeError: It holds no real numbers.
        NotFiniteError: It holds NaN, infinity, or what single precision does not hold.
        RangeError: `block` is odd or not positive.

    >>> packed = quantize_nf4([0.5, -2.0, 0.0, 1.0], block=2)
    >>> packed.absmax.tolist(), dequantize_nf4(packed).astype(float).round(3).tolist()
    ([2.0, 1.0], [0.492, -2.0, 0.0, 1.0])
    """
    if positive_int(block, "block") % 2:
        raise RangeError(f"block must be even, two codes share a byte; got {block}")
    array = _single(x)
    flat = np.pad(array.reshape(-1), (0, -array.size % block))
    rows = flat.reshape(-1, block)
    absmax = np.abs(rows).max(axis=1)
    codes = nearest_levels(rows / np.where(absmax > 0, absmax, np.float32(1))[:, None]).reshape(-1)
    codes = codes[: array.size + array.size % 2]
    packed: Bytes = np.left_shift(codes[::2], 4, dtype=np.uint8) | codes[1::2]
    return NF4(packed, absmax, array.shape, block)


def dequantize_nf4(packed: NF4) -> Single:
    """Levels times the largest value of each block; float32, in the shape that was quantised.

    Raises:
        ShapeError: Codes and scales do not belong to that shape.

    >>> dequantize_nf4(NF4(np.array([0x0F], np.uint8), np.array([3.0], np.float32), (2,), 2)).tolist()
    [-3.0, 3.0]
    """
    size = int(np.prod(packed.shape, dtype=np.int64))
    if packed.codes.shape != (-(-size // 2),) or packed.absmax.shape != (-(-size // packed.block),):
        raise ShapeError(
            f"{size} numbers in blocks of {packed.block} need {-(-size // 2)} bytes and {-(-size // packed.block)} "
            f"scales, got {packed.codes.shape} and {packed.absmax.shape}"
        )
    # Both numbers of a byte at once.
    values = _PAIRS[packed.codes].reshape(-1)[:size]
    whole = size // packed.block * packed.block
    values[:whole].reshape(-1, packed.block)[...] *= packed.absmax[: whole // packed.block, None]
    if whole < size:
        values[whole:] *= packed.absmax[-1]
    return values.reshape(packed.shape)


def double_quantize(absmax: npt.ArrayLike, *, block: int = 256) -> DoubleQuantized:
    r"""The scales of blocks, quantised themselves: :math:`c_i \approx \mu + s_j q_i` with q of eight bits.

    Four bytes for each 64 numbers become little more than one: 0.127 instead of 0.5 bits a number (Dettmers et al.
    2023, sec. 3, who use an eight-bit float for q where this has a whole number). The mean is taken away first because
    scales are positive. Each changes by at most :math:`s_j / 2`.

    Args:
        absmax: Shape (n,), not empty.
        block: Neighbours that share a scale.

    Raises:
        EmptyInputError, DtypeError, NotFiniteError, RangeError: As `quantize_nf4`.
        ShapeError: It is no vector.

    >>> dequantize_double(double_quantize([1.0, 2.0, 3.0])).round(3).tolist()
    [1.0, 2.0, 3.0]
    """
    positive_int(block, "block")
    array = _single(absmax)
    if array.ndim != 1:
        raise ShapeError(f"absmax must be a vector, got shape {array.shape}")
    mean = np.asarray(array.mean(dtype=np.float64), np.float32)
    centred = np.pad(array - mean, (0, -array.size % block)).reshape(-1, block)
    scale = np.maximum(np.abs(centred).max(axis=1) / 127, np.finfo(np.float32).tiny).astype(np.float32)
    values = np.clip(np.rint(centred / scale[:, None]), -127, 127).astype(np.int8)
    return DoubleQuantized(values.reshape(-1)[: array.size], scale, mean, block)


def dequantize_double(quantized: DoubleQuantized) -> Single:
    """The scales, none below 0; float32, shape (n,).

    Raises:
        ShapeError: There are not as many scales as blocks.

    >>> two = DoubleQuantized(np.array([-1, 1], np.int8), np.ones(1, np.float32), np.array(4, np.float32), 2)
    >>> dequantize_double(two).tolist()
    [3.0, 5.0]
    """
    values, scale, mean, block = quantized
    if scale.shape != (-(-len(values) // block),):
        raise ShapeError(f"{len(values)} values in blocks of {block} do not have {scale.shape} scales")
    found: Single = values * np.repeat(scale, block)[: len(values)] + mean
    return np.maximum(found, np.float32(0))


# The two levels of each byte.
_PAIRS: Single = np.stack([np.repeat(NF4_LEVELS, 16), np.tile(NF4_LEVELS, 16)], axis=1)


def _single(x: npt.ArrayLike) -> Single:
    array = np.asarray(x)
    if array.dtype.kind not in "iuf":
        raise DtypeError(f"numbers to quantise must be real, got dtype {array.dtype}")
    if not array.size:
        raise EmptyInputError("there is nothing to quantise")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if not np.isfinite(single).all():
        raise NotFiniteError("numbers to quantise must be finite in single precision")
    return single
