"""Linear models."""

from __future__ import annotations

from whitebox.linear_model._bayesian import BayesianLinearRegression
from whitebox.linear_model._lasso import Lasso, LassoPath, lasso_path
from whitebox.linear_model._least_squares import LinearRegression, Ridge
from whitebox.linear_model._logistic import LogisticRegression, softmax

__all__ = [
    "BayesianLinearRegression",
    "Lasso",
    "LassoPath",
    "LinearRegression",
    "LogisticRegression",
    "Ridge",
    "lasso_path",
    "softmax",
]
