"""Normalising flows: densities made by bending a standard normal."""

from __future__ import annotations

from whitebox.flows._density import (
    FittedToDensity,
    LogDensities,
    NormalizingFlow,
    elbo_and_gradient,
    fit,
    fit_to_density,
    log_density,
    log_likelihood_and_gradient,
    sample,
)
from whitebox.flows._layers import Affine, Chain, Flow, Planar, Radial

__all__ = [
    "Affine",
    "Chain",
    "FittedToDensity",
    "Flow",
    "LogDensities",
    "NormalizingFlow",
    "Planar",
    "Radial",
    "elbo_and_gradient",
    "fit",
    "fit_to_density",
    "log_density",
    "log_likelihood_and_gradient",
    "sample",
]
