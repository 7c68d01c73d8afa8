"""What several predictions of the same thing say about how sure they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array
from whitebox.errors import RangeError, ShapeError


class Uncertainty(NamedTuple):
    """Of classifications, in nats.

    Attributes:
        probabilities: Their mean over the draws, shape (n, c).
        entropy: Of that mean, shape (n,): all there is not to know.
        mutual_information: Between class and weights, shape (n,): how much of that the draws disagree on.
    """

    probabilities: Array
    entropy: Array
    mutual_information: Array


def predictive_uncertainty(probabilities: npt.ArrayLike) -> Uncertainty:
    r"""Splits what is uncertain into what draws of a model agree on, and what they do not.

    .. math:: H\Big[\tfrac1S \sum_s p_s\Big], \qquad
              I = H\Big[\tfrac1S \sum_s p_s\Big] - \tfrac1S \sum_s H[p_s] \ge 0

    (Houlsby et al.: Bayesian Active Learning by Disagreement, 2011; with dropout for draws, Gal, Ghahramani 2016.)
    O(S · n · c).

    Args:
        probabilities: Of each class, by each draw, shape (S, n, c).

    Raises:
        ShapeError: They have not three dimensions.
        RangeError: They are negative or do not add up to 1.
        DtypeError, EmptyInputError, NotFiniteError: For unusable input.

    >>> agree, differ = [[0.5, 0.5]], [[1.0, 0.0]]
    >>> predictive_uncertainty([agree, agree]).mutual_information.tolist()
    [0.0]
    >>> predictive_uncertainty([differ, [[0.0, 1.0]]]).mutual_information.round(3).tolist()
    [0.693]
    """
    drawn = as_array(probabilities, "probabilities")
    if drawn.ndim != 3:
        raise ShapeError(f"probabilities must have shape (draws, n, classes), got {drawn.shape}")
    if (drawn < 0).any() or not np.allclose(drawn.sum(axis=2), 1, atol=1e-5):
        raise RangeError("probabilities must not be negative, and add up to 1")
    mean = drawn.mean(axis=0)
    entropy = _entropy(mean)
    # By rounding, agreement may come out a hair below 0.
    return Uncertainty(mean, entropy, np.maximum(entropy - _entropy(drawn).mean(axis=0), 0.0))


def _entropy(p: Array) -> Array:
    total: Array = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)
    return total + 0.0
