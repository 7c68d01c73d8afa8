"""Gaussian processes: covariance functions, regression, and optimisation of what is expensive to evaluate."""

from __future__ import annotations

from whitebox.gp._acquisition import expected_improvement, probability_of_improvement, upper_confidence_bound
from whitebox.gp._optimisation import BayesianOptimizer, Evaluated, minimise
from whitebox.gp._regressor import GaussianProcessRegressor
from whitebox.gp.kernels import RBF, Constant, Kernel, Matern, Product, Sum, White

__all__ = [
    "RBF",
    "BayesianOptimizer",
    "Constant",
    "Evaluated",
    "GaussianProcessRegressor",
    "Kernel",
    "Matern",
    "Product",
    "Sum",
    "White",
    "expected_improvement",
    "minimise",
    "probability_of_improvement",
    "upper_confidence_bound",
]
