"""Ranks, and the test that compares those of two samples."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.errors import RangeError
from whitebox.stats._results import Alternative, check_alternative
from whitebox.stats.special import ndtr

# As far as the exact distribution is counted where nothing else is asked for.
_EXACT_UP_TO = 50


class MannWhitney(NamedTuple):
    """Outcome of a Mann-Whitney test.

    Attributes:
        statistic: U of the first sample: pairs in which its value is larger, those that tie counting half.
        p_value: Probability of one as far out, if both samples come from one distribution.
        probability: U as a share of all pairs: how often a value of the first sample exceeds one of the second.
        method: How the p-value was computed, "exact" or "asymptotic".
    """

    statistic: float
    p_value: float
    probability: float
    method: str


def average_ranks(values: npt.ArrayLike) -> Array:
    """Ranks from 1 on, values that tie getting the mean of theirs. O(n log n).

    Args:
        values: Shape (n,).

    Raises:
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable values.

    >>> average_ranks([30.0, 10.0, 30.0, 20.0]).tolist()
    [3.5, 1.0, 3.5, 2.0]
    """
    return _ranks_and_ties(as_vector(values, "values"))[0]


def mann_whitney_u(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    alternative: Alternative = "two-sided",
    method: Literal["auto", "exact", "asymptotic"] = "auto",
    continuity: bool = True,
) -> MannWhitney:
    r"""Whether values of one sample tend to be larger than those of another.

    .. math:: U = \sum_i R_i - \frac{n(n+1)}{2}, \qquad
              \sigma^2 = \frac{n m}{12} \left(N + 1 - \sum_t \frac{t^3 - t}{N (N - 1)}\right)

    with the ranks R of `x` among all N = n + m values, and the sizes t of groups of ties (Mann, Whitney: On a Test of
    Whether One of Two Random Variables Is Stochastically Larger than the Other, 1947). Exact: the share of subsets with
    each U, by Mann and Whitney's recurrence, for samples without ties; O(n² m²). Asymptotic: U is about normal with
    mean nm / 2. Depends on ranks only. O(N log N).

    Args:
        x: Sample, shape (n,).
        y: Sample, shape (m,).
        alternative: "greater" if values of `x` may tend to be larger, "less" if smaller.
        method: "exact", "asymptotic", or "auto" for exact up to 50 values each without ties.
        continuity: Whether the normal approximation takes U by ½ nearer to its mean.

    Raises:
        RangeError: for an unknown alternative or method, or an exact one for samples with ties.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable samples.

    >>> test = mann_whitney_u([1.1, 2.2, 3.3], [4.4, 5.5, 6.6])
    >>> test.statistic, round(test.p_value, 4), test.method
    (0.0, 0.1, 'exact')
    """
    check_alternative(alternative)
    first, second = as_vector(x, "x"), as_vector(y, "y")
    n, m = len(first), len(second)
    ranks, ties = _ranks_and_ties(np.concatenate([first, second]))
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    tied = bool((ties > 1).any())
    if method == "auto":
        method = "exact" if max(n, m) <= _EXACT_UP_TO and not tied else "asymptotic"
    # The side that the alternative asks about; of two, the one on which U lies.
    extreme = {"greater": u, "less": n * m - u, "two-sided": max(u, n * m - u)}[alternative]
    if method == "exact":
        if tied:
            raise RangeError("samples with ties have no exact distribution here: choose the asymptotic method")
        p_value = float(_u_probabilities(n, m)[round(extreme) :].sum())
    elif method == "asymptotic":
        p_value = _normal_tail(extreme, n, m, ties, continuity)
    else:
        raise RangeError(f"method must be 'auto', 'exact' or 'asymptotic', got {method!r}")
    sides = 2 if alternative == "two-sided" else 1
    return MannWhitney(u, min(1.0, sides * p_value), u / (n * m), method)


def _normal_tail(extreme: float, n: int, m: int, ties: Array, continuity: bool) -> float:
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    deviation = extreme - n * m / 2 - (0.5 if continuity else 0.0)
    if variance <= 0:  # all values are equal: no order is any evidence
        return 1.0
    return float(ndtr(-deviation / math.sqrt(variance)))


def _ranks_and_ties(values: Array) -> tuple[Array, Array]:
    """Average ranks, and the sizes of the groups of equal values."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(first, append=len(values))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return ranks, sizes.astype(float)


@lru_cache(maxsize=8)
def _u_probabilities(n: int, m: int) -> Array:
    """P(U = u) for u from 0 to nm: the largest of all values belongs to x, and exceeds m of y, or to y."""
    rows = [np.ones(1)] * (m + 1)
    for i in range(1, n + 1):
        previous, rows = rows, [np.ones(1)]
        for j in range(1, m + 1):
            share = np.zeros(i * j + 1)
            share[j:] += previous[j] * (i / (i + j))
            share[: i * (j - 1) + 1] += rows[j - 1] * (j / (i + j))
            rows.append(share)
    rows[m].setflags(write=False)
    return rows[m]
