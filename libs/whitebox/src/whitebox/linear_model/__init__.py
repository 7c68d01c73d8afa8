"""Linear models."""

from __future__ import annotations

from whitebox.linear_model._bayesian import BayesianLinearRegression
from whitebox.linear_model._logistic import LogisticRegression, softmax

__all__ = ["BayesianLinearRegression", "LogisticRegression", "softmax"]
