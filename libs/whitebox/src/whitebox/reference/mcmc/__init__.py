"""Markov chain Monte Carlo, in pure Python.

All chance comes from a `random.Random`, of which only `random()` and `gauss()` are used.
"""

from __future__ import annotations

from whitebox.reference.mcmc._adaptation import DualAveraging, Welford
from whitebox.reference.mcmc._diagnostics import autocovariance, ess, mcse, rank_normalise, rhat
from whitebox.reference.mcmc._samplers import (
    HMC,
    NUTS,
    Langevin,
    Metric,
    MetropolisHastings,
    MultiplicativeWalk,
    PhasePoint,
    RandomWalk,
    leapfrog,
)

__all__ = [
    "HMC",
    "NUTS",
    "DualAveraging",
    "Langevin",
    "Metric",
    "MetropolisHastings",
    "MultiplicativeWalk",
    "PhasePoint",
    "RandomWalk",
    "Welford",
    "autocovariance",
    "ess",
    "leapfrog",
    "mcse",
    "rank_normalise",
    "rhat",
]
