"""Student's and Welch's tests of means."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.errors import ShapeError
from whitebox.stats._continuous import StudentT
from whitebox.stats._distribution import check_confidence
from whitebox.stats._results import Alternative, check_alternative, ratio, symmetric_p_value, varying_sample


class TTest(NamedTuple):
    """Outcome of a t test.

    Attributes:
        statistic: t.
        p_value: Probability of one as far out, if there is no difference.
        df: Degrees of freedom.
        estimate: The mean, or the difference of means.
        low: Lower end of its confidence interval.
        high: Upper end of it; one of both is infinite where the alternative is one-sided.
    """

    statistic: float
    p_value: float
    df: float
    estimate: float
    low: float
    high: float


def one_sample_t_test(
    x: npt.ArrayLike, mean: float = 0.0, alternative: Alternative = "two-sided", confidence: float = 0.95
) -> TTest:
    r"""Whether a sample comes from a normal distribution with this mean (Student: The Probable Error of a Mean, 1908).

    .. math:: t = \frac{\bar x - \mu}{s / \sqrt n}, \qquad s^2 = \frac{1}{n - 1} \sum_i (x_i - \bar x)^2,
              \qquad t \sim t_{n-1}

    O(n). A sample that does not vary has t = ±∞ and p = 0 unless its value is the mean, where t = 0 and p = 1.

    Args:
        x: Sample, shape (n,), n at least 2.
        mean: μ of the hypothesis.
        alternative: On which side of μ the mean may be instead.
        confidence: Of the interval for the mean.

    Raises:
        EmptyInputError, ShapeError, NotFiniteError, DtypeError: for an unusable sample, one of a single value included.
        RangeError: for an unknown alternative, or a confidence that is not in (0, 1).

    >>> test = one_sample_t_test([4.0, 5.0, 6.0], mean=3.0)
    >>> round(test.statistic, 4), round(test.p_value, 4)
    (3.4641, 0.0742)
    """
    sample = varying_sample(x, "x")
    error = float(sample.std(ddof=1)) / math.sqrt(len(sample))
    estimate, hypothesis = float(sample.mean()), number_in(mean, "mean")
    t = ratio(estimate - hypothesis, error)
    return _test(t, len(sample) - 1.0, estimate, error, alternative, confidence=confidence)


def paired_t_test(
    x: npt.ArrayLike, y: npt.ArrayLike, alternative: Alternative = "two-sided", confidence: float = 0.95
) -> TTest:
    r"""Whether the differences of pairs are 0 on average: `one_sample_t_test` of :math:`x_i - y_i`.

    Args:
        x: Shape (n,), n at least 2.
        y: Shape (n,).
        alternative: On which side of 0 the mean difference may be instead.
        confidence: Of the interval for the mean difference.

    Raises:
        ShapeError: if the samples differ in length.
        EmptyInputError, NotFiniteError, DtypeError, RangeError: as `one_sample_t_test`.

    >>> round(paired_t_test([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]).p_value, 4)
    0.0742
    """
    first, second = varying_sample(x, "x"), varying_sample(y, "y")
    if len(first) != len(second):
        raise ShapeError(f"pairs need samples of one length, got {len(first)} and {len(second)} values")
    return one_sample_t_test(first - second, 0.0, alternative, confidence)


def two_sample_t_test(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    equal_variance: bool = False,
    alternative: Alternative = "two-sided",
    confidence: float = 0.95,
) -> TTest:
    r"""Whether two independent samples have the same mean.

    .. math:: t = \frac{\bar x - \bar y}{\sqrt{s_x^2 / n + s_y^2 / m}}, \qquad
              \nu = \frac{(s_x^2 / n + s_y^2 / m)^2}{\frac{(s_x^2 / n)^2}{n - 1} + \frac{(s_y^2 / m)^2}{m - 1}}

    (Welch: The Generalization of "Student's" Problem, 1947.) With `equal_variance` both variances are pooled, and
    :math:`\nu = n + m - 2`. O(n + m).

    Args:
        x: Sample, shape (n,), n at least 2.
        y: Sample, shape (m,), m at least 2.
        equal_variance: Whether both populations are known to have the same variance.
        alternative: On which side of the mean of `y` that of `x` may be instead.
        confidence: Of the interval for the difference of means.

    Raises:
        EmptyInputError, ShapeError, NotFiniteError, DtypeError, RangeError: as `one_sample_t_test`.

    >>> test = two_sample_t_test([1.0, 2.0, 3.0], [2.0, 4.0, 6.0, 8.0])
    >>> round(test.statistic, 4), round(test.df, 4)
    (-2.1213, 4.0755)
    """
    first, second = varying_sample(x, "x"), varying_sample(y, "y")
    n, m = len(first), len(second)
    difference = float(first.mean() - second.mean())
    variances = float(first.var(ddof=1)), float(second.var(ddof=1))
    if equal_variance or sum(variances) == 0:
        df = float(n + m - 2)
        pooled = ((n - 1) * variances[0] + (m - 1) * variances[1]) / df
        error = math.sqrt(pooled * (1 / n + 1 / m))
    else:
        # As shares of the whole, so that variances of any magnitude can be squared.
        squared_error = variances[0] / n + variances[1] / m
        share = variances[0] / n / squared_error
        df = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
        error = math.sqrt(squared_error)
    return _test(ratio(difference, error), df, difference, error, alternative, confidence=confidence)


def _test(t: float, df: float, estimate: float, error: float, alternative: Alternative, *, confidence: float) -> TTest:
    check_alternative(alternative)
    outside = 1 - check_confidence(confidence)
    null = StudentT(df)
    margin = error * float(null.upper_quantile(outside / 2 if alternative == "two-sided" else outside))
    low = -math.inf if alternative == "less" else estimate - margin
    high = math.inf if alternative == "greater" else estimate + margin
    return TTest(t, symmetric_p_value(null, t, alternative), df, estimate, low, high)
