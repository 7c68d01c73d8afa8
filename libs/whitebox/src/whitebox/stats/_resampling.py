"""Bootstrap intervals and permutation tests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_vector, positive_int
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.stats._distribution import check_confidence
from whitebox.stats._results import Alternative, check_alternative
from whitebox.stats.special import ndtr, ndtri

# Numbers that are resampled at a time.
_BATCH = 1 << 22
# Statistics this close, relatively, to the observed one count as equal: the order of a sum is no evidence.
_TIE = 100 * float(np.finfo(float).eps)


class BootstrapInterval(NamedTuple):
    """A bootstrap confidence interval.

    Attributes:
        estimate: The statistic of the data.
        low: Lower end.
        high: Upper end.
        standard_error: Standard deviation of the statistic over the resamples.
        distribution: The statistic of each resample, shape (resamples,).
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    distribution: Array


class PermutationTest(NamedTuple):
    """Outcome of a permutation test.

    Attributes:
        statistic: The statistic of the data.
        p_value: Probability of one as far out, if the labels say nothing.
        distribution: The statistic of each rearrangement.
        exact: Whether these are all there are.
    """

    statistic: float
    p_value: float
    distribution: Array
    exact: bool


def bootstrap_interval(
    data: npt.ArrayLike,
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    *,
    resamples: int = 9999,
    confidence: float = 0.95,
    method: Literal["percentile", "basic", "bca"] = "bca",
    vectorized: bool = True,
) -> BootstrapInterval:
    r"""A confidence interval for a statistic, from samples drawn from the data with replacement.

    With the quantiles :math:`\hat\theta^*_{(\alpha)}` of the resampled statistic (Efron, Tibshirani: An Introduction to
    the Bootstrap, 1993, chapters 13 and 14):

    - "percentile" goes from :math:`\hat\theta^*_{(\alpha/2)}` to :math:`\hat\theta^*_{(1-\alpha/2)}`,
    - "basic" mirrors it at the estimate, :math:`2 \hat\theta - \hat\theta^*`,
    - "bca" corrects the levels for bias :math:`z_0 = \Phi^{-1}(P(\hat\theta^* < \hat\theta))` and acceleration a,

    .. math:: \alpha' = \Phi\left(z_0 + \frac{z_0 + z_\alpha}{1 - a (z_0 + z_\alpha)}\right), \qquad
              a = \frac{\sum_i d_i^3}{6 (\sum_i d_i^2)^{3/2}}

    where :math:`d_i` is by how much the estimate that leaves out row i falls short of the mean of all such. O(resamples
    · n), "bca" another O(n²).

    Args:
        data: Independent rows, shape (n,) or (n, d), n at least 2.
        statistic: Of such data, a number. Where it is vectorized it takes many at once, shape (r, n) or (r, n, d), and
            gives r numbers, as `partial(np.mean, axis=1)` does.
        rng: Source of the draws.
        resamples: How many samples are drawn.
        confidence: Share of such intervals that hold the truth.
        method: Which interval.
        vectorized: Whether `statistic` takes many samples at once.

    Raises:
        RangeError: for an unknown method, a confidence that is not in (0, 1), or resamples below 1.
        EmptyInputError, ShapeError, NotFiniteError, DtypeError: for unusable data, a single row included, or a
            statistic that gives no finite numbers.

    >>> from functools import partial
    >>> rng = np.random.default_rng(0)
    >>> interval = bootstrap_interval(np.arange(20.0), partial(np.mean, axis=1), rng, resamples=999)
    >>> interval.estimate, interval.low < 9.5 < interval.high
    (9.5, True)
    """
    rows = as_array(data, "data")
    if rows.ndim not in (1, 2):
        raise ShapeError(f"data must be of shape (n,) or (n, d), got {rows.shape}")
    if len(rows) < 2:
        raise EmptyInputError("data holds one row, and one row says nothing of how others vary: give two or more")
    positive_int(resamples, "resamples")
    tail = (1 - check_confidence(confidence)) / 2
    if method not in ("percentile", "basic", "bca"):
        raise RangeError(f"method must be 'percentile', 'basic' or 'bca', got {method!r}")
    estimate = float(_evaluate(statistic, rows[None], vectorized)[0])
    drawn = [
        _evaluate(statistic, rows[rng.integers(0, len(rows), (count, len(rows)))], vectorized)
        for count in _batches(resamples, rows.size)
    ]
    distribution = np.concatenate(drawn)
    levels = np.array([tail, 1 - tail])
    if method == "bca":
        levels = _corrected_levels(levels, estimate, distribution, _leave_one_out(statistic, rows, vectorized))
    low, high = np.quantile(distribution, levels)
    if method == "basic":
        low, high = 2 * estimate - high, 2 * estimate - low
    spread = float(distribution.std(ddof=1)) if resamples > 1 else 0.0
    return BootstrapInterval(estimate, float(low), float(high), spread, distribution)


