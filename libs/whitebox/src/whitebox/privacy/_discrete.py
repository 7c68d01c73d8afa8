"""Noise on the whole numbers, drawn exactly (Canonne, Kamath, Steinke 2020).

Floating-point noise is no real number: its low bits tell what it was added to (Mironov: On Significance of the Least
Significant Bits for Differential Privacy, CCS 2012). Here every decision is a comparison of whole random numbers.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.errors import RangeError

Integers = npt.NDArray[np.int64]

# A rate is a fraction whose denominator is at most this power of two: 2^40 times the few tries of a Bernoulli draw fit
# into 64 bits.
_LONGEST = 40
_DIGITS = 24


def discrete_laplace(rng: np.random.Generator, scale: float, size: int | tuple[int, ...] = ()) -> Integers:
    r"""Whole numbers with :math:`P(k) = \frac{1 - e^{-1/b}}{1 + e^{-1/b}} e^{-|k|/b}`.

    Algorithm 2 of Canonne, Kamath and Steinke (The Discrete Gaussian for Differential Privacy, NeurIPS 2020), on whole
    numbers only; all draws of an array at once. The scale is rounded up to a fraction of 24 binary digits. O(size)
    expected.

    Args:
        rng: Source of the draws.
        scale: b, positive.
        size: Shape of the array.

    Raises:
        RangeError: if the scale is not positive, or so large (2^40) that fractions run out.

    >>> draws = discrete_laplace(np.random.default_rng(0), scale=2.0, size=1000)
    >>> draws.dtype.kind, bool(abs(draws.mean()) < 0.3)
    ('i', True)
    """
    number_in(scale, "scale", 0, open_low=True)
    return draw_laplace(rng, *rate_below(1 / scale), size)


def discrete_gaussian(rng: np.random.Generator, sigma: float, size: int | tuple[int, ...] = ()) -> Integers:
    r"""Whole numbers with :math:`P(k) \propto e^{-k^2 / 2\sigma^2}`.

    Algorithm 3 of Canonne, Kamath and Steinke (2020): a discrete Laplace draw, kept with a probability that is decided
    in unbounded whole numbers, one draw after the other. Adding it to whole numbers of sensitivity Δ gives the same
    Rényi differential privacy as continuous normal noise, :math:`\alpha \Delta^2 / 2\sigma^2` (their theorem 14).

    Args:
        rng: Source of the draws.
        sigma: σ, positive: about the standard deviation, which is at most σ.
        size: Shape of the array.

    Raises:
        RangeError: if σ is not positive, or so large (2^40) that fractions run out.

    >>> draws = discrete_gaussian(np.random.default_rng(0), sigma=3.0, size=500)
    >>> bool(abs(draws.std() - 3) < 0.4)
    True
    """
    number_in(sigma, "sigma", 0, 2.0**_LONGEST, open_low=True)
    variance = Fraction(sigma) ** 2
    width = math.floor(sigma) + 1
    count = int(np.prod(size, dtype=np.int64))
    kept: list[int] = []
    while len(kept) < count:
        for proposal in draw_laplace(rng, 1, width, count - len(kept)).tolist():
            excess = abs(proposal) - variance / width
            if _exponential_coin(rng, excess * excess / (2 * variance)):
                kept.append(proposal)
    return np.array(kept, dtype=np.int64).reshape(size)


def draw_laplace(rng: np.random.Generator, s: int, t: int, size: int | tuple[int, ...]) -> Integers:
    """Two-sided geometric draws with rate s / t, t being at most 2^40."""
    drawn = np.empty(int(np.prod(size, dtype=np.int64)), dtype=np.int64)
    pending = np.arange(len(drawn))
    while len(pending):
        # |draw| = ⌊(remainder + t · whole) / s⌋, where the sum is geometric with rate 1 / t.
        remainder = rng.integers(0, t, len(pending))
        kept = _exponential_coins(rng, remainder, t)
        magnitude = (remainder[kept] + t * _whole_parts(rng, int(kept.sum()))) // s
        negative = rng.integers(0, 2, len(magnitude)) == 1
        done = ~(negative & (magnitude == 0))  # zero would count twice, once with either sign
        places = pending[kept][done]
        drawn[places] = np.where(negative, -magnitude, magnitude)[done]
        finished = np.zeros(len(drawn), dtype=bool)
        finished[places] = True
        pending = pending[~finished[pending]]
    return drawn.reshape(size)


def _exponential_coins(rng: np.random.Generator, numerators: Integers, denominator: int) -> npt.NDArray[np.bool_]:
    """Coins that fall heads with probability exp(-numerator / denominator), for fractions from 0 to 1.

    Count tosses of coins γ/1, γ/2, γ/3, … until tails: their number is odd with probability exp(-γ) (algorithm 1).
    """
    heads = np.empty(len(numerators), dtype=bool)
    pending, toss = np.arange(len(numerators)), 1
    while len(pending):
        on = rng.integers(0, denominator * toss, len(pending)) < numerators[pending]
        heads[pending[~on]] = toss % 2 == 1
        pending, toss = pending[on], toss + 1
    return heads


def _whole_parts(rng: np.random.Generator, count: int) -> Integers:
    """How often a coin of probability exp(-1) falls heads before its first tails."""
    total = np.zeros(count, dtype=np.int64)
    pending = np.arange(count)
    while len(pending):
        pending = pending[_exponential_coins(rng, np.ones(len(pending), dtype=np.int64), 1)]
        total[pending] += 1
    return total


def _exponential_coin(rng: np.random.Generator, gamma: Fraction) -> bool:
    """One coin of probability exp(-γ), for any γ ≥ 0: whole parts one after the other, then the rest."""
    while gamma > 1:
        if not _exponential_coins(rng, np.ones(1, dtype=np.int64), 1)[0]:
            return False
        gamma -= 1
    toss = 1
    while _below(rng, gamma.denominator * toss) < gamma.numerator:
        toss += 1
    return toss % 2 == 1


def _below(rng: np.random.Generator, bound: int) -> int:
    """A whole number from 0 to bound - 1, all equally likely, however long the bound."""
    bits = (bound - 1).bit_length()
    while True:
        drawn = int.from_bytes(rng.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
        if drawn < bound:
            return drawn


def rate_below(rate: float) -> tuple[int, int]:
    """A fraction s / t that is the rate, or a little less: more noise than asked for is safe, less is not."""
    _, exponent = math.frexp(rate)
    power = min(_LONGEST, max(0, _DIGITS - exponent))
    s = math.floor(math.ldexp(rate, power))
    if s == 0:
        raise RangeError(f"the scale of the noise must be below 2^{_LONGEST}, got {1 / rate:g}")
    common = math.gcd(s, 1 << power)
    return s // common, (1 << power) // common
