"""Hypothesis tests, value by value; exact distributions by trying everything."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from whitebox.reference.stats._distributions import ChiSquare, F, StudentT
from whitebox.reference.stats.special import ndtr, ndtri

Sample = Sequence[float]


def one_sample_t_test(x: Sample, mean: float = 0.0) -> tuple[float, float]:
    """How many standard errors the mean is off: t, and the two-sided p-value.

    >>> [round(value, 4) for value in one_sample_t_test([4.0, 5.0, 6.0], 3.0)]
    [3.4641, 0.0742]
    """
    error = math.sqrt(_variance(x) / len(x))
    t = (_mean(x) - mean) / error
    return t, 2 * StudentT(len(x) - 1).cdf(-abs(t))


def paired_t_test(x: Sample, y: Sample) -> tuple[float, float]:
    """The same for the differences of pairs.

    >>> [round(value, 4) for value in paired_t_test([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])]
    [3.4641, 0.0742]
    """
    return one_sample_t_test([a - b for a, b in zip(x, y, strict=True)])


def two_sample_t_test(x: Sample, y: Sample, equal_variance: bool = False) -> tuple[float, float]:
    """Welch's test, or Student's where the variances are taken for equal.

    >>> [round(value, 4) for value in two_sample_t_test([1.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0])]
    [-2.1213, 0.0999]
    """
    n, m = len(x), len(y)
    a, b = _variance(x) / n, _variance(y) / m
    df = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    error = math.sqrt(a + b)
    if equal_variance:
        df = n + m - 2
        pooled = ((n - 1) * _variance(x) + (m - 1) * _variance(y)) / df
        error = math.sqrt(pooled * (1 / n + 1 / m))
    t = (_mean(x) - _mean(y)) / error
    return t, 2 * StudentT(df).cdf(-abs(t))


def chi_square_goodness_of_fit(observed: Sample, expected: Sample) -> tuple[float, float]:
    """Squared deviations in units of what was expected.

    >>> chi_square_goodness_of_fit([10, 10], [10, 10])
    (0.0, 1.0)
    """
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    return statistic, 1 - ChiSquare(len(observed) - 1).cdf(statistic)


def chi_square_independence(table: Sequence[Sequence[float]]) -> tuple[float, float]:
    """What independence leads to expect: row sum times column sum over the whole. Without Yates' correction.

    >>> round(chi_square_independence([[10, 20], [30, 20]])[0], 4)
    5.3333
    """
    columns = [sum(column) for column in zip(*table, strict=True)]
    total = sum(columns)
    statistic = 0.0
    for row in table:
        for count, column in zip(row, columns, strict=True):
            expected = sum(row) * column / total
            statistic += (count - expected) ** 2 / expected
    return statistic, 1 - ChiSquare((len(table) - 1) * (len(columns) - 1)).cdf(statistic)


def one_way_anova(*groups: Sample) -> tuple[float, float]:
    """How much group means vary, in units of what values vary within groups.

    >>> round(one_way_anova([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [5.0, 6.0, 7.0])[0], 4)
    13.0
    """
    values = [value for group in groups for value in group]
    k, n = len(groups), len(values)
    between = sum(len(group) * (_mean(group) - _mean(values)) ** 2 for group in groups) / (k - 1)
    within = sum((value - _mean(group)) ** 2 for group in groups for value in group) / (n - k)
    return between / within, 1 - F(k - 1, n - k).cdf(between / within)


def ks_test(x: Sample, cdf: Callable[[float], float]) -> tuple[float, float]:
    """The largest distance of the steps from the curve, above or below, and its exact p-value.

    >>> [round(value, 4) for value in ks_test([0.1, 0.4, 0.7], lambda x: x)]
    [0.3, 0.8862]
    """
    ordered, n = sorted(x), len(x)
    above = max((i + 1) / n - cdf(value) for i, value in enumerate(ordered))
    below = max(cdf(value) - i / n for i, value in enumerate(ordered))
    return max(above, below), ks_sf(max(above, below), n)


def ks_sf(d: float, n: int) -> float:
    """The exact probability of a distance of d or more, by Marsaglia, Tsang and Wang's matrix.

    >>> ks_sf(0.75, 1)
    0.5
    """
    k = math.floor(n * d) + 1
    h, size = k - n * d, 2 * k - 1
    H = [[float(i - j + 1 >= 0) for j in range(size)] for i in range(size)]
    for i in range(size):
        H[i][0] -= h ** (i + 1)
        H[size - 1][i] -= h ** (size - i)
    H[size - 1][0] += max(0.0, 2 * h - 1) ** size
    for i in range(size):
        for j in range(size):
            H[i][j] /= math.factorial(max(0, i - j + 1))
    row = [float(j == k - 1) for j in range(size)]
    for step in range(1, n + 1):
        # Row k of Hⁿ, times n! / nⁿ a factor at a time.
        row = [sum(row[i] * H[i][j] for i in range(size)) * step / n for j in range(size)]
    return 1 - row[k - 1]


def kolmogorov_sf(x: float) -> float:
    """What that probability tends to for distances of x / √n.

    >>> round(kolmogorov_sf(1.3581), 4)
    0.05
    """
    if x == 0:
        return 1.0
    return 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 2000))


def ks_test_two_sample(x: Sample, y: Sample) -> tuple[float, float]:
    """The largest distance of two staircases, and the share of all ways to deal out the values with one as large.

    >>> ks_test_two_sample([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    (1.0, 0.1)
    """
    statistic = _staircase_distance(x, y)
    # Which values are dealt out does not matter as long as they differ: their places do.
    places = range(len(x) + len(y))
    distances = [
        _staircase_distance(dealt, [place for place in places if place not in dealt])
        for dealt in itertools.combinations(places, len(x))
    ]
    return statistic, sum(distance >= statistic - 1e-12 for distance in distances) / len(distances)


def average_ranks(values: Sample) -> list[float]:
    """How many values are smaller, and half of those that are equal, itself among them, and a half.

    >>> average_ranks([30.0, 10.0, 30.0, 20.0])
    [3.5, 1.0, 3.5, 2.0]
    """
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def mann_whitney_u(x: Sample, y: Sample, method: str = "exact") -> tuple[float, float]:
    """Pairs in which x is larger, ties counting half; p by dealing out all ranks, or by a normal curve.

    >>> mann_whitney_u([1.1, 2.2, 3.3], [4.4, 5.5, 6.6])
    (0.0, 0.1)
    """
    n, m = len(x), len(y)
    u = _wins(x, y)
    larger = max(u, n * m - u)
    if method == "exact":
        places = range(n + m)
        dealt = [
            _wins(chosen, [place for place in places if place not in chosen])
            for chosen in itertools.combinations(places, n)
        ]
        return u, min(1.0, 2 * sum(other >= larger for other in dealt) / len(dealt))
    values, total = [*x, *y], n + m
    ties = sum(values.count(value) ** 3 - values.count(value) for value in set(values))
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return u, 1.0
    return u, min(1.0, 2 * ndtr(-(larger - n * m / 2 - 0.5) / math.sqrt(variance)))


def bootstrap_interval(
    data: Sample,
    statistic: Callable[[Sample], float],
    drawn: Sequence[Sequence[int]],
    method: str = "bca",
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Ends of the interval, from the places that each resample draws.

    >>> bootstrap_interval([1.0, 2.0], max, [[0, 0], [0, 1], [1, 1]], method="percentile", confidence=0.5)
    (1.5, 2.0)
    """
    estimate = statistic(data)
    resampled = sorted(statistic([data[place] for place in places]) for places in drawn)
    levels = [(1 - confidence) / 2, (1 + confidence) / 2]
    if method == "bca":
        below = sum((value < estimate) + (value <= estimate) for value in resampled) / (2 * len(resampled))
        bias = ndtri(min(1 - 0.5 / len(resampled), max(0.5 / len(resampled), below)))
        left_out = [statistic([*data[:i], *data[i + 1 :]]) for i in range(len(data))]
        change = [_mean(left_out) - value for value in left_out]
        spread = sum(d**2 for d in change) ** 1.5
        acceleration = sum(d**3 for d in change) / (6 * spread) if spread else 0.0
        z = [bias + ndtri(level) for level in levels]
        levels = [ndtr(bias + value / (1 - acceleration * value)) for value in z]
    low, high = (_quantile(resampled, level) for level in levels)
    return (2 * estimate - high, 2 * estimate - low) if method == "basic" else (low, high)


def permutation_test(
    x: Sample, y: Sample, statistic: Callable[[Sample, Sample], float], paired: bool = False
) -> tuple[float, float]:
    """The statistic, and twice the smaller share of all assignments that lie as far out on one side.

    >>> permutation_test([1.0, 2.0], [3.0, 4.0], lambda x, y: sum(x) - sum(y))[1]
    0.3333333333333333
    """
    values = [*x, *y]
    if paired:
        swaps = itertools.product((False, True), repeat=len(x))
        dealt = [[(b, a) if swap else (a, b) for a, b, swap in zip(x, y, which, strict=True)] for which in swaps]
        tried = [statistic([a for a, _ in pairs], [b for _, b in pairs]) for pairs in dealt]
    else:
        places = range(len(values))
        tried = [
            statistic([values[i] for i in chosen], [values[i] for i in places if i not in chosen])
            for chosen in itertools.combinations(places, len(x))
        ]
    observed = statistic(x, y)
    slack = 1e-13 * abs(observed)
    more = sum(value >= observed - slack for value in tried) / len(tried)
    less = sum(value <= observed + slack for value in tried) / len(tried)
    return observed, min(1.0, 2 * min(more, less))


def bonferroni(p_values: Sample) -> list[float]:
    """Each p-value times their number.

    >>> bonferroni([0.01, 0.5])
    [0.02, 1.0]
    """
    return [min(1.0, len(p_values) * p) for p in p_values]


def holm(p_values: Sample) -> list[float]:
    """The smallest times their number, the next times one less, and so on, none below the one before.

    >>> holm([0.01, 0.5])
    [0.02, 0.5]
    """
    adjusted, reached = [0.0] * len(p_values), 0.0
    for step, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        reached = max(reached, min(1.0, (len(p_values) - step) * p_values[i]))
        adjusted[i] = reached
    return adjusted


def benjamini_hochberg(p_values: Sample) -> list[float]:
    """Each p-value over the share of those that are no larger, none above the one after.

    >>> benjamini_hochberg([0.01, 0.5])
    [0.02, 0.5]
    """
    adjusted, reached = [0.0] * len(p_values), 1.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank in range(len(p_values), 0, -1):
        i = order[rank - 1]
        reached = min(reached, len(p_values) / rank * p_values[i])
        adjusted[i] = reached
    return adjusted


def population_stability_index(expected: Sample, actual: Sample, bins: int = 10, smoothing: float = 0.5) -> float:
    """Differences of shares times differences of their logarithms, over bins with equal shares of the first.

    >>> population_stability_index(range(100), range(100))
    0.0
    """
    ordered = sorted(expected)
    edges = sorted({_quantile(ordered, k / bins) for k in range(1, bins)} - {ordered[0]})
    index = 0.0
    for low, high in itertools.pairwise([-math.inf, *edges, math.inf]):
        shares = [
            (sum(low <= value < high for value in sample) + smoothing) / (len(sample) + smoothing * (len(edges) + 1))
            for sample in (expected, actual)
        ]
        index += (shares[1] - shares[0]) * math.log(shares[1] / shares[0])
    return index


def _mean(values: Sample) -> float:
    return math.fsum(values) / len(values)


def _variance(values: Sample) -> float:
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _quantile(ordered: Sample, level: float) -> float:
    """Between the two values around a level, in proportion."""
    place = level * (len(ordered) - 1)
    low = min(int(place), len(ordered) - 2) if len(ordered) > 1 else 0
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _staircase_distance(x: Sample, y: Sample) -> float:
    return max(abs(_share(x, value) - _share(y, value)) for value in [*x, *y])


def _share(sample: Sample, value: float) -> float:
    return sum(other <= value for other in sample) / len(sample)


def _wins(x: Sample, y: Sample) -> float:
    return sum((a > b) + (a == b) / 2 for a in x for b in y)
