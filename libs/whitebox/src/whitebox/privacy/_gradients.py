"""Noisy gradients: differentially private stochastic gradient descent (Abadi and others 2016)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.errors import ShapeError
from whitebox.privacy._accountant import Accountant, SubsampledGaussianEvent


def clip_rows(rows: npt.ArrayLike, max_norm: float) -> Array:
    r"""Shortens each row that is longer than C to length C.

    .. math:: g \leftarrow g \cdot \min\Bigl(1, \frac{C}{\lVert g \rVert_2}\Bigr)

    (Abadi and others: Deep Learning with Differential Privacy, CCS 2016, algorithm 1.) O(n · d).

    Args:
        rows: Shape (n, d).
        max_norm: C, positive.

    Returns:
        Shape (n, d).

    Raises:
        RangeError: if C is not positive.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for rows that are none.

    >>> clip_rows([[3.0, 4.0], [0.3, 0.4]], max_norm=1.0).round(6).tolist()
    [[0.6, 0.8], [0.3, 0.4]]
    """
    long = as_matrix(rows, "rows")
    bound = number_in(max_norm, "max_norm", 0, open_low=True)
    # Divided by the largest entry first, so that no square overflows or vanishes.
    largest = np.abs(long).max(axis=1)
    safe = np.where(largest > 0, largest, 1.0)[:, None]
    norms = safe[:, 0] * np.sqrt(((long / safe) ** 2).sum(axis=1))
    factors = bound / np.maximum(norms, bound)
    clipped: Array = long * factors[:, None]
    return clipped


def poisson_sample(rng: np.random.Generator, rows: int, sampling_rate: float) -> npt.NDArray[np.intp]:
    """Which rows are in a sample that each enters with the same probability, on its own; it may be empty.

    This is the sampling that `SubsampledGaussianEvent` is about: batches of a fixed size, or taken in turn, are not.
    O(rows).

    Args:
        rng: Source of the draws.
        rows: How many there are.
        sampling_rate: Probability of each, from 0 to 1.

    Returns:
        Rising indices.

    Raises:
        RangeError: if rows are less than 1, or the rate is no probability.

    >>> poisson_sample(np.random.default_rng(0), 3, 1.0).tolist()
    [0, 1, 2]
    """
    rate = number_in(sampling_rate, "sampling_rate", 0, 1)
    return np.flatnonzero(rng.random(positive_int(rows, "rows")) < rate)


def noisy_gradient(
    rng: np.random.Generator,
    gradients: npt.ArrayLike,
    *,
    max_norm: float,
    noise_multiplier: float,
    expected_rows: float,
    accountant: Accountant,
    sampling_rate: float = 1.0,
) -> Array:
    r"""The mean of clipped gradients with normal noise: what a step of private descent may see.

    .. math:: \tilde g = \frac{1}{qn} \Bigl( \sum_{i \in \text{sample}} \mathrm{clip}_C(g_i)
              + \mathcal{N}(0, \sigma^2 C^2 I) \Bigr)

    (Abadi and others 2016, algorithm 1, with the expected size of the sample below the line, as the actual one is
    private.) An accountant is not optional here: a step that the budget does not cover raises, and no gradient leaves
    without noise. O(n · d).

    Args:
        rng: Source of the noise.
        gradients: One row for each row of data in the sample, shape (m, d); m may be 0.
        max_norm: C, positive.
        noise_multiplier: σ, positive.
        expected_rows: qn, the expected size of the sample, positive.
        accountant: Books the step first.
        sampling_rate: q, with which `poisson_sample` drew the sample; 1 for all rows.

    Returns:
        Shape (d,).

    Raises:
        BudgetExhaustedError: if the accountant refuses; nothing is drawn then.
        RangeError: for an argument out of its range.
        DtypeError, ShapeError, NotFiniteError: for gradients that are none.

    >>> accountant = Accountant(epsilon=8.0, delta=1e-5)
    >>> step = noisy_gradient(np.random.default_rng(0), [[3.0, 4.0]] * 500, max_norm=1.0, noise_multiplier=1.0,
    ...                       expected_rows=500, accountant=accountant)
    >>> bool(np.abs(step - [0.6, 0.8]).max() < 0.01), round(accountant.spent, 2)
    (True, 4.73)
    """
    sample = np.asarray(gradients, dtype=float)
    if sample.ndim != 2 or sample.shape[1] == 0:
        raise ShapeError(f"gradients must have one row a row of data, got shape {sample.shape}")
    bound = number_in(max_norm, "max_norm", 0, open_low=True)
    sigma = number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)
    size = number_in(expected_rows, "expected_rows", 0, open_low=True)
    total = clip_rows(sample, bound).sum(axis=0) if len(sample) else np.zeros(sample.shape[1])
    accountant.spend(SubsampledGaussianEvent(sigma, sampling_rate))
    noisy: Array = (total + rng.normal(0.0, sigma * bound, total.shape)) / size
    return noisy
