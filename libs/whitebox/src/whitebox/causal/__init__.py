"""Causal effects of a binary treatment from observational data: weighted, doubly robust, Bayesian, heterogeneous.

All of it rests on three assumptions that no computation can check. Whoever is treated has the outcome that treatment
gives, and nobody else's treatment matters (consistency). Given X, treatment does not depend on what would happen with
or without it (no unmeasured confounders). For every X both treatments are possible (overlap): that one shows in the
data, see `overlap_diagnostics`.
"""

from __future__ import annotations

from whitebox.causal._aipw import aipw, doubly_robust
from whitebox.causal._bayesian import PosteriorEffect, bayesian_ate
from whitebox.causal._effect import Effect
from whitebox.causal._heterogeneous import DRLearner, RLearner, TLearner, XLearner
from whitebox.causal._ipw import ipw
from whitebox.causal._nuisance import Nuisance, cross_fit
from whitebox.causal._propensity import Overlap, overlap_diagnostics, propensity_scores

__all__ = [
    "DRLearner",
    "Effect",
    "Nuisance",
    "Overlap",
    "PosteriorEffect",
    "RLearner",
    "TLearner",
    "XLearner",
    "aipw",
    "bayesian_ate",
    "cross_fit",
    "doubly_robust",
    "ipw",
    "overlap_diagnostics",
    "propensity_scores",
]
