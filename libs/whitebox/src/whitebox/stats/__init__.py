"""Probability and statistics: special functions, distributions, hypothesis tests, resampling."""

from __future__ import annotations

from whitebox.stats._continuous import (
    Beta,
    Cauchy,
    ChiSquare,
    Exponential,
    F,
    Gamma,
    Laplace,
    LogNormal,
    Normal,
    StudentT,
    Uniform,
    Weibull,
)
from whitebox.stats._discrete import Bernoulli, Binomial, Categorical, Geometric, NegativeBinomial, Poisson
from whitebox.stats._distribution import Continuous, Discrete, Distribution
from whitebox.stats._multivariate import Dirichlet, MultivariateNormal

__all__ = [
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "ChiSquare",
    "Continuous",
    "Dirichlet",
    "Discrete",
    "Distribution",
    "Exponential",
    "F",
    "Gamma",
    "Geometric",
    "Laplace",
    "LogNormal",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "Poisson",
    "StudentT",
    "Uniform",
    "Weibull",
]
