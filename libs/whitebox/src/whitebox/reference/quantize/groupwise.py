"""Four bits with a scale and a minimum for each group."""

from __future__ import annotations

import struct


def quantize_groupwise(x: list[float], group: int = 32) -> tuple[list[int], list[float], list[float]]:
    """Codes, scales and minima of the groups: x is nearly d q + m.

    >>> codes, scales, minima = quantize_groupwise([float(i % 16) for i in range(32)])
    >>> codes[:4], scales, minima
    ([0, 1, 2, 3], [1.0], [0.0])
    """
    codes: list[int] = []
    scales: list[float] = []
    minima: list[float] = []
    for start in range(0, len(x), group):
        part = x[start : start + group]
        m = _half_below(min(part))
        d = -_half_below(-(max(part) - m) / 15)
        codes += [min(max(round((one - m) / d), 0), 15) if d else 0 for one in part]
        scales.append(d)
        minima.append(m)
    return codes, scales, minima


def dequantize_groupwise(codes: list[int], scales: list[float], minima: list[float], group: int = 32) -> list[float]:
    """D q + m.

    >>> dequantize_groupwise([2], [0.5], [-1.0])
    [0.0]
    """
    return [scales[place // group] * code + minima[place // group] for place, code in enumerate(codes)]


def _half_below(x: float) -> float:
    """The largest number of half precision that is not above x."""
    half: float = struct.unpack("<e", struct.pack("<e", x))[0]
    if half <= x:
        return half
    # Numbers of half precision are ordered as their bits are, negative ones in reverse; below zero comes the first
    # negative one.
    (bits,) = struct.unpack("<H", struct.pack("<e", half))
    below = 0x8001 if half == 0 else bits - 1 if half > 0 else bits + 1
    found: float = struct.unpack("<e", struct.pack("<H", below))[0]
    return found