def permutation_test(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    *,
    alternative: Alternative = "two-sided",
    paired: bool = False,
    resamples: int = 9999,
    vectorized: bool = True,
) -> PermutationTest:
    r"""Whether a statistic of two samples is what it would be if values were assigned to them by chance.

    Every assignment is equally likely then (Fisher 1935; Pitman 1937). Where there are no more than `resamples` of
    them, :math:`\binom{n+m}{n}` or for pairs, whose values change places, :math:`2^n`, all are tried, and p is the
    share that lies as far out. Otherwise r = `resamples` are drawn, and p is :math:`(b + 1) / (r + 1)` for the b that
    lie as far out, since the data are one of the assignments too (Phipson, Smyth: Permutation P-values Should Never Be
    Zero, 2010). Two-sided is twice the smaller of both sides. O(resamples · N).

    Args:
        x: Sample, shape (n,).
        y: Sample, shape (m,).
        statistic: Of two samples, a number. Where it is vectorized it takes many at once, shapes (r, n) and (r, m).
        rng: Source of the draws; unused where all assignments are tried.
        alternative: Whether large statistics count, small ones, or both.
        paired: Whether x and y are pairs, and values only change places within them.
        resamples: Most assignments that are tried.
        vectorized: Whether `statistic` takes many samples at once.

    Raises:
        ShapeError: if pairs differ in length.
        RangeError: for an unknown alternative, or resamples below 1.
        EmptyInputError, NotFiniteError, DtypeError: for unusable samples, or a statistic that gives no finite numbers.

    >>> def difference(x, y):
    ...     return x.mean(axis=-1) - y.mean(axis=-1)
    >>> test = permutation_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], difference, np.random.default_rng(0))
    >>> test.p_value, test.exact, len(test.distribution)
    (0.1, True, 20)
    """
    check_alternative(alternative)
    positive_int(resamples, "resamples")
    first, second = as_vector(x, "x"), as_vector(y, "y")
    n, values = len(first), np.concatenate([first, second])
    if paired and len(second) != n:
        raise ShapeError(f"pairs need samples of one length, got {n} and {len(second)} values")
    count = 2**n if paired else math.comb(len(values), n)
    exact = count <= resamples
    orders = _all_orders(n, len(values), paired) if exact else _drawn_orders(rng, n, len(values), paired, resamples)
    observed = float(_evaluate(_of_both(statistic, n, vectorized), values[None], vectorized)[0])
    tried = [_evaluate(_of_both(statistic, n, vectorized), values[order], vectorized) for order in orders]
    distribution = np.concatenate(tried)
    slack = _TIE * abs(observed)
    more, less = (distribution >= observed - slack).sum(), (distribution <= observed + slack).sum()
    extreme = {"greater": more, "less": less, "two-sided": min(more, less)}[alternative]
    share = float(extreme / count if exact else (extreme + 1) / (resamples + 1))
    return PermutationTest(observed, min(1.0, 2 * share if alternative == "two-sided" else share), distribution, exact)


def _corrected_levels(levels: Array, estimate: float, distribution: Array, left_out: Array) -> Array:
    below = ((distribution < estimate).mean() + (distribution <= estimate).mean()) / 2
    # As far as the resamples can tell: one of them at least lies on either side.
    bias = ndtri(np.clip(below, 0.5 / len(distribution), 1 - 0.5 / len(distribution)))
    change = left_out.mean() - left_out
    spread = float((change**2).sum()) ** 1.5
    acceleration = float((change**3).sum()) / (6 * spread) if spread > 0 else 0.0
    z = bias + ndtri(levels)
    corrected: Array = ndtr(bias + z / (1 - acceleration * z))
    return corrected


def _leave_one_out(statistic: Callable[..., Any], rows: Array, vectorized: bool) -> Array:
    n = len(rows)
    place, parts = np.arange(n - 1), []
    first = 0
    for count in _batches(n, rows.size):
        out = np.arange(first, first + count)[:, None]
        parts.append(_evaluate(statistic, rows[place + (place >= out)], vectorized))
        first += count
    return np.concatenate(parts)


def _all_orders(n: int, total: int, paired: bool) -> Iterator[npt.NDArray[np.intp]]:
    """All assignments as orders of the joint values, some thousand at a time."""
    if paired:
        choices: Iterator[tuple[int, ...]] = itertools.product((0, 1), repeat=n)
    else:
        choices = itertools.combinations(range(total), n)
    while batch := list(itertools.islice(choices, max(1, _BATCH // total))):
        chosen = np.array(batch, dtype=np.intp)
        yield _swapped(chosen, n) if paired else np.argsort(_absence(chosen, total), axis=1, kind="stable")


def _drawn_orders(
    rng: np.random.Generator, n: int, total: int, paired: bool, resamples: int
) -> Iterator[npt.NDArray[np.intp]]:
    for count in _batches(resamples, total):
        if paired:
            yield _swapped(rng.integers(0, 2, (count, n)), n)
        else:
            # The order of random numbers is a random order.
            yield np.argsort(rng.random((count, total)), axis=1)


def _swapped(swap: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.intp]:
    place = np.arange(n)
    return np.hstack([place + n * swap, place + n * (1 - swap)])


def _absence(chosen: npt.NDArray[np.intp], total: int) -> npt.NDArray[np.bool_]:
    absent = np.ones((len(chosen), total), dtype=bool)
    np.put_along_axis(absent, chosen, False, axis=1)
    return absent


def _of_both(statistic: Callable[..., Any], n: int, vectorized: bool) -> Callable[[Array], Any]:
    if vectorized:
        return lambda values: statistic(values[:, :n], values[:, n:])
    return lambda values: statistic(values[:n], values[n:])


def _batches(count: int, width: int) -> Iterator[int]:
    most = max(1, _BATCH // width)
    while count > 0:
        yield min(count, most)
        count -= most


def _evaluate(statistic: Callable[..., Any], samples: Array, vectorized: bool) -> Array:
    """The statistic of each of many samples."""
    values = statistic(samples) if vectorized else [statistic(sample) for sample in samples]
    result = np.asarray(values, dtype=float)
    if result.shape != (len(samples),):
        raise ShapeError(
            f"statistic must give one number a sample, shape ({len(samples)},), got {result.shape}; "
            "for one that takes a single sample at a time set vectorized=False"
        )
    if not np.isfinite(result).all():
        raise NotFiniteError("statistic gives a NaN or an infinity for some sample")
    return result
