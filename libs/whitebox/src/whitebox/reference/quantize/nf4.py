"""NormalFloat of four bits."""

from __future__ import annotations

from statistics import NormalDist


def normal_float_levels(bits: int = 4) -> list[float]:
    """Quantiles of the normal distribution, evenly far apart in probability on each side, from -1 to 1.

    >>> [round(level, 3) for level in normal_float_levels(2)]
    [-1.0, 0.0, 0.436, 1.0]
    """
    half = 2 ** (bits - 1)
    outermost = 1 - (1 / (2 * 2**bits) + 1 / (2 * (2**bits - 1))) / 2

    def side(count: int) -> list[float]:
        return [NormalDist().inv_cdf(outermost + i * (0.5 - outermost) / count) for i in range(count)]

    above, below = side(half), side(half - 1)
    return [-level / above[0] for level in below] + [0.0] + [level / above[0] for level in reversed(above)]


def nearest_levels(x: list[float]) -> list[int]:
    """The place of the level nearest to each number.

    >>> nearest_levels([0.01, 0.9])
    [7, 15]
    """
    levels = normal_float_levels()
    return [min(range(16), key=lambda place: abs(levels[place] - one)) for one in x]


def quantize_nf4(x: list[float], block: int = 64) -> tuple[list[int], list[float]]:
    """Codes, and the largest absolute value of each block.

    >>> quantize_nf4([0.0, -2.0], block=2)
    ([7, 0], [2.0])
    """
    codes: list[int] = []
    scales: list[float] = []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        largest = max(abs(one) for one in part)
        codes += nearest_levels([one / largest if largest else 0.0 for one in part])
        scales.append(largest)
    return codes, scales


def dequantize_nf4(codes: list[int], scales: list[float], block: int = 64) -> list[float]:
    """Levels times the scale of their block.

    >>> dequantize_nf4([15, 0], [3.0])
    [3.0, -3.0]
    """
    levels = normal_float_levels()
    return [levels[code] * scales[place // block] for place, code in enumerate(codes)]


def double_quantize(absmax: list[float], block: int = 256) -> tuple[list[int], list[float], float]:
    """Scales of blocks as eight bits around their mean: integers, a scale for each block of them, and the mean.

    >>> double_quantize([1.0, 3.0])
    ([-127, 127], [0.007874015748031496], 2.0)
    """
    mean = sum(absmax) / len(absmax)
    values: list[int] = []
    scales: list[float] = []
    for start in range(0, len(absmax), block):
        part = [one - mean for one in absmax[start : start + block]]
        scale = max(abs(one) for one in part) / 127
        values += [round(one / scale) if scale else 0 for one in part]
        scales.append(scale)
    return values, scales, mean
