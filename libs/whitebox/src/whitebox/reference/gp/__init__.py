"""Gaussian processes, in pure Python."""

from __future__ import annotations

from whitebox.reference.gp._regressor import (
    GaussianProcessRegressor,
    expected_improvement,
    probability_of_improvement,
    upper_confidence_bound,
)
from whitebox.reference.gp.kernels import RBF, Constant, Matern, Product, Sum, White

__all__ = [
    "RBF",
    "Constant",
    "GaussianProcessRegressor",
    "Matern",
    "Product",
    "Sum",
    "White",
    "expected_improvement",
    "probability_of_improvement",
    "upper_confidence_bound",
]
