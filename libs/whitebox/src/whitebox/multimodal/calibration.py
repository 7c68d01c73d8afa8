"""Whether predictions are as sure as they are right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._normal import ppf
from whitebox._validation import Array, as_vector
from whitebox.errors import RangeError, ShapeError


def interval_coverage(
    y_true: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, levels: npt.ArrayLike = (0.5, 0.8, 0.9, 0.95)
) -> Array:
    r"""Share of targets inside the central interval of each level, :math:`\mu \pm \sigma\, \Phi^{-1}((1 + p) / 2)`.

    Equal to the levels where normal predictions are calibrated (Kuleshov, Fenner, Ermon 2018). O(n · levels).

    Args:
        y_true: Shape (n,).
        mean: Shape (n,).
        std: Positive, shape (n,).
        levels: Shape (p,), each in (0, 1).

    Raises:
        ShapeError: They do not fit together.
        RangeError: A deviation is not positive, or a level out of its range.
        DtypeError, EmptyInputError, NotFiniteError: For unusable input.

    >>> interval_coverage([0.0, 1.0, 3.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.9]).round(3).tolist()
    [0.333, 0.667]
    """
    errors, wanted = _standardised(y_true, mean, std), as_vector(levels, "levels")
    if (wanted <= 0).any() or (wanted >= 1).any():
        raise RangeError("levels must lie between 0 and 1")
    reach = ppf((1 + wanted) / 2)
    inside: Array = (np.abs(errors)[:, None] <= reach).mean(axis=0)
    return inside


def calibration_error(y_true: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, *, levels: int = 19) -> float:
    r"""Mean difference of level and share, :math:`\frac1P \sum_p |\hat p - p|`, over levels at equal distances.

    0 where normal predictions are calibrated; at most 1/2 (Kuleshov, Fenner, Ermon 2018, eq. 9, unsquared). O(n · P).

    Args:
        y_true: Shape (n,).
        mean: Shape (n,).
        std: Positive, shape (n,).
        levels: The P.

    Raises:
        RangeError: There is no level. Otherwise as `interval_coverage`.

    >>> calibration_error([0.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    0.5
    """
    if levels < 1:
        raise RangeError(f"levels must be at least 1, got {levels}")
    promised = np.arange(1, levels + 1) / (levels + 1)
    return float(np.abs(interval_coverage(y_true, mean, std, promised) - promised).mean())


def _standardised(y_true: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike) -> Array:
    y, centre, deviation = as_vector(y_true, "y_true"), as_vector(mean, "mean"), as_vector(std, "std")
    if not len(y) == len(centre) == len(deviation):
        raise ShapeError(f"{len(y)} targets for {len(centre)} means and {len(deviation)} deviations")
    if (deviation <= 0).any():
        raise RangeError(f"std[{int(deviation.argmin())}] is {deviation.min():g}: deviations must be positive")
    errors: Array = (y - centre) / deviation
    return errors
