"""Pearson's chi-square tests, and the analysis of variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.stats._continuous import ChiSquare, F
from whitebox.stats._results import ratio

_SUM_TOLERANCE = 1e-8


class ChiSquareTest(NamedTuple):
    """Outcome of a chi-square test.

    Attributes:
        statistic: The sum of squared deviations, each in units of what was expected.
        p_value: Probability of one as large, if the hypothesis holds, for large counts.
        df: Degrees of freedom.
        expected: Counts that the hypothesis leads to expect, in the shape of those observed.
    """

    statistic: float
    p_value: float
    df: int
    expected: Array


class ANOVA(NamedTuple):
    """Outcome of a one-way analysis of variance.

    Attributes:
        statistic: F.
        p_value: Probability of one as large, if all means are equal.
        df_between: Groups less 1.
        df_within: Values less groups.
    """

    statistic: float
    p_value: float
    df_between: int
    df_within: int


def chi_square_goodness_of_fit(
    observed: npt.ArrayLike, expected: npt.ArrayLike | None = None, fitted: int = 0
) -> ChiSquareTest:
    r"""Whether counts fit what was expected (Pearson 1900).

    .. math:: \chi^2 = \sum_i \frac{(O_i - E_i)^2}{E_i} \sim \chi^2_{k - 1 - \text{fitted}}

    asymptotically: a common rule asks for 5 expected in each class. O(k).

    Args:
        observed: Counts, shape (k,).
        expected: Counts expected, positive, of the same sum; equal ones by default.
        fitted: Number of parameters that were estimated from the same counts.

    Raises:
        RangeError: for negative counts, an expected one of 0, sums that differ, or too many fitted parameters.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable counts.

    >>> test = chi_square_goodness_of_fit([16, 18, 16, 14, 12, 12])
    >>> round(test.statistic, 4), round(test.p_value, 4), test.df
    (2.0, 0.8491, 5)
    """
    counts = as_vector(observed, "observed")
    wanted = np.full(len(counts), counts.mean()) if expected is None else as_vector(expected, "expected")
    if wanted.shape != counts.shape:
        raise ShapeError(f"observed and expected must have one shape, got {counts.shape} and {wanted.shape}")
    _not_negative(counts, "observed")
    if (wanted <= 0).any():
        raise RangeError(f"expected[{int((wanted <= 0).argmax())}] must be positive: a count can deviate from no other")
    if abs(counts.sum() - wanted.sum()) > _SUM_TOLERANCE * wanted.sum():
        raise RangeError(f"observed and expected must have one sum, got {counts.sum():g} and {wanted.sum():g}")
    df = len(counts) - 1 - fitted
    if fitted < 0 or df < 0:
        raise RangeError(f"fitted must be from 0 to {len(counts) - 1}, got {fitted!r}")
    return _chi_square(counts, wanted, df, 0.0)


def chi_square_independence(table: npt.ArrayLike, correction: bool = True) -> ChiSquareTest:
    r"""Whether the rows and columns of a table of counts are independent.

    .. math:: \chi^2 = \sum_{ij} \frac{(O_{ij} - E_{ij})^2}{E_{ij}}, \qquad E_{ij} = \frac{O_{i\cdot} O_{\cdot j}}{n},
              \qquad \mathrm{df} = (r - 1)(c - 1)

    (Pearson 1900, Fisher 1922.) O(rc).

    Args:
        table: Counts, shape (r, c).
        correction: Whether with one degree of freedom each deviation is taken ½ nearer to 0 (Yates 1934).

    Raises:
        RangeError: for negative counts, or a row or column without any.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for an unusable table.

    >>> test = chi_square_independence([[10, 20], [30, 20]], correction=False)
    >>> round(test.statistic, 4), test.df
    (5.3333, 1)
    """
    counts = as_matrix(table, "table")
    _not_negative(counts, "table")
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    for sums, name in ((rows, "row"), (columns, "column")):
        if (sums == 0).any():
            raise RangeError(f"{name} {int((sums == 0).argmax())} of the table holds no counts: leave it out")
    expected = np.outer(rows, columns) / counts.sum()
    df = (len(rows) - 1) * (len(columns) - 1)
    return _chi_square(counts, expected, df, 0.5 if correction and df == 1 else 0.0)


def one_way_anova(*groups: npt.ArrayLike) -> ANOVA:
    r"""Whether all groups have the same mean, being normal with the same variance.

    .. math:: F = \frac{\sum_g n_g (\bar x_g - \bar x)^2 / (k - 1)}{\sum_g \sum_i (x_{gi} - \bar x_g)^2 / (n - k)}
              \sim F_{k-1,\, n-k}

    (Fisher: Statistical Methods for Research Workers, 1925.) O(n). Groups that do not vary have F = ∞ and p = 0 unless
    they are all equal, where F = 0 and p = 1.

    Args:
        *groups: Samples, shape (n_g,) each; two groups or more, with more values than groups.

    Raises:
        EmptyInputError: for fewer than two groups, an empty one, or no value more than groups.
        ShapeError, NotFiniteError, DtypeError: for unusable samples.

    >>> test = one_way_anova([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [5.0, 6.0, 7.0])
    >>> round(test.statistic, 4), round(test.p_value, 4)
    (13.0, 0.0066)
    """
    samples = [as_vector(group, f"groups[{number}]") for number, group in enumerate(groups)]
    n, k = sum(map(len, samples)), len(samples)
    if k < 2 or n <= k:
        raise EmptyInputError(f"two groups or more are needed, and more values than groups; got {k} with {n} values")
    means = np.array([sample.mean() for sample in samples])
    sizes = np.array([len(sample) for sample in samples])
    between = float(sizes @ (means - sizes @ means / n) ** 2) / (k - 1)
    within = sum(float(((sample - mean) ** 2).sum()) for sample, mean in zip(samples, means, strict=True)) / (n - k)
    statistic = ratio(between, within)
    return ANOVA(statistic, float(F(k - 1, n - k).sf(statistic)), k - 1, n - k)


def _chi_square(observed: Array, expected: Array, df: int, nearer: float) -> ChiSquareTest:
    deviation = np.abs(observed - expected)
    deviation -= np.minimum(deviation, nearer)
    statistic = float((deviation**2 / expected).sum())
    # Without freedom nothing can deviate.
    return ChiSquareTest(statistic, float(ChiSquare(df).sf(statistic)) if df else 1.0, df, expected)


def _not_negative(counts: Array, name: str) -> None:
    if (counts < 0).any():
        place = ", ".join(map(str, np.argwhere(counts < 0)[0]))
        raise RangeError(f"{name}[{place}] is negative, and counts are not")
    if not counts.any():
        raise EmptyInputError(f"{name} holds no counts but zeros")
