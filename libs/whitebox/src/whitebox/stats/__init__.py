"""Probability and statistics: special functions, distributions, hypothesis tests, resampling."""

from __future__ import annotations

from whitebox.stats._chi_square import (
    ANOVA,
    ChiSquareTest,
    chi_square_goodness_of_fit,
    chi_square_independence,
    one_way_anova,
)
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
from whitebox.stats._kolmogorov_smirnov import KSTest, kolmogorov_sf, ks_sf, ks_test, ks_test_two_sample
from whitebox.stats._multiple import Adjusted, benjamini_hochberg, bonferroni, holm
from whitebox.stats._multivariate import Dirichlet, MultivariateNormal
from whitebox.stats._ranks import MannWhitney, average_ranks, mann_whitney_u
from whitebox.stats._resampling import BootstrapInterval, PermutationTest, bootstrap_interval, permutation_test
from whitebox.stats._stability import PopulationStability, population_stability_index
from whitebox.stats._t_tests import TTest, one_sample_t_test, paired_t_test, two_sample_t_test

__all__ = [
    "ANOVA",
    "Adjusted",
    "Bernoulli",
    "Beta",
    "Binomial",
    "BootstrapInterval",
    "Categorical",
    "Cauchy",
    "ChiSquare",
    "ChiSquareTest",
    "Continuous",
    "Dirichlet",
    "Discrete",
    "Distribution",
    "Exponential",
    "F",
    "Gamma",
    "Geometric",
    "KSTest",
    "Laplace",
    "LogNormal",
    "MannWhitney",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "PermutationTest",
    "Poisson",
    "PopulationStability",
    "StudentT",
    "TTest",
    "Uniform",
    "Weibull",
    "average_ranks",
    "benjamini_hochberg",
    "bonferroni",
    "bootstrap_interval",
    "chi_square_goodness_of_fit",
    "chi_square_independence",
    "holm",
    "kolmogorov_sf",
    "ks_sf",
    "ks_test",
    "ks_test_two_sample",
    "mann_whitney_u",
    "one_sample_t_test",
    "one_way_anova",
    "paired_t_test",
    "permutation_test",
    "population_stability_index",
    "two_sample_t_test",
]
