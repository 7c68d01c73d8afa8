"""Eight-bit integers with a scale and a zero point, and products of them."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError, StateError

AnyArray = npt.NDArray[Any]
Integers = npt.NDArray[np.int8]

_LOW, _HIGH = -128, 127
# Products of two differences of bytes are at most 255²: so many of them have a sum that single precision holds exactly,
_EXACT_TERMS = (1 << 24) // 255**2
# and so many one that 32 bits hold.
_MOST_TERMS = (1 << 31) // 255**2


class Quantized(NamedTuple):
    """Numbers as integers of eight bits: :math:`x = s (q - z)`.

    Attributes:
        values: The q, int8, any shape.
        scale: The s: one number, or one for each place along `axis`.
        zero_point: The z, the integer that stands for 0; int8, in the shape of `scale`.
        axis: Along which scales differ; None for one scale.
    """

    values: Integers
    scale: AnyArray
    zero_point: Integers
    axis: int | None = None


def affine_parameters(low: npt.ArrayLike, high: npt.ArrayLike, *, symmetric: bool = False) -> tuple[AnyArray, Integers]:
    r"""Scale and zero point with which eight bits span a range.

    .. math:: s = \frac{b - a}{255}, \quad z = \mathrm{round}\left(-128 - \frac as\right)
        \qquad \text{or} \qquad s = \frac{\max(|a|, |b|)}{127}, \quad z = 0

    with :math:`a \le 0 \le b` (Jacob et al. 2018: Quantization and Training of Neural Networks, eq. 1; a range that
    lacks 0 is widened to it, so that 0 is exact). The symmetric form never uses −128. Whatever lies in the range
    changes by at most s / 2. O(ranges).

    Args:
        low: The a, any shape.
        high: The b, the same shape.
        symmetric: Whether the zero point is 0.

    Returns:
        Scales, in the precision of `low` if that is floating; zero points, int8.

    Raises:
        NotFiniteError: An end is NaN or infinite.
        RangeError: A range ends before it begins.
        ShapeError: The shapes differ.

    >>> scale, zero = affine_parameters(-1.0, 1.55)
    >>> round(scale.item(), 9), zero.item()
    (0.01, -28)
    """
    a, b = np.asarray(low), np.asarray(high)
    if a.shape != b.shape:
        raise ShapeError(f"low and high must have the same shape, got {a.shape} and {b.shape}")
    dtype = a.dtype if a.dtype.kind == "f" else np.dtype(np.float64)
    a, b = a.astype(np.float64), b.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise NotFiniteError("a range to quantise must be finite")
    if (a > b).any():
        raise RangeError("a range to quantise ends before it begins: low is above high")
    a, b = np.minimum(a, 0), np.maximum(b, 0)
    wanted = np.maximum(-a, b) / _HIGH if symmetric else b / 255 - a / 255
    # Where all is 0, any scale will do that is none.
    scale = np.asarray(np.maximum(wanted, np.finfo(dtype).tiny), dtype)
    if symmetric:
        return scale, np.zeros(scale.shape, np.int8)
    zero = np.rint(_LOW - a / scale.astype(np.float64))
    return scale, np.asarray(np.clip(zero, _LOW, _HIGH), np.int8)


def quantize_affine(
    x: npt.ArrayLike, scale: npt.ArrayLike, zero_point: npt.ArrayLike = 0, *, axis: int | None = None
) -> Quantized:
    r""":math:`q = \mathrm{clip}(\mathrm{round}(x / s) + z, -128, 127)`, halves to the even integer.

    As ONNX's QuantizeLinear. What the range holds changes by at most s / 2. O(size).

    Args:
        x: Any shape.
        scale: A positive number, or one for each place along `axis`.
        zero_point: Integers from −128 to 127, in the shape of `scale`.
        axis: Along which they differ.

    Raises:
        DtypeError: x holds no real numbers, or a zero point is no integer.
        NotFiniteError: x holds NaN or infinity.
        RangeError: A scale is not positive, a zero point lies outside eight bits, or there is no such axis.
        ShapeError: There are not as many scales as places along the axis.

    >>> quantize_affine([-0.26, 0.0, 0.1, 99.0], 0.1).values.tolist()
    [-3, 0, 1, 127]
    """
    array = _real(x)
    scales, zeros = _checked(scale, zero_point)
    _check_axis(array.shape, scales, axis)
    s, z = _along(scales, axis, array.ndim), _along(zeros, axis, array.ndim)
    # Far beyond the range a quotient may overflow: to infinity, which is clipped as anything else.
    with np.errstate(over="ignore"):
        steps = np.rint(array / s)
    return Quantized(np.clip(steps + z, _LOW, _HIGH).astype(np.int8), scales, zeros, axis)


def dequantize_affine(quantized: Quantized) -> AnyArray:
    """:math:`s (q - z)`, in the precision of the scale and the shape of the values.

    Raises:
        ShapeError: There are not as many scales as places along the axis.

    >>> dequantize_affine(Quantized(np.array([-3, 4], np.int8), np.array(0.5), np.array(1, np.int8))).tolist()
    [-2.0, 1.5]
    """
    values, scale, zero, axis = quantized
    _check_axis(values.shape, scale, axis)
    difference = values.astype(np.int16) - _along(zero, axis, values.ndim)
    result: AnyArray = difference.astype(scale.dtype) * _along(scale, axis, values.ndim)
    return result


def quantize_int8(x: npt.ArrayLike, *, axis: int | None = None, symmetric: bool = True) -> Quantized:
    """Eight bits that span what the array holds, for all of it or for each place along an axis.

    Weights of shape (m, d) are quantised per channel with `axis=0`: a row that is small everywhere keeps its digits.
    The error is at most half a scale, everywhere.

    Args:
        x: Any shape, not empty.
        axis: Along which scales differ: None for one scale.
        symmetric: As in `affine_parameters`.

    Raises:
        EmptyInputError: It holds nothing.
        DtypeError, NotFiniteError, RangeError: As `quantize_affine`.

    >>> quantize_int8([[1.0, -0.5], [100.0, 0.0]], axis=0).values.tolist()
    [[127, -64], [127, 0]]
    """
    array = _real(x)
    if not array.size:
        raise EmptyInputError("x holds nothing to quantise")
    low, high = _ends(array, axis)
    return quantize_affine(array, *affine_parameters(low, high, symmetric=symmetric), axis=axis)


def integer_product(
    x: Integers, weight: Integers, *, x_zero: npt.ArrayLike = 0, weight_zero: npt.ArrayLike = 0
) -> npt.NDArray[np.int32]:
    r"""Integer arithmetic for a linear layer: :math:`a_{ij} = \sum_k (x_{ik} - z_i)(w_{jk} - z'_j)` in 32 bits, exact.

    (Jacob et al. 2018, eq. 7; ONNX's MatMulInteger of the transposed weight.) Processors multiply floating-point
    matrices faster than NumPy multiplies integers: sums of 258 terms are exact in single precision, and are added up
    as integers. O(n · m · d).

    Args:
        x: Shape (n, d), int8.
        weight: Shape (m, d), int8.
        x_zero: Zero point of x, or one for each row.
        weight_zero: Zero point of the weight, or one for each row.

    Returns:
        Shape (n, m), int32.

    Raises:
        DtypeError: The operands are not int8.
        ShapeError: They are no matrices with rows of the same length.
        RangeError: Rows are so long that sums may not fit 32 bits.

    >>> integer_product(np.array([[1, 2]], np.int8), np.array([[3, 4], [5, 6]], np.int8), x_zero=1).tolist()
    [[4, 6]]
    """
    for name, operand in (("x", x), ("weight", weight)):
        if np.asarray(operand).dtype != np.int8:
            raise DtypeError(f"{name} must be int8, got {np.asarray(operand).dtype}")
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ShapeError(f"x and weight must be matrices with rows of one length, got {x.shape} and {weight.shape}")
    if x.shape[1] > _MOST_TERMS:
        raise RangeError(f"sums of {x.shape[1]} products may not fit 32 bits, {_MOST_TERMS} do")
    left = x.astype(np.float32) - _column(x_zero, len(x), "x_zero")
    right = weight.astype(np.float32) - _column(weight_zero, len(weight), "weight_zero")
    total = np.zeros((len(x), len(weight)), np.int32)
    for start in range(0, x.shape[1], _EXACT_TERMS):
        part = slice(start, start + _EXACT_TERMS)
        total += (left[:, part] @ right[:, part].T).astype(np.int32)
    return total


class MinMaxObserver:
    """Calibration by the smallest and the largest number that was seen.

    >>> observer = MinMaxObserver().observe([0.5, 2.0]).observe([-1.0])
    >>> observer.range()
    (-1.0, 2.0)
    """

    def __init__(self) -> None:
        self._low, self._high = np.inf, -np.inf

    def observe(self, x: npt.ArrayLike) -> Self:
        """Takes note of more numbers, any shape.

        Raises:
            DtypeError, NotFiniteError: They are no finite real numbers.
        """
        array = _real(x)
        if array.size:
            self._low, self._high = min(self._low, float(array.min())), max(self._high, float(array.max()))
        return self

    def range(self) -> tuple[float, float]:
        """Ends of the range to quantise.

        Raises:
            StateError: Nothing was observed.
        """
        if self._low > self._high:
            raise StateError("nothing was observed: there is no range")
        return self._low, self._high


class _Histogram(MinMaxObserver):
    """Counts of numbers in equal bins over [−r, r]; r doubles, and neighbouring bins are joined, as numbers grow."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        # A multiple of four: joined in pairs, each half of the bins becomes a half of that half.
        self._counts = np.zeros(4 * -(-positive_int(bins, "bins") // 4), np.int64)
        self._reach = 0.0

    def observe(self, x: npt.ArrayLike) -> Self:
        """Takes note of more numbers, any shape.

        Raises:
            DtypeError, NotFiniteError: They are no finite real numbers.
        """
        super().observe(x)
        values = _real(x).ravel()
        largest = float(np.abs(values).max(initial=0.0))
        if self._reach == 0 and largest > 0:
            # What came before was all 0, and stands in the middle whatever the reach.
            self._reach = largest
        bins = len(self._counts)
        while self._reach < largest:
            joined = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.pad(joined, bins // 4)
            self._reach *= 2
        if values.size:
            found = values / self._reach if self._reach else values
            places = np.clip(((found + 1) * (bins / 2)).astype(np.int64), 0, bins - 1)
            self._counts += np.bincount(places, minlength=bins)
        return self

    def _centres(self) -> AnyArray:
        bins = len(self._counts)
        return (np.arange(bins) + 0.5) * (2 * self._reach / bins) - self._reach


class PercentileObserver(_Histogram):
    """Calibration by a range that holds a share of the numbers: a few outliers are cut, and all others get finer steps.

    Args:
        percentile: Of the numbers, so many percent lie in the range, and half of the others on each side.
        bins: Of the histogram that is kept; ends are exact to a bin.

    >>> observer = PercentileObserver(98.0).observe(np.linspace(-1, 1, 10_000)).observe([1000.0])
    >>> low, high = observer.range()
    >>> bool(low < -0.4 and 0.9 < high < 2)
    True
    """

    def __init__(self, percentile: float = 99.99, *, bins: int = 8192) -> None:
        super().__init__(bins)
        self.percentile = number_in(percentile, "percentile", 0, 100, open_low=True)

    def range(self) -> tuple[float, float]:
        """Ends of the range to quantise.

        Raises:
            StateError: Nothing was observed.
        """
        low, high = super().range()
        share = (1 - self.percentile / 100) / 2
        below = np.cumsum(self._counts)
        first = int(np.searchsorted(below, share * below[-1], side="right"))
        last = int(np.searchsorted(below, (1 - share) * below[-1], side="left"))
        half = self._reach / len(self._counts)
        centres = self._centres()
        return max(low, float(centres[first] - half)), min(high, float(centres[last] + half))


class MSEObserver(_Histogram):
    r"""Calibration by the range whose quantisation changes the numbers least, in the mean of squares.

    Ranges :math:`[t a, t b]` are tried for t from 0.01 to 1: a smaller one cuts more and rounds less (Sung et al. 2015;
    Banner et al. 2019 in closed form).

    Args:
        symmetric: Whether quantisation will be symmetric.
        bins: Of the histogram that is kept.

    >>> numbers = np.random.default_rng(0).standard_normal(100_000)
    >>> low, high = MSEObserver().observe(numbers).observe([40.0]).range()
    >>> bool(5 < high < 39)
    True
    """

    def __init__(self, *, symmetric: bool = False, bins: int = 8192) -> None:
        super().__init__(bins)
        self.symmetric = symmetric

    def range(self) -> tuple[float, float]:
        """Ends of the range to quantise.

        Raises:
            StateError: Nothing was observed.
        """
        low, high = super().range()
        held = self._counts > 0
        centres, counts = self._centres()[held], self._counts[held]

        def error(t: float) -> float:
            ends = affine_parameters(t * low, t * high, symmetric=self.symmetric)
            found = dequantize_affine(quantize_affine(centres, *ends))
            return float(counts @ np.square(found - centres))

        best = min(np.linspace(1, 0.01, 100).tolist(), key=error)
        return best * low, best * high


def _ends(array: AnyArray, axis: int | None) -> tuple[AnyArray, AnyArray]:
    if axis is None:
        return np.asarray(array.min()), np.asarray(array.max())
    _check_place(array.ndim, axis)
    others = tuple(place for place in range(array.ndim) if place != axis % array.ndim)
    return np.asarray(array.min(axis=others)), np.asarray(array.max(axis=others))


def _real(x: npt.ArrayLike) -> AnyArray:
    array = np.asarray(x)
    if array.dtype.kind not in "iuf":
        raise DtypeError(f"x must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise NotFiniteError("x holds NaN or infinity: no scale holds them")
    return array


def _checked(scale: npt.ArrayLike, zero_point: npt.ArrayLike) -> tuple[AnyArray, Integers]:
    scales, zeros = np.asarray(scale), np.asarray(zero_point)
    if scales.dtype.kind != "f":
        scales = scales.astype(np.float64)
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise RangeError("scales must be positive and finite")
    if zeros.dtype.kind not in "iu":
        raise DtypeError(f"zero points must be integers, got dtype {zeros.dtype}")
    if zeros.size and not _LOW <= zeros.min() <= zeros.max() <= _HIGH:
        raise RangeError(f"zero points must lie from {_LOW} to {_HIGH}, got {zeros.min()} to {zeros.max()}")
    return scales, np.broadcast_to(zeros, scales.shape).astype(np.int8)


def _check_axis(shape: tuple[int, ...], scales: AnyArray, axis: int | None) -> None:
    if axis is None:
        if scales.ndim:
            raise ShapeError(f"without an axis there is one scale, got shape {scales.shape}")
        return
    _check_place(len(shape), axis)
    if scales.shape != (shape[axis],):
        raise ShapeError(f"along axis {axis} of shape {shape} there must be {shape[axis]} scales, got {scales.shape}")


def _check_place(ndim: int, axis: int) -> None:
    if not -ndim <= axis < ndim:
        raise RangeError(f"there is no axis {axis}: x has {ndim}")


def _along(numbers: AnyArray, axis: int | None, ndim: int) -> AnyArray:
    """Numbers as an array that broadcasts along an axis."""
    if axis is None:
        return numbers
    shape = [1] * ndim
    shape[axis] = -1
    return numbers.reshape(shape)


def _column(zero: npt.ArrayLike, rows: int, name: str) -> npt.NDArray[np.float32]:
    points = np.asarray(zero)
    if points.dtype.kind not in "iu":
        raise DtypeError(f"{name} must hold integers, got dtype {points.dtype}")
    if points.size and not _LOW <= points.min() <= points.max() <= _HIGH:
        raise RangeError(f"{name} must lie from {_LOW} to {_HIGH}, got {points.min()} to {points.max()}")
    if points.shape not in ((), (rows,), (rows, 1)):
        raise ShapeError(f"{name} must be one number or {rows}, got shape {points.shape}")
    return points.reshape(-1, 1).astype(np.float32)
