"""How far a population has moved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_vector, number_in, positive_int


class PopulationStability(NamedTuple):
    """Outcome of a comparison of populations.

    Attributes:
        psi: The population stability index, 0 for equal shares.
        edges: Inner edges of the bins, ascending, shape (k - 1,); a value on an edge belongs to the bin above it.
        expected: Share of each bin in the first population, shape (k,).
        actual: Share of each bin in the second, shape (k,).
    """

    psi: float
    edges: Array
    expected: Array
    actual: Array


def population_stability_index(
    expected: npt.ArrayLike, actual: npt.ArrayLike, bins: int = 10, smoothing: float = 0.5
) -> PopulationStability:
    r"""The population stability index: how far the distribution of a feature or score has moved.

    .. math:: \mathrm{PSI} = \sum_k (a_k - e_k) \log \frac{a_k}{e_k} = D(a \| e) + D(e \| a)

    over bins between the quantiles of the first population: Jeffreys' divergence (1946) of the shares. By custom, up to
    0.1 is no change to speak of and more than 0.25 a large one (Siddiqi: Credit Risk Scorecards, 2006). A bin that one
    population leaves empty would make it infinite; `smoothing` imaginary values in every bin keep it finite. Quantiles
    that coincide, as those of a feature with few values do, make fewer bins. O(n log n).

    Args:
        expected: Values of the first population, shape (n,).
        actual: Values of the second, shape (m,).
        bins: Most bins, at least 1.
        smoothing: Values added to each bin's count in both populations, at least 0; with 0 the index may be infinite.

    Raises:
        RangeError: for fewer than one bin, or a negative smoothing.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable values.

    >>> stable = population_stability_index(range(100), range(100), bins=4)
    >>> moved = population_stability_index(range(100), range(50, 150), bins=4)
    >>> stable.psi, round(moved.psi, 3)
    (0.0, 2.459)
    """
    first, second = as_vector(expected, "expected"), as_vector(actual, "actual")
    k = positive_int(bins, "bins")
    number_in(smoothing, "smoothing", 0)
    edges: Array = np.unique(np.quantile(first, np.arange(1, k) / k))
    # A quantile that is the smallest value of all has nothing below it.
    edges = edges[edges > first.min()]
    shares = [_shares(sample, edges, smoothing) for sample in (first, second)]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = (shares[1] - shares[0]) * np.log(shares[1] / shares[0])
    # Empty in both: no difference there.
    index = float(np.where(shares[0] == shares[1], 0.0, terms).sum())
    return PopulationStability(index, edges, shares[0], shares[1])


def _shares(sample: Array, edges: Array, smoothing: float) -> Array:
    counts: Array = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1).astype(float)
    share: Array = (counts + smoothing) / (len(sample) + smoothing * len(counts))
    return share
