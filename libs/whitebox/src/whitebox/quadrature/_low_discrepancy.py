"""Points that fill a cube more evenly than random ones."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import RangeError
from whitebox.quadrature._domain import as_rng

Words = npt.NDArray[np.uint32]

_BITS = 32
_WORD = 2.0**-_BITS

# Logarithm of how many points are moved at a time: they stay in the cache.
_TILE = 11

# First odd numbers m of each variable after the first, one for each degree of its primitive polynomial; the polynomials
# are all there are, by degree and value (Joe, Kuo: Constructing Sobol Sequences with Better Two-Dimensional
# Projections, SIAM J. Sci. Comput. 30, 2008: their table new-joe-kuo-6).
_FIRST = """
    1; 1 3; 1 3 1; 1 1 1; 1 1 3 3; 1 3 5 13; 1 1 5 5 17; 1 1 5 5 5; 1 1 7 11 19; 1 1 5 1 1; 1 1 1 3 11; 1 3 5 5 31;
    1 3 3 9 7 49; 1 1 1 15 21 21; 1 3 1 13 27 49; 1 1 1 15 7 5; 1 3 1 15 13 25; 1 1 5 5 19 61; 1 3 7 11 23 15 103; 1
    3 7 13 13 15 69; 1 1 3 13 7 35 63; 1 3 5 9 1 25 53; 1 3 1 13 9 35 107; 1 3 1 5 27 61 31; 1 1 5 11 19 41 61; 1 3
    5 3 3 13 69; 1 1 7 13 1 19 1; 1 3 7 5 13 19 59; 1 1 3 9 25 29 41; 1 3 5 13 23 1 55; 1 3 7 3 13 59 17; 1 3 1 3 5
    53 69; 1 1 5 5 23 33 13; 1 1 7 7 1 61 123; 1 1 7 9 13 61 49; 1 3 3 5 3 55 33; 1 3 1 15 31 13 49 245; 1 3 5 15 31
    59 63 97; 1 3 1 11 11 11 77 249; 1 3 1 11 27 43 71 9; 1 1 7 15 21 11 81 45; 1 3 7 3 25 31 65 79; 1 3 1 1 19 11 3
    205; 1 1 5 9 19 21 29 157; 1 3 7 11 1 33 89 185; 1 3 3 3 15 9 79 71; 1 3 7 11 15 39 119 27; 1 1 3 1 11 31 97
    225; 1 1 1 3 23 43 57 177; 1 3 7 7 17 17 37 71; 1 3 1 5 27 63 123 213; 1 1 3 5 11 43 53 133; 1 3 5 5 29 17 47
    173 479; 1 3 3 11 3 1 109 9 69; 1 1 1 5 17 39 23 5 343; 1 3 1 5 25 15 31 103 499; 1 1 1 11 11 17 63 105 183; 1 1
    5 11 9 29 97 231 363; 1 1 5 15 19 45 41 7 383; 1 3 7 7 31 19 83 137 221; 1 1 1 3 23 15 111 223 83; 1 1 5 13 31
    15 55 25 161; 1 1 3 13 25 47 39 87 257
