"""Filters and smoothers: the hidden state of a system from noisy observations.

`kalman`, `extended`, `unscented` and `particle` have `init`, `predict` and `update`, which change nothing in place, and
`filter`, which runs them over a sequence; `smoother` goes back through what a filter found.
"""

from __future__ import annotations

from whitebox.filtering import extended, kalman, particle, smoother, unscented
from whitebox.filtering._models import Filtered, Gaussian, LinearGaussian, NonlinearGaussian, Update

__all__ = [
    "Filtered",
    "Gaussian",
    "LinearGaussian",
    "NonlinearGaussian",
    "Update",
    "extended",
    "kalman",
    "particle",
    "smoother",
    "unscented",
]
