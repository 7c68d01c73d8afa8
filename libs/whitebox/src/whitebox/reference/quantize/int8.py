"""Eight-bit integers with a scale and a zero point."""

from __future__ import annotations

_TINY = 2.2250738585072014e-308


def affine_parameters(low: float, high: float, symmetric: bool = False) -> tuple[float, int]:
    """Scale and zero point with which eight bits span a range.

    >>> affine_parameters(-1.27, 1.0, symmetric=True)
    (0.01, 0)
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if symmetric:
        return max(max(-low, high) / 127, _TINY), 0
    scale = max(high / 255 - low / 255, _TINY)
    return scale, min(max(round(-128 - low / scale), -128), 127)


def quantize_affine(x: list[float], scale: float, zero_point: int = 0) -> list[int]:
    """round(x / s) + z in eight bits.

    >>> quantize_affine([-1.0, 0.0, 500.0], 1.0)
    [-1, 0, 127]
    """
    return [min(max(round(one / scale) + zero_point, -128), 127) for one in x]


def dequantize_affine(values: list[int], scale: float, zero_point: int = 0) -> list[float]:
    """S (q - z).

    >>> dequantize_affine([3], 0.5, 1)
    [1.0]
    """
    return [(value - zero_point) * scale for value in values]


def integer_product(
    x: list[list[int]], weight: list[list[int]], x_zero: int = 0, weight_zero: int = 0
) -> list[list[int]]:
    """Sums of products of differences to the zero points.

    >>> integer_product([[1, 2]], [[3, 4]])
    [[11]]
    """
    return [
        [sum((a - x_zero) * (b - weight_zero) for a, b in zip(row, other, strict=True)) for other in weight]
        for row in x
    ]