"""

MOST_DIMENSIONS = _FIRST.count(";") + 2


def sobol(n: int, dimension: int, *, skip: int = 0, rng: np.random.Generator | None = None) -> Array:
    r"""Sobol's sequence in the order of Gray's code.

    .. math:: x_i = \bigoplus_{j:\, g_j = 1} v_j, \qquad g = i \oplus \lfloor i / 2 \rfloor

    with direction numbers :math:`v_j = m_j / 2^j` from a primitive polynomial over {0, 1} for each variable (Sobol
    1967; Bratley, Fox: Algorithm 659, 1988; numbers by Joe and Kuo 2008). Every aligned run of 2ᵏ points is a net: each
    cube of a binary grid holds its share. A run is doubled by :math:`x_{2^k + j} = x_{2^k - 1 - j} \oplus v_k`, and
    moved by one word for all of it, so that a point costs an operation or two a variable: O(n · d).

    Args:
        n: How many points; powers of two are balanced.
        dimension: Number of variables, up to 64.
        skip: Index of the first point; the first of all is 0.
        rng: If given, the points are scrambled: digits go through a random triangular matrix and are shifted (Matoušek:
            On the L2-Discrepancy for Anchored Boxes, 1998). Each is then uniform in (0, 1), and the net remains one.

    Returns:
        Shape (n, dimension), in [0, 1).

    Raises:
        RangeError: for numbers out of their range; the sequence has 2³² points.

    >>> sobol(4, 2).tolist()
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """
    n, skip = positive_int(n, "n"), _index(skip)
    if n + skip > 1 << _BITS:
        raise RangeError(f"the sequence ends after 2**{_BITS} points, got n + skip = {n + skip}")
    directions = direction_numbers(dimension)
    shift = np.zeros(directions.shape[1], dtype=np.uint32)
    if rng is not None:
        directions, shift = scramble(directions, as_rng(rng))
    tile = 1 << min(_TILE, (n - 1).bit_length())
    run = np.zeros((tile, len(shift)), dtype=np.uint32)
    for k in range(tile.bit_length() - 1):
        np.bitwise_xor(run[: 1 << k][::-1], directions[k], out=run[1 << k : 2 << k])
    points = np.empty((n, len(shift)))
    for first in range(skip - skip % tile, skip + n, tile):
        low, high = max(first, skip), min(first + tile, skip + n)
        words = run[low - first : high - first] ^ (shift ^ _combine(directions, first ^ (first >> 1)))
        block = points[low - skip : high - skip]
        np.multiply(words, _WORD, out=block)
        if rng is not None:
            block += _WORD / 2
    return points


def halton(n: int, dimension: int, *, skip: int = 0, rng: np.random.Generator | None = None) -> Array:
    r"""Halton's sequence: indices mirrored at the point, in another prime base for each variable.

    .. math:: x_i = \sum_k d_k\, b^{-k-1} \quad \text{for} \quad i = \sum_k d_k\, b^k

    (Halton 1960.) Good in few variables; from about ten on the large bases leave stripes. O(n · d).

    Args:
        n: How many points.
        dimension: Number of variables.
        skip: Index of the first point; the first of all is 0.
        rng: If given, all points are shifted by one random vector modulo 1 (Cranley, Patterson 1976), so that each is
            uniform.

    Returns:
        Shape (n, dimension), in [0, 1).

    Raises:
        RangeError: for numbers out of their range.

    >>> halton(3, 2, skip=1).round(6).tolist()
    [[0.5, 0.333333], [0.25, 0.666667], [0.75, 0.111111]]
    """
    n, skip = positive_int(n, "n"), _index(skip)
    points = np.empty((n, positive_int(dimension, "dimension")))
    for k, base in enumerate(_primes(dimension)):
        points[:, k] = _mirrored(n, skip, base)
    if rng is not None:
        points += as_rng(rng).random(dimension)
        points %= 1.0
    return points


def discrepancy(points: npt.ArrayLike, *, kind: Literal["star", "centered"] = "centered") -> float:
    r"""How unevenly points fill the cube: the root mean square, over boxes, of their share less the box's volume.

    Boxes from the origin to a uniform corner give the L2 star discrepancy (Warnock 1972),

    .. math:: D^2 = 3^{-d} - \frac{2^{1-d}}{n} \sum_i \prod_k (1 - x_{ik}^2)
        + \frac{1}{n^2} \sum_{i,j} \prod_k \bigl(1 - \max(x_{ik}, x_{jk})\bigr)

    and boxes from the nearest corner the centered one, which includes all projections to fewer variables (Hickernell: A
    Generalized Discrepancy and Quadrature Error Bound, 1998, eq. 3.9). The error of a mean is at most the discrepancy
    times the integrand's variation in the matching norm. O(n² · d).

    Args:
        points: In [0, 1], shape (n, d).
        kind: "star" or "centered".

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        RangeError: for points outside the cube, or an unknown kind.

    >>> round(discrepancy([[0.5]], kind="star") ** 2, 6)  # 1/3 - 3/4 + 1/2
    0.083333
    """
    x = as_matrix(points, "points")
    if x.min() < 0 or x.max() > 1:
        raise RangeError("points must lie in [0, 1]")
    n, d = x.shape
    if kind == "star":
        constant, single = 3.0**-d, 2.0 ** (1 - d) * np.prod(1 - x * x, axis=1).mean()
    elif kind == "centered":
        away = np.abs(x - 0.5)
        constant, single = (13 / 12) ** d, 2 * np.prod(1 + away / 2 - away**2 / 2, axis=1).mean()
    else:
        raise RangeError(f"kind must be 'star' or 'centered', got {kind!r}")
    pairs = _pair_products(x, kind == "star") / n**2
    return math.sqrt(max(constant - float(single) + pairs, 0.0))


def direction_numbers(dimension: int) -> Words:
    """Words whose highest bits are Sobol's direction numbers, shape (32, dimension).

    Raises:
        RangeError: for more variables than there are numbers for.
    """
    if positive_int(dimension, "dimension") > MOST_DIMENSIONS:
        raise RangeError(f"direction numbers are known here for up to {MOST_DIMENSIONS} variables, got {dimension}")
    return _directions()[:, :dimension]


def scramble(directions: Words, rng: np.random.Generator) -> tuple[Words, Words]:
    """Directions after a random lower triangular matrix of ones and zeros, and a random shift of the digits.

    Digit i of the product is the parity of what row i of the matrix selects: digit i itself, and a random choice of
    those before it.
    """
    d = directions.shape[1]
    rows = rng.integers(1 << _BITS, size=(_BITS, d), dtype=np.uint32)
    shift: Words = rng.integers(1 << _BITS, size=(d,), dtype=np.uint32)
    places = np.arange(_BITS - 1, -1, -1, dtype=np.uint32)[:, None]
    digit = np.uint32(1) << places
    # Row i may select the digits above its own.
    above = ~((digit << np.uint32(1)) - np.uint32(1))
    above[0] = 0
    selected = directions & ((rows & above) | digit)[:, None, :]
    parity = (np.bitwise_count(selected) & np.uint8(1)).astype(np.uint32)
    product: Words = np.bitwise_or.reduce(parity << places[:, :, None], axis=0)
    return product, shift


def net_start(directions: Words, shift: Words, index: int) -> Words:
    """Where the aligned run from an index starts, in plain binary order."""
    return shift ^ _combine(directions, index)


def _combine(directions: Words, digits: int) -> Words:
    """The directions at the ones of a number, added without carry."""
    chosen = [k for k in range(digits.bit_length()) if digits >> k & 1]
    word: Words = np.bitwise_xor.reduce(directions[chosen], axis=0)
    return word


def _index(skip: int) -> int:
    return positive_int(skip + 1, "skip + 1") - 1


@lru_cache(maxsize=1)
def _directions() -> Words:
    rows = [[int(m) for m in row.split()] for row in _FIRST.split(";")]
    # The first variable is the index mirrored at the point.
    columns = [[1 << (_BITS - 1 - j) for j in range(_BITS)]]
    candidate = 1
    for m in rows:
        candidate += 2
        while not _is_primitive(candidate):
            candidate += 2
        degree = candidate.bit_length() - 1
        for j in range(degree, _BITS):
            following = m[j - degree] ^ (m[j - degree] << degree)
            for k in range(1, degree):
                following ^= (candidate >> (degree - k) & 1) * (m[j - k] << k)
            m.append(following)
        columns.append([number << (_BITS - 1 - j) for j, number in enumerate(m)])
    words = np.array(columns, dtype=np.uint32).T.copy()
    words.flags.writeable = False
    return words


def _is_primitive(polynomial: int) -> bool:
    """Whether the powers of x run through all other polynomials before they come back to 1; bits are coefficients."""
    degree = polynomial.bit_length() - 1
    power, steps = 1, 0
    while True:
        power <<= 1
        power ^= polynomial * (power >> degree)
        steps += 1
        if power <= 1:
            return power == 1 and steps == (1 << degree) - 1


def _primes(count: int) -> list[int]:
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes if prime * prime <= candidate):
            primes.append(candidate)
        candidate += 1
    return primes


def _mirrored(n: int, skip: int, base: int) -> Array:
    """Indices from `skip` on, mirrored: the low digits come from one table for all."""
    table, size = np.zeros(1), 1
    while size < n and size * base <= 1 << 16:
        table = (table + np.arange(base)[:, None] / (size * base)).ravel()
        size *= base
    first = skip // size
    high = np.arange(first, (skip + n - 1) // size + 1)
    rest, scale = np.zeros(len(high)), 1.0 / size
    while high.any():
        high, digit = np.divmod(high, base)
        scale /= base
        rest += digit * scale
    start = skip - first * size
    values: Array = (rest[:, None] + table).ravel()[start : start + n]
    return values


@compiled
def _pair_products(x: Array, star: bool) -> float:
    n, d = x.shape
    total = 0.0
    for i in range(n):
        for j in range(i + 1):
            product = 1.0
            for k in range(d):
                a, b = x[i, k], x[j, k]
                if star:
                    product *= 1.0 - max(a, b)
                else:
                    product *= 1.0 + 0.5 * (abs(a - 0.5) + abs(b - 0.5) - abs(a - b))
            total += product if i == j else 2.0 * product
    return total
