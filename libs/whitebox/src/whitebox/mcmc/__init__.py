"""Markov chain Monte Carlo: kernels that leave a target as it is, the driver that runs them, and how well they did.

A kernel is pure: `init` makes a state, `step(rng, state)` gives the next state and what happened on the way.
"""

from __future__ import annotations

from whitebox.mcmc._adaptation import DualAveraging, DualAveragingState, Welford, WelfordState, warm_up
from whitebox.mcmc._diagnostics import autocovariance, ess, mcse, rank_normalise, rhat
from whitebox.mcmc._hamiltonian import HMC, HMCInfo, Metric, PhasePoint, leapfrog
from whitebox.mcmc._kernel import HamiltonianState, Kernel, LogDensity, LogDensityAndGradient
from whitebox.mcmc._metropolis import (
    Langevin,
    MetropolisHastings,
    MetropolisInfo,
    MetropolisState,
    MultiplicativeWalk,
    Proposal,
    RandomWalk,
)
from whitebox.mcmc._nuts import NUTS, NUTSInfo
from whitebox.mcmc._sample import Chains, sample

__all__ = [
    "HMC",
    "NUTS",
    "Chains",
    "DualAveraging",
    "DualAveragingState",
    "HMCInfo",
    "HamiltonianState",
    "Kernel",
    "Langevin",
    "LogDensity",
    "LogDensityAndGradient",
    "Metric",
    "MetropolisHastings",
    "MetropolisInfo",
    "MetropolisState",
    "MultiplicativeWalk",
    "NUTSInfo",
    "PhasePoint",
    "Proposal",
    "RandomWalk",
    "Welford",
    "WelfordState",
    "autocovariance",
    "ess",
    "leapfrog",
    "mcse",
    "rank_normalise",
    "rhat",
    "sample",
    "warm_up",
]
