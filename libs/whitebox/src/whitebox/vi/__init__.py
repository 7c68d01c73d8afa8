"""Variational inference: the normal distribution nearest to a density that is known up to a constant."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules
from whitebox.vi._elbo import (
    Bound,
    Fitted,
    LogDensities,
    VariationalInference,
    VIState,
    elbo,
    fit,
    fit_to_draws,
    whitened,
)
from whitebox.vi._gaussian import FullRank, Gaussian, MeanField

__all__ = [
    "Bound",
    "Fitted",
    "FullRank",
    "Gaussian",
    "LogDensities",
    "MeanField",
    "VIState",
    "VariationalInference",
    "elbo",
    "fit",
    "fit_to_draws",
    "whitened",
]

# Brings networks along, which fitting a density does without.
__getattr__ = lazy_submodules(__name__, ["vae"])
