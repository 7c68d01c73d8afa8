"""Differential privacy: mechanisms, private statistics, and an accountant that refuses to overspend.

Sensitivity comes from bounds that the caller declares, never from the data. Noise on counts and Laplace noise are
drawn in whole numbers, so that floating-point digits betray nothing; normal noise on real numbers is floating-point and
not protected in that way. Neither is a sum of real numbers, whose rounding depends on their order.

>>> import numpy as np
>>> accountant = Accountant(epsilon=1.0, delta=0.0)
>>> mean = private_mean(np.random.default_rng(0), [52.0, 47.0, 61.0], (0.0, 100.0), 0.6, accountant=accountant)
>>> private_count(np.random.default_rng(0), [True, True, False], 0.6, accountant=accountant)
Traceback (most recent call last):
...
whitebox.errors.BudgetExhaustedError: this would spend epsilon = 1.2 of 1 at delta = 0; 0.6 is spent
"""

from __future__ import annotations

from whitebox.privacy._accountant import (
    Accountant,
    ComposedEvent,
    Event,
    GaussianEvent,
    LaplaceEvent,
    PureEvent,
    SubsampledGaussianEvent,
    noise_multiplier_for,
)
from whitebox.privacy._discrete import discrete_gaussian, discrete_laplace
from whitebox.privacy._gaussian import gaussian_delta, gaussian_epsilon, gaussian_sigma
from whitebox.privacy._gradients import clip_rows, noisy_gradient, poisson_sample
from whitebox.privacy._mechanisms import (
    exponential_mechanism,
    gaussian_mechanism,
    geometric_mechanism,
    laplace_mechanism,
    randomized_response,
    randomized_response_frequencies,
)
from whitebox.privacy._queries import (
    private_area,
    private_count,
    private_histogram,
    private_integral,
    private_mean,
    private_sum,
)
from whitebox.privacy._renyi import (
    Guarantee,
    rdp_gaussian,
    rdp_laplace,
    rdp_pure,
    rdp_subsampled_gaussian,
    rdp_to_delta,
    rdp_to_epsilon,
)

__all__ = [
    "Accountant",
    "ComposedEvent",
    "Event",
    "GaussianEvent",
    "Guarantee",
    "LaplaceEvent",
    "PureEvent",
    "SubsampledGaussianEvent",
    "clip_rows",
    "discrete_gaussian",
    "discrete_laplace",
    "exponential_mechanism",
    "gaussian_delta",
    "gaussian_epsilon",
    "gaussian_mechanism",
    "gaussian_sigma",
    "geometric_mechanism",
    "laplace_mechanism",
    "noise_multiplier_for",
    "noisy_gradient",
    "poisson_sample",
    "private_area",
    "private_count",
    "private_histogram",
    "private_integral",
    "private_mean",
    "private_sum",
    "randomized_response",
    "randomized_response_frequencies",
    "rdp_gaussian",
    "rdp_laplace",
    "rdp_pure",
    "rdp_subsampled_gaussian",
    "rdp_to_delta",
    "rdp_to_epsilon",
]
