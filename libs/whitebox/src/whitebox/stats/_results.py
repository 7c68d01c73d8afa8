"""What hypothesis tests share: their alternatives, and how a p-value follows from a statistic."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector
from whitebox.errors import EmptyInputError, RangeError
from whitebox.stats._distribution import Distribution

Alternative = Literal["two-sided", "less", "greater"]


def check_alternative(alternative: str) -> None:
    """Raises RangeError for an unknown alternative."""
    if alternative not in get_args(Alternative):
        raise RangeError(f"alternative must be 'two-sided', 'less' or 'greater', got {alternative!r}")


def varying_sample(values: npt.ArrayLike, name: str) -> Array:
    """A sample of two or more numbers. Raises EmptyInputError for one, which has no variance."""
    sample: Array = as_vector(values, name)
    if len(sample) < 2:
        raise EmptyInputError(f"{name} holds one value, and one value has no variance: give two or more")
    return sample


def symmetric_p_value(null: Distribution, statistic: float, alternative: Alternative) -> float:
    """Of a statistic whose distribution is symmetric around 0 if the hypothesis holds."""
    if alternative == "two-sided":
        return min(1.0, 2 * float(null.sf(abs(statistic))))
    return float(null.sf(statistic) if alternative == "greater" else null.cdf(statistic))


def ratio(numerator: float, denominator: float) -> float:
    """A statistic: what does not vary is infinitely far from what it differs from, and not at all from its equal."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 0.0 if numerator == 0 else float(np.divide(numerator, denominator))
