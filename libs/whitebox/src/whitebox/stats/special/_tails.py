"""Solving a distribution function for its argument."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whitebox._validation import Array
from whitebox.errors import ConvergenceError
from whitebox.stats.special._arrays import EPSILON

_MOST_STEPS = 100


def solve_tails(
    tails: Callable[..., tuple[Array, Array, Array]], p: Array, q: Array, start: Array, *parameters: Array
) -> Array:
    r"""The u at which a distribution function is p and its complement q, one of the two without rounding.

    Newton's method on the logarithm of the smaller tail, safeguarded by bisection: :math:`\log P(u)` and
    :math:`\log Q(u)` are concave wherever the density of u is log-concave, and then every step but the first falls
    short of the root, so that the iteration cannot run away. A tail that underflows gives no slope, only a bound.

    Args:
        tails: Lower tail, upper tail and density at u, given u and the parameters.
        p: Lower tail wanted, strictly between 0 and 1.
        q: Upper tail wanted.
        start: First guess.
        *parameters: Of the distribution, one an element.
    """
    result, left = np.empty_like(start), np.arange(len(start))
    u, lower = start, p <= q
    target = np.log(np.where(lower, p, q))
    low, high = np.full_like(u, -np.inf), np.full_like(u, np.inf)
    for _ in range(_MOST_STEPS):
        below, above, density = tails(u, *parameters)
        tail = np.where(lower, below, above)
        excess = np.log(tail) - target
        # Too large a lower tail, like too small an upper one, says that u lies to the right of the root.
        right = (excess > 0) == lower
        low, high = np.where(right, low, u), np.where(right, u, high)
        step = excess * tail / np.where(lower, density, -density)
        precision = 2 * EPSILON * np.maximum(1.0, np.abs(u))
        # No tail is known better than its exponent, which is as large as the target.
        done = (np.abs(step) <= precision) | (np.abs(excess) <= 4 * EPSILON * (1 - target)) | (high - low <= precision)
        newton = u - step
        usable = np.isfinite(newton) & (newton > low) & (newton < high)
        reach = 2 * np.maximum(1.0, np.abs(u))
        # Where one side is not bounded yet there is no middle: go further that way.
        middle = np.where(np.isinf(low), u - reach, np.where(np.isinf(high), u + reach, 0.5 * (low + high)))
        u = np.where(usable, newton, np.where(done, u, middle))
        result[left[done]] = u[done]
        if done.all():
            return result
        going = ~done
        left, u, lower, target, low, high = (part[going] for part in (left, u, lower, target, low, high))
        parameters = tuple(part[going] for part in parameters)
    raise ConvergenceError(f"no quantile found within {_MOST_STEPS} steps: the last guess is {u[0]:g}")
